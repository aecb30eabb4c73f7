"""STOP and START count for every family that has the number, at once (R17)."""

from dataclasses import replace

from alertd.domain.reply import Meaning
from alertd.domain.watch import LadderState
from alertd.ports import Later
from alertd.usecases.put_families import put_families
from tests import make
from tests.make import caregiver, climbing
from tests.scenario.replying import NURSE, SMS_ONLY, Town, opted_out


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


async def test_baja_and_alto_are_low_and_high_and_stop_nothing(town: Town):
    """We ask for glucose to be checked by hand, and this answers it: a person reads it."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY), locale="es")
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    assert (await world.replies("mia", "Baja") or "").startswith("Recibimos su mensaje. Lo lee una persona")
    await world.replies("mia", "¡Alto!")
    assert not await opted_out(world)


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


async def test_yes_of_a_number_that_has_not_stopped_is_an_answer_whatever_twilio_takes_it_for(town: Town):
    """Found by a reviewer: it is one of Twilio's words for starting again, and the answer was lost."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Tell us you know")
    assert await world.replies("mia", "Yes", handled=Meaning.START) is None, "Twilio has answered"
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 1}


async def test_a_start_does_not_promise_texts_to_a_number_that_its_provider_has_refused(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.replies("mia", "stop")
    world.sql("UPDATE address SET suspended_at = opted_out_at, suspended_code = '30005'")
    said = await world.replies("mia", "start") or ""
    assert "had refused this number" in said
    assert "ask whoever signed you up for these alerts to have it allowed again" in said, (
        "no import brings it back"
    )


async def test_a_stop_says_only_what_holds_for_everybody_who_has_the_number(town: Town):
    """Mia and Tom share a phone, and Mia alone reads e-mail."""
    world = town()
    mia = caregiver("mia", "sms", "email")
    tom = replace(caregiver("tom"), order=2, addresses=(make.own("mia", "sms"),))
    await world.family("fam-1", mia, tom)
    said = await world.replies("tom", "stop") or ""
    assert "No more texts" in said
    assert "e-mail" not in said


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
