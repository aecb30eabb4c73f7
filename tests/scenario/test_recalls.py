"""What was said wrongly is stopped and taken back, and nobody is left silent by it (R2, R6)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from alertd.domain.errors import Conflict
from alertd.domain.incident import Kind, Reach, Severity
from alertd.domain.policy import Policy
from alertd.ports import Later
from alertd.usecases.fan_out import fan_out
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.recall import recall
from tests import make
from tests.make import caregiver
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]
WRONG = "All readings are right again."
EVENING = datetime(2026, 11, 4, 21, 45, tzinfo=PACIFIC)
NIGHT = datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC)
BY_SMS = make.preferences(default=("sms",))


def both_ladders() -> Policy:
    """A policy with a ladder for what is critical and one for what is major."""
    made = make.climbing()
    ladders = {severity: make.ladder() for severity in (Severity.CRITICAL, Severity.MAJOR)}
    return replace(made, escalation=replace(made.escalation, families=ladders))


async def raise_that_nobody_gets(world: World) -> None:
    """It is said that all of it fails, which is wrong, and taken back before any provider has taken it."""
    for channel in ("push", "sms"):
        world.channels[channel].fail_always("*", lambda: Later("20503"))
    await world.update("All of it.", severity="critical")
    await recall(world.deps, 1, who="test")
    for channel in ("push", "sms"):
        world.channels[channel].mend()
    await world.settle()


async def half_told(world: World) -> None:
    """Mia has the wrong update; Lea's provider has been down since before it."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("lea", "sms"))
    await world.outage("follow", message="Readings stopped.", do=("check_by_hand",))
    for name in ("mia", "lea"):
        world.phone(name).forget()
    await world.fast_forward(minutes=5)
    world.channels["sms"].fail_always(make.own("lea", "sms").to, lambda: Later("20503"))
    await world.update(WRONG, state="monitoring", do=())
    world.phone("mia").expect_sms("Update 2", WRONG)
    world.phone("lea").expect_nothing()


async def test_what_has_not_left_never_leaves_and_who_has_it_is_put_right(world: World):
    await half_told(world)

    done = await recall(world.deps, 1, who="test")
    assert (done.update, done.families, done.messages, done.stopped) == (2, 1, {"sms": 1}, {"sms": 1})
    world.channels["sms"].mend()
    await world.settle()
    for name in ("mia", "lea"):
        world.phone(name).expect_nothing()  # nobody is told that something was taken back

    await world.fast_forward(minutes=5)
    await world.update("Readings are still missing.", corrects=2)
    world.phone("mia").expect_sms("Update 3 corrects update 2", "still missing", "Check glucose directly")
    world.phone("lea").expect_nothing()  # she knows nothing wrong, and hears in her turn

    await world.fast_forward(minutes=20)
    told = world.phone("lea").expect_sms("Update 3", "still missing", "Check glucose directly")
    assert "correct" not in told.text


async def test_nobody_is_left_silent_where_no_correction_follows(world: World):
    """R2: each hears by the time that was said, from the facts of before, with none of the wrong words."""
    await half_told(world)
    await recall(world.deps, 1, who="test")
    world.channels["sms"].mend()

    await world.fast_forward(minutes=25)  # 12:30 is what lea was told
    told = world.phone("lea").expect_sms("Follow is still down", "No news", "Check glucose directly")
    assert WRONG not in told.text
    assert "correct" not in told.text.lower()
    await world.fast_forward(minutes=35)  # in monitoring mia was promised 13:05
    told = world.phone("mia").expect_sms("Correction:", "Follow is still down", "Check glucose directly")
    assert WRONG not in told.text
    world.phone("lea").expect_sms("No news")
    await world.resolve()
    for name in ("mia", "lea"):
        world.phone(name).expect_sms("works again")


async def test_a_late_joiner_hears_what_was_true_before(world: World):
    await half_told(world)
    await recall(world.deps, 1, who="test")
    await world.family("fam-3", caregiver("ben", "sms"))
    await world.settle()
    told = world.phone("ben").expect_sms("Readings stopped.", "Check glucose directly")
    assert WRONG not in told.text
    world.channels["sms"].mend()


async def test_a_wrong_opening_stops_and_families_that_heard_nothing_get_their_first_notice_in_time(world: World):
    """After the first slice the opening is recalled; the rest hears by `first_notice`."""
    for number in range(120):
        await world.family(f"fam-{number:03}", caregiver(f"p{number}", "push"))
    wrong = Opening(
        (Reach("follow"),), Severity.CRITICAL, "Follow is down", message={"en": "Throw your sensor away."}
    )
    await open_incident(world.deps, wrong, who="test")
    step = await fan_out(world.deps, "urgent", send=True)  # the first slice, and no more
    assert step.lease is not None
    await world.sender.hand_over(step.batch, step.lease)
    done = await recall(world.deps, 1, who="test")
    assert (done.update, done.families, done.first) == (1, 100, True)
    await world.settle()
    assert sum(bool(phone.unread) for phone in world.phones.values()) == 100

    await world.fast_forward(minutes=10)  # first_notice
    late = [phone for phone in world.phones.values() if "Throw" not in phone.unread[0][1].text]
    assert len(late) == 20
    for phone in late:
        phone.expect_push("Follow is down", "Check glucose directly")
        phone.expect_nothing()
    await world.update("Keep your sensor.", corrects=1)
    for phone in world.phones.values():
        if phone in late:
            phone.expect_nothing()
        else:
            phone.expect_push("Throw your sensor away.")
            phone.expect_push("Update 2 corrects update 1", "Keep your sensor.")


async def test_a_wrong_raise_and_a_wrong_scope_are_put_back(world: World):
    """Who was told of it only by the wrong scope is not affected after all; nobody else hears of it."""
    await world.family("fam-1", caregiver("mia", "sms", preferences=make.preferences(major=("sms",))))
    await world.family("fam-2", caregiver("lea", "sms"), services=("share",))
    await world.outage("follow", severity="major")
    world.phone("mia").forget()
    await world.update("All of it.", severity="critical", add_scope=(Reach("share"),))
    world.phone("mia").expect_sms("All of it.")
    world.phone("lea").expect_sms("All of it.")

    await recall(world.deps, 1, who="test")
    await world.settle()
    world.phone("lea").expect_sms("No longer affected")
    world.phone("mia").expect_nothing()
    assert world.sql("SELECT severity, scope FROM incident") == [
        ("major", '{"reaches":[{"service":"follow","regions":[]}]}')
    ]


async def test_whoever_slept_through_the_wrong_words_never_reads_them(town: Town):
    world = town(policy=make.policy(silence=make.silence(quiet=dict.fromkeys(Severity))))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.until_local("2026-11-04 20:00")
    await world.outage("follow", severity="critical", message="Readings stopped.")
    world.phone("mia").forget()
    await world.until_local("2026-11-05 01:00")
    world.phone("mia").forget()
    await world.update(WRONG, state="monitoring")
    await recall(world.deps, 1, who="test")
    await world.until_local("2026-11-05 06:40")
    assert WRONG not in world.phone("mia").expect_sms("Follow is still down").text


async def test_what_cannot_be_recalled(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.update("Adding servers.")
    for update, why in ((1, "newest update is 2, not 1"), (7, "not 7")):
        with pytest.raises(Conflict, match=why):
            await recall(world.deps, 1, who="test", update=update)
    await recall(world.deps, 1, who="test", update=2)
    with pytest.raises(Conflict, match=r"update 2 is recalled already.*--corrects 2"):
        await recall(world.deps, 1, who="test")
    await world.resolve()
    with pytest.raises(Conflict, match="is resolved: nothing of its updates leaves any more but the end"):
        await recall(world.deps, 1, who="test")
    await world.reopen()
    with pytest.raises(Conflict, match="it came back"):
        await recall(world.deps, 1, who="test")
    world.phone("mia").forget()
    assert [row[0] for row in world.sql("SELECT what FROM act ORDER BY at, id")].count("recall") == 1
    assert world.sql("SELECT kind FROM incident_update WHERE kind = 'recall'") == [(Kind.RECALL,)]


async def test_a_dry_run_says_how_far_it_has_come_and_stops_nothing(world: World):
    await half_told(world)
    before = world.sql("SELECT version FROM incident")
    done = await recall(world.deps, 1, who="test", dry_run=True)
    assert (done.families, done.stopped, done.dry_run) == (1, {"sms": 1}, True)
    assert world.sql("SELECT version FROM incident") == before
    world.channels["sms"].mend()
    await world.fast_forward(minutes=1)
    world.phone("lea").expect_sms(WRONG)


async def test_a_recalled_correction_does_not_let_the_wrong_words_leave(world: World):
    """R6: wrong words that have not left never leave; that their correction had a mistake too changes nothing."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("lea", "sms"))
    await world.outage("follow", message="Readings stopped.")
    for name in ("mia", "lea"):
        world.phone(name).forget()
    world.channels["sms"].fail_always(make.own("lea", "sms").to, lambda: Later("20503"))
    await world.update(WRONG)
    await world.update("Some readings are right again.", corrects=2)
    for wrong in (WRONG, "Some readings"):
        world.phone("mia").expect_sms(wrong)
    await recall(world.deps, 1, who="test")
    world.channels["sms"].mend()
    await world.family("fam-3", caregiver("ben", "sms"))
    await world.settle()
    assert "right again" not in world.phone("ben").expect_sms("Readings stopped.").text
    world.phone("lea").expect_nothing()
    await world.fast_forward(minutes=31)
    assert "right again" not in world.phone("lea").expect_sms("Follow is still down", "No news").text
    world.phone("mia").expect_sms("Correction:", "Follow is still down")
    world.phone("ben").forget()


async def test_the_correction_of_an_opening_is_taken_back_with_the_words_of_both(world: World):
    """A wrong correction had widened the scope: it is as narrow as before, and nothing of what was said stands."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("lea", "sms"), services=("share",))
    await world.outage("follow", message="Throw your sensor away.")
    world.channels["sms"].fail_always(make.own("lea", "sms").to, lambda: Later("20503"))
    await world.update("Keep your reader.", corrects=1, add_scope=(Reach("share"),))
    world.phone("mia").forget()
    done = await recall(world.deps, 1, who="test")
    assert (done.update, done.first) == (2, True)
    world.channels["sms"].mend()
    await world.settle()
    world.phone("lea").expect_nothing()
    await world.family("fam-3", caregiver("ben", "sms"))
    await world.fast_forward(minutes=11)
    told = world.phone("ben").expect_sms("Follow is down", "Check glucose directly")
    assert "Throw" not in told.text
    await world.fast_forward(minutes=20)
    world.phone("mia").expect_sms("Correction:", "Follow is down", "Check glucose directly")
    for name in ("lea", "ben"):
        world.phone(name).forget()


async def test_the_correction_of_a_reopening_is_put_right_and_not_recalled(world: World):
    """What stood before that was the end; nobody may be told again that it works."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.resolve()
    await world.reopen("It came back.")
    await world.update("It came back at noon.", corrects=3)
    with pytest.raises(Conflict, match=r"corrects what was said when it came back.*--corrects 4"):
        await recall(world.deps, 1, who="test")
    world.phone("mia").forget()


async def test_a_recalled_raise_does_not_end_the_ladder_that_climbs(town: Town):
    """Nobody got it: whoever was asked before is still asked, and their link still has its button."""
    world = town(policy=both_ladders())
    mia = caregiver("mia", "sms", preferences=BY_SMS)
    nan = caregiver("nan", "sms", role="grandparent", order=3, preferences=BY_SMS)
    await world.family("fam-1", mia, nan)
    await world.outage("follow", severity="major")
    asked = world.phone("mia").expect_sms("Tell us you know")
    await world.fast_forward(minutes=5)
    await raise_that_nobody_gets(world)
    world.phone("mia").expect_nothing()
    page = await world.looks_at(asked)
    assert "have got worse" not in page
    assert "<form" in page
    await world.fast_forward(minutes=16)
    world.phone("nan").expect_sms("Follow")
    world.phone("mia").expect_sms("No answer yet. Tell us you know:")


async def test_an_old_link_does_not_say_that_it_has_got_worse_where_that_was_taken_back(town: Town):
    """Also where what it asked for is long over."""
    world = town(policy=make.climbing())
    await world.family("fam-1", caregiver("mia", "sms", preferences=BY_SMS))
    await world.outage("follow")
    asked = world.phone("mia").expect_sms("Tell us you know")
    await world.update(severity="major")
    await world.fast_forward(minutes=40)
    world.phone("mia").forget()
    await raise_that_nobody_gets(world)
    world.phone("mia").forget()
    assert "have got worse" not in await world.looks_at(asked)


async def test_the_answer_to_a_raise_that_was_taken_back_is_an_answer(town: Town):
    """Mia got it, and says with its link that she knows: nobody is asked in her place."""
    world = town(policy=both_ladders())
    mia = caregiver("mia", "sms", preferences=BY_SMS)
    nan = caregiver("nan", "sms", role="grandparent", order=3, preferences=BY_SMS)
    await world.family("fam-1", mia, nan)
    await world.outage("follow", severity="major")
    world.phone("mia").expect_sms("Tell us you know")
    await world.fast_forward(minutes=5)
    await world.update("All of it.", severity="critical")
    asked = world.phone("mia").expect_sms("All of it.", "Tell us you know")
    await recall(world.deps, 1, who="test")
    await world.settle()
    assert "<form" in await world.looks_at(asked)
    assert "Thank" in await world.answers(asked)
    await world.fast_forward(minutes=30)
    world.phone("nan").expect_nothing()
    world.phone("mia").forget()


async def test_a_true_raise_after_a_recalled_one_asks_anew(town: Town):
    """It is no flap: it never was critical. Answers to the wrong one are none to this one."""
    world = town(policy=both_ladders())
    await world.family("fam-1", caregiver("mia", "sms", preferences=BY_SMS))
    await world.family("fam-2", caregiver("lea", "sms", preferences=BY_SMS))
    await world.outage("follow", severity="major")
    world.phone("mia").expect_sms("Tell us you know")
    await world.answers(world.phone("lea").expect_sms("Tell us you know"))
    world.channels["sms"].fail_always(make.own("lea", "sms").to, lambda: Later("20503"))
    await world.update("All of it.", severity="critical")
    wrong = world.phone("mia").expect_sms("All of it.")
    await world.answers(wrong)
    await recall(world.deps, 1, who="test")
    world.channels["sms"].mend()
    await world.fast_forward(minutes=10)
    for name in ("mia", "lea"):
        world.phone(name).expect_nothing()
    await world.update("Now all of it.", severity="critical")
    for name in ("mia", "lea"):
        world.phone(name).expect_sms("Now all of it.", "Tell us you know")
    assert "have got worse" in await world.looks_at(wrong)
    await world.fast_forward(minutes=11)
    for name in ("mia", "lea"):
        world.phone(name).expect_sms("No answer yet. Tell us you know:")
    assert world.sql("SELECT epoch FROM incident") == [(3,)]


async def test_who_slept_through_a_wrong_raise_does_not_read_that_it_was_as_bad(town: Town):
    """Dad had the wrong word, and its end is as loud to the family; Mom reads what was true."""
    world = town()
    mom = caregiver("mom", "push", "sms", order=2, on_duty="mon-sun 14:00-18:00")
    await world.family("fam-1", caregiver("dad", "push", "sms"), mom)
    await world.outage("follow", severity="major")
    await world.update("All of it.", severity="critical")
    await recall(world.deps, 1, who="test")
    await world.settle()
    await world.fast_forward(minutes=10)
    await world.resolve()
    world.phone("mom").expect_nothing()
    world.phone("dad").forget()
    await world.until_local("2026-11-04 14:02")
    said = world.phone("mom").expect_push("Follow had problems")
    assert "did not reach you" not in said.text
    world.phone("mom").forget()
    world.phone("dad").forget()


async def test_who_was_promised_to_be_woken_when_it_is_fixed_is_woken(town: Town):
    """A wrong raise that never left changes nothing of that."""
    world = town(NIGHT)
    await world.family("fam-1", caregiver("mia", "push", "sms"))
    await world.outage("follow")
    assert "or is fixed" in world.phone("mia").expect_sms().text
    world.phone("mia").forget()
    await world.fast_forward(minutes=20)
    await world.update("Readings come late.", severity="major")
    world.phone("mia").expect_push(loud=False)
    await world.fast_forward(minutes=40)
    world.phone("mia").forget()
    await raise_that_nobody_gets(world)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=5)
    await world.resolve("It works again.")
    world.phone("mia").expect_push("works again", loud=True)
    world.phone("mia").forget()


async def test_whom_a_wrong_raise_has_woken_is_woken_by_the_end_as_it_had_said(town: Town):
    """Lea never got it: she hears in the morning that it is over."""
    world = town(EVENING)
    for name in ("mia", "lea"):
        await world.family(f"fam-{name}", caregiver(name, "push"))
    await world.outage("follow", severity="major")
    await world.fast_forward(hours=3)
    for name in ("mia", "lea"):
        world.phone(name).forget()
    world.channels["push"].fail_always(make.own("lea", "push").to, lambda: Later("503"))
    await world.update("All of it.", severity="critical")
    assert "or is fixed" in world.phone("mia").expect_push("All of it.", loud=True).text
    await recall(world.deps, 1, who="test")
    world.channels["push"].mend()
    await world.settle()
    await world.fast_forward(minutes=30)
    for name in ("mia", "lea"):
        world.phone(name).forget()
    await world.resolve()
    world.phone("mia").expect_push("works again", loud=True)
    world.phone("lea").expect_nothing()
    await world.until_local("2026-11-05 06:31")
    world.phone("lea").expect_push("works again")
    world.phone("mia").expect_nothing()


async def test_a_recalled_raise_does_not_make_the_end_louder(world: World):
    await world.family("fam-1", caregiver("mia", "push", "sms"))
    await world.outage("follow", severity="major")
    world.phone("mia").expect_push()
    world.phone("mia").expect_nothing()
    await raise_that_nobody_gets(world)
    world.phone("mia").expect_nothing()
    await world.resolve()
    world.phone("mia").expect_push("works again")
    world.phone("mia").expect_nothing()
