"""Somebody has written back: understand it, do it, and answer them in the provider's own request.

An answer is no message of ours: it goes by no other way, is not tried again, and moves no clock (R4).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alertd.domain.delivery import Lane
from alertd.domain.errors import NotFound
from alertd.domain.inbox import RATION, Correspondent, Given, used_up
from alertd.domain.reply import Meaning, is_start_word
from alertd.ports import Callback, Spoken
from alertd.ports.deps import Deps
from alertd.ports.inbound import Heard, Hears, ReplyTexts
from alertd.ports.store import Rows
from alertd.usecases.answer_page import ack_newest, answer_page, responders_at
from alertd.usecases.choose_holdings import choose_holdings
from alertd.usecases.say_status import goes_on, say_status
from alertd.usecases.take_answer import NOTHING_ASKED, Answer, take_answer

UNKNOWN, REPEATED = "reply_unknown", "reply_repeated"
"""Security events: from a number that nobody has, and one that was taken before."""

_ALWAYS = frozenset({Meaning.STOP, Meaning.START})  # who may write to whom is always confirmed


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request that holds a reply is answered, and the security event that it is, if it is one."""

    spoken: Spoken
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a reply is answered, and what follows from it."""

    text: str | None
    due: int = 0  # duties that are to be planned at once
    event: str | None = None
    answer: Answer | None = None  # they say that they know


async def take_inbound(deps: Deps, provider: str, callback: Callback) -> Answered:
    """A provider's own request, with what somebody wrote back to us.

    Raises NotFound where no channel has this provider, Forged where the provider has not signed it.
    """
    for channel in deps.channels.values():
        if isinstance(channel, Hears) and channel.provider == provider:
            heard = channel.hear(callback)
            said = await take_reply(deps, channel.name, heard) if heard is not None else Said(None, event=UNKNOWN)
            if said.event is not None:
                deps.log.warning(said.event, provider=provider)
            return Answered(channel.speak(said.text), said.event)
    raise NotFound(f"no channel of this alertd has a provider {provider!r} that tells of replies")


async def take_reply(deps: Deps, channel: str, heard: Heard) -> Said:
    """Do what somebody asks who wrote to us, once, however often it is told; returns what they are answered."""
    texts = deps.replies
    async with deps.store.reading() as rows:  # a stranger does not wait for the right to write
        known = await rows.correspondent(channel, heard.sender)
    on_call = responders_at(deps, channel, heard.sender)
    if texts is not None and on_call and (known is None or not known.families):
        paged = await answer_page(deps, texts.words, on_call, heard)
        return Said(paged.text, event=REPEATED if paged.repeated else None)
    if known is None or texts is None:
        return Said(None, event=UNKNOWN)
    async with deps.store.transaction() as rows:
        if on_call:
            await rows.lock_incidents()  # before any duty: no knot of locks
        who = await rows.correspondent(channel, heard.sender)
        if who is None:
            return Said(None, event=UNKNOWN)
        meaning = texts.words.understand(heard.text, who.locale, stopped=who.stopped)
        if heard.handled is not None and (heard.handled is not Meaning.START or who.stopped):
            meaning = heard.handled  # "Yes" of a number that has not stopped is an answer, whatever else it is
        if meaning is Meaning.STILL_DOWN:
            meaning = Meaning.STATUS if await goes_on(rows, who) else Meaning.OTHER
        now, machine_at, reply_id = deps.clock.now(), deps.clock.machine(), deps.new_id()
        kept = _kept(heard) if meaning is Meaning.OTHER else None
        if not await rows.take_reply(reply_id, heard.id, who.address, now, machine_at, meaning, kept):
            return Said(await rows.reply_said(heard.id), event=REPEATED)
        given = await rows.given(who.address, machine_at - RATION)
        said = await _do(deps, rows, texts, who, channel, meaning, heard, now)
        if on_call and said.answer is not None:  # a parent who is on call: their word counts for both
            noted = await ack_newest(deps, rows, on_call, now)
            said = _both(said, said.answer, noted)
        if heard.handled is not None or not _answered(who, meaning, given):
            said = replace(said, text=None)
        if said.text is not None:
            await rows.say_to_reply(reply_id, said.text)
    deps.log.info(
        "reply_taken", channel=channel, meaning=meaning.value, families=[each.id for each in who.families]
    )
    if said.answer is not None and said.answer.families:
        families = list(said.answer.families)
        deps.log.info("acknowledged", incident=said.answer.incident, families=families, by="reply")
    if said.due:
        deps.doorbell.ring(Lane.URGENT.value)
    return said


def _both(said: Said, answer: Answer, noted: str | None) -> Said:
    """What somebody is answered who said that they know, and was paged at the same number."""
    if noted is None:
        return said
    return replace(said, text=noted if answer.key == NOTHING_ASKED else f"{said.text} {noted}")


def _answered(who: Correspondent, meaning: Meaning, given: Sequence[Given]) -> bool:
    """Whether they get an answer at all."""
    if not who.families:
        return False  # a number that stopped us, and that nobody has any more
    if meaning in _ALWAYS:
        return True
    if who.stopped and meaning is not Meaning.HELP:
        return False  # nothing is sent there
    if used_up(given):
        return False
    return meaning is not Meaning.OTHER or all(each.meaning is not Meaning.OTHER for each in given)


async def _do(
    deps: Deps,
    rows: Rows,
    texts: ReplyTexts,
    who: Correspondent,
    channel: str,
    meaning: Meaning,
    heard: Heard,
    now: datetime,
) -> Said:
    match meaning:
        case Meaning.ACKNOWLEDGE:
            answer = await take_answer(rows, who, now)
            return Said(texts.say(who.locale, answer.key), len(answer.families), answer=answer)
        case Meaning.STATUS | Meaning.STILL_DOWN:
            return Said(await say_status(deps, rows, texts, who, channel))
        case Meaning.HELP:
            return Said(texts.say(who.locale, "help", {"services": texts.names(who.locale, who.services)}))
        case Meaning.LESS | Meaning.MORE:
            chosen = await choose_holdings(rows, who, now, more=meaning is Meaning.MORE)
            key = "more_usual" if chosen.usual else meaning.value
            return Said(texts.say(who.locale, key, {"texts": _texts_a_day(deps, who)}), chosen.due)
        case Meaning.STOP:
            due = await rows.opt_out(who.address, now, here=False) or 0
            return Said(await _stopped(deps, rows, texts, who), due)
        case Meaning.START:
            due = await rows.opt_in(who.address, now) or 0
            if await _suspended(rows, who):
                return Said(texts.say(who.locale, "start_suspended"), due)
            status = await say_status(deps, rows, texts, who, channel)
            # Twilio takes back its own stop for its own words alone, and would refuse the next message (21610).
            key = "start" if is_start_word(heard.text) else "start_word"
            return Said(f"{texts.say(who.locale, key)} {status}", due)
        case Meaning.OTHER:
            return Said(texts.say(who.locale, "receipt_words" if heard.beside else "receipt"))


def _kept(heard: Heard) -> str:
    """Their words for whoever reads the inbox; first, as long words are cut there, what came and is not there."""
    if not heard.beside:
        return heard.text
    return f"[with {heard.beside} that we did not keep] {heard.text}".rstrip()


def _texts_a_day(deps: Deps, who: Correspondent) -> int:
    """How many may come by phone in a day about one outage while there is nothing new, whatever fails."""
    policies = [deps.default_policy] if not who.services else map(deps.policy_for, who.services)
    return max(each.silence.holdings.sms_per_day for each in policies)


async def _suspended(rows: Rows, who: Correspondent) -> bool:
    """Whether a provider has refused this number for good: a START lifts no more than a STOP."""
    states = [await rows.address_states(family.id) for family in who.families[:1]]
    return any(who.address in each and each[who.address].suspended_at is not None for each in states)


async def _stopped(deps: Deps, rows: Rows, texts: ReplyTexts, who: Correspondent) -> str:
    """How they are told from now on: over other addresses that each of them has, else by others of each."""
    own: list[dict[str, None]] = []  # of everybody who has the number
    others = True
    for family in who.families:
        somebody = False
        states = await rows.address_states(family.id)
        for caregiver in family.caregivers:
            usable = [
                each.channel
                for each in caregiver.addresses
                if each.id not in states and each.id != who.address
                if each.verified and each.channel in deps.channels
            ]
            if any(each.id == who.address for each in caregiver.addresses):
                own.append(dict.fromkeys(usable))
            else:
                somebody = somebody or bool(usable)
        others = others and somebody
    shared = [each for each in own[0] if all(each in ways for ways in own)] if own else []
    if shared:
        names = tuple(texts.say(who.locale, f"channel.{each}") for each in shared)
        return texts.say(who.locale, "stop_next", {"channels": texts.either(who.locale, names)})
    return texts.say(who.locale, "stop" if others else "stop_nobody")
