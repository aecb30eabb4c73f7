"""One look of the sweeper: expired leases, unknown outcomes, due watches; it needs no broker."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from alertd.ports.deps import Deps
from alertd.records import Backlog
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.plan_due import plan_due
from alertd.usecases.planning import Overtaken

_LANES = ("urgent", "bulk")
_BATCH = 500
_OWN_SECONDS = 2.0  # how long the sweeper works on a lane that nobody else drains, before it looks again


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look found and did."""

    expired: int = 0
    retried: int = 0
    rung: tuple[str, ...] = ()
    helped: tuple[str, ...] = ()


async def sweep(deps: Deps, sender: Sender, *, broker: bool) -> Swept:
    """Look once. Rings for work that waits; work that nobody takes within 2 s, or all of it where there is
    no broker, the sweeper does itself."""
    machine_at = deps.clock.machine()
    async with deps.store.reading() as rows:
        backlog = await rows.backlog(deps.clock.now(), machine_at)
        lost = await rows.lapsed(machine_at)
    expired = retried = 0
    if lost:
        async with deps.store.transaction() as rows:
            wait_until = machine_at + timedelta(seconds=1)
            expired = await rows.expire_leases(machine_at, wait_until, _BATCH, now=deps.clock.now())
            retried = await rows.retry_unknown(machine_at, _BATCH)
        if expired:
            deps.log.warning("leases_expired", deliveries=expired)
    if backlog.watches is not None:
        with suppress(Overtaken):  # planned again at the next look
            await plan_due(deps, send=False)
        async with deps.store.reading() as rows:
            backlog = await rows.backlog(deps.clock.now(), deps.clock.machine())
    rung, helped = [], []
    for lane in _LANES:
        age = _age(backlog, lane)
        if age is None and backlog.watches is not None and lane == "bulk":
            age = 0.0  # more fell due than one slice holds: the workers plan with us
        if age is None:
            continue
        if broker and age < deps.timing.takes_hints:
            deps.doorbell.ring(lane)
            rung.append(lane)
        else:
            await drain(deps, sender, lane, seconds=_OWN_SECONDS)
            helped.append(lane)
    return Swept(expired, retried, tuple(rung), tuple(helped))


def _age(backlog: Backlog, lane: str) -> float | None:
    ages = [ages[lane] for ages in (backlog.pending, backlog.fanouts) if lane in ages]
    return max(ages) if ages else None
