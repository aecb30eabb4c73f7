"""R7: nobody answers in writing, so a phone rings; a key says "I know", and no machine does."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from alertd.domain.policy import Policy
from alertd.domain.receipt import Word
from alertd.ports import Message, Page, Report
from alertd.ports.deps import Deps
from alertd.usecases.acknowledge import Shown, take_key
from alertd.usecases.follow_link import Expired
from alertd.usecases.take_receipt import Receipts
from tests import make
from tests.fakes import FakeChannel
from tests.make import caregiver, climbing
from tests.scenario.world import World

CALLS = climbing((0, "always"), (10, "always", "voice"), (20, "next"))
NAN = caregiver("nan", "sms", role="grandparent", order=3)
MIA = caregiver("mia", "push", "sms", "voice")


class Town(World):
    """A world in which phones ring."""

    def _open(self) -> Deps:
        self.channels.setdefault("voice", FakeChannel("voice", has_callbacks=True))
        self._seen.setdefault("voice", 0)
        return super()._open()

    async def presses(self, call: Message, key: str = "1", *, machine: bool = False) -> Shown:
        """Whoever took a call presses a key; what they then hear."""
        said = await take_key(self.deps, call.delivery, key, machine=machine)
        await self.settle()
        return said

    async def twilio_says(self, call: Message, word: Word, code: str | None = None) -> None:
        """What became of a call."""
        taken = [each.delivery for each in self.channels["voice"].accepted].index(call.delivery) + 1
        report = Report(call.delivery, call.attempt, word, f"voice-{taken}", code)
        await Receipts(self.deps).take("voice", report)
        await self.settle()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Callable[..., Town]]:
    made: list[Town] = []

    def build(policy: Policy = CALLS) -> Town:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Town(folder, make.NOON, policy))
        return made[-1]

    yield build
    for each in made:
        await each.close()


async def called(world: Town, *people: Any, **family: Any) -> Message:
    """Follow is down at noon, nobody answers, and at 12:10 Mia's phone rings."""
    await world.family("fam-1", *(people or (MIA, NAN)), **family)
    await world.outage("follow", do=("check_by_hand",))
    world.phone("mia").expect_push("Follow")
    world.phone("mia").expect_sms("Follow", "/a/")
    await world.fast_forward(minutes=9)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=1)
    return world.phone("mia").expect("voice")


async def test_mother_presses_1_and_nobody_else_is_told(town: Callable[..., Town]):
    world = town()
    call = await called(world)
    assert call.text.splitlines() == [
        "Hello. This is an automatic call about Follow.",
        "Follow is still down, since 12:00 PM, 10 minutes now. No news since 12:00 PM. You get no readings and no "
        "alarms. Check glucose directly, receiver or finger stick. We are looking for the cause. "
        "Next update by 12:30 PM.",
        "We still wait for an answer. If you know about this now, press 1 on your phone.",
        "Once more: Follow is still down, since 12:00 PM, 10 minutes now. No news since 12:00 PM. You get no readings "
        "and no alarms. Check glucose directly, receiver or finger stick. We are looking for the cause. "
        "Next update by 12:30 PM.",
        "We still wait for an answer. If you know about this now, press 1 on your phone.",
    ]
    assert "http" not in call.text
    assert call.link is not None

    said = await world.presses(call)
    assert (said.page, said.locale) == (Page.THANKS, "en")
    assert said.content.text.startswith("Thank you. We ask nobody of your family again")
    await world.twilio_says(call, Word.DELIVERED)
    assert world.log.named("acknowledged")[0]["families"] == ["fam-1"]

    await world.fast_forward(minutes=19)
    world.phone("nan").expect_nothing()
    await world.fast_forward(minutes=1)  # the clocks go on
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")
    assert not (await world.reach()).unanswered


async def test_a_machine_takes_the_call_and_the_ladder_goes_on(town: Callable[..., Town]):
    """It keeps the message: that is told, neither delivered nor taken back, and no answer, whatever it seems to press."""
    world = town()
    call = await called(world)
    await world.twilio_says(call, Word.ACCEPTED)  # completed, answered by a machine
    said = await world.presses(call, machine=True)
    assert said.page is Page.UNHEARD
    assert "could not take this as your answer" in said.content.text
    assert not world.log.named("acknowledged")
    assert world.states() == {"accepted": 3}

    await world.fast_forward(minutes=9)
    world.phone("nan").expect_nothing()
    await world.fast_forward(minutes=1)
    world.phone("nan").expect_sms("Follow is down", "Tell us you know")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_push("No news")
    for name in ("mia", "nan"):
        world.phone(name).expect_sms("No news")
    assert [each.family for each in (await world.reach()).unanswered] == ["fam-1"]


@pytest.mark.parametrize("code", ["no-answer", "busy", "failed (SIP 404)", "canceled"])
async def test_where_nobody_takes_the_call_the_next_one_is_told_at_once(town: Callable[..., Town], code: str):
    world = town()
    call = await called(world)
    await world.twilio_says(call, Word.ACCEPTED)  # it rings
    await world.twilio_says(call, Word.UNDELIVERED, code)
    world.phone("nan").expect_sms("Follow is down", "Tell us you know")
    assert world.states() == {"accepted": 3, "undelivered": 1}
    world.phone("mia").expect_nothing()


async def test_a_neighbour_may_say_that_they_know_and_the_parents_are_still_asked(town: Callable[..., Town]):
    world = town(climbing((0, "always"), (10, "neighbour", "voice"), (20, "next")))
    tom = caregiver("tom", "voice", role="neighbour", order=2, locale="es")
    await world.family("fam-1", caregiver("mia", "sms"), tom, NAN)
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    await world.fast_forward(minutes=10)
    call = world.phone("tom").expect("voice", "Hola. Esta es una llamada automática sobre Follow.", "pulse 1")
    assert call.locale == "es"

    said = await world.presses(call)
    assert (said.page, said.locale) == (Page.NOTED, "es")
    assert said.content.text.startswith("Gracias. Aún falta la respuesta que esperamos de su familia")
    await world.fast_forward(minutes=10)
    world.phone("nan").expect_sms("Follow is down")


async def test_another_key_is_asked_again_and_1_twice_is_1_once(town: Callable[..., Town]):
    world = town()
    call = await called(world)
    wrong = await world.presses(call, "5")
    assert wrong.page is Page.ASK
    assert wrong.content.text == "That was not the 1. If you know about this now, press 1."
    assert not world.log.named("acknowledged")
    for _ in range(2):
        assert (await world.presses(call)).page is Page.THANKS
    assert (await world.presses(call, "")).page is Page.THANKS
    assert len(world.log.named("acknowledged")) == 1


async def test_what_has_changed_since_the_call_is_said(town: Callable[..., Town]):
    world = town()
    call = await called(world)
    await world.resolve()
    world.phone("mia").expect_push("works again")
    world.phone("mia").expect_sms("works again")
    assert (await world.presses(call)).content.text == "There is nothing to confirm any more. Goodbye."
    await world.reopen("It is back.")
    world.phone("mia").forget()
    older = await world.presses(call)
    assert older.page is Page.OLDER
    assert "our newest message" in older.content.text
    await world.resolve()
    world.phone("mia").forget()
    await world.fast_forward(days=8)
    with pytest.raises(Expired):
        await world.presses(call)


async def test_who_chose_to_be_called_is_called_with_the_all_clear_too(town: Callable[..., Town]):
    world = town()
    await world.family("fam-1", caregiver("mia", "voice", preferences=make.preferences(critical=("voice",))))
    await world.outage("follow")
    call = world.phone("mia").expect("voice", "Follow is down", "press 1 on your phone")
    await world.presses(call)
    await world.resolve()
    end = world.phone("mia").expect("voice", "Follow works again", "That was all. Goodbye.")
    assert end.link is None
    assert "press 1" not in end.text


async def test_an_exercise_says_that_it_is_one(town: Callable[..., Town]):
    world = town()
    await world.family("fam-1", caregiver("mia", "voice", preferences=make.preferences(critical=("voice",))))
    await world.outage("follow", exercise=True)
    world.phone("mia").expect("voice", "only a test", "TEST ONLY: ", "This is a test. Nothing is down.")
