"""Publish what happened to those who were told that it is over (docs/decisions/0032)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alertd.domain.errors import Conflict, Invalid, NotFound
from alertd.domain.incident import Incident, Kind, State, Update
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases import wording
from alertd.usecases.preview import preview
from alertd.usecases.publish import Published
from alertd.usecases.repeat import Repeat, answered, keep
from alertd.usecases.write_update import lane_of, write_update

_UP_AGAIN = timedelta(hours=12)  # whoever sleeps now is awake then


async def publish_postmortem(
    deps: Deps,
    number: int,
    message: Mapping[str, str],
    *,
    who: str,
    dry_run: bool = False,
    repeat: Repeat | None = None,
) -> Published:
    """Tell what happened in an incident that is resolved, once.

    Raises Invalid, NotFound, and Conflict where there is nothing to tell, or nobody; then nothing has changed.
    """
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
        before = await answered(rows, repeat, Published)
        if before is not None:
            return before
        published, lane = await _publish(deps, rows, number, message, who, dry_run=dry_run)
        if dry_run:
            return published
        await keep(rows, repeat, published, deps.clock.now())
    deps.log.info(
        "postmortem_published", incident=number, update=published.update, families=published.preview.families
    )
    deps.doorbell.ring(lane)
    return published


async def _publish(
    deps: Deps, rows: Rows, number: int, message: Mapping[str, str], who: str, *, dry_run: bool
) -> tuple[Published, str]:
    if not dry_run:
        await rows.lock_cursors(number)  # before anything is read or written: see alertd.store.locks
    incident = await rows.incident(number)
    if incident is None:
        raise NotFound(f"there is no incident {number}; alertd incident list shows them")
    resolution = _to_explain(incident)
    told = wording.message(deps, message)
    if not told:
        raise Invalid("say what happened, and what you change", field="message")
    now = deps.clock.now()
    changed = _explained(incident, resolution, told, now)
    policy = await rows.policy_of(incident.id)
    seen = await preview(deps, rows, changed, policy, now)
    if not seen.messages:  # all rest; what they read when they are up has no more room
        seen = replace(seen, cut=(await preview(deps, rows, changed, policy, now + _UP_AGAIN)).cut)
    families = (await rows.told_why(incident.id, resolution.number, None, now)).touched
    published = Published(
        number, changed.newest.human_number or 0, changed.state, replace(seen, families=families), dry_run
    )
    written = dry_run or await write_update(deps, rows, incident, changed, who=who, families=seen.families)
    if not written:  # no holding comes between, once it has ended: only a person, or a version of alertd to come
        raise Conflict("this incident changes faster than this could be written; try again", incident=number)
    return published, lane_of(incident, changed, seen.families)


def _to_explain(incident: Incident) -> Update:
    """The update that ended what is to be explained. Raises Conflict where there is nothing to tell, or nobody."""
    number, told = incident.number, incident.postmortem
    if incident.exercise:
        raise Conflict(f"incident {number} was an exercise: nothing was down", incident=number)
    if told is not None:
        raise Conflict(
            f"families were told what happened in incident {number} already, with update {told.human_number}; "
            "they are told once",
            incident=number,
        )
    if incident.state is State.CANCELLED and incident.resolution is None:
        raise Conflict(
            f"incident {number} was a false alarm, and families were told so: there was nothing to explain",
            incident=number,
        )
    if incident.resolution is None:
        raise Conflict(
            f"incident {number} is {incident.state}: what happened is told once it is over; until then "
            f"publish news: alertd incident update {number}",
            incident=number,
        )
    if not incident.resolution.notify:
        raise Conflict(
            f"families were told nothing of incident {number}: nobody to explain it to", incident=number
        )
    return incident.resolution


def _explained(incident: Incident, resolution: Update, message: Mapping[str, str], now: datetime) -> Incident:
    """The incident with what happened told; it stays ended, when it did."""
    update = Update(
        number=incident.newest.number + 1,
        kind=Kind.POSTMORTEM,
        at=now,
        facts=replace(resolution.facts, message=message, last_news_at=now),
        human_number=incident.next_human_number,
        epoch=incident.epoch,
    )
    return replace(incident, updates=(*incident.updates, update), version=incident.version + 1)
