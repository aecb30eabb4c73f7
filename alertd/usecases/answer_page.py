"""A responder who was paged by SMS writes back: 1 does what the link in the page does (R8)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from alertd.domain.family import AddressId
from alertd.domain.inbox import RATION, used_up
from alertd.domain.incident import Incident
from alertd.domain.reply import Meaning, Words
from alertd.ports.deps import Deps
from alertd.ports.inbound import Heard
from alertd.ports.store import Rows
from alertd.records import PageRow
from alertd.usecases.ack_incident import note_ack

_ROLE = 50  # characters of a role that stand in the record of human acts
_NOTHING = "Nothing waits for your answer: no incident that is open has told you anything."
_OTHER = "Nobody reads this. Reply 1 to say that you are on it; tell families with: alertd incident update"


@dataclass(frozen=True, slots=True)
class PageAnswered:
    """What a responder is answered, if anything."""

    text: str | None
    repeated: bool = False  # it was taken before


def responders_at(deps: Deps, channel: str, number: str) -> frozenset[str]:
    """The names in the settings of those who are paged at a number."""
    on_call = deps.on_call
    known = on_call.responders.items() if on_call is not None else ()
    return frozenset(name for name, each in known if each.channel == channel and each.to == number)


async def answer_page(deps: Deps, words: Words, names: frozenset[str], heard: Heard) -> PageAnswered:
    """Take what responders write who are in no family. Told again, it is done once."""
    now, machine_at, reply_id = deps.clock.now(), deps.clock.machine(), deps.new_id()
    meaning = words.understand(heard.text, "en", stopped=False)
    if heard.handled in (Meaning.STOP, Meaning.HELP):
        meaning = heard.handled
    # Their number stands in no row; what they write is counted all the same.
    address = AddressId(uuid5(NAMESPACE_URL, f"responder:{','.join(sorted(names))}"))
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()
        if not await rows.take_reply(reply_id, heard.id, address, now, machine_at, meaning, None):
            return PageAnswered(await rows.reply_said(heard.id), repeated=True)
        given = await rows.given(address, machine_at - RATION)
        text = await _do(deps, rows, names, meaning, now)
        if heard.handled is not None or used_up(given):
            text = None
        if text is not None:
            await rows.say_to_reply(reply_id, text)
    if meaning is Meaning.STOP:  # Twilio refuses their next page, and whoever is next in line gets it at once
        deps.log.warning("responder_stopped", who=sorted(names))
    deps.log.info("page_answered", who=sorted(names), meaning=meaning.value)
    return PageAnswered(text)


async def _do(deps: Deps, rows: Rows, names: Collection[str], meaning: Meaning, now: datetime) -> str | None:
    if meaning is Meaning.STOP:
        return None
    if meaning is not Meaning.ACKNOWLEDGE:
        return _OTHER
    return await ack_newest(deps, rows, names, now) or _NOTHING


async def ack_newest(deps: Deps, rows: Rows, names: Collection[str], now: datetime) -> str | None:
    """Note that they know of the newest nudge or page to them in an open incident; None: there is none.

    Returns what they are answered. The caller holds the lock of the incidents.
    """
    found = await _newest(rows, names)
    if found is None:
        return None
    incident, page = found
    await note_ack(deps, rows, incident, now, who=f"{page.who[:_ROLE]}, by reply", page=page.id)
    return (
        f"Noted: you are on incident {incident.number}. Each later nudge and page waits ten minutes, once. "
        "The time to publish by stays."
    )


async def _newest(rows: Rows, names: Collection[str]) -> tuple[Incident, PageRow] | None:
    """The newest nudge or page that went to any of these, and its incident."""
    found: list[tuple[Incident, PageRow]] = []
    for incident in await rows.incidents(open_only=True, limit=1000):
        if incident.exercise:
            continue
        policy = await rows.policy_of(incident.id)
        found += [
            (incident, page)
            for page in await rows.pages(incident.id)
            if page.attempts and policy.responders.get(page.who, page.who) in names
        ]
    return max(found, key=lambda each: (each[1].planned_at, each[1].id), default=None)
