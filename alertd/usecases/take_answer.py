"""A reply that says "I know": it is about the last question that was put to that number (R9)."""

from dataclasses import dataclass, replace
from datetime import datetime

from alertd.domain.family import FamilyId
from alertd.domain.inbox import Correspondent
from alertd.domain.incident import Incident
from alertd.ports import Page
from alertd.ports.store import Rows
from alertd.usecases.reached import Reached, keep_answers, which, who_answered

NOTHING_ASKED = "nothing_asked"

_SAID = {Page.THANKS: "thanks", Page.NOTED: "noted", Page.OLDER: "older", Page.OVER: NOTHING_ASKED}
_ORDER = (Page.OLDER, Page.NOTED, Page.THANKS)  # of several families the one for which most is left to do


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a reply that says "I know"."""

    key: str  # of what there is to say
    incident: int = 0  # its number
    families: tuple[FamilyId, ...] = ()  # in which somebody had not said so before


async def take_answer(rows: Rows, who: Correspondent, now: datetime) -> Answer:
    """Keep the answer, for every family that has this number.

    The last question is the newest message to the number in an epoch in which somebody is still waited for; where
    nobody is, the newest of an outage that goes on.
    """
    reached = await _asked(rows, who)
    if reached is None:
        return Answer(NOTHING_ASKED)
    fresh = await keep_answers(rows, reached, now)
    key = _SAID.get(await _page(rows, reached), NOTHING_ASKED)
    return Answer(key, reached.incident.number, tuple(sorted({family for family, _ in fresh})))


async def _asked(rows: Rows, who: Correspondent) -> Reached | None:
    newest: Reached | None = None
    incidents: dict[object, Incident | None] = {}
    for each in await rows.last_asked(who.address, [family.id for family in who.families]):
        if each.incident not in incidents:
            incidents[each.incident] = await rows.incident(each.incident)
        incident, linked = incidents[each.incident], await rows.linked(each.delivery)
        if incident is None or incident.state.ended or linked is None:
            continue
        watching = await rows.watching(incident.id, [family.id for family in who.families])
        reached = Reached(
            replace(linked, families=tuple(watching)),
            incident,
            await rows.policy_of(incident.id),
            tuple(family for family in who.families if family.id in watching),
        )
        if not reached.older and await _waited_for(rows, reached):
            return reached
        newest = newest or reached
    return newest


async def _waited_for(rows: Rows, reached: Reached) -> bool:
    """Whether the ladder of any of their families waits for an answer."""
    for family in reached.families:
        watch = await rows.watch_of(reached.incident.id, family.id)
        able = reached.able(family.id)
        if watch is not None and able:
            answered = await who_answered(rows, reached, family.id, watch.touched_at)
            if able.isdisjoint(answered):
                return True
    return False


async def _page(rows: Rows, reached: Reached) -> Page:
    """What the page behind the link would say, of all their families."""
    pages = set()
    for family_id, caregiver in reached.holders:
        family = next(each for each in reached.families if each.id == family_id)
        watch = await rows.watch_of(reached.incident.id, family_id)
        if watch is None or not reached.incident.scope.touching(family.services, family.region):
            continue
        answered = await who_answered(rows, reached, family_id, watch.touched_at)
        pages.add(which(reached, answered, family_id, caregiver, watch))
    return next((page for page in _ORDER if page in pages), Page.OVER)
