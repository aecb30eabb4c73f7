"""What is not understood waits for a person; nobody talks with a machine for ever, nor with a stranger."""

from alertd.domain.family import FamilyId
from alertd.ports.inbound import Heard
from alertd.usecases.put_families import delete_family
from alertd.usecases.take_reply import take_reply
from tests import make
from tests.make import caregiver
from tests.scenario.on_call import OnCallWorld
from tests.scenario.replying import Town, duty, opted_out

__all__ = ["duty"]


async def test_their_own_words_go_to_the_inbox_and_responders_hear_how_many(duty: OnCallWorld):
    """The first is receipted; the owner is nudged once in ten minutes, without a word of it."""
    said = await duty.replies("mia", "My sensor shows LOW since noon. What now?")
    assert said is not None
    assert said.startswith("We got your message. A person reads it")
    nudge = duty.on_call("owner").expect_nudge("1 reply from a family waits to be read: alertd inbox list")
    assert "sensor" not in nudge.text
    duty.clock.advance(minutes=5)
    assert await duty.replies("mia", "Hello?") is None, "one receipt in a quarter of an hour"
    assert await duty.replies("mia", "Anybody there") is None
    await duty.fast_forward(minutes=4)
    duty.on_call("owner").expect_nothing()
    await duty.fast_forward(minutes=2)
    duty.on_call("owner").expect_nudge("2 replies from families wait to be read")

    async with duty.deps.store.reading() as rows:
        letters = await rows.inbox(10, waiting=True)
    assert [letter.text for letter in letters] == [
        "Anybody there",
        "Hello?",
        "My sensor shows LOW since noon. What now?",
    ]
    assert "sensor" not in str(duty.log.lines)
    assert make.own("mia", "sms").to not in str(duty.log.lines)


async def test_two_machines_do_not_talk_for_ever(duty: OnCallWorld):
    """Something on the phone answers each answer; every word is understood, and five are answered."""
    answered = [await duty.replies("mia", "status") for _ in range(12)]
    assert sum(said is not None for said in answered) == 5
    assert await duty.replies("mia", "STOP") is not None, "that is always confirmed"
    assert await opted_out(duty)
    duty.clock.advance(minutes=20)
    assert await duty.replies("mia", "START") is not None


async def test_an_unknown_number_is_answered_nothing_and_changes_nothing(duty: OnCallWorld):
    said = await take_reply(duty.deps, "sms", Heard("SM" + "f" * 32, "+14155550199", "STOP"))
    assert (said.text, said.event) == (None, "reply_unknown")
    assert duty.sql("SELECT count(*) FROM reply") == [(0,)]


async def test_a_number_whose_family_is_gone_is_answered_nothing(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.replies("mia", "What now?")
    await world.replies("mia", "STOP")
    async with world.deps.store.transaction() as rows:
        assert await rows.delete_family(FamilyId("fam-1"))
    assert await world.replies("mia", "START") is None
    assert not await opted_out(world)


async def test_the_words_of_who_wants_no_more_are_forgotten_with_the_family(duty: OnCallWorld):
    """That they opted out is kept, and nothing else that came from there."""
    await duty.replies("mia", "Our son Tom was at 40 all night")
    await duty.replies("mia", "STOP")
    await delete_family(duty.deps, FamilyId("fam-1"), who="test")
    assert await opted_out(duty)
    assert duty.sql("SELECT count(*) FROM reply WHERE text IS NOT NULL OR said IS NOT NULL") == [(0,)]
    assert duty.sql("SELECT count(*) FROM reply") == [(2,)], "told us again, they are the same"
    duty.on_call("owner").expect_nudge("1 reply from a family waits to be read")


async def test_words_that_wait_from_where_nobody_is_told_go_with_inbox_done(duty: OnCallWorld):
    """An import takes the number away: what was written there, and read by nobody yet, waits as any."""
    await duty.replies("mia", "Our son Tom was at 40 all night")
    await duty.replies("mia", "STOP")
    await duty.family("fam-1", caregiver("mia", "email"))
    async with duty.deps.store.transaction() as rows:
        [letter] = await rows.inbox(10, waiting=True)
        assert await rows.close_letter(letter.id, "test", duty.clock.now())
    duty.on_call("owner").expect_nudge("1 reply from a family waits to be read")
    assert await opted_out(duty)
    assert duty.sql("SELECT count(*) FROM reply WHERE text IS NOT NULL OR said IS NOT NULL") == [(0,)]
