"""Stop what has not left yet of the newest update, and take it back (R6, docs/decisions/0028)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from alertd.domain.errors import Conflict, NotFound
from alertd.domain.incident import Facts, Incident, Kind, Update
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases import wording
from alertd.usecases.repeat import Repeat, answered, keep
from alertd.usecases.write_update import lane_of, write_update

_TRIES = 5  # a holding may take the number meanwhile; each try reads anew


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was taken back, and how far it had come by then."""

    incident: int
    update: int  # as readers saw it
    families: int  # ... that have it, or may have: a provider, or a worker, had it in hand
    messages: Mapping[str, int] = field(default_factory=dict)  # channel -> messages that have left, or may have
    stopped: Mapping[str, int] = field(default_factory=dict)  # channel -> messages that do not leave any more
    first: bool = False  # it was the first that families were told: nothing stands but severity and scope
    dry_run: bool = False


async def recall(
    deps: Deps,
    number: int,
    *,
    who: str,
    update: int | None = None,
    dry_run: bool = False,
    repeat: Repeat | None = None,
) -> Recalled:
    """Take back the newest update of an open incident; `update`: only if it is this one, as readers see it.

    Raises NotFound, and Conflict where there is nothing to take back; then nothing has changed.
    """
    for _ in range(_TRIES):
        async with deps.store.transaction() as rows:
            await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
            before = await answered(rows, repeat, Recalled)
            if before is not None:
                return before
            done = await _recall(deps, rows, number, update, who, dry_run=dry_run)
            if done is not None and not dry_run:
                await keep(rows, repeat, done[0], deps.clock.now())
        if done is not None:
            recalled, lane = done
            if not dry_run:
                deps.log.info("update_recalled", incident=number, update=recalled.update, told=recalled.families)
                deps.doorbell.ring(lane)
            return recalled
    raise Conflict("this incident changes faster than its update could be recalled; try again")


async def _recall(
    deps: Deps, rows: Rows, number: int, wanted: int | None, who: str, *, dry_run: bool
) -> tuple[Recalled, str] | None:
    """Write the recall; returns it and the lane to ring, None if its number was taken."""
    if not dry_run:
        await rows.lock_cursors(number)  # before anything is read or written: see alertd.store.locks
    incident = await rows.incident(number)
    if incident is None:
        raise NotFound(f"there is no incident {number}; alertd incident list shows them")
    wrong = _to_take_back(incident, wanted)
    before = _before(incident, wrong)
    now = deps.clock.now()
    force = before or _in_force(incident, wrong)
    facts = force.facts
    severity = facts.severity
    if before is None:  # what is told to whoever has heard nothing: what fails, and what to do by default
        facts = replace(facts, works=(), do=wording.advice(deps, None, severity), last_news_at=None)
    changed = _taken_back(incident, wrong, replace(facts, message={}), force.epoch, now)
    left = await rows.left(incident.id, wrong.number)
    recalled = Recalled(
        number, wrong.human_number or 0, left.families, left.gone, left.waiting, before is None, dry_run
    )
    lane = lane_of(incident, changed, left.families)
    if not dry_run:
        families = await rows.count_touched(changed.scope)
        written = await write_update(
            deps, rows, incident, changed, who=who, families=families, recalls=wrong.human_number
        )
        if not written:
            return None
    return recalled, lane


def _to_take_back(incident: Incident, wanted: int | None) -> Update:
    """The newest update that people told families. Raises Conflict where nothing can be taken back."""
    number = incident.number
    if incident.state.ended:
        raise Conflict(
            f"incident {number} is {incident.state}: nothing of its updates leaves any more but the end itself; "
            f"if that is wrong, this stops it: alertd incident reopen {number}",
            incident=number,
        )
    if incident.exercise:
        raise Conflict(
            f"incident {number} is an exercise; what waits stops with its end: alertd incident resolve {number}",
            incident=number,
        )
    if incident.held:
        raise Conflict(f"families were told nothing of incident {number} yet; cancel it instead", incident=number)
    newest = next(u for u in reversed(incident.updates) if u.notify and u.kind is not Kind.HOLDING)
    if newest.kind is Kind.RECALL:
        seen = next((u.human_number for u in incident.updates if u.number == newest.references), None)
        raise Conflict(
            f"update {seen} is recalled already; publish what is right: "
            f"alertd incident update {number} --corrects {seen}",
            incident=number,
        )
    if not newest.by_person or newest.human_number is None:
        raise Conflict(
            f"the newest update is by a machine ({newest.source}); publish what is right: "
            f"alertd incident update {number}",
            incident=number,
        )
    if newest.kind is Kind.REOPENING:
        raise Conflict(
            f"update {newest.human_number} says that it came back; if it did not: alertd incident cancel {number}",
            incident=number,
        )
    corrected = incident.with_corrected([newest.references])
    if any(u.kind is Kind.REOPENING and u.number in corrected for u in incident.updates):
        raise Conflict(
            f"update {newest.human_number} corrects what was said when it came back; publish what is right: "
            f"alertd incident update {number} --corrects {newest.human_number}",
            incident=number,
        )
    if wanted is not None and wanted != newest.human_number:
        raise Conflict(f"the newest update is {newest.human_number}, not {wanted}", incident=number)
    return newest


def _before(incident: Incident, wrong: Update) -> Update | None:
    """The news that stood before; None where it was the first that families were told, or corrects that one."""
    gone = incident.recalled | incident.with_corrected([wrong.number])
    return next((u for u in reversed(_told_before(incident, wrong)) if u.number not in gone), None)


def _in_force(incident: Incident, wrong: Update) -> Update:
    """The update whose scope and severity held before; the wrong one itself, where there was none."""
    gone = {u.references for u in incident.updates if u.kind is Kind.RECALL}
    return next((u for u in reversed(_told_before(incident, wrong)) if u.number not in gone), wrong)


def _told_before(incident: Incident, wrong: Update) -> list[Update]:
    return [u for u in incident.updates if u.number < wrong.number and u.human and u.notify]


def _taken_back(incident: Incident, wrong: Update, facts: Facts, epoch: int, now: datetime) -> Incident:
    """The incident with the facts and the epoch from before in force again; its numbers go on."""
    update = Update(
        number=incident.newest.number + 1,
        kind=Kind.RECALL,
        at=now,
        facts=facts,
        references=wrong.number,
        epoch=epoch,
    )
    return replace(
        incident,
        state=facts.state,
        severity=facts.severity,
        scope=facts.scope,
        epoch=epoch,
        updates=(*incident.updates, update),
        version=incident.version + 1,
    )
