"""A person of ours has reached a family by phone: they count as heard and told, and leave the lists (R7)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from alertd.domain.by_phone import Said, say
from alertd.domain.errors import Conflict, NotFound, quote
from alertd.domain.family import FamilyId
from alertd.domain.incident import Incident
from alertd.domain.watch import BY_PHONE, Answer, Duty
from alertd.ports.deps import Deps
from alertd.ports.store import Moved, Rows
from alertd.records import TOLD_BY_PHONE
from alertd.usecases.planning import holding, margin
from alertd.usecases.repeat import Repeat, answered, keep

_TRIES = 5  # where planners write the incident's next update each time


@dataclass(frozen=True, slots=True)
class ToldByPhone:
    """What the family counts as told, and by when they hear again: the caller says so on the phone.

    None: they asked to be told nothing of this, and hear only if it gets worse or is over.
    """

    incident: int
    family: str
    update: int
    next_by: datetime | None


async def tell_by_phone(
    deps: Deps,
    which: int | UUID,
    family_id: FamilyId,
    *,
    who: str,
    dry_run: bool = False,
    repeat: Repeat | None = None,
) -> ToldByPhone:
    """Keep that somebody has told a family by phone: its ladder ends as answered, its time begins anew.

    Raises NotFound for an incident or family that there is not, and Conflict where there is nothing to tell:
    the incident has ended, families are not told of it yet, or it does not touch this one.
    """
    for left in reversed(range(_TRIES)):
        try:
            done = await _tell(deps, which, family_id, who=who, dry_run=dry_run, repeat=repeat)
        except Moved:
            if not left:
                raise
        else:
            if not dry_run:
                deps.log.info("told_by_phone", incident=done.incident, family=done.family, update=done.update)
            return done
    raise AssertionError("the last try returns or raises")


async def _tell(
    deps: Deps, which: int | UUID, family_id: FamilyId, *, who: str, dry_run: bool, repeat: Repeat | None
) -> ToldByPhone:
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
        before = await answered(rows, repeat, ToldByPhone)
        if before is not None:
            return before
        incident = await rows.incident(which)
        if incident is None:
            raise NotFound(f"there is no incident {which}; alertd incident list shows them")
        now = deps.clock.now()
        said = await _what(deps, rows, incident, family_id, now)
        done = ToldByPhone(incident.number, str(family_id), said.update, said.next_by)
        if dry_run:
            return done
        if said.holding:
            policy = await rows.policy_of(incident.id)
            written = holding(incident, now, await margin(deps, rows, incident, policy))
            if not await rows.add_update(incident.id, written):
                raise Moved
        act = deps.new_id()
        detail: dict[str, object] = {"family": str(family_id), "told": said.update}
        await rows.add_act(act, now, who, TOLD_BY_PHONE, incident.id, detail)
        await rows.add_call(
            incident.id, family_id, Answer(BY_PHONE, incident.epoch, now, said.update, said.next_by, said.who), act
        )
        await rows.end_ladders(incident.id, [family_id], now)
        await rows.supersede_told(incident.id, family_id, said.who, said.update)
        await keep(rows, repeat, done, now)
    return done


async def _what(deps: Deps, rows: Rows, incident: Incident, family_id: FamilyId, now: datetime) -> Said:
    """What they are told; the watch is locked, so that nobody plans them meanwhile."""
    number = incident.number
    candidate = next(await rows.candidates(incident.id, [family_id]), None)
    if candidate is None:
        raise NotFound(f'there is no family "{quote(family_id)}"')
    if incident.state.ended:
        raise Conflict(f"incident {number} is {incident.state}; nobody is to be told more of it", incident=number)
    if incident.exercise:
        raise Conflict(
            f"incident {number} is an exercise: it promises nothing, so nobody is to be rung up", incident=number
        )
    if incident.held:
        raise Conflict(f"families are not told of incident {number} yet; confirm it first", incident=number)
    policy = await rows.policy_of(incident.id)
    said = None
    if candidate.watch is not None:
        duty = Duty(
            incident, policy, candidate.family, candidate.watch, candidate.tellings, candidate.addresses,
            frozenset(deps.channels), await margin(deps, rows, incident, policy),
            timedelta(seconds=deps.timing.lease * deps.clock.rate), candidate.answers,
        )  # fmt: skip
        said = say(duty, now)
    elif incident.scope.touching(candidate.family.services, candidate.family.region):
        raise Conflict(
            f'family "{quote(family_id)}" is about to be told of incident {number}; ask again in a moment',
            incident=number,
        )
    if said is None:
        raise Conflict(f'incident {number} does not touch family "{quote(family_id)}"', incident=number)
    return said
