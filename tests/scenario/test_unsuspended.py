"""R17: what a provider refused for good no import brings back; a person does, and whoever lacks something hears it."""

from alertd.domain.family import FamilyId
from alertd.ports import Refused
from alertd.usecases.audit import audit
from alertd.usecases.put_families import delete_family
from alertd.usecases.unsuspend import AllOf, One, unsuspend
from tests import make
from tests.scenario.world import World

NUMBER = make.own("mia", "sms").to
SMS_FIRST = make.preferences(critical=("sms",))


def gone() -> Refused:
    """One bad afternoon at the provider."""
    return Refused("21211")


async def test_who_had_no_other_way_hears_at_once(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.channels["sms"].fail_always(NUMBER, gone)
    await world.outage("follow")
    assert world.sql("SELECT rest FROM watch") == [("no_address",)]
    world.channels["sms"].mend()
    await world.fast_forward(minutes=40)
    world.phone("mia").expect_nothing()

    await unsuspend(world.deps, One("sms", NUMBER), who="test")
    await world.settle()
    world.phone("mia").expect_sms("Follow")
    assert (await audit(world.deps)).passed
    await world.update("The cause is found.")
    world.phone("mia").expect_sms("The cause is found.")


async def test_also_right_after_it_was_refused(world: World):
    """What is refused has no rest to wait for: a person says that the number works."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.channels["sms"].fail_always(NUMBER, gone)
    await world.outage("follow")
    world.channels["sms"].mend()
    await unsuspend(world.deps, One("sms", NUMBER), who="test")
    await world.settle()
    world.phone("mia").expect_sms("Follow")
    await world.fast_forward(minutes=5)
    world.phone("mia").expect_nothing()


async def test_who_was_told_over_the_next_channel_is_told_nothing_twice(world: World):
    mia = make.caregiver("mia", "sms", "email", preferences=SMS_FIRST)
    await world.family("fam-1", mia)
    world.channels["sms"].fail_always(NUMBER, gone)
    await world.outage("follow")
    world.phone("mia").expect_email("Follow")
    world.channels["sms"].mend()
    await unsuspend(world.deps, AllOf("21211", make.NOON.replace(year=2000)), who="test")
    await world.fast_forward(minutes=5)
    world.phone("mia").expect_nothing()
    assert (await audit(world.deps)).passed
    await world.update("The cause is found.")
    world.phone("mia").expect_sms("The cause is found.")
    world.phone("mia").expect_nothing()


async def test_a_number_that_is_truly_gone_is_suspended_again(world: World):
    mia = make.caregiver("mia", "sms")
    await world.family("fam-1", mia)
    world.channels["sms"].fail_always(NUMBER, gone)
    await world.outage("follow")
    await unsuspend(world.deps, One("sms", NUMBER), who="test")
    await world.settle()
    assert world.channels["sms"].attempts == 2
    assert world.sql("SELECT suspended_code FROM address") == [("21211",)]
    assert world.sql("SELECT rest FROM watch") == [("no_address",)]
    await world.fast_forward(minutes=40)
    assert world.channels["sms"].attempts == 2


async def test_a_phone_that_two_families_share_rings_once(world: World):
    """Also where the family for which the message was written has been forgotten since."""
    nurse = make.caregiver("nora", "sms")
    number = make.own("nora", "sms").to
    for name in ("fam-1", "fam-2"):
        await world.family(name, nurse)
    world.channels["sms"].fail_always(number, gone)
    await world.outage("follow")
    [(owner,)] = world.sql("SELECT DISTINCT family_id FROM delivery")
    await delete_family(world.deps, FamilyId(owner), who="test")
    world.channels["sms"].mend()
    done = await unsuspend(world.deps, One("sms", number), who="test")
    await world.settle()
    assert (done.addresses, done.families) == (1, 1)
    world.phone("nora").expect_sms("Follow")
    world.phone("nora").expect_nothing()


async def told_and_cut_off(world: World) -> None:
    """Mia was told of the outage; her number was refused with the second message, and then it was over."""
    await world.family("fam-1", make.caregiver("mia", "sms"), make.caregiver("lea", "email", order=2))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    world.channels["sms"].fail_always(NUMBER, gone)
    await world.update("The cause is found.")
    world.channels["sms"].mend()
    await world.fast_forward(minutes=10)
    world.phone("lea").forget()
    await world.resolve("It works again.")
    await world.fast_forward(minutes=10)
    world.phone("lea").forget()
    world.phone("mia").expect_nothing()
    await world.fast_forward(hours=20)


async def test_who_was_cut_off_when_it_ended_hears_the_end_once_the_number_is_lifted(world: World):
    """R11: whoever was told of an outage is told that it is over, also where their number could not be used then."""
    await told_and_cut_off(world)
    await unsuspend(world.deps, One("sms", NUMBER), who="test")
    await world.settle()
    world.phone("mia").expect_sms("It works again.")
    await world.fast_forward(minutes=5)
    assert world.sql("SELECT rest FROM watch") == [("closed",)]
    assert (await audit(world.deps)).passed


async def test_who_was_cut_off_when_it_ended_hears_the_end_over_a_way_that_is_added(world: World):
    await told_and_cut_off(world)
    await world.family("fam-1", make.caregiver("mia", "sms", "push"), make.caregiver("lea", "email", order=2))
    await world.settle()
    world.phone("mia").expect_push("It works again.")
    world.phone("lea").expect_nothing()
    await world.fast_forward(minutes=5)
    assert world.sql("SELECT rest FROM watch") == [("closed",)]


async def test_who_stays_cut_off_is_waited_for_two_days(world: World):
    await told_and_cut_off(world)
    assert world.sql("SELECT rest FROM watch") == [(None,)]
    assert (await audit(world.deps)).passed
    await world.fast_forward(hours=31)
    assert world.sql("SELECT rest, look_at FROM watch") == [("closed", None)]
    await unsuspend(world.deps, One("sms", NUMBER), who="test")
    await world.settle()
    world.phone("mia").expect_nothing()


async def test_who_has_said_stop_is_not_waited_for(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    world.channels["sms"].fail_always(NUMBER, lambda: Refused("21610", opted_out=True))
    await world.update("The cause is found.")
    await world.resolve("It works again.")
    assert world.sql("SELECT rest FROM watch") == [("closed",)]
