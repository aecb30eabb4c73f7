"""R7 and R9: nobody answers, and the next one is told; somebody answers, and nobody is asked again."""

from collections.abc import Callable

import pytest

from alertd.domain.incident import Reach
from alertd.domain.watch import LadderState
from alertd.ports import Later, Refused
from alertd.usecases.acknowledge import acknowledge
from alertd.usecases.follow_link import Expired, Forged
from tests import make
from tests.make import caregiver, climbing, own
from tests.scenario.world import World

Town = Callable[..., World]
NAN = caregiver("nan", "sms", role="grandparent", order=3)


def a_town(town: Town) -> World:
    return town(policy=climbing())


async def test_nobody_answers_and_the_next_caregiver_is_told(town: Town):
    """At 12:10 Mia is asked again, over all she has; at 12:20 her mother is told; both hear everything then."""
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "push", "sms", "email"), NAN)
    await world.outage("follow", message="We are on it.", do=("check_by_hand",))
    world.phone("mia").expect_push("Follow is down", "Open to tell us you know", loud=True)
    world.phone("mia").expect_sms("Follow is down", "Tell us you know: https://alerts.example.org/a/")

    await world.fast_forward(minutes=9)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=1)
    world.phone("mia").expect_sms("still down", "No answer yet. Tell us you know: https://", "12:30")
    world.phone("mia").expect_email("still down", "We still wait for an answer", "12:30")
    world.phone("nan").expect_nothing()

    await world.fast_forward(minutes=10)
    # She is told why it is her who is woken.
    world.phone("nan").expect_sms("Follow is down", "We are on it.", "No answer yet. Tell us you know:")
    world.phone("mia").expect_nothing()

    await world.fast_forward(minutes=10)
    for name in ("mia", "nan"):
        world.phone(name).expect_sms("No news", "12:59")
    world.phone("mia").expect_push("No news")
    reached = await world.reach()
    assert [each.family for each in reached.unanswered] == ["fam-1"]
    assert reached.ladders == {LadderState.UNANSWERED: 1}

    await world.update("The cause is found.", state="identified")
    world.phone("mia").expect_push("The cause is found.")
    for name in ("mia", "nan"):
        assert "/a/" not in world.phone(name).expect_sms("The cause is found.").text
    await world.resolve()
    world.phone("mia").expect_push("works again")
    for name in ("mia", "nan"):
        world.phone(name).expect_sms("works again")
    await world.fast_forward(hours=12)


async def test_an_answer_ends_the_ladder_and_nothing_else(town: Town):
    """R9: other caregivers, later updates, all clocks and the all-clear go on."""
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "sms"), caregiver("dad", "sms", order=2), NAN)
    await world.outage("follow")
    asked = world.phone("mia").expect_sms("Tell us you know")
    world.phone("dad").expect_sms("Tell us you know")

    await world.fast_forward(minutes=4)
    page = await world.looks_at(asked)
    assert "Follow is down" in page
    assert "<form" in page
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 1}, "a mail scanner looks, and changes nothing"
    page = await world.answers(asked)
    assert "Thank you" in page
    assert "<form" not in page
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 1}

    await world.fast_forward(minutes=20)
    for name in ("mia", "dad", "nan"):
        world.phone(name).expect_nothing()
    await world.fast_forward(minutes=6)
    for name in ("mia", "dad"):
        assert "https://" not in world.phone(name).expect_sms("No news").text
    await world.resolve()
    for name in ("mia", "dad"):
        world.phone(name).expect_sms("works again")


async def test_an_answer_of_another_role_is_shown_and_ends_nothing(town: Town):
    """The nurse knows; a parent is asked on, and reads of it when she answers."""
    world = town(policy=climbing((0, ("always", "nurse")), (10, "always", "sms")))
    nurse = caregiver("nurse", "sms", role="nurse", order=3)
    await world.family("fam-1", caregiver("mia", "sms"), nurse)
    await world.outage("follow")
    page = await world.answers(world.phone("nurse").expect_sms("Tell us you know"))
    assert "The answer we wait for from your family is still missing: please call the others." in page
    asked = world.phone("mia").expect_sms("Tell us you know")
    assert "Nurse" not in await world.looks_at(asked), "no names before the button"

    await world.fast_forward(minutes=10)
    again = world.phone("mia").expect_sms("No answer yet. Tell us you know:")
    page = await world.answers(again)
    assert "Also confirmed by: Nurse" in page
    await world.fast_forward(minutes=18)
    world.phone("mia").forget()
    world.phone("nurse").forget()


async def test_the_page_speaks_the_language_of_whoever_was_sent_the_link(town: Town):
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "sms", locale="es", time_zone="Europe/Madrid"))
    await world.outage("follow", message={"en": "We are on it.", "es": "Estamos en ello."})
    asked = world.phone("mia").expect_sms("Diga que lo sabe")
    page = await world.looks_at(asked)
    assert 'lang="es"' in page
    assert "Ya lo sé" in page
    assert "Estamos en ello." in page
    assert "21:30" in page
    assert "Gracias" in await world.answers(asked)


async def test_a_raise_asks_again(town: Town):
    """A new epoch: the answer to the old one is no answer to it."""
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "sms", preferences=make.preferences(default=("sms",))))
    await world.outage("follow", severity="major")
    assert "https://" not in world.phone("mia").expect_sms().text, "this policy has no ladder for what is major"
    await world.update(severity="critical")
    first = world.phone("mia").expect_sms("It has got worse", "Tell us you know")
    await world.answers(first)
    await world.update(severity="major")
    world.phone("mia").expect_sms("got better")
    await world.fast_forward(minutes=40)
    await world.update(severity="critical")
    second = world.phone("mia").expect_sms("It has got worse", "Tell us you know")
    page = await world.looks_at(first)
    assert "older message" in page
    assert "<form" not in page
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_sms("No answer yet. Tell us you know:")
    await world.answers(second)
    await world.fast_forward(minutes=15)
    world.phone("mia").expect_nothing()


async def test_where_every_address_has_failed_the_next_step_is_due_at_once(town: Town):
    world = a_town(town)
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Refused("30005"))
    await world.family("fam-1", caregiver("mia", "sms"), NAN)
    await world.outage("follow")
    world.phone("nan").expect_sms("Follow is down", "Tell us you know")
    assert (await world.reach()).heard == 1
    await world.fast_forward(minutes=5)


async def test_an_answer_takes_back_what_still_waits(town: Town):
    """The provider is busy when Mia is to be asked again, and she answers meanwhile."""
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "push", "sms"), NAN)
    await world.outage("follow")
    asked = world.phone("mia").expect_push()
    world.phone("mia").forget()
    world.channels["sms"].fail_always("*", lambda: Later("20429"))
    await world.fast_forward(minutes=11)
    await world.answers(asked)
    world.channels["sms"].mend()
    await world.fast_forward(minutes=12)
    world.phone("mia").expect_nothing()
    world.phone("nan").expect_nothing()


async def test_who_got_nothing_loud_is_unreachable_and_told_on(town: Town):
    """Two lists, never confused; both families go on being told over whatever works."""
    world = town(policy=climbing((0, "always"), (10, "always")))
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Refused("30005"))
    await world.family("fam-1", caregiver("mia", "sms", "email"))
    await world.family("fam-2", caregiver("bo", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_email("Follow is down")
    world.phone("bo").expect_sms("Follow is down")
    await world.fast_forward(minutes=10)
    world.phone("bo").expect_sms("No answer yet. Tell us you know:")
    world.phone("mia").expect_email("We still wait for an answer")
    await world.fast_forward(minutes=15)
    reached = await world.reach()
    assert [each.family for each in reached.unreachable] == ["fam-1"]
    assert [each.family for each in reached.unanswered] == ["fam-2"]
    await world.fast_forward(minutes=5)
    world.phone("mia").expect_email("No news")
    world.phone("bo").expect_sms("No news")


async def test_forged_replayed_and_expired_links_change_nothing(town: Town):
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    asked = world.phone("mia").expect_sms()
    assert asked.link is not None
    token = asked.link.rpartition("/")[2]
    for forged in (token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B"), "x" * 32, "", "../a"):
        with pytest.raises(Forged):
            await acknowledge(world.deps, forged)
    assert len(world.log.named("link_forged")) == 5
    assert world.sql("SELECT count(*) FROM answer") == [(0,)]

    await world.answers(asked)
    first = world.sql("SELECT * FROM answer")
    await world.fast_forward(minutes=3)
    assert "Thank you" in await world.answers(asked)
    assert world.sql("SELECT * FROM answer") == first

    await world.resolve()
    world.phone("mia").expect_sms("works again")
    assert "nothing to confirm" in await world.answers(asked)
    await world.fast_forward(days=8)
    with pytest.raises(Expired):
        await acknowledge(world.deps, token)


async def test_a_nurse_of_two_families_answers_for_both(town: Town):
    """One address, one message, one answer."""
    world = town(policy=climbing((0, "always"), (10, "nurse"), (20, "always"), by=("nurse",)))
    nurse = caregiver("nurse", "sms", role="nurse", order=3)
    await world.family("fam-1", caregiver("mia", "push"), nurse)
    await world.family("fam-2", caregiver("bo", "push"), nurse)
    await world.outage("follow")
    world.phone("mia").expect_push()
    world.phone("bo").expect_push()
    await world.fast_forward(minutes=10)
    asked = world.phone("nurse").expect_sms("Tell us you know")
    await world.answers(asked)
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 2}
    await world.fast_forward(minutes=15)


async def test_a_provider_that_is_down_does_not_keep_the_next_caregiver_from_being_told(town: Town):
    """What was tried and superseded was a try: the time until the next one is told goes on."""
    world = a_town(town)
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Later("20429"))
    await world.family("fam-1", caregiver("mia", "sms"), caregiver("nan", "push", role="grandparent", order=3))
    await world.outage("follow")
    await world.fast_forward(minutes=19)
    world.phone("nan").expect_nothing()
    await world.fast_forward(minutes=1)
    world.phone("nan").expect_push("Follow is down")
    await world.fast_forward(minutes=5)


async def test_a_provider_that_comes_back_brings_one_message_not_two(town: Town):
    """What waits stands for the step that fell due meanwhile; ten minutes after it has arrived she is asked again."""
    world = a_town(town)
    world.channels["sms"].fail_always("*", lambda: Later("20429"))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.fast_forward(minutes=12)
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("Follow is down")
    await world.fast_forward(minutes=8)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("still down", "Tell us you know")
    await world.fast_forward(minutes=1)
    world.phone("mia").expect_nothing()


async def test_whoever_is_touched_anew_is_asked_anew(town: Town):
    """What was answered before "not affected after all" is no answer to what fails now."""
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "sms"), region="eu-west")
    await world.family("fam-2", caregiver("bo", "push"))
    await world.outage("follow", regions=("us", "eu"))
    world.phone("bo").forget()
    asked = world.phone("mia").expect_sms("Tell us you know")
    await world.answers(asked)
    gone = (Reach("follow", ("eu",)),)
    await world.update(remove_scope=gone)
    world.phone("mia").expect_sms("No longer affected")
    page = await world.looks_at(asked)
    assert "No longer affected" in page
    assert "<form" not in page
    await world.fast_forward(minutes=20)
    await world.update(add_scope=gone)
    again = world.phone("mia").expect_sms("Follow is down", "Tell us you know")
    assert "<form" in await world.looks_at(again)
    await world.answers(again)
    await world.fast_forward(minutes=25)
    assert (await world.reach()).ladders[LadderState.ANSWERED] == 1
    world.phone("mia").expect_nothing()
    world.phone("bo").forget()


async def test_whom_there_is_no_way_to_tell_is_listed(town: Town):
    world = a_town(town)
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Refused("30005"))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    assert [each.family for each in (await world.reach()).untellable] == ["fam-1"]


async def test_a_flap_asks_nobody_anew(town: Town):
    """R15: a second raise within 30 minutes of a fall keeps the old epoch, and the answers to it."""
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "sms", preferences=make.preferences(default=("sms",))))
    await world.outage("follow")
    await world.answers(world.phone("mia").expect_sms("Tell us you know"))
    await world.update(severity="major")
    world.phone("mia").expect_sms("got better")
    await world.fast_forward(minutes=20)
    await world.update(severity="critical")
    assert "https://" not in world.phone("mia").expect_sms("got worse").text
    await world.fast_forward(minutes=25)
    world.phone("mia").expect_nothing()


async def test_a_family_of_one_is_waited_for_as_long_as_all_others(town: Town):
    """The last step has nobody to tell; that is no reason to wait less for an answer."""
    world = a_town(town)
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms()
    await world.fast_forward(minutes=21)
    world.phone("mia").expect_sms("No answer yet. Tell us you know:")
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 1}
    await world.fast_forward(minutes=10)
    world.phone("mia").forget()
    assert (await world.reach()).ladders == {LadderState.UNANSWERED: 1}


async def test_who_joins_by_a_number_that_others_share_is_waited_for_from_then_on(town: Town):
    """Mia's number was told for another family 25 minutes ago; nobody of this one was asked before."""
    world = a_town(town)
    shared = own("mia", "sms")
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down", "Tell us you know")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_sms("No answer yet. Tell us you know:")
    await world.fast_forward(minutes=15)

    await world.family("fam-2", caregiver("mia", addresses=(shared,)), NAN)
    world.phone("nan").expect_nothing()
    reached = await world.reach()
    assert "fam-2" not in [each.family for each in reached.unanswered]
    await world.fast_forward(minutes=10)
    world.phone("nan").expect_nothing()
    world.phone("mia").forget()
    await world.fast_forward(minutes=10)
    world.phone("nan").expect_sms("Follow is down", "Tell us you know")


async def test_who_stands_in_goes_on_hearing_when_a_step_brings_in_another(town: Town):
    """Mia's number is dead and Ben, who stands in, off duty: the grandmother is told, and Ben when he comes on."""
    world = a_town(town)
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Refused("21211"))
    ben = caregiver("ben", "sms", role="aunt", order=2, on_duty="mon-sun 06:00-12:00")
    await world.family("fam-1", caregiver("mia", "sms"), ben, NAN)
    await world.outage("follow")
    world.phone("nan").expect_sms("Follow is down", "Tell us you know")
    await world.fast_forward(hours=17)
    world.phone("nan").forget()
    world.phone("ben").expect_nothing()
    await world.fast_forward(minutes=75)
    world.phone("ben").expect_sms("Follow is down")
    for name in ("ben", "nan"):
        world.phone(name).forget()


async def test_the_page_does_not_say_that_others_are_asked_where_somebody_has_answered(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"), caregiver("dad", "sms", order=2))
    await world.outage("follow")
    mia = world.phone("mia").expect_sms("Tell us you know")
    dad = world.phone("dad").expect_sms("Tell us you know")
    assert "Until one of you has, we ask again" in await world.looks_at(mia)
    thanks = await world.answers(dad)
    assert "We ask nobody of your family again unless it gets worse or comes back" in thanks
    page = await world.looks_at(mia)
    assert "Until one of you has, we ask again" not in page
    assert "We ask nobody of your family again unless it gets worse or comes back" in page
    assert "<form" in page, "mia may still say that she knows"


async def test_nor_where_they_were_rung_up(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    mia = world.phone("mia").expect_sms("Tell us you know")
    await world.told_by_phone()
    assert "Until one of you has, we ask again" not in await world.looks_at(mia)


async def test_nor_where_the_time_to_answer_is_over(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    mia = world.phone("mia").expect_sms("Tell us you know")
    await world.fast_forward(hours=3)
    world.phone("mia").forget()
    assert "Until one of you has, we ask again" not in await world.looks_at(mia)
