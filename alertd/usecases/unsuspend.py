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

_BATCH = 2000  # half a second on SQLite, where nobody else writes meanwhile


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


@dataclass(frozen=True, slots=True)
class Unsuspended:
    """What lifting suspensions comes to."""

    addresses: int  # that were suspended
    opted_out: int  # ... of which so many are not used all the same
    families: int  # who are looked at anew, in the outages that go on


async def unsuspend(
    deps: Deps, which: One | AllOf, *, who: str, dry_run: bool = False, repeat: Repeat | None = None
) -> Unsuspended:
    """Lift suspensions: whoever lacks something that was refused there is told it at once.

    Many are lifted 2,000 to a transaction, so that whoever sends waits little for it; interrupted, the same
    command goes on with the rest. If the provider refuses an address again, it is suspended again.
    Raises NotFound for an address that alertd does not know, Conflict for one that is not suspended, Invalid for a
    moment that has not come or a channel that there is not.
    """
    _check(deps, which)
    addresses = opted_out = 0
    families: set[str] = set()
    after: AddressId | None = None
    last = False
    while not last:
        async with deps.store.reading() if dry_run else deps.store.transaction() as rows:
            if not dry_run:
                await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
            before = await answered(rows, repeat, Unsuspended)
            if before is not None:
                return before
            part = await _next(rows, which, after)
            now = deps.clock.now()
            lifted = await (rows.lifting(part) if dry_run else rows.lift_suspensions(part, now))
            addresses, opted_out = addresses + lifted.addresses, opted_out + lifted.opted_out
            families |= lifted.families
            last = len(part) < _BATCH or isinstance(which, One)
            done = Unsuspended(addresses, opted_out, len(families))
            if lifted.addresses and not dry_run:
                await rows.add_act(deps.new_id(), now, who, UNSUSPEND, None, _detail(which, part, lifted))
            if last and not dry_run:
                await keep(rows, repeat, done, now)
        if lifted.families and not dry_run:
            deps.doorbell.ring((Lane.URGENT if isinstance(which, One) else Lane.BULK).value)
        after = part[-1] if part else None
    if addresses and not dry_run:
        deps.log.info(
            "unsuspended", channel=which.channel, addresses=addresses, opted_out=opted_out, families=len(families)
        )
    return done


def _check(deps: Deps, which: One | AllOf) -> None:
    if which.channel is not None and which.channel not in deps.channels:
        there = ", ".join(sorted(deps.channels))
        raise Invalid(f'"{quote(which.channel)}" is no channel of this alertd; there are {there}', field="channel")
    if isinstance(which, AllOf) and which.since > deps.clock.now():
        raise Invalid("lies in the future", field="since")


async def _next(rows: Rows, which: One | AllOf, after: AddressId | None) -> Sequence[AddressId]:
    if isinstance(which, One):
        return [await _suspended(rows, which)]
    return await rows.suspended(which.code, which.since, which.channel, after, _BATCH)


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
