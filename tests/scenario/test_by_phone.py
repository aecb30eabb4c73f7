"""R7: a person of ours has reached a family by phone; that counts as heard and told, and ends what was asked."""

from collections.abc import Callable

import pytest

from alertd.domain.errors import Conflict, NotFound
from alertd.domain.family import FamilyId
from alertd.domain.incident import Reach
from alertd.domain.watch import LadderState
from alertd.ports import Later, Refused
from alertd.usecases.put_families import delete_family
from tests import make
from tests.make import caregiver, climbing, own
from tests.scenario.world import World

Town = Callable[..., World]
NAN = caregiver("nan", "sms", role="grandparent", order=3)


def next_by(world: World, family: str = "fam-1") -> object:
    """As the watch has it, in minutes after noon."""
    [(at,)] = world.sql("SELECT next_by FROM watch WHERE family_id=?", family)
    return (at - int(make.NOON.timestamp() * 1_000_000)) / 60_000_000


async def test_a_family_that_nobody_answered_for_leaves_the_list_and_is_told_on(town: Town):
    """Unanswered at 12:30, rung up at 12:40: heard then, asked no more, told on as everybody, and the all-clear."""
    world = town(policy=climbing((0, "always"), (10, "always")))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("bo", "sms"))
    await world.outage("follow")
    await world.fast_forward(minutes=40)
    for name in ("mia", "bo"):
        world.phone(name).forget()
    assert [each.family for each in (await world.reach()).unanswered] == ["fam-1", "fam-2"]

    told = await world.told_by_phone("fam-1")
    assert told.next_by == make.after(70)
    assert next_by(world) == 70
    reached = await world.reach()
    assert [each.family for each in reached.unanswered] == ["fam-2"]
    assert reached.ladders[LadderState.ANSWERED] == 1
    assert world.sql("SELECT heard_at = ? FROM watch WHERE family_id='fam-1'", _us(40)) == [(1,)]

    await world.until(make.after(68))
    world.phone("mia").expect_nothing()
    world.phone("bo").expect_sms("No news")
    await world.until(make.after(70))
    world.phone("mia").expect_sms("No news")
    await world.update("The cause is found.", state="identified")
    for name in ("mia", "bo"):
        world.phone(name).expect_sms("The cause is found.")
    await world.resolve()
    for name in ("mia", "bo"):
        world.phone(name).expect_sms("works again")
    await world.fast_forward(hours=12)


async def test_a_family_without_any_address_is_told_by_phone_and_gets_nothing_by_itself(town: Town):
    """It is off the list until the time that they were told; then somebody has to call them again."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", addresses=()))
    await world.outage("follow")
    assert [each.family for each in (await world.reach()).untellable] == ["fam-1"]
    await world.fast_forward(minutes=7)
    told = await world.told_by_phone()
    assert told.next_by == make.after(37)
    reached = await world.reach()
    assert reached.untellable == ()
    assert reached.heard == 1
    await world.fast_forward(minutes=29)
    assert (await world.reach()).untellable == ()
    await world.fast_forward(minutes=1)
    assert [each.family for each in (await world.reach()).untellable] == ["fam-1"]
    again = await world.told_by_phone()
    assert again.update > told.update
    assert (await world.reach()).untellable == ()
    await world.update("The cause is found.", state="identified")
    await world.resolve()
    await world.fast_forward(hours=12)
    assert world.states() == {}
    assert world.sql("SELECT rest FROM watch") == [(None,)], "an address that is given now brings them the end"
    await world.fast_forward(hours=40)
    assert world.sql("SELECT rest FROM watch") == [("closed",)]


async def test_whose_phone_came_back_lacks_nothing_and_gets_the_all_clear(town: Town):
    """Mia's number was dead, she was rung up at home, and her new number is imported: no notice of old."""
    world = town(policy=climbing())
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Refused("30005"))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.fast_forward(minutes=5)
    await world.told_by_phone()
    await world.fast_forward(minutes=5)
    both = caregiver("mia", addresses=(own("mia", "sms"), own("mia", "sms", 1)))
    await world.family("fam-1", both)
    world.phone("mia").expect_nothing()
    await world.until(make.after(33))
    world.phone("mia").expect_nothing()
    await world.until(make.after(35))
    assert "https://" not in world.phone("mia").expect_sms("No news").text
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    await world.fast_forward(hours=12)


async def test_the_end_is_told_to_whoever_was_told_by_phone_alone(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", addresses=()), NAN)
    world.channels["sms"].fail_always(own("nan", "sms").to, lambda: Later("20429"))
    await world.outage("follow")
    await world.told_by_phone()
    await world.family("fam-1", caregiver("mia", "sms"))
    world.phone("mia").expect_nothing()
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    await world.fast_forward(hours=12)


async def test_what_the_ladder_still_had_in_hand_is_taken_back(town: Town):
    """The provider is busy when Mia is to be asked again; she is rung up meanwhile."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "push", "sms"), NAN)
    await world.outage("follow")
    world.phone("mia").forget()
    world.channels["sms"].fail_always("*", lambda: Later("20429"))
    await world.fast_forward(minutes=11)
    await world.told_by_phone()
    world.channels["sms"].mend()
    await world.fast_forward(minutes=20)
    world.phone("mia").expect_nothing()
    world.phone("nan").expect_nothing()


async def test_a_new_epoch_asks_again(town: Town):
    """Raised after a fall, and reopened: what was told by phone before is no answer to that."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Tell us you know")
    await world.told_by_phone()
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    await world.fast_forward(minutes=30)
    await world.reopen()
    world.phone("mia").expect_sms("Tell us you know")
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 1}
    await world.told_by_phone()
    assert (await world.reach()).ladders == {LadderState.ANSWERED: 1}
    await world.fast_forward(minutes=25)
    world.phone("mia").expect_nothing()


async def test_who_is_told_by_phone_that_there_is_no_news_hears_the_promised_update_in_time(town: Town):
    """A call moves no promise (R5)."""
    world = town(policy=climbing((0, "always")))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow", next_in=make.minutes(25))
    world.phone("mia").expect_sms()
    await world.fast_forward(minutes=20)
    assert (await world.told_by_phone()).next_by == make.after(25)
    await world.fast_forward(minutes=5)
    world.phone("mia").expect_sms("No news")


async def test_a_family_that_was_deleted_is_on_no_list_to_ring_up(town: Town):
    """Nobody could take it off again: whoever tries is told that there is no such family."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("ben", "sms"))
    await world.outage("follow")
    for name in ("mia", "ben"):
        world.phone(name).forget()
    await delete_family(world.deps, FamilyId("fam-2"), who="test")
    await world.settle()
    assert (await world.reach()).untellable == ()
    await world.resolve()
    world.phone("mia").forget()
    assert (await world.reach()).untellable == ()


async def test_who_was_not_affected_after_all_is_told_so_once(town: Town):
    """... and what they heard by phone before is forgotten when it touches them again."""
    world = town(policy=climbing((0, "always")))
    await world.family("fam-1", caregiver("mia", "sms"), region="eu-west")
    await world.family("fam-2", caregiver("bo", "push"))
    await world.outage("follow", regions=("us", "eu"))
    world.phone("bo").forget()
    world.phone("mia").expect_sms()
    await world.fast_forward(minutes=5)
    await world.told_by_phone()
    gone = (Reach("follow", ("eu",)),)
    await world.update(remove_scope=gone)
    world.phone("mia").expect_sms("No longer affected")
    with pytest.raises(Conflict, match="does not touch"):
        await world.told_by_phone()
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_nothing()
    await world.update(add_scope=gone)
    world.phone("mia").expect_sms("Follow is down", "Tell us you know")
    await world.fast_forward(minutes=25)
    world.phone("mia").expect_nothing()
    world.phone("bo").forget()


async def test_where_there_is_nothing_to_tell_nothing_changes(town: Town):
    """Nobody knows the family, it is not touched, the incident has ended."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("bo", "sms"), services=("login",))
    await world.outage("follow")
    world.phone("mia").expect_sms()
    before = [world.sql(f"SELECT * FROM {table}") for table in ("watch", "answer", "incident_update", "act")]
    with pytest.raises(NotFound):
        await world.told_by_phone("nobody")
    with pytest.raises(Conflict, match="does not touch"):
        await world.told_by_phone("fam-2")
    with pytest.raises(NotFound):
        await world.told_by_phone("fam-1", 2)
    assert [
        world.sql(f"SELECT * FROM {table}") for table in ("watch", "answer", "incident_update", "act")
    ] == before
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    with pytest.raises(Conflict, match="resolved"):
        await world.told_by_phone("fam-1")


def _us(minutes: float) -> int:
    return int(make.after(minutes).timestamp() * 1_000_000)


async def test_who_was_told_wrong_words_by_phone_is_put_right(town: Town):
    """At night news wakes nobody; the caller has read out what turns out to be wrong."""
    world = town(make.after(11 * 60))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("bo", "sms"))
    await world.outage("follow")
    for name in ("mia", "bo"):
        world.phone(name).expect_sms("Follow")
    await world.update("It works again from five o'clock.")
    await world.told_by_phone("fam-1")
    await world.update("From six o'clock, not from five.", corrects=2)
    for name in ("mia", "bo"):
        world.phone(name).expect_nothing()  # neither is worth waking them
    await world.until(make.after(18 * 60 + 35))
    world.phone("mia").expect_sms("Update 3 corrects update 2", "From six o'clock")
    assert "corrects" not in world.phone("bo").expect_sms("From six o'clock").text


async def test_what_was_told_by_phone_is_not_told_again_by_what_still_waits(town: Town):
    world = town(policy=climbing())
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.fast_forward(minutes=4)
    told = await world.told_by_phone()
    assert told.update == 1
    world.channels["sms"].mend()
    await world.fast_forward(minutes=5)
    world.phone("mia").expect_nothing()


async def test_on_the_phone_nobody_is_promised_what_no_message_will_keep(town: Town):
    """Mia wants to hear of critical things alone; it has become milder, and a person of ours says so."""
    world = town()
    only_critical = make.preferences(critical=("sms",), major=(), minor=())
    await world.family("fam-1", caregiver("mia", "sms", preferences=only_critical))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down", "Next update by 12:30 PM")
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.fast_forward(minutes=10)
    await world.update("Much better.", severity="major")
    await world.fast_forward(minutes=15)
    assert (await world.told_by_phone()).next_by is None
    world.channels["sms"].mend()
    await world.fast_forward(hours=3)
    world.phone("mia").expect_nothing()
    await world.update("All of it.", severity="critical")
    world.phone("mia").expect_sms("Follow is")
    await world.resolve()
    world.phone("mia").expect_sms("works again")
