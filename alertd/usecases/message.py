"""Puts a claimed delivery into words for its channel."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alertd.domain.delivery import AFTERWARDS, ENDS, Change, Framing, Owed
from alertd.domain.incident import Incident, Severity, Update
from alertd.domain.postmortem import TOLD_FOR
from alertd.domain.trial import TRIAL_USEFUL
from alertd.ports import Message, Saying
from alertd.ports.deps import Deps
from alertd.records import Claimed
from alertd.usecases.elsewhere import Elsewhere, worst
from alertd.usecases.told import Telling

_ALL_CLEAR_USEFUL = timedelta(weeks=4)  # nothing follows it: as long as a provider keeps it at most
_LEAST_USEFUL = timedelta(seconds=60)


def message(deps: Deps, delivery: Claimed, telling: Telling, beside: Elsewhere) -> Message:
    """The message of one attempt, composed at the moment at which it is handed over.

    `beside`: what another outage has failing for those whose message says that something is over, or a test.
    """
    now, incident, reader = deps.clock.now(), telling.incident, delivery.reader
    links = deps.links if reader.asks else None
    said = saying(deps, delivery, telling, beside.get(delivery.id, {}), now)
    content = deps.compose(said)
    text, html, link = content.text, content.html, None
    if links is not None:
        text, link = links.fill_in(text, delivery.id), links.fill_in(links.stand_in, delivery.id)
        html = links.fill_in(html, delivery.id) if html is not None else None
    return Message(
        to=reader.to,
        title=content.title,
        text=text,
        html=html,
        locale=content.locale or reader.locale,
        loud=delivery.loud,
        delivery=delivery.id,
        attempt=delivery.attempt,
        incident=incident.id,
        update=delivery.update,
        useful_for=_useful_for(deps, delivery, telling, now),
        ends=delivery.framing in ENDS,
        critical=(incident.trial or not incident.exercise)  # whoever tries a channel tries all of it
        and delivery.framing not in AFTERWARDS
        and said.update.facts.severity is Severity.CRITICAL,
        link=link,
        unsubscribe=_unsubscribe(deps, delivery),
    )


def saying(
    deps: Deps, told: Claimed | Owed, telling: Telling, failing: Mapping[str, Severity], now: datetime
) -> Saying:
    """All that the words depend on; of `now` the minute.

    `failing`: what another outage has failing for the reader, and how badly.
    """
    incident, reader = telling.incident, told.reader
    if failing and reader.released:  # what fails by another outage is not said to be well
        reader = replace(reader, released=tuple(each for each in reader.released if each not in failing))
    goes_on: tuple[str, ...] = ()
    if failing and incident.exercise:
        goes_on = tuple(sorted(failing))  # a test says that nothing is down, also nothing that it is not about
    elif failing and told.framing in AFTERWARDS:
        goes_on = tuple(each for each in reader.services if each in failing)
    # Of what was real, to whom nobody said that it had come back, by mistake alone.
    before = told.framing in (Framing.WAS_DOWN, Framing.RESOLUTION) and reader.change is Change.AGAIN
    facts = telling.facts(told.update, told.framing, reader.worst, before=before)
    links = deps.links if reader.asks else None
    return Saying(
        channel=told.channel,
        framing=told.framing,
        update=facts.update,
        news_number=facts.news_number,
        references=reader.corrects or None,
        reader=reader,
        now=now,
        ended_at=_ended_at(incident, facts.update, told.framing, before=before),
        incident=incident.id,
        exercise=incident.exercise,
        link=links.stand_in if links is not None else "",
        replies=links is not None and links.replies,
        elsewhere=goes_on,
        elsewhere_worst=worst(failing, goes_on) if goes_on else Severity.CRITICAL,
    )


def _ended_at(incident: Incident, told: Update, framing: Framing, *, before: bool) -> datetime | None:
    """When what is told ended: what came after that was a false alarm, where a return was cancelled."""
    if before:
        return told.at
    explained = incident.resolution if framing is Framing.POSTMORTEM else None
    return explained.at if explained is not None else incident.ended_at


def _unsubscribe(deps: Deps, delivery: Claimed) -> str | None:
    """Where no more e-mails are asked for; other channels have ways of their own, such as STOP."""
    if deps.links is None or deps.compose_opt_out is None or delivery.channel != "email":
        return None
    return deps.links.opt_out(delivery.address)


def _useful_for(deps: Deps, delivery: Claimed, telling: Telling, now: datetime) -> timedelta:
    """Until this reader hears again, which in quiet hours is later than their family does."""
    if delivery.framing is Framing.POSTMORTEM:
        until = telling.facts(delivery.update, delivery.framing).update.at + TOLD_FOR
        return max((until - now) / deps.clock.rate, _LEAST_USEFUL)
    if telling.incident.trial:
        return TRIAL_USEFUL
    if delivery.next_by is None:
        return _ALL_CLEAR_USEFUL
    until = max(delivery.next_by, delivery.reader.hears_by or delivery.next_by)
    return max((until - now) / deps.clock.rate, _LEAST_USEFUL)
