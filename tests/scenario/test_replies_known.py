"""A caregiver writes back that they know: understood, done once, answered, and it moves no clock (R4, R9)."""

from dataclasses import replace

import pytest

from alertd.domain.watch import LadderState
from alertd.usecases.deliver import Sender
from tests.make import caregiver, climbing
from tests.scenario.replying import NAN, NURSE, Town


@pytest.mark.parametrize("word", ["1", " ok. ", "Got it!", "👍", "Sí"])
async def test_a_parent_says_that_they_know_and_nobody_is_asked_again(town: Town, word: str):
    """R9: the ladder ends and nothing else; the next update comes to all who hear everything."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"), NAN)
    await world.outage("follow")
    world.phone("mia").expect_sms("Tell us you know")

    said = await world.replies("mia", word)
    assert said == (
        "Thank you. We ask nobody of your family again unless it gets worse or comes back. "
        "You go on getting every update."
    )
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 1}
    await world.fast_forward(minutes=25)
    world.phone("nan").expect_nothing()
    await world.resolve()
    world.phone("mia").expect_sms("works again")


async def test_an_sms_says_that_it_can_be_answered_where_replies_come_in(town: Town):
    world = town(policy=climbing())
    assert world.deps.links is not None
    world.deps = replace(world.deps, links=replace(world.deps.links, replies=True))
    world.sender = Sender(world.deps)
    await world.family("fam-1", caregiver("mia", "sms"), caregiver("dad", "sms", order=2, locale="es"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Tell us you know. Reply 1 or open: https://alerts.example.org/a/")
    world.phone("dad").expect_sms("Si ya lo sabe, conteste 1 o abra: https://alerts.example.org/a/")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_sms("No answer yet. Reply 1 or open: https://")
    world.phone("dad").expect_sms("Sin respuesta. Conteste 1 o abra: https://")


async def test_the_answer_of_another_role_is_kept_and_said_honestly(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"), NAN)
    await world.outage("follow")
    world.phone("mia").expect_sms("Tell us you know")
    await world.fast_forward(minutes=20)
    world.phone("mia").forget()
    world.phone("nan").expect_sms("Tell us you know")

    said = await world.replies("nan", "OK")
    assert said == (
        "Thank you, noted. The answer we wait for from your family is still missing: please call the others. "
        "You go on getting every update."
    )
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 1}
    assert await world.replies("mia", "1") == await world.replies("nan", "1")
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 1}


async def test_one_answer_counts_for_every_family_that_has_the_number(town: Town):
    """A nurse looks after three children, and her word is enough: she is asked once, and answers once."""
    world = town(policy=climbing(by=("nurse",), always=("nurse",)))
    for number in (1, 2, 3):
        await world.family(f"fam-{number}", NURSE)
    await world.outage("follow")
    world.phone("nurse").expect_sms("Tell us you know")

    assert "Thank you. We ask nobody" in (await world.replies("nurse", "ok") or "")
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 3}
    await world.fast_forward(minutes=25)
    world.phone("nurse").expect_nothing()


async def test_an_answer_counts_although_the_family_for_which_it_was_asked_has_lost_the_number(town: Town):
    """One message carried the question of both."""
    world = town(policy=climbing(by=("nurse",), always=("nurse",)))
    await world.family("fam-1", NURSE)
    await world.family("fam-2", NURSE)
    await world.outage("follow")
    world.phone("nurse").expect_sms("Tell us you know")
    await world.family("fam-1", caregiver("mia", "sms"))
    world.phone("mia").forget()

    assert "Thank you. We ask nobody" in (await world.replies("nurse", "1") or "")
    assert world.sql("SELECT family_id FROM answer") == [("fam-2",)]
    world.phone("mia").forget()


@pytest.mark.parametrize("word", ["ok?", "¿Listo?", "1?"])
async def test_who_asks_back_is_heard_by_a_person_and_has_not_answered(town: Town, word: str):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms", locale="es"), NAN)
    await world.outage("follow")
    world.phone("mia").forget()

    await world.replies("mia", word)
    assert world.sql("SELECT text FROM reply") == [(word,)]
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 1}
    await world.fast_forward(minutes=20)
    world.phone("nan").expect_sms("Tell us you know")
    world.phone("mia").forget()


async def test_a_reply_is_about_the_last_question(town: Town):
    """Two outages at once; the newer asks, and then the older still waits."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.fast_forward(minutes=1)
    await world.outage("share")
    world.phone("mia").forget()

    await world.replies("mia", "1")
    assert (await world.reach(2)).ladders == {LadderState.ANSWERED: 1}
    assert (await world.reach(1)).ladders == {LadderState.CLIMBING: 1}
    await world.replies("mia", "1")
    assert (await world.reach(1)).ladders == {LadderState.ANSWERED: 1}


async def test_an_answer_when_nothing_was_asked_is_answered_honestly(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    nothing = "Thank you. Nothing is waiting for your answer right now."
    assert await world.replies("mia", "ok") == nothing
    await world.outage("follow")
    await world.resolve()
    world.phone("mia").forget()
    assert await world.replies("mia", "ok") == nothing
    assert world.sql("SELECT count(*) FROM answer") == [(0,)]


async def test_a_raise_asks_again_and_an_old_answer_does_not_count_for_it(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.replies("mia", "1")
    await world.resolve()
    await world.reopen("It is back.")
    world.phone("mia").forget()
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 1}
    await world.replies("mia", "1")
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 1}


async def test_told_twice_by_twilio_it_is_done_once_and_answered_alike(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    first = await world.replies("mia", "1")
    await world.resolve()
    await world.reopen("It is back.")
    world.phone("mia").forget()

    assert await world.replies("mia", "1", again=True) == first
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 1}, "a repeated word answers no new question"
