"""Families write back: what they say is understood, done once, and answered; it moves no clock (R4, R9, R17)."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alertd.domain.family import FamilyId
from alertd.domain.incident import Reach, Severity
from alertd.domain.policy import Holdings
from alertd.domain.reply import Meaning
from alertd.domain.watch import LadderState
from alertd.ports import Later
from alertd.ports.inbound import Heard
from alertd.usecases.deliver import Sender
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.put_families import put_families
from alertd.usecases.take_reply import Said, take_reply
from tests import make
from tests.make import caregiver, climbing
from tests.scenario.on_call import TO, OnCallWorld, policy
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]
NAN = caregiver("nan", "sms", role="grandparent", order=3)
NURSE = caregiver("nurse", "sms", role="nurse", order=3)
SMS_ONLY = make.preferences(critical=("sms",))


async def opted_out(world: World, name: str = "mia") -> bool:
    [(at,)] = world.sql("SELECT opted_out_at FROM address WHERE dest = ?", make.own(name, "sms").to)
    return at is not None


# --- "I know" -----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["1", " ok. ", "Got it!", "👍", "Sí"])
async def test_a_parent_says_that_they_know_and_nobody_is_asked_again(town: Town, word: str):
    """R9: the ladder ends and nothing else; the next update comes to all who hear everything."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"), NAN)
    await world.outage("follow")
    world.phone("mia").expect_sms("Please confirm")

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
    world.phone("mia").expect_sms("Please reply 1 or open: https://alerts.example.org/a/")
    world.phone("dad").expect_sms("Conteste 1 o abra: https://alerts.example.org/a/")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_sms("Not confirmed yet. Reply 1 or open: https://")
    world.phone("dad").expect_sms("Sin confirmar. Conteste 1 o abra: https://")


async def test_the_answer_of_another_role_is_kept_and_said_honestly(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"), NAN)
    await world.outage("follow")
    world.phone("mia").expect_sms("Please confirm")
    await world.fast_forward(minutes=20)
    world.phone("mia").forget()
    world.phone("nan").expect_sms("Please confirm")

    said = await world.replies("nan", "OK")
    assert said == "Thank you, noted. We go on asking the others of your family until one of them confirms."
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 1}
    assert await world.replies("mia", "1") == await world.replies("nan", "1")
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 1}


async def test_one_answer_counts_for_every_family_that_has_the_number(town: Town):
    """A nurse looks after three children, and her word is enough: she is asked once, and answers once."""
    world = town(policy=climbing(by=("nurse",), always=("nurse",)))
    for number in (1, 2, 3):
        await world.family(f"fam-{number}", NURSE)
    await world.outage("follow")
    world.phone("nurse").expect_sms("Please confirm")

    assert "Thank you. We ask nobody" in (await world.replies("nurse", "ok") or "")
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 3}
    await world.fast_forward(minutes=25)
    world.phone("nurse").expect_nothing()


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


# --- how things stand -----------------------------------------------------------------------------


async def test_who_asks_hears_how_things_stand_and_no_clock_moves(town: Town):
    world = town()
    mia = caregiver("mia", "sms", preferences=SMS_ONLY)
    await world.family("fam-1", mia)
    works = (
        "As far as we know, Follow and Share work. If you see something else, write it here: a person reads it."
    )
    assert await world.replies("mia", "status") == works

    await world.outage("follow", message="A server is down.")
    world.phone("mia").expect_sms("Follow is down", "12:30")
    await world.fast_forward(minutes=10)
    before = world.sql("SELECT next_by, heard_at, look_at FROM watch")
    said = await world.replies("mia", "Status?") or ""
    assert said.startswith("Follow is down (since 12:00 PM)")
    for part in ("A server is down.", "12:30 PM"):
        assert part in said
    assert world.sql("SELECT next_by, heard_at, look_at FROM watch") == before
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    assert await world.replies("mia", "STATUS") == works


async def test_in_the_evening_who_asks_is_promised_the_morning(town: Town):
    """The family's next time is in her quiet hours; what the first message said holds."""
    world = town(start=datetime(2026, 11, 4, 21, 45, tzinfo=PACIFIC))
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.outage("follow")
    assert "6:30 AM" in world.phone("mia").expect_sms("Follow is down").text
    assert "6:30 AM" in (await world.replies("mia", "status") or "")
    world.phone("mia").expect_nothing()


async def test_it_is_said_in_their_language(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY, locale="es"))
    assert (await world.replies("mia", "ESTADO") or "").startswith("Que sepamos, Follow y Share funcionan.")
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow no funciona")
    assert (await world.replies("mia", "Estado?") or "").startswith("Follow no funciona")
    assert "MENOS o MAS" in (await world.replies("mia", "ayuda") or "")


async def test_the_gravest_is_told_first_and_the_rest_is_named(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.outage("share", severity="minor")
    await world.outage("follow")
    world.phone("mia").forget()
    said = await world.replies("mia", "status") or ""
    assert said.startswith("Follow is down")
    assert said.endswith("There is more: Share.")


async def test_while_a_machine_suspects_nobody_is_told_that_all_is_well(tmp_path: Path):
    world = OnCallWorld(tmp_path, make.NOON, policy())
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.machine_opens()
    said = await world.replies("mia", "status") or ""
    assert said.startswith("We are checking whether Follow works as it should.")
    assert "Nobody has confirmed a problem yet." in said
    world.on_call("owner").forget()
    await world.close()


async def test_an_exercise_is_no_outage(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.outage("follow", exercise=True)
    world.phone("mia").forget()
    assert (await world.replies("mia", "status") or "").startswith("As far as we know, Follow and Share work.")


# --- stop and start -------------------------------------------------------------------------------


async def test_stop_counts_everywhere_at_once_and_the_next_channel_takes_over(town: Town):
    """Mia has chosen SMS; from STOP on it is her mailbox, in this outage and in every other."""
    world = town()
    mia = caregiver("mia", "sms", "email", preferences=SMS_ONLY)
    await world.family("fam-1", mia)
    await world.family("fam-2", mia)
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")

    said = await world.replies("mia", "Please stop")
    assert said == "No more texts to this number. We tell you by e-mail instead. Write START to get texts again."
    assert await opted_out(world)
    await world.update("The cause is found.")
    world.phone("mia").expect_email("The cause is found.")
    await world.outage("share")
    world.phone("mia").expect_email("Share is down")
    assert await world.replies("mia", "what?") is None, "nothing goes to a number that said stop"

    assert (await world.replies("mia", "yes") or "").startswith("You get texts again. ")
    assert not await opted_out(world)
    await world.update("It will take an hour.")
    world.phone("mia").expect_sms("It will take an hour.")
    world.phone("mia").forget()


async def test_what_waits_for_the_number_is_not_sent_any_more(town: Town):
    """STOP comes while the provider takes nothing: the mailbox gets it, and the number nothing when it is back."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", "email", preferences=SMS_ONLY))
    world.channels["sms"].fail_always("*", lambda: Later("429"))
    await world.outage("follow")
    world.phone("mia").expect_nothing()
    await world.replies("mia", "STOP")
    world.phone("mia").expect_email("Follow is down")
    world.channels["sms"].mend()
    await world.fast_forward(minutes=20)
    world.phone("mia").expect_nothing()


async def test_a_nurse_says_stop_once_for_all_her_families(town: Town):
    world = town(policy=climbing())
    for number in (1, 2):
        await world.family(f"fam-{number}", caregiver("mia", "email", id=f"mia-{number}"), NURSE)
    said = await world.replies("nurse", "STOP")
    assert said == "No more texts to this number. Write START to get them again."
    await world.outage("follow")
    await world.fast_forward(minutes=25)
    world.phone("nurse").expect_nothing()
    for number in (1, 2):
        world.phone(f"mia-{number}").forget()


async def test_who_has_nothing_else_is_told_what_stop_means(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms"))
    said = await world.replies("mia", "stop") or ""
    assert "Nobody of your family is told of outages any more." in said
    assert await world.replies("mia", "stop") == said, "again it is confirmed, and nothing changes"


async def test_an_import_brings_no_stopped_number_back(town: Town):
    world = town()
    family = await world.family("fam-1", caregiver("mia", "sms", "email", preferences=SMS_ONLY))
    await world.replies("mia", "STOP")
    await put_families(world.deps, [replace(family, updated_at=make.after(60))], who="nightly")
    assert await opted_out(world)


async def test_what_advanced_opt_out_has_answered_is_done_and_not_answered_again(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", "email"))
    assert await world.replies("mia", "ya basta", handled=Meaning.STOP) is None
    assert await opted_out(world)
    assert await world.replies("mia", "start", handled=Meaning.START) is None
    assert not await opted_out(world)


# --- less and more ----------------------------------------------------------------------------------


async def holdings(world: World, family: str = "fam-1", name: str = "mia") -> str | None:
    async with world.deps.store.reading() as rows:
        found = await rows.family(FamilyId(family))
    assert found is not None
    [mine] = [each for each in found.caregivers if each.id == name]
    return mine.preferences.holdings


async def test_yes_of_a_number_that_has_not_stopped_is_an_answer_whatever_twilio_takes_it_for(town: Town):
    """Found by a reviewer: it is one of Twilio's words for starting again, and the answer was lost."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Please confirm")
    assert await world.replies("mia", "Yes", handled=Meaning.START) is None, "Twilio has answered"
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 1}


async def test_a_start_does_not_promise_texts_to_a_number_that_its_provider_has_refused(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.replies("mia", "stop")
    world.sql("UPDATE address SET suspended_at = opted_out_at, suspended_code = '30006'")
    assert "had refused this number" in (await world.replies("mia", "start") or "")


async def test_a_stop_says_only_what_holds_for_everybody_who_has_the_number(town: Town):
    """Mia and Tom share a phone, and Mia alone reads e-mail."""
    world = town()
    mia = caregiver("mia", "sms", "email")
    tom = replace(caregiver("tom"), order=2, addresses=(make.own("mia", "sms"),))
    await world.family("fam-1", mia, tom)
    said = await world.replies("tom", "stop") or ""
    assert "No more texts" in said
    assert "e-mail" not in said


async def test_who_asked_not_to_be_told_is_promised_nothing_when_they_ask(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=make.preferences(major=())))
    await world.outage("follow", severity=Severity.MAJOR)
    said = await world.replies("mia", "status") or ""
    assert "Follow" in said
    assert "Next update" not in said
    assert "Do not wait for a message about it: write STATUS to ask again." in said


async def test_who_asks_with_the_day_s_holdings_used_up_is_told_when_the_next_one_comes(town: Town):
    """Tom has the app and goes on hearing; Mia has a phone alone, and hers are used up until tomorrow (R3)."""
    rules = make.policy()
    world = town(policy=replace(rules, silence=replace(rules.silence, holdings=Holdings(loud=2, sms_per_day=3))))
    mia = caregiver("mia", "sms", preferences=make.preferences(critical=("sms",), quiet_hours="none"))
    tom = caregiver("tom", "push", order=2, preferences=make.preferences(critical=("push",), quiet_hours="none"))
    await world.family("fam-1", mia, tom)
    await world.outage("follow")
    for _ in range(3):
        await world.fast_forward(minutes=30)
    last = world.phone("mia").unread[-1][1]
    assert "Next update by Thu 12:29 PM." in last.text, "a day after the first of the three"
    await world.fast_forward(minutes=45)
    said = await world.replies("mia", "status") or ""
    assert "Next update by Thu 12:29 PM." in said
    world.phone("mia").forget()
    world.phone("tom").forget()


async def test_who_asks_before_we_came_to_tell_them_is_not_sent_away(town: Town):
    """It was opened this very moment, and the message to them is on its way."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    opening = Opening(reaches=(Reach("follow"),), severity=Severity.CRITICAL, title="Follow is down")
    await open_incident(world.deps, opening, who="test")
    said = await take_reply(world.deps, "sms", Heard("SM" + "a" * 32, make.own("mia", "sms").to, "status"))
    assert (said.text or "").startswith("Follow is down")
    assert "We write as soon as there is news." in (said.text or "")
    await world.settle()
    world.phone("mia").expect_sms("Follow is down")


async def test_who_hears_only_when_a_ladder_comes_to_them_is_promised_nothing(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY), NAN)
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    said = await world.replies("nan", "status") or ""
    assert said.startswith("Follow is down")
    assert "Next update" not in said
    assert "We write as soon as" not in said
    assert "Do not wait for a message about it: write STATUS to ask again." in said
    assert "12:30" in (await world.replies("mia", "status") or "")


async def test_a_word_for_start_that_twilio_does_not_know_names_the_one_that_it_does(town: Town):
    """Our own stop is lifted; what Twilio stopped for STOP, only START lifts there (21610)."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", "email", preferences=SMS_ONLY, locale="es"))
    await world.replies("mia", "STOP")
    said = await world.replies("mia", "Empezar") or ""
    assert not await opted_out(world)
    assert said.startswith("Vuelve a recibir SMS. Si no llega ninguno,")
    assert "escriba exactamente START. Que sepamos" in said
    for word in ("START", "start.", "Yes", "UNSTOP"):
        await world.replies("mia", "STOP")
        said = await world.replies("mia", word) or ""
        assert said.startswith("Vuelve a recibir SMS. Que sepamos"), word


async def test_less_is_silent_and_more_rings_again(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", "email", preferences=SMS_ONLY))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    assert "fewer messages" in (await world.replies("mia", "LESS") or "")
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_email("No news")
    assert "As usual again" in (await world.replies("mia", "more") or "")
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_sms("No news")
    await world.update("The cause is found.")
    world.phone("mia").expect_sms("The cause is found.")


async def test_more_takes_less_back_and_only_once_more_makes_it_louder_than_before(town: Town):
    """Two loud holdings in a row, then silent ones: as before LESS. MORE once more: all of them ring."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", "email", preferences=SMS_ONLY))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    await world.replies("mia", "less")
    assert await holdings(world) == "few"
    said = await world.replies("mia", "MORE") or ""
    assert said == (
        "As usual again: while there is nothing new the first messages ring, later ones come silently where they "
        "can, and at most 12 a day by text. MORE once more: all ring."
    )
    assert await holdings(world) is None
    for channel in ("sms", "sms", "email", "email"):
        await world.fast_forward(minutes=30)
        world.phone("mia").expect(channel, "No news")
    said = await world.replies("mia", "more") or ""
    assert said.startswith("Every message rings from now on")
    assert await holdings(world) == "all"
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_sms("No news")


@pytest.mark.parametrize(
    ("own", "of_family", "word", "becomes"),
    [
        (None, None, "less", "few"),
        ("all", None, "less", "few"),
        ("few", None, "more", None),
        (None, None, "more", "all"),
        ("all", None, "more", "all"),
        ("few", "all", "more", "all"),
        (None, "few", "more", "all"),
        ("few", "few", "more", "all"),
    ],
)
async def test_less_is_few_and_more_is_one_step_up(
    town: Town, own: str | None, of_family: str | None, word: str, becomes: str | None
):
    world = town()
    mia = caregiver("mia", "sms", preferences=make.preferences(holdings=own))
    await world.family("fam-1", mia, preferences=make.preferences(holdings=of_family))
    said = await world.replies("mia", word) or ""
    assert await holdings(world) == becomes
    assert said.startswith({"few": "You get fewer", None: "As usual again", "all": "Every message rings"}[becomes])


async def test_more_lowers_nobody_who_shares_the_number(town: Town):
    """Mia has all of them, Tom asked for few: he goes one step up, she stays, and what is said holds for both."""
    world = town()
    mia = caregiver("mia", "sms", preferences=make.preferences(holdings="all"))
    tom = replace(caregiver("tom"), addresses=mia.addresses, preferences=make.preferences(holdings="few"))
    await world.family("fam-1", mia, tom)
    assert (await world.replies("tom", "more") or "").startswith("As usual again")
    assert (await holdings(world), await holdings(world, name="tom")) == ("all", None)


async def test_an_older_import_does_not_undo_what_was_chosen_here_and_a_newer_one_does(town: Town):
    """R17. What else stands in the older document counts."""
    world = town()
    mia = caregiver("mia", "sms", "email", preferences=make.preferences(critical=("sms",), holdings="all"))
    family = await world.family("fam-1", mia, updated_at=make.after(0))
    world.clock.advance(minutes=60)
    await world.replies("mia", "less")
    assert await holdings(world) == "few"

    await put_families(world.deps, [replace(family, updated_at=make.after(30), region="us-east")], who="nightly")
    assert await holdings(world) == "few"
    async with world.deps.store.reading() as rows:
        found = await rows.family(family.id)
    assert found is not None
    assert found.region == "us-east"
    await put_families(world.deps, [replace(family, updated_at=make.after(61))], who="nightly")
    assert await holdings(world) == "all"
    await put_families(world.deps, [replace(family, updated_at=make.after(62))], who="nightly")
    assert await holdings(world) == "all"


# --- their own words ----------------------------------------------------------------------------------


@pytest.fixture
async def duty(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    made = OnCallWorld(tmp_path, make.NOON, policy())
    await made.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    yield made
    await made.close()


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


@pytest.fixture
async def paged(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """An owner who is paged by SMS, and has no family here."""
    made = OnCallWorld(tmp_path, make.NOON, policy())
    await made.family("fam-1", caregiver("ana", "sms", preferences=SMS_ONLY))
    yield made
    await made.close()


NOTED = "Noted: you are on incident 1. Each later nudge and page waits ten minutes, once. The time to publish by stays."


async def writes(paged: OnCallWorld, who: str, text: str, number: int = 1, **more: Any) -> Said:
    """A responder writes back from the number at which they were paged."""
    said = await take_reply(paged.deps, "sms", Heard(f"SM{number:032x}", TO[who].to, text, **more))
    await paged.settle()
    return said


async def test_a_responder_s_1_does_what_the_link_in_the_page_does(paged: OnCallWorld):
    """R8: each later step waits once, ten minutes, and no deadline moves."""
    await paged.machine_opens()
    paged.on_call("owner").expect_page("Follow")
    said = await writes(paged, "owner", "1")
    assert said == Said(NOTED)
    assert paged.sql("SELECT who FROM act WHERE what = 'ack'") == [("owner, by reply",)]
    again = await writes(paged, "owner", "1")
    assert (again.text, again.event) == (said.text, "reply_repeated")
    await writes(paged, "owner", "On it, ok?", 2)
    await writes(paged, "owner", "OK", 3)
    assert len(paged.sql("SELECT 1 FROM act WHERE what = 'ack'")) == 1, "a page counts once"
    assert TO["owner"].to not in str(paged.log.lines)
    paged.phone("ana").forget()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1", "Nothing waits for your answer: no incident that is open has told you anything."),
        (
            "On my way",
            "Nobody reads this. Reply 1 to say that you are on it; tell families with: alertd incident update",
        ),
        ("STOP", None),
    ],
)
async def test_a_responder_s_other_words_reach_no_inbox_and_are_no_security_event(
    paged: OnCallWorld, text: str, said: str | None
):
    assert await writes(paged, "owner", text) == Said(said)
    assert [line["meaning"] for line in paged.log.named("page_answered")] == [
        {"1": "acknowledge", "STOP": "stop"}.get(text, "other")
    ]
    assert bool(paged.log.named("responder_stopped")) is (text == "STOP")
    async with paged.deps.store.reading() as rows:
        assert not await rows.inbox(10, waiting=True)
    assert not paged.sql("SELECT 1 FROM act WHERE what = 'ack'")


async def test_two_machines_do_not_talk_for_ever_on_call_either(paged: OnCallWorld):
    answered = [(await writes(paged, "owner", "Hm", number)).text for number in range(1, 9)]
    assert sum(text is not None for text in answered) == 5


async def test_a_parent_who_is_on_call_answers_both_with_one_word(duty: OnCallWorld):
    """Mia has the number at which the owner is paged."""
    assert TO["owner"].to == make.own("mia", "sms").to
    await duty.machine_opens()
    duty.on_call("owner").expect_page("Follow")
    assert (await writes(duty, "owner", "1")).text == NOTED
    assert len(duty.sql("SELECT 1 FROM act WHERE what = 'ack'")) == 1


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
