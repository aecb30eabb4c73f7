"""A caregiver follows the link in a message, or presses a key in a call: sees or hears how things stand, and says
that they know (R9)."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from alertd.domain.delivery import AFTERWARDS, TOLD, Change, Framing, Reader
from alertd.domain.failing import failed_services, failing_since, left_by_list
from alertd.domain.family import Caregiver, Family
from alertd.domain.incident import Incident, Severity, State
from alertd.domain.links import Purpose
from alertd.domain.silence import newest_to_tell
from alertd.ports import Content, Page, Saying
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.elsewhere import failing_beside, worst
from alertd.usecases.follow_link import follow, named, reach
from alertd.usecases.hears_by import hears_by
from alertd.usecases.reached import Reached, keep_answers, which, who_answered

_PEOPLE = 5  # names on the page, at most


ANSWER = "1"
"""The key that says "I know"; the words of a call name it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How things stand for whoever was sent a link, or was called."""

    content: Content  # the page, or what is said in the call
    locale: str
    page: Page
    incident: Incident
    caregiver: str  # the name of whoever was sent it
    answered: tuple[str, ...]  # names of others of the family who have answered; for whoever has answered too
    next_by: datetime | None  # when they hear again if nothing happens; None: nothing is promised to them


async def look(deps: Deps, token: str) -> Content:
    """The page that a link leads to; looking changes nothing, as mail scanners look too.

    Raises Forged, Expired.
    """
    async with deps.store.reading() as rows:
        reached = await follow(deps, rows, Purpose.ANSWER, token)
        return (await _show(deps, rows, reached, pressed=False)).content


async def acknowledge(deps: Deps, token: str) -> Content:
    """Keep that whoever holds this link knows; returns the page that thanks them. Raises Forged, Expired."""
    return (await answer(deps, token)).content


async def answer(deps: Deps, token: str) -> Shown:
    """Keep that whoever holds this link knows; returns how things stand then.

    An answer of a sufficient role ends the ladder of its family in its epoch, and nothing else. Again is the same.
    Raises Forged, Expired.
    """
    async with deps.store.reading() as rows:
        delivery = await named(deps, rows, Purpose.ANSWER, token)
    return await _acknowledge(deps, delivery, "page")


async def take_key(deps: Deps, delivery: UUID, key: str, *, machine: bool) -> Shown:
    """Take a key that was pressed in a call: 1 is an answer, as that of a link, unless it seems a machine's.

    Again is the same. Raises Expired.
    """
    if key == ANSWER and not machine:
        return await _acknowledge(deps, delivery, "voice")
    async with deps.store.reading() as rows:
        reached = await reach(deps, rows, delivery)
        instead = Page.UNHEARD if machine else None
        return await _show(deps, rows, reached, pressed=False, channel="voice", instead=instead)


async def _acknowledge(deps: Deps, delivery: UUID, channel: str) -> Shown:
    now = deps.clock.now()
    async with deps.store.transaction() as rows:
        reached = await reach(deps, rows, delivery)
        fresh = await keep_answers(rows, reached, now)
        shown = await _show(deps, rows, reached, pressed=True, channel=channel)
    if fresh:
        deps.log.info("acknowledged", incident=reached.incident.number, families=sorted({f for f, _ in fresh}))
    return shown


async def _show(
    deps: Deps,
    rows: Rows,
    reached: Reached,
    *,
    pressed: bool,
    channel: str = "page",
    instead: Page | None = None,
) -> Shown:
    """What the first holder is shown, or what is said to them: all of them look at the same phone or mailbox.

    `instead`: what it says whatever they have answered.
    """
    incident, now, links = reached.incident, deps.clock.now(), deps.links
    first, caregiver = reached.holders[0]
    family = next(each for each in reached.families if each.id == first)
    watch = await rows.watch_of(incident.id, family.id)
    since = watch.touched_at if watch is not None else incident.opened_at
    answered = await who_answered(rows, reached, first, since)
    touched = incident.scope.touching(family.services, family.region)
    page = instead or (which(reached, answered, first, caregiver, watch) if touched else Page.OVER)
    locale = caregiver.locale or family.locale
    others = [c.name for c in family.caregivers if c.id in answered - {caregiver.id}]
    # Names are for those alone who press the button: scanners open links too, also later.
    names = tuple(others[:_PEOPLE]) if pressed and page in (Page.THANKS, Page.NOTED) else ()
    news, ending = incident.news, _ENDINGS.get(incident.state)
    if not touched and ending is None:
        ending = Framing.NOT_AFFECTED  # the outage goes on without them
    by = None
    if page is not Page.OVER:  # they read what a message to them would say: at night that is when they wake
        by, _ = await hears_by(deps, rows, incident, reached.policy, [(family, caregiver)])
    services, failing = failed_services(incident, family), failing_since(incident, family)
    beside = await failing_beside(rows, incident.id, {each for each, _ in reached.holders}) if ending else {}
    goes_on = tuple(each for each in services if each in beside)
    content = deps.compose(
        Saying(
            channel=channel,
            framing=ending or Framing.NOTICE,
            update=news if ending is None else newest_to_tell(incident),
            news_number=news.human_number,
            references=None,
            reader=Reader(
                to="",
                locale=locale,
                zone=caregiver.time_zone or family.time_zone,
                services=services,
                hears_by=by,
                since=failing.grown,
                all_since=failing.all,
                change=Change.AGAIN if ending is Framing.CANCELLATION and incident.relapsed else Change.NONE,
                by_list=ending is Framing.NOT_AFFECTED and await _by_list(rows, incident, family, caregiver),
            ),
            now=now.replace(second=0, microsecond=0),
            ended_at=incident.ended_at,
            incident=incident.id,
            page=page,
            elsewhere=goes_on,
            elsewhere_worst=worst(beside, goes_on) if goes_on else Severity.CRITICAL,
            answered=names,
            link=links.on_to_preferences if links is not None and deps.compose_choosing is not None else "",
        )
    )
    if links is not None and content.html is not None:
        content = replace(content, html=links.fill_in_preferences(content.html, reached.linked.delivery))
    return Shown(content, content.locale or locale, page, incident, caregiver.name, names, by)


async def _by_list(rows: Rows, incident: Incident, family: Family, caregiver: Caregiver) -> bool:
    """As the message says it: by what this person was told last, which may be newer than the link."""
    candidate = next(await rows.candidates(incident.id, [family.id], lock=False), None)
    if candidate is None:
        return True  # deleted at this very moment
    mine = {address.id for address in caregiver.addresses}
    told = [
        telling.update
        for telling in candidate.tellings
        if telling.address in mine
        and (telling.state in TOLD or telling.maybe)
        and telling.framing not in AFTERWARDS
    ]
    told += [answer.told for answer in candidate.answers if caregiver.id in answer.who]
    return left_by_list(incident, family, max(told, default=0))


_ENDINGS = {State.RESOLVED: Framing.RESOLUTION, State.CANCELLED: Framing.CANCELLATION}
