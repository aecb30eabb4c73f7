"""Decision 5: what our own fault stopped rests before it is tried again, unless a person says that it is mended."""

from alertd.ports import Misconfigured
from alertd.usecases.retry_parked import retry_parked
from tests import make
from tests.scenario.world import World


def filtered() -> Misconfigured:
    """A carrier takes no text of our sender: nothing is wrong with the phone."""
    return Misconfigured("30034", "the sender is not registered")


async def test_what_is_mended_is_tried_at_once(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.family("fam-2", make.caregiver("ben", "push"))
    world.channels["sms"].fail_always("*", filtered)
    await world.outage("follow")
    world.phone("ben").expect_push("Follow")
    world.channels["sms"].mend()
    await world.fast_forward(seconds=10)
    world.phone("mia").expect_nothing()  # it rests for a minute

    done = await retry_parked(world.deps, 1, who="test")
    await world.settle()
    assert (done.incident, done.families) == (1, 1)
    world.phone("mia").expect_sms("Follow")
    world.phone("ben").expect_nothing()

    await retry_parked(world.deps, 1, who="test")
    await world.settle()
    world.phone("mia").expect_nothing()  # she has it
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_nothing()


async def test_what_is_not_mended_rests_again(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.channels["sms"].fail_always("*", filtered)
    await world.outage("follow")
    await world.fast_forward(seconds=10)
    before = world.channels["sms"].attempts
    await retry_parked(world.deps, 1, who="test")
    await world.fast_forward(seconds=30)
    assert world.channels["sms"].attempts == before + 1
    world.channels["sms"].mend()
    await world.fast_forward(minutes=1)
    world.phone("mia").expect_sms("Follow")


async def test_an_all_clear_that_was_given_up_is_told_all_the_same(world: World):
    """Three days after the end somebody finds the sender's registration; the family still believes that it is down."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    world.channels["sms"].fail_always("*", filtered)
    await world.resolve("Repaired.")
    await world.fast_forward(hours=72)
    assert world.sql("SELECT rest, look_at FROM watch") == [("closed", None)]
    world.channels["sms"].mend()
    await world.fast_forward(hours=1)
    world.phone("mia").expect_nothing()

    await retry_parked(world.deps, 1, who="test")
    await world.settle()
    world.phone("mia").expect_sms("Follow works again")
    await world.fast_forward(minutes=5)
    assert world.sql("SELECT rest, look_at FROM watch") == [("closed", None)]


async def test_an_account_that_is_well_again_takes_everybody_at_the_first_word(world: World):
    """Its breaker lets two try whether it is; whoever has to wait for them is not given up again."""
    names = [f"{chr(97 + n // 2)}{chr(97 + (n + 1) // 2)}" for n in range(12)]  # each has a number of their own
    for number, name in enumerate(names):
        await world.family(f"fam-{number}", make.caregiver(name, "sms"))
    await world.outage("follow")
    await world.fast_forward(seconds=30)  # ten SMS a second
    for name in names:
        world.phone(name).expect_sms("Follow")
    world.channels["sms"].fail_always("*", lambda: Misconfigured("20003", "the token is wrong", account=True))
    await world.resolve("Repaired.")
    await world.fast_forward(hours=72)
    assert world.sql("SELECT DISTINCT rest, look_at FROM watch") == [("closed", None)]
    world.channels["sms"].mend()

    assert (await retry_parked(world.deps, 1, who="test")).families == 12
    await world.fast_forward(minutes=2)
    for name in names:
        world.phone(name).expect_sms("Follow works again")
    assert (await retry_parked(world.deps, 1, who="test")).families == 0  # nobody lacks anything now


async def test_where_nothing_was_parked_nothing_is_done(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    [(version,)] = world.sql("SELECT version FROM incident")
    assert (await retry_parked(world.deps, 1, who="test")).families == 0
    await world.settle()
    assert world.sql("SELECT version, retried_at FROM incident") == [(version, None)]
    assert world.sql("SELECT count(*) FROM act WHERE what = 'retry'") == [(0,)]
