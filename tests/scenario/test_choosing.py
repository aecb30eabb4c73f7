"""Caregivers choose on our own page how they are told, in the middle of an outage; imports respect it (R12, R17)."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.family import Family
from alertd.domain.incident import Kind, Severity
from alertd.domain.links import Purpose, sign
from alertd.domain.offer import Filled
from alertd.ports import Message
from alertd.ports.choosing import Chooser, ChoosingPage
from alertd.usecases.change_preferences import Pressed, change_preferences
from alertd.usecases.follow_link import follow
from alertd.usecases.put_families import put_families
from tests import make
from tests.scenario.world import LINKS, World

CRITICAL, MAJOR, MINOR = Severity


class Chooses:
    """A caregiver on their page, from a message that they got."""

    def __init__(self, world: World, message: Message) -> None:
        self.world = world
        self.token = sign(LINKS.secret, Purpose.PREFERENCES, message.delivery)

    async def saves(self, pressed: Pressed = Pressed.SAVE, **changes: Any) -> str:
        """Open the form, change this and that, and press a button."""
        page = await change_preferences(
            self.world.deps, self.token, pressed, replace(await self.shown(), **changes)
        )
        await self.world.settle()
        return page

    async def opens(self) -> Chooser:
        """What their page is made of at first."""
        taken: list[Chooser] = []

        def compose(page: ChoosingPage) -> str:
            assert page.chooser is not None
            taken.append(page.chooser)
            return ""

        await change_preferences(replace(self.world.deps, compose_choosing=compose), self.token, Pressed.OPEN)
        return taken[0]

    async def shown(self) -> Filled:
        """The form as it is shown at first."""
        return (await self.opens()).filled

    async def id_of(self, channel: str) -> str:
        async with self.world.deps.store.reading() as rows:
            reached = await follow(self.world.deps, rows, Purpose.PREFERENCES, self.token)
        [address] = [a for a in reached.holders[0][1].addresses if a.channel == channel]
        return str(address.id)


def lists(**channels: Iterable[str]) -> dict[Severity, tuple[str, ...]]:
    given = {"critical": ("push", "sms"), "major": ("push",), "minor": ("email",), **channels}
    return {Severity(name): tuple(of) for name, of in given.items()}


async def told(world: World, name: str = "mia", **changes: Any) -> Chooses:
    """A parent is told over push and SMS that follow is down."""
    await world.family("fam-1", make.caregiver(name), **changes)
    await world.outage()
    message = world.phone(name).expect_sms("Follow")
    world.phone(name).expect_push("Follow")
    return Chooses(world, message)


async def stored(world: World) -> Family:
    async with world.deps.store.reading() as rows:
        family = await rows.family("fam-1")  # type: ignore[arg-type]
    assert family is not None
    return family


async def test_the_next_message_goes_where_they_chose(world: World) -> None:
    mia = await told(world)
    await mia.saves(channels=lists(critical=("email",)))
    await world.update("We found the cause.")
    world.phone("mia").expect_email("We found the cause")


async def test_what_waits_for_an_address_that_was_stopped_never_leaves(world: World) -> None:
    mia = await told(world)
    sms = await mia.id_of("sms")
    await mia.saves(stopped=(sms,))
    await world.update("We found the cause.")
    world.phone("mia").expect_push("We found the cause")
    world.phone("mia").expect_nothing()
    await mia.saves(stopped=())
    await world.update("Nearly there.")
    world.phone("mia").expect_sms("Nearly there")
    world.phone("mia").expect_push("Nearly there")


async def test_who_stops_everything_hears_nothing_more_not_even_the_end(world: World) -> None:
    mia = await told(world)
    page = await mia.saves(Pressed.STOP_YES)
    assert "We send you nothing any more" in page
    await world.update("We found the cause.")
    await world.resolve()
    world.phone("mia").expect_nothing()


async def test_quiet_hours_chosen_tonight_hold_tonight(world: World) -> None:
    """It is noon: from now on they sleep until one."""
    mia = await told(world)
    await mia.saves(quiet="on", quiet_from="12:00", quiet_to="13:00")
    await world.update("We found the cause.")
    world.phone("mia").expect_push("We found the cause", loud=False)
    world.phone("mia").expect_nothing()
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=60)
    world.phone("mia").expect_sms("We found the cause")
    world.phone("mia").forget()  # of the push beside it, and of what was said silently before


async def test_the_language_chosen_is_that_of_the_next_message(world: World) -> None:
    mia = await told(world)
    assert "Guardado" in await mia.saves(locale="es")
    await world.update({"en": "We found the cause.", "es": "Hemos encontrado la causa."})
    world.phone("mia").expect_sms("Hemos encontrado la causa")
    world.phone("mia").expect_push("Hemos encontrado la causa")


async def test_an_address_that_others_have_is_stopped_for_them_too(world: World) -> None:
    shared = make.address("sms", "+14155550177")
    grandma = make.caregiver("ana", "push", addresses=(make.own("ana", "push"), shared))
    await world.family("fam-2", grandma)
    mia = make.caregiver("mia", "sms", addresses=(shared, make.own("mia", "email")))
    await world.family("fam-1", mia)
    await world.outage()
    message = world.phone("mia").unread[0][1]
    world.phone("mia").forget()
    world.phone("ana").forget()
    chooses = Chooses(world, message)
    await chooses.saves(stopped=((await chooses.id_of("sms")),))
    await world.update("We found the cause.")
    world.phone("ana").expect_push("We found the cause")
    world.phone("mia").expect_email("We found the cause")


async def test_an_import_that_is_older_than_a_choice_changes_all_but_that(world: World) -> None:
    mia = await told(world)
    before = world.clock.now()
    await world.fast_forward(minutes=5)
    await mia.saves(channels=lists(critical=("sms",)), quiet_from="21:00")
    document = make.family(
        make.caregiver(
            "mia",
            locale="es",
            preferences=make.preferences(critical=("email",), quiet_hours="none", holdings="few"),
        ),
        updated_at=before,
        services=("follow",),
    )
    await put_families(world.deps, [document], who="test")
    await world.settle()
    [now] = (await stored(world)).caregivers
    assert now.preferences.critical == ("sms",)
    assert now.preferences.quiet_hours == "21:00-06:30"
    assert now.preferences.holdings == "few"  # they had not chosen that
    assert now.locale == "es"
    assert (await stored(world)).services == ("follow",)
    assert set(now.chosen or ()) == {"critical", "quiet_hours"}


async def test_an_import_that_is_newer_than_a_choice_wins(world: World) -> None:
    mia = await told(world)
    await mia.saves(quiet_from="21:00")
    await world.fast_forward(minutes=5)
    document = make.family(
        make.caregiver("mia", preferences=make.preferences(quiet_hours="none")), updated_at=world.clock.now()
    )
    await put_families(world.deps, [document], who="test")
    [now] = (await stored(world)).caregivers
    assert now.preferences.quiet_hours == "none"
    assert now.chosen is None
    assert world.sql("SELECT chosen_at FROM family") == [(None,)]


async def test_a_form_that_is_older_than_an_import_undoes_nothing_of_it(world: World) -> None:
    """It was filled in, the import came, and then it was sent: they look once more."""
    mia = await told(world)
    old = replace(await mia.shown(), locale="es")
    await world.fast_forward(minutes=5)
    newer = make.caregiver("mia", preferences=make.preferences(critical=("email",)))
    await put_families(world.deps, [make.family(newer, updated_at=world.clock.now())], who="test")
    await world.settle()
    page = await change_preferences(world.deps, mia.token, Pressed.SAVE, old)
    assert "something has changed since you opened this page" in page
    [now] = (await stored(world)).caregivers
    assert (now.preferences.critical, now.locale, now.chosen) == (("email",), None, None)

    page = await change_preferences(world.deps, mia.token, Pressed.STOP_YES, old)
    assert "We send you nothing any more" in page, "that they want nothing is clear, however old the form"
    [now] = (await stored(world)).caregivers
    assert (now.preferences.critical, now.locale, now.chosen) == (("email",), None, None)


async def test_no_import_however_new_starts_what_was_stopped_here(world: World) -> None:
    mia = await told(world)
    await mia.saves(stopped=((await mia.id_of("sms")),))
    await world.fast_forward(minutes=5)
    await put_families(world.deps, [make.family(updated_at=world.clock.now())], who="test")
    await world.settle()
    await world.update("We found the cause.")
    world.phone("mia").expect_push("We found the cause")
    world.phone("mia").expect_nothing()


@pytest.mark.parametrize(
    ("waking", "said"),
    [
        ({}, ()),
        ({CRITICAL: {Kind.RESOLUTION}}, (CRITICAL,)),
        ({MAJOR: {Kind.NOTICE}, CRITICAL: make.WAKING, MINOR: frozenset()}, (CRITICAL, MAJOR)),
    ],
)
async def test_the_page_says_what_may_wake_them(
    town: Callable[..., World], waking: dict[Severity, Any], said: tuple[Severity, ...]
) -> None:
    """Of the policy in force, and of all others that something of theirs falls under (R10)."""
    world = town(policy=make.policy(wakes=waking))
    mia = await told(world)
    assert (await mia.opens()).wakes == said
    beside = make.policy(name="log-in", wakes={MINOR: make.WAKING})
    world.deps = replace(world.deps, policies={**world.deps.policies, "share": beside})
    assert (await mia.opens()).wakes == tuple(each for each in Severity if each in {*said, MINOR})


async def test_mail_wakes_nobody_whatever_the_policy_wakes_for(world: World) -> None:
    await world.family("fam-1", make.caregiver("mia", "email"))
    await world.outage()
    mia = Chooses(world, world.phone("mia").expect_email("Follow"))
    critical = (await mia.opens()).happens[0]
    assert (critical.severity, critical.at_night) == (CRITICAL, "softly")
    assert [address.channel for address in critical.softly] == ["email"]


async def test_what_is_chosen_is_an_act_without_any_address(world: World) -> None:
    mia = await told(world)
    sms = await mia.id_of("sms")
    await mia.saves(locale="es", stopped=(sms,))
    await mia.saves()  # nothing changes
    [(who, what, detail)] = world.sql("SELECT who, what, detail FROM act WHERE what = 'choose'")
    assert (who, what) == ("caregiver", "choose")
    assert "+1" not in detail
    assert '"changed":["locale"]' in detail.replace(" ", "")
