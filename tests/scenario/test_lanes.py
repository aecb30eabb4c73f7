"""Two lanes: what is urgent (few first notices, fallbacks, their retries) never waits behind what is bulk."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from alertd.domain.family import Family, FamilyId
from alertd.domain.incident import Reach, Severity
from alertd.ports import Later, Refused
from alertd.usecases.drain import drain
from alertd.usecases.fan_out import fan_out
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, publish
from alertd.usecases.put_families import put_families
from alertd.usecases.write_update import URGENT_BELOW
from tests import make
from tests.scenario.world import World


def street(count: int, *channels: str, service: str = "follow") -> list[Family]:
    """So many families with a parent each, who use one service."""
    return [
        make.family(
            make.caregiver(f"{service}{n}", *channels or ("push",)),
            id=FamilyId(f"{service}-{n:04}"),
            services=(service,),
        )
        for n in range(count)
    ]


async def open_(world: World, service: str) -> None:
    opening = Opening((Reach(service),), Severity.CRITICAL, f"{service} is down")
    await open_incident(world.deps, opening, who="test")


async def work(world: World, lane: str, stop: Callable[[], bool] = lambda: False) -> int:
    return await drain(world.deps, world.sender, lane, seconds=30, stop=stop)


def after_one_step() -> Callable[[], bool]:
    looks = iter((False, True))
    return lambda: next(looks)


def cursors(world: World) -> list[tuple[int, str]]:
    """(update, lane) of an incident's cursors."""
    return world.sql("SELECT DISTINCT update_no, lane FROM fanout ORDER BY update_no")


def due(world: World) -> int:
    now = int(world.clock.now().timestamp() * 1_000_000)
    return int(world.sql("SELECT count(*) FROM watch WHERE look_at <= ?", now)[0][0])


async def test_an_urgent_retry_goes_before_whatever_is_due(world: World):
    """300 families wait for their holding; the page to one family does not wait for the plans of any of them."""
    await put_families(world.deps, street(300), who="test")
    await open_(world, "follow")
    await work(world, "urgent")
    world.clock.advance(minutes=29, seconds=30)
    await put_families(world.deps, [solo := street(1, "sms", service="login")[0]], who="test")
    sms = world.channels["sms"]
    sms.fail(solo.caregivers[0].addresses[0].to, Later("20429", retry_after=timedelta(seconds=5)))
    await open_(world, "login")
    step = await fan_out(world.deps, "urgent", send=True)
    assert step.lease is not None
    await world.sender.hand_over(step.batch, step.lease)
    assert (await fan_out(world.deps, "urgent", send=True)).batch == []  # the cursor is done
    world.clock.advance(seconds=10)
    assert (due(world), len(sms.accepted)) == (300, 0)

    assert await work(world, "urgent", stop=after_one_step()) == 1
    assert (due(world), len(sms.accepted)) == (300, 1)


async def test_urgent_workers_send_nothing_that_is_bulk(world: World):
    """They may plan a little of what is due; the holdings themselves are left to the other lane."""
    await put_families(world.deps, street(300), who="test")
    await open_(world, "follow")
    assert await work(world, "urgent") == 300
    world.clock.advance(minutes=29, seconds=30)

    assert await work(world, "urgent", stop=after_one_step()) == 0
    assert due(world) == 200
    assert await work(world, "urgent") == 0
    assert world.sql("SELECT lane, count(*) FROM delivery WHERE state = 'pending' GROUP BY lane") == [
        ("bulk", 300)
    ]
    assert await work(world, "bulk") == 300


async def test_whoever_is_refused_hears_otherwise_without_the_bulk_lane(world: World):
    """A fallback is planned and sent by the urgent lane alone."""
    [family] = street(1, "push", "email")
    await put_families(world.deps, [family], who="test")
    push, email = family.caregivers[0].addresses
    world.channels["push"].fail(push.to, Refused("UNREGISTERED"))
    await open_(world, "follow")
    assert await work(world, "urgent") == 1
    assert [message.to for message in world.channels["email"]] == [email.to]


async def test_the_lane_is_chosen_for_each_update_by_what_it_touches(world: World):
    """First notices to fewer than 1,000 families are urgent; other updates and the end are bulk."""
    await put_families(world.deps, street(1), who="test")
    await put_families(world.deps, street(1, service="share"), who="test")
    await put_families(world.deps, street(URGENT_BELOW, service="login"), who="test")
    await open_(world, "follow")
    for news in (
        News(message={"en": "We are at it."}),
        News(add_scope=(Reach("share"),)),
        News(add_scope=(Reach("login"),)),
        News(remove_scope=(Reach("login"),)),
    ):
        await publish(world.deps, 1, news, who="test")
    assert cursors(world) == [(1, "urgent"), (2, "bulk"), (3, "urgent"), (4, "bulk"), (5, "bulk")]
    assert world.deps.doorbell.rung == ["urgent", "bulk", "urgent", "bulk", "bulk"]  # type: ignore[attr-defined]


async def test_news_to_who_was_told_is_bulk_also_behind_an_urgent_cursor(world: World):
    """A wider scope is a first notice to some and news to others: only the first is urgent."""
    await put_families(world.deps, [*street(2), *street(1, service="share")], who="test")
    await open_(world, "follow")
    await work(world, "urgent")
    await publish(world.deps, 1, News(add_scope=(Reach("share"),), message={"en": "Share, too."}), who="test")
    await fan_out(world.deps, "urgent", send=False)
    pending = world.sql("SELECT family_id, lane FROM delivery WHERE state = 'pending' ORDER BY family_id, channel")
    assert set(pending) == {("follow-0000", "bulk"), ("follow-0001", "bulk"), ("share-0000", "urgent")}


async def test_who_moves_in_is_urgent_and_a_crowd_is_not(world: World):
    """First notices that fall due: few at once are urgent, a full slice is bulk."""
    await put_families(world.deps, street(1), who="test")
    await open_(world, "follow")
    await work(world, "urgent")
    await put_families(world.deps, street(8)[1:], who="test")
    assert await work(world, "urgent") == 7
    await put_families(world.deps, street(120)[8:], who="test")
    await work(world, "urgent")
    lanes = Counter(dict(world.sql("SELECT lane, count(*) FROM delivery WHERE update_no = 1 GROUP BY lane")))
    assert lanes == {"urgent": 1 + 7 + 12, "bulk": 100}
