"""Plans the families of one slice; the caller writes what comes out, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alertd.domain import silence
from alertd.domain.crowd import Crowd
from alertd.domain.delivery import ENDS, Framing, Lane, Owed, Reason
from alertd.domain.downtime import Downtime
from alertd.domain.family import AddressId, Family
from alertd.domain.incident import Incident, Kind, Update
from alertd.domain.paging import PLANS
from alertd.domain.policy import Policy
from alertd.domain.watch import Duty, Verdict, Watch
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Candidate, Claimed, Lease, Plan, Planned, PlannedWatch, Unreadable
from alertd.usecases.plan_anyway import failed_to_read, plan_anyway
from alertd.usecases.preview import fresh_watch
from alertd.usecases.tell_trouble import tell_trouble

_FAILED_PLAN = timedelta(minutes=5)  # until a family is looked at again that cannot be planned at all
_RAISES = frozenset({Kind.SEVERITY, Kind.REOPENING})  # as `Update.tells` has them: a fall is none


@dataclass(slots=True)
class Planning:
    """A slice as planned: what to write, and the holding to write before it."""

    plan: Plan
    holding: Update | None = None
    failed: list[str] = field(default_factory=list)  # families whose data failed, each with the error's name

    @property
    def channels(self) -> frozenset[str]:
        """Over which somebody is to be told."""
        return frozenset({planned.owed.channel for planned in self.plan.deliveries})


async def margin(deps: Deps, rows: Rows, incident: Incident, policy: Policy) -> timedelta:
    """How long before a deadline to begin, in story time (R2)."""
    timing = deps.timing
    floor = timedelta(seconds=(timing.lease + timing.sweep + 5) * deps.clock.rate)
    return silence.margin(await rows.late(incident.id), policy, incident.severity, floor)


def plan_families(
    deps: Deps,
    incident: Incident,
    policy: Policy,
    candidates: Iterable[Candidate],
    unreadable: Sequence[Unreadable],
    *,
    now: datetime,
    lane: str,
    margin: timedelta,
    downtimes: Sequence[Downtime] = (),
    lease: Lease | None = None,
    room: dict[str, int] | None = None,
) -> Planning:
    """Ask the planner about each family, one at a time.

    `unreadable`: what `candidates` leaves there while it is read; these families are looked at again later.
    `downtimes`: our own, of which messages say that they come late.
    `lease`: messages are born leased, by channel as many as there is `room` for (None: all), which they take
    up; the rest wait as pending.

    The first family that needs the next holding writes it; families behind it in the slice plan with it.
    """
    planning = Planning(Plan(incident.id, incident.scope, now, deps.clock.machine(), lease=lease))
    crowd = Crowd(now)
    shared: set[AddressId] = set()
    channels = frozenset(deps.channels)
    story_lease = timedelta(seconds=deps.timing.lease * deps.clock.rate)
    reached: dict[tuple[tuple[str, ...], str | None], datetime | None] = {}
    raised = bool(incident.tells(incident.news.number) & _RAISES)
    for candidate in candidates:
        family, watch = candidate.family, candidate.watch
        if watch is None:
            place = family.services, family.region
            if place not in reached:
                reached[place] = _touched_at(incident, family, now)
            touched_at = reached[place]
            if touched_at is None:
                continue
            watch = fresh_watch(incident, policy, family.id, touched_at)
        duty = Duty(
            incident, policy, family, watch, candidate.tellings, candidate.addresses, channels, margin,
            story_lease, candidate.answers, downtimes,
        )  # fmt: skip
        verdict = plan_anyway(deps.log, duty, now, crowd.plan, planning.failed.append)
        if verdict is None:
            planning.plan.watches.append(_look_later(watch, now, fresh=candidate.watch is None))
            continue
        if verdict.holding and planning.holding is None:
            planning.holding = holding(incident, now, margin)
            incident = replace(incident, updates=(*incident.updates, planning.holding))
            crowd = Crowd(now)
        planning.plan.watches.append(_watch(watch, verdict, incident, fresh=candidate.watch is None))
        for owed in _once(verdict.owed):
            status = candidate.addresses.get(owed.address) if candidate.addresses else None
            if status is not None and status.shared:
                shared.add(owed.address)
            leased = lease is not None and _takes(room, owed.channel)
            planning.plan.deliveries.append(
                Planned(deps.new_id(), owed, _priority(owed, incident, raised=raised), _lane(owed, lane), leased)
            )
    for each in unreadable:
        failed_to_read(deps.log, each)
        planning.failed.append(f"{each.family}: {each.error}")
        if each.watch is None and incident.state.ended:
            continue  # it touches nobody any more
        watch = each.watch or fresh_watch(incident, policy, each.family, now)
        planning.plan.watches.append(_look_later(watch, now, fresh=each.watch is None))
    if unreadable:
        planning.plan.watches.sort(key=lambda watch: watch.family)  # the order of locks everywhere
    planning.plan.shared = frozenset(shared)
    return planning


def _once(owed: tuple[Owed, ...]) -> Iterable[Owed]:
    """Two caregivers may have one mailbox: it has one row, and gets one message."""
    return owed if len(owed) < 2 else {each.address: each for each in reversed(owed)}.values()


def _takes(room: dict[str, int] | None, channel: str) -> bool:
    if room is None:
        return True
    left = room.get(channel, 0)
    room[channel] = left - 1
    return left > 0


def holding(incident: Incident, now: datetime, margin: timedelta) -> Update:
    """The next honest update: a snapshot of facts, no text, nothing invented (R3)."""
    word = incident.last_word
    return Update(
        number=incident.newest.number + 1,
        kind=Kind.HOLDING,
        at=now,
        facts=replace(silence.newest_to_tell(incident).facts, message={}, last_news_at=word.at if word else None),
        closes_promise=silence.closes_promise(incident, now, margin),
        epoch=incident.epoch,
    )


async def write(rows: Rows, planning: Planning) -> list[Planned] | None:
    """Write a slice; None if somebody else was first, and all must be rolled back and planned anew."""
    if planning.holding is not None and not await rows.add_update(planning.plan.incident, planning.holding):
        return None
    return await rows.write_plan(planning.plan)


async def tell_failures(deps: Deps, planning: Planning) -> None:
    """Responders hear, once in an incident, that a family's data failed (R14); after the slice was written."""
    if planning.failed:
        more = f" and {len(planning.failed) - 1} more" if len(planning.failed) > 1 else ""
        await tell_trouble(deps, {(planning.plan.incident, PLANS): f"{planning.failed[0]}{more}"})


def claimed(planning: Planning, inserted: list[Planned]) -> list[Claimed]:
    """Deliveries born leased, as a worker holds them."""
    plan_ = planning.plan
    return [
        Claimed(
            id=d.id,
            incident=plan_.incident,
            update=d.owed.update,
            family=d.owed.family,
            address=d.owed.address,
            channel=d.owed.channel,
            framing=d.owed.framing,
            loud=d.owed.loud,
            attempt=1,
            planned_at=plan_.at,
            next_by=d.owed.next_by,
            reader=d.owed.reader,
            shared=False,
            lane=d.lane,
        )
        for d in inserted
        if d.leased
    ]


def _touched_at(incident: Incident, family: Family, now: datetime) -> datetime | None:
    """When the incident began to touch a family: the first of the updates in a row whose scope does; None: not.

    What nobody was to be told counts for nothing: a machine's suspicion touches families once it is confirmed.
    """
    if incident.state.ended or not incident.scope.touching(family.services, family.region):
        return None
    began = now
    for update in reversed(incident.updates):
        if not update.facts.scope.touching(family.services, family.region):
            break
        if update.notify:
            began = update.at
    return began


def _watch(watch: Watch, verdict: Verdict, incident: Incident, *, fresh: bool) -> PlannedWatch:
    return PlannedWatch(
        family=watch.family,
        touched_at=verdict.touched_at or watch.touched_at,
        next_by=verdict.next_by or watch.next_by,
        owed=max(verdict.update, watch.owed),
        epoch=incident.epoch,
        waiting=verdict.waiting,
        look_at=verdict.look_at,
        rest=verdict.rest,
        version=None if fresh else watch.version,
        supersede=bool(verdict.owed),
        cancel=verdict.cancel,
        ladder=verdict.ladder,
        step=verdict.step,
    )


def _look_later(watch: Watch, now: datetime, *, fresh: bool) -> PlannedWatch:
    """A watch whose plan failed, as it was: another look, not a busy one."""
    return PlannedWatch(
        family=watch.family,
        touched_at=watch.touched_at,
        next_by=watch.next_by,
        owed=watch.owed,
        epoch=watch.epoch,
        waiting=watch.waiting,
        look_at=now + _FAILED_PLAN,
        rest=watch.rest,
        version=None if fresh else watch.version,
        supersede=False,
        cancel=False,
        ladder=watch.ladder,
        step=watch.step,
    )


def _priority(owed: Owed, incident: Incident, *, raised: bool) -> int:
    if incident.exercise:
        return 3  # whatever is real goes first
    if owed.framing in ENDS:
        return 1
    if (
        owed.reason is Reason.LADDER
        or owed.framing is Framing.NOTICE
        or (owed.framing is Framing.UPDATE and raised)
    ):
        return 0
    return 3 if owed.framing in (Framing.HOLDING, Framing.POSTMORTEM) else 2


def _lane(owed: Owed, lane: str) -> str:
    if owed.reason is Reason.FALLBACK:
        return Lane.URGENT.value
    if owed.reason is Reason.NOT_TAKEN:
        return lane  # urgent while they are few: a dead provider makes a crowd of all that it had
    return lane if owed.framing is Framing.NOTICE or owed.reason is Reason.LADDER else Lane.BULK.value


class Overtaken(Exception):
    """Somebody else wrote the incident's next update, or a family's watch, first; roll back and plan again."""
