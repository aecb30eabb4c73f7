"""Somebody stops the e-mails to their address while it burns: they are told another way, and nothing is lost."""

from alertd.domain.family import Caregiver
from alertd.ports import Later
from alertd.usecases.opt_out import opt_in, opt_out
from tests import make
from tests.scenario.world import World

MAIL_FIRST = make.preferences(critical=("email",), default=("email",), quiet_hours="none")


def mother(*channels: str) -> Caregiver:
    return make.caregiver("mia", *channels, preferences=MAIL_FIRST)


async def test_who_stops_the_e_mails_is_told_by_the_next_way(world: World):
    await world.family("fam-1", mother("email", "push"))
    await world.outage()
    mail = world.phone("mia").expect_email("Follow is down")
    assert mail.unsubscribe is not None
    await opt_out(world.deps, mail.unsubscribe.rpartition("/")[2])
    await world.settle()
    world.phone("mia").expect_nothing()  # she was told that
    await world.update("The cause is found.")
    world.phone("mia").expect_push("The cause is found.")
    world.phone("mia").forget()


async def test_what_still_waits_for_the_address_does_not_leave(world: World):
    """She presses while the mail server is away: the e-mail is taken back, and the app tells her at once."""
    await world.family("fam-1", mother("email", "push"))
    await world.outage()
    mail = world.phone("mia").expect_email("Follow is down")
    assert mail.unsubscribe is not None
    token = mail.unsubscribe.rpartition("/")[2]
    world.channels["email"].fail_always("*", lambda: Later("451"))
    await world.update("The cause is found.")
    world.phone("mia").expect_nothing()
    await opt_out(world.deps, token)
    world.channels["email"].mend()
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_push("The cause is found.")
    world.phone("mia").forget()


async def test_whose_last_way_it_was_is_owed_nothing_until_they_take_it_back(world: World):
    await world.family("fam-1", mother("email"))
    await world.outage()
    mail = world.phone("mia").expect_email("Follow is down")
    assert mail.unsubscribe is not None
    token = mail.unsubscribe.rpartition("/")[2]
    await opt_out(world.deps, token)
    await world.fast_forward(minutes=40)
    world.phone("mia").expect_nothing()
    assert world.sql("SELECT rest FROM watch") == [("opted_out",)]
    await opt_in(world.deps, token)
    await world.settle()
    world.phone("mia").expect_email("Follow is still down")
    world.phone("mia").forget()
