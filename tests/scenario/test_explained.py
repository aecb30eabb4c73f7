"""R12: what `family explain` says of a family is what happens to them."""

from collections.abc import Callable
from datetime import datetime

from alertd.domain.family import FamilyId
from alertd.domain.watch import Rest
from alertd.ports import Refused
from alertd.usecases.explain_family import Due, FamilyExplained, Standing, explain_family
from tests import make
from tests.make import caregiver, climbing, own
from tests.scenario.world import World

Town = Callable[..., World]
NAN = caregiver("nan", "sms", role="grandparent", order=3)


async def explained(world: World, name: str = "fam-1") -> FamilyExplained:
    return await explain_family(world.deps, FamilyId(name))


async def standing(world: World, name: str = "fam-1") -> Standing:
    """In the only incident that concerns them."""
    (found,) = (await explained(world, name)).incidents
    return found


def whom(found: Standing) -> list[tuple[datetime, str, str, str]]:
    """Who hears next, over what and why."""
    assert found.foreseen is not None
    assert found.foreseen.next is not None
    assert found.foreseen.at is not None
    return [(found.foreseen.at, o.caregiver, o.channel, o.reason.value) for o in found.foreseen.next.owed]


async def test_what_is_foreseen_comes(town: Town):
    """Asked again at every turn of a night of silence: what was to come next has come, and nothing else."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "push", "sms"), NAN)
    await world.outage("follow")
    for _ in range(12):
        for phone in world.phones.values():
            phone.forget()
        found = await standing(world)
        coming = whom(found)
        assert found.foreseen is not None
        assert not found.foreseen.now.owed
        await world.until(coming[0][0])
        came = [(name, channel) for name, phone in world.phones.items() for channel, _ in phone.unread]
        assert sorted(came) == sorted((name, channel) for _, name, channel, _ in coming)
    for phone in world.phones.values():
        phone.forget()


async def test_it_says_why_they_hear_by_then(town: Town):
    """A promise, the silence window, or that nobody may be told before the morning."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow", next_in=make.minutes(20))
    world.phone("mia").expect_sms()
    found = await standing(world)
    assert (found.due, found.next_by) == (Due.PROMISE, make.after(20))
    assert [(k.caregiver, k.update, k.waits) for k in found.knows] == [("mia", 1, False)]

    await world.fast_forward(minutes=21)
    world.phone("mia").expect_sms("No news")
    assert (await standing(world)).due is Due.SILENCE

    await world.update("It is milder now.", severity="minor")
    world.phone("mia").forget()
    await world.until_local("2026-11-04 20:30")
    world.phone("mia").forget()
    found = await standing(world)
    assert found.due is Due.QUIET
    await world.resolve()
    world.phone("mia").forget()
    await world.fast_forward(minutes=1)
    assert (await explained(world)).incidents == ()


async def test_why_nothing_is_owed(town: Town):
    """They have no address left; and so they have no loud channel."""
    world = town()
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Refused("30005"))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    found = await standing(world)
    assert (found.rest, found.next_by, found.due) == (Rest.NO_ADDRESS, None, None)
    assert [row.state.value for row in found.messages] == ["refused"]
    assert [each.no_loud_channel for each in (await explained(world)).policies] == [True]


async def test_a_suspicion_is_told_to_nobody(town: Town):
    """What a machine has opened, and no person confirmed."""
    world = town(policy=make.policy(sources={"probe": ("open",)}))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.machine("probe")
    found = await standing(world)
    assert (found.told, found.services, found.foreseen) == (False, ("follow",), None)


async def test_a_message_to_a_shared_address_is_shown_to_each_family(town: Town):
    world = town()
    nurse = caregiver("nurse", "sms")
    await world.family("fam-1", nurse)
    await world.family("fam-2", nurse)
    await world.outage("follow")
    world.phone("nurse").expect_sms()
    for name in ("fam-1", "fam-2"):
        found = await standing(world, name)
        assert [row.channel for row in found.messages] == ["sms"]
        assert [each.update for each in found.knows] == [1]
