"""A person says that addresses which a provider had refused for good may be used again (R17).

A provider's bad afternoon would else silence a number for ever: no import brings it back, nor whoever reads there.
An opt-out stays: it belongs to whoever said stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alertd.domain.delivery import Lane
from alertd.domain.errors import Conflict, Invalid, NotFound, quote
from alertd.domain.family import AddressId
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import UNSUSPEND, Lifted
from alertd.usecases.repeat import Repeat, answered, keep


@dataclass(frozen=True, slots=True)
class One:
    """One address, as alertd stores it."""

    channel: str
    to: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every address that is suspended with one code, from a moment on; of one channel, or of any."""

    code: str
    since: datetime
    channel: str | None = None


async def unsuspend(
    deps: Deps, which: One | AllOf, *, who: str, dry_run: bool = False, repeat: Repeat | None = None
) -> Lifted:
    """Lift suspensions: whoever lacks something that was refused there is told it at once.

    If the provider refuses an address again, it is suspended again.
    Raises NotFound for an address that alertd does not know, Conflict for one that is not suspended, Invalid for a
    moment that has not come or a channel that there is not.
    """
    now = deps.clock.now()
    if which.channel is not None and which.channel not in deps.channels:
        there = ", ".join(sorted(deps.channels))
        raise Invalid(f'"{quote(which.channel)}" is no channel of this alertd; there are {there}', field="channel")
    if isinstance(which, AllOf) and which.since > now:
        raise Invalid("lies in the future", field="since")
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
        before = await answered(rows, repeat, Lifted)
        if before is not None:
            return before
        if isinstance(which, One):
            addresses = [await _suspended(rows, which)]
        else:
            addresses = list(await rows.suspended(which.code, which.since, which.channel))
        if dry_run:
            return await rows.lifting(addresses)
        done = await rows.lift_suspensions(addresses, now)
        if done.addresses:
            await rows.add_act(deps.new_id(), now, who, UNSUSPEND, None, _detail(which, addresses, done))
        await keep(rows, repeat, done, now)
    if done.addresses:
        deps.log.info(
            "unsuspended",
            channel=which.channel,
            addresses=done.addresses,
            opted_out=done.opted_out,
            families=done.families,
        )
    if done.families:
        deps.doorbell.ring((Lane.URGENT if isinstance(which, One) else Lane.BULK).value)
    return done


async def _suspended(rows: Rows, one: One) -> AddressId:
    known = await rows.known_address(one.channel, one.to)
    if known is None:
        raise NotFound(f"alertd knows no such {one.channel} address; alertd family show has those of a family")
    if known.suspended:
        return known.id
    if known.opted_out:
        raise Conflict(
            "this address is not suspended: whoever has it has opted out, and only they can opt in again"
        )
    raise Conflict("this address is not suspended")


def _detail(which: One | AllOf, addresses: Sequence[AddressId], done: Lifted) -> dict[str, object]:
    """For the record of acts, which holds no addresses."""
    if isinstance(which, One):
        return {"channel": which.channel, "address": str(addresses[0])}
    return {
        "channel": which.channel,
        "code": which.code,
        "since": which.since.isoformat(),
        "addresses": done.addresses,
    }
