"""One look of the sweeper: expired leases, unknown outcomes, due watches, incidents that go on by themselves.

It needs no broker.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from alertd.domain.delivery import CRASHES
from alertd.ports.deps import Deps
from alertd.records import Backlog
from alertd.usecases.note_parked import note_parked
from alertd.usecases.plan_due import plan_due
from alertd.usecases.planning import Overtaken
from alertd.usecases.ripen import ripen

_LANES = ("urgent", "bulk")
_BATCH = 500
# The lease was the wait for the provider's word (decision 16): no second one, but for what comes this moment.
_LAST_WORD = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look found and did."""

    expired: int = 0
    retried: int = 0
    rung: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()  # lanes whose work nobody takes: the caller begins to drain them
    responders: bool = False  # somebody is to be nudged or paged: the caller tends to it, beside its looks


async def sweep(deps: Deps, *, broker: bool, own: Collection[str] = ()) -> Swept:
    """Look once, and ring for work that waits.

    Work that nobody takes within 2 s, or all of it where there is no broker, is named: the sweeper does that
    itself, beside its looks, as handing over may take long. It is rung for all the same: workers who are idle
    because a hint was lost help then. `own`: lanes that the caller drains already; old work there is named and
    rung for once it is done with that, so that hints do not pile up where no worker lives.
    """
    machine_at = deps.clock.machine()
    async with deps.store.reading() as rows:
        if await rows.calm(deps.clock.now(), machine_at):
            return Swept()
        backlog = await rows.backlog(deps.clock.now(), machine_at)
        lost = await rows.lapsed(machine_at)
        responders = await rows.responders_due(deps.clock.now(), machine_at)
        ripe = await rows.ripe_incidents(deps.clock.now())
    if ripe:
        await ripen(deps)
        async with deps.store.reading() as rows:
            backlog = await rows.backlog(deps.clock.now(), machine_at)
            responders = await rows.responders_due(deps.clock.now(), machine_at)
    expired = retried = 0
    if lost:
        async with deps.store.transaction() as rows:
            lapses = await rows.expire_leases(machine_at, machine_at + _LAST_WORD, _BATCH, now=deps.clock.now())
            retried = await rows.retry_unknown(machine_at, _BATCH)
            if lapses.parked:
                parked = [(*each, f"{CRASHES} crashes") for each in lapses.parked]
                await note_parked(rows, parked, deps.clock.now())
        expired = lapses.expired
        if expired:
            deps.log.warning("leases_expired", deliveries=expired)
    due = None if backlog.watches is None else backlog.watches.total_seconds() / deps.clock.rate
    if due is not None and not (broker and due < deps.timing.takes_hints):
        # Only what no worker plans in time: what we plan waits as pending, and behind a crowd it would wait long.
        with suppress(Overtaken):  # planned again at the next look
            await plan_due(deps, send=False)
        async with deps.store.reading() as rows:
            backlog = await rows.backlog(deps.clock.now(), deps.clock.machine())
    rung, alone = [], []
    for lane in _LANES:
        age = _age(backlog, lane)
        if age is None and backlog.watches is not None and (lane == "bulk" or "bulk" in backlog.fanouts):
            age = 0.0  # whoever plans what is due hands it over; the urgent lane only where the bulk lane is busy
        if age is None:
            continue
        old = not broker or age >= deps.timing.takes_hints
        if old and lane in own:
            continue
        if old:
            alone.append(lane)
        if broker:
            deps.doorbell.ring(lane)
            rung.append(lane)
    return Swept(expired, retried, tuple(rung), tuple(alone), responders)


def _age(backlog: Backlog, lane: str) -> float | None:
    ages = [ages[lane] for ages in (backlog.deliveries(), backlog.fanouts) if lane in ages]
    return max(ages) if ages else None
