"""A caregiver follows the link in a message: sees how things stand, and says that they know (R9)."""

from dataclasses import replace

from alertd.domain.delivery import Framing, Reader
from alertd.domain.failing import failed_services, failing_since
from alertd.domain.family import Caregiver, CaregiverId, FamilyId
from alertd.domain.incident import Severity, State
from alertd.domain.links import Purpose
from alertd.domain.silence import newest_to_tell
from alertd.domain.watch import LadderState, Watch
from alertd.ports import Content, Page, Saying
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.elsewhere import failing_beside, worst
from alertd.usecases.follow_link import Reached, follow

_PEOPLE = 5  # names on the page, at most


async def look(deps: Deps, token: str) -> Content:
    """The page that a link leads to; looking changes nothing, as mail scanners look too.

    Raises Forged, Expired.
    """
    async with deps.store.reading() as rows:
        reached = await follow(deps, rows, Purpose.ANSWER, token)
        return await _page(deps, rows, reached, pressed=False)


async def acknowledge(deps: Deps, token: str) -> Content:
    """Keep that whoever holds this link knows; returns the page that thanks them.

    An answer of a sufficient role ends the ladder of its family in its epoch, and nothing else. Again is the same.
    Raises Forged, Expired.
    """
    now = deps.clock.now()
    async with deps.store.transaction() as rows:
        reached = await follow(deps, rows, Purpose.ANSWER, token)
        linked = reached.linked
        fresh: list[tuple[FamilyId, CaregiverId]] = []
        if not reached.incident.state.ended:  # an answer after that is none
            await rows.lock_duties(linked.incident, linked.families)
            who = [(family, caregiver.id) for family, caregiver in reached.holders]
            fresh = await rows.add_answers(linked, who, now)
            ended = sorted({family for family, caregiver in fresh if caregiver in reached.able(family)})
            if ended:
                await rows.end_ladders(linked.incident, ended, now)
        page = await _page(deps, rows, reached, pressed=True)
    if fresh:
        deps.log.info("acknowledged", incident=reached.incident.number, families=sorted({f for f, _ in fresh}))
    return page


async def _page(deps: Deps, rows: Rows, reached: Reached, *, pressed: bool) -> Content:
    """The page for the first holder: all of them look at the same phone or mailbox."""
    incident, now, links = reached.incident, deps.clock.now(), deps.links
    first, caregiver = reached.holders[0]
    family = next(each for each in reached.families if each.id == first)
    watch = await rows.watch_of(incident.id, family.id)
    since = watch.touched_at if watch is not None else incident.opened_at
    answers = await rows.answers(incident.id, family.id)
    epoch = min(reached.linked.epoch, incident.epoch)
    answered = {a.caregiver for a in answers if a.epoch >= epoch and a.at >= since}
    touched = incident.scope.touching(family.services, family.region)
    page = _which(reached, answered, first, caregiver, watch) if touched else Page.OVER
    others = [c.name for c in family.caregivers if c.id in answered - {caregiver.id}]
    news, ending = incident.news, _ENDINGS.get(incident.state)
    if not touched and ending is None:
        ending = Framing.NOT_AFFECTED  # the outage goes on without them
    services, failing = failed_services(incident, family), failing_since(incident, family)
    beside = await failing_beside(rows, incident.id, {each for each, _ in reached.holders}) if ending else {}
    goes_on = tuple(each for each in services if each in beside)
    content = deps.compose(
        Saying(
            channel="page",
            framing=ending or Framing.NOTICE,
            update=news if ending is None else newest_to_tell(incident),
            news_number=news.human_number,
            references=None,
            reader=Reader(
                to="",
                locale=caregiver.locale or family.locale,
                zone=caregiver.time_zone or family.time_zone,
                services=services,
                hears_by=watch.next_by if watch is not None else None,
                since=failing.grown,
                all_since=failing.all,
            ),
            now=now.replace(second=0, microsecond=0),
            ended_at=incident.ended_at,
            incident=incident.id,
            page=page,
            elsewhere=goes_on,
            elsewhere_worst=worst(beside, goes_on) if goes_on else Severity.CRITICAL,
            # Names are for those alone who press the button: scanners open links too, also later.
            answered=tuple(others[:_PEOPLE]) if pressed and page in (Page.THANKS, Page.NOTED) else (),
            link=links.on_to_preferences if links is not None and deps.compose_choosing is not None else "",
        )
    )
    if links is None or content.html is None:
        return content
    return replace(content, html=links.fill_in_preferences(content.html, reached.linked.delivery))


def _which(
    reached: Reached,
    answered: set[CaregiverId],
    family: FamilyId,
    caregiver: Caregiver,
    watch: Watch | None,
) -> Page:
    incident = reached.incident
    if incident.state.ended:
        return Page.OVER
    if reached.older:
        return Page.OLDER
    able = reached.able(family)
    waited_for = bool(able) and not answered & able
    if caregiver.id in answered:
        return Page.NOTED if waited_for else Page.THANKS
    over = watch is not None and watch.epoch == incident.epoch and watch.ladder in _OVER
    return Page.ASK if waited_for and not over else Page.ASK_NO_MORE


_OVER = frozenset(LadderState) - {LadderState.CLIMBING}
_ENDINGS = {State.RESOLVED: Framing.RESOLUTION, State.CANCELLED: Framing.CANCELLATION}
