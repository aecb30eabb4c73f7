"""Somebody has written back: understand it, do it, and answer them in the provider's own request.

An answer is no message of ours: it goes by no other way, is not tried again, and moves no clock (R4).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alertd.domain.delivery import Lane
from alertd.domain.errors import NotFound
from alertd.domain.inbox import Correspondent, Given
from alertd.domain.reply import Meaning
from alertd.ports import Callback, Spoken
from alertd.ports.deps import Deps
from alertd.ports.inbound import Heard, Hears, ReplyTexts
from alertd.ports.store import Rows
from alertd.usecases.choose_holdings import choose_holdings
from alertd.usecases.say_status import say_status
from alertd.usecases.take_answer import Answer, take_answer

UNKNOWN, REPEATED = "reply_unknown", "reply_repeated"
"""Security events: from a number that nobody has, and one that was taken before."""

RATION = timedelta(minutes=15)
"""Of machine time, in which a number gets so many answers and one receipt: two machines must not talk for ever."""

MOST_ANSWERS = 5
"""As GoAlert has it: https://github.com/target/goalert, notification/twilio/replylimit.go."""

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
    if known is None or texts is None:
        return Said(None, event=UNKNOWN)
    async with deps.store.transaction() as rows:
        who = await rows.correspondent(channel, heard.sender)
        if who is None:
            return Said(None, event=UNKNOWN)
        meaning = texts.words.understand(heard.text, who.locale, stopped=who.stopped)
        if heard.handled is not None and (heard.handled is not Meaning.START or who.stopped):
            meaning = heard.handled  # "Yes" of a number that has not stopped is an answer, whatever else it is
        now, machine_at, reply_id = deps.clock.now(), deps.clock.machine(), deps.new_id()
        text = heard.text if meaning is Meaning.OTHER else None
        if not await rows.take_reply(reply_id, heard.id, who.address, now, machine_at, meaning, text):
            return Said(await rows.reply_said(heard.id), event=REPEATED)
        given = await rows.given(who.address, machine_at - RATION)
        said = await _do(deps, rows, texts, who, channel, meaning, now)
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


def _answered(who: Correspondent, meaning: Meaning, given: Sequence[Given]) -> bool:
    """Whether they get an answer at all."""
    if not who.families:
        return False  # a number that stopped us, and that nobody has any more
    if meaning in _ALWAYS:
        return True
    if who.stopped and meaning is not Meaning.HELP:
        return False  # nothing is sent there
    if len(given) >= MOST_ANSWERS:
        return False
    return meaning is not Meaning.OTHER or all(each.meaning is not Meaning.OTHER for each in given)


async def _do(
    deps: Deps,
    rows: Rows,
    texts: ReplyTexts,
    who: Correspondent,
    channel: str,
    meaning: Meaning,
    now: datetime,
) -> Said:
    match meaning:
        case Meaning.ACKNOWLEDGE:
            answer = await take_answer(rows, who, now)
            return Said(texts.say(who.locale, answer.key), len(answer.families), answer=answer)
        case Meaning.STATUS:
            return Said(await say_status(deps, rows, texts, who, channel))
        case Meaning.HELP:
            return Said(texts.say(who.locale, "help", {"services": texts.names(who.locale, who.services)}))
        case Meaning.LESS | Meaning.MORE:
            value = "few" if meaning is Meaning.LESS else "all"
            due = await choose_holdings(rows, who, value, now)
            return Said(texts.say(who.locale, meaning.value), due)
        case Meaning.STOP:
            due = await rows.opt_out(who.address, now, here=False) or 0
            return Said(await _stopped(deps, rows, texts, who), due)
        case Meaning.START:
            due = await rows.opt_in(who.address, now) or 0
            if await _suspended(rows, who):
                return Said(texts.say(who.locale, "start_suspended"), due)
            status = await say_status(deps, rows, texts, who, channel)
            return Said(f"{texts.say(who.locale, 'start')} {status}", due)
        case Meaning.OTHER:
            return Said(texts.say(who.locale, "receipt"))


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
