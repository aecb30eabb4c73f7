"""The auditor's question over both databases: who is in time, which excuses are true, and which are lies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from alertd.domain.audit import Audit
from alertd.domain.family import Family
from alertd.domain.incident import IncidentId, Kind, Severity
from alertd.domain.watch import Rest
from alertd.ports.deps import Deps, Timing
from alertd.store.ids import uuid7
from alertd.store.tables import address, delivery, family, fanout, incident, watch
from alertd.usecases.audit import audit
from tests import make
from tests.contract.books import Books, crowd
from tests.fakes import FakeClock, FakeLog
from tests.served import open_deps

NIGHT = datetime(2026, 11, 5, 10, 0, tzinfo=make.NOON.tzinfo)
"""02:00 in Los Angeles."""


@pytest.fixture
async def deps(books: Books) -> AsyncIterator[Deps]:
    """What the auditor gets, over the books' database; it looks twice without a pause."""
    made, _ = open_deps(books.url)
    yield replace(made, timing=Timing(look_twice=0.0))
    await made.store.close()


async def ask(deps: Deps, at: datetime) -> Audit:
    """The auditor's answer at a moment."""
    assert isinstance(deps.clock, FakeClock)
    deps.clock.set(at)
    return await audit(deps)


def log(deps: Deps) -> FakeLog:
    assert isinstance(deps.log, FakeLog)
    return deps.log


def missing(answer: Audit) -> list[str]:
    """The families that are unaccounted for."""
    assert answer.failed is None
    return [family for each in answer.unaccounted for family in each.families]


# --- time -------------------------------------------------------------------------------------------


async def test_ten_seconds_after_its_time_a_family_is_still_in_time_and_after_eleven_it_is_not(
    books: Books, deps: Deps
) -> None:
    await books.tell(*await books.families(make.family()))  # to hear by 12:10

    answer = await ask(deps, make.after(10) + timedelta(seconds=10))
    assert (answer.families, answer.accounted, answer.passed) == (1, 1, True)
    assert answer.headroom == {1: -10.0}

    await books.set(delivery, {"state": "accepted"}, family_id="fam-1")
    answer = await ask(deps, make.after(10) + timedelta(seconds=11))
    assert (answer.families, answer.accounted, answer.passed) == (1, 0, False)
    assert missing(answer) == ["fam-1"]
    [told] = log(deps).named("families_unaccounted")
    assert told == {"incident": 1, "families": 1, "first": ["fam-1"]}


async def test_ten_seconds_are_real_ones_however_fast_a_story_runs(books: Books, deps: Deps) -> None:
    await books.tell(*await books.families(make.family()))
    await books.set(delivery, {"state": "accepted"}, family_id="fam-1")
    deps.clock.rate = 60.0

    assert (await ask(deps, make.after(20))).passed
    assert not (await ask(deps, make.after(20) + timedelta(seconds=1))).passed


async def test_a_deadline_that_nobody_was_promised_is_no_deadline(books: Books, deps: Deps) -> None:
    """A `next_by` far beyond any window and any night would keep the auditor quiet for ever."""
    await books.tell(*await books.families(make.family()))
    await books.set(watch, {"next_by": make.NOON + timedelta(days=9)}, family_id="fam-1")
    assert missing(await ask(deps, make.after(1))) == ["fam-1"]
    await books.set(watch, {"next_by": make.NOON + timedelta(days=7)}, family_id="fam-1")
    assert (await ask(deps, make.after(1))).passed


async def test_only_open_incidents_that_families_are_told_of_are_asked_about(books: Books, deps: Deps) -> None:
    await books.families(make.family())
    assert missing(await ask(deps, make.NOON)) == ["fam-1"]
    await books.set(incident, {"held": True}, number=1)
    assert (await ask(deps, make.NOON)).families == 0
    await books.set(incident, {"held": False, "ended_at": make.NOON, "state": "resolved"}, number=1)
    assert (await ask(deps, make.NOON)).families == 0


# --- who is touched ---------------------------------------------------------------------------------


async def test_every_touched_family_has_a_watch(books: Books, deps: Deps) -> None:
    """By service and region, as `Scope.touching` judges; a family without a region is everywhere."""
    scope = make.scope("follow", "share", regions=("us", "eu-50%"))
    await books.open(make.incident(make.update(1, Kind.NOTICE, scope=scope), id=uuid7(), number=2))
    await books.set(incident, {"ended_at": make.NOON}, number=1)
    places = [None, "us", "us-west", "usa", "u", "eu", "eu-50%", "eu-50%-x", "eu-501", "us-", "US-west"]
    families = [
        make.family(id=f"fam-{n:02}", region=place, services=services)
        for n, (place, services) in enumerate(
            (place, services) for place in places for services in (("follow", "share"), ("share",), ("login",))
        )
    ]
    await books.families(*families)

    answer = await ask(deps, make.NOON)

    assert missing(answer) == [f.id for f in families if scope.touching(f.services, f.region)]
    assert answer.families == len(missing(answer))


async def test_at_most_twenty_are_named_and_all_are_counted(books: Books, deps: Deps) -> None:
    await books.families(*crowd(30))
    answer = await ask(deps, make.NOON)
    [found] = answer.unaccounted
    assert (found.incident, found.count, len(found.families)) == (1, 30, 20)


@pytest.mark.parametrize(
    ("changes", "excused"),
    [
        ({}, True),
        ({"moved_at": make.NOON - timedelta(seconds=31)}, False),  # it stands still
        ({"done": True}, False),
        ({"position": "fam-1"}, False),  # it has been there
        ({"until": "fam-0"}, False),  # it does not go there
        ({"until": "fam-1"}, True),
        ({"scope": False}, False),  # it goes to those only who have a watch
    ],
    ids=str,
)
async def test_a_family_without_a_watch_waits_for_a_cursor_that_moves(
    books: Books, deps: Deps, changes: dict[str, Any], excused: bool
) -> None:
    await books.families(make.family())
    async with books.store.transaction() as rows:
        await rows.add_fanout([uuid7()], books.incident.id, 1, "bulk", make.NOON, scope=books.incident.scope)
    if changes:
        await books.set(fanout, changes, update_no=1)

    answer = await ask(deps, make.NOON)

    assert answer.excuses == ({"fan_out": 1} if excused else {})
    assert missing(answer) == ([] if excused else ["fam-1"])


async def test_of_the_cursors_of_one_update_the_others_wait_for_their_worker(pages: Books) -> None:
    made, _ = open_deps(pages.url)
    deps = replace(made, timing=Timing(look_twice=0.0))
    await pages.families(*crowd(4))
    ids = [uuid7(), uuid7()]
    async with pages.store.transaction() as rows:
        await rows.add_fanout(ids, pages.incident.id, 1, "bulk", make.NOON, scope=pages.incident.scope)
    await pages.set(fanout, {"moved_at": make.after(5)}, id=ids[0])
    assert (await ask(deps, make.after(5))).excuses == {"fan_out": 4}
    await deps.store.close()


@pytest.mark.parametrize("rest", ["closed", "not_touched"])
async def test_what_is_over_for_a_family_is_not_over_while_the_incident_touches_it(
    books: Books, deps: Deps, rest: str
) -> None:
    """Not even before its time has come; but an update that is on its way may say so."""
    await books.tell(*await books.families(make.family()))
    await books.set(watch, {"rest": rest, "look_at": None}, family_id="fam-1")
    async with books.store.transaction() as rows:
        await rows.add_fanout([uuid7()], books.incident.id, 1, "bulk", make.NOON, scope=None)
    assert (await ask(deps, make.after(0.1))).excuses == {"fan_out": 1}
    assert missing(await ask(deps, make.after(2))) == ["fam-1"]


async def test_a_new_epoch_is_on_its_way(books: Books, deps: Deps) -> None:
    """A family whose old deadline has passed when the incident is reopened waits for the cursor, and no longer."""
    await books.tell(*await books.families(make.family()))
    await books.set(delivery, {"state": "accepted"}, family_id="fam-1")
    await books.set(incident, {"epoch": 2}, number=1)
    async with books.store.transaction() as rows:
        await rows.add_fanout([uuid7()], books.incident.id, 1, "bulk", make.after(60), scope=None)
    assert (await ask(deps, make.after(60))).excuses == {"fan_out": 1}
    await books.set(watch, {"epoch": 2}, family_id="fam-1")
    assert missing(await ask(deps, make.after(60))) == ["fam-1"]


# --- excuses ----------------------------------------------------------------------------------------

Change = Callable[[Books], Awaitable[None]]


def resting(rest: str, **changes: Any) -> Change:
    async def change(books: Books) -> None:
        await books.set(watch, {"rest": rest, "look_at": None, **changes}, family_id="fam-1")

    return change


def addresses(**values: Any) -> Change:
    async def change(books: Books) -> None:
        for row in await books.table(address):
            await books.set(address, values, id=row["id"])

    return change


def one_address(**values: Any) -> Change:
    async def change(books: Books) -> None:
        [row, *_] = await books.table(address)
        await books.set(address, values, id=row["id"])

    return change


def deliveries(**values: Any) -> Change:
    async def change(books: Books) -> None:
        await books.set(delivery, values, family_id="fam-1")

    return change


def one_delivery(channel: str, **values: Any) -> Change:
    async def change(books: Books) -> None:
        await books.set(delivery, values, channel=channel)

    return change


def severity(name: str) -> Change:
    async def change(books: Books) -> None:
        await books.set(incident, {"severity": name}, number=1)

    return change


def broken_document() -> Change:
    async def change(books: Books) -> None:
        await books.set(family, {"doc": '{"id": "fam-1"}'}, id="fam-1")

    return change


def held_back(count: int) -> Change:
    async def change(books: Books) -> None:
        [row, *_] = await books.table(delivery, channel="sms")
        one = {"channel": "sms", "framing": "holding", "state": "accepted", "accepted_at": make.NOON}
        await books.set(delivery, one, id=row["id"])
        if count > 1:
            rows = [{**row, **one, "id": uuid7(), "update_no": 10 + n} for n in range(count - 1)]
            async with books.store.transaction() as write:
                await write.sql.many(delivery.insert(), rows)

    return change


MUTED = make.family(make.caregiver("mia", preferences=make.preferences(major=(), minor=())))
MUTED_FOR_ONE = make.family(
    make.caregiver(
        "mia", preferences=make.preferences(services={"share": {"major": ()}, "follow": {"default": ()}})
    )
)
MUTED_BY_FAMILY = make.family(make.caregiver("mia"), preferences=make.preferences(default=()))
UNMUTED_CAREGIVER = make.family(
    make.caregiver("mia", preferences=make.preferences(major=())), make.caregiver("ben", order=2)
)
SMS_ONLY = make.family(make.caregiver("mia", "sms"))
PUSH_TOO = make.family(make.caregiver("mia", "push", "sms"))
NURSED = make.family(make.caregiver("ann", "sms", role="nurse"))
"""A nurse on duty by day, and nobody else."""
STOPPED = {"opted_out_at": make.NOON, "notable": True}
REFUSED = {"suspended_at": make.NOON, "notable": True}
MORNING = datetime(2026, 11, 5, 14, 30, tzinfo=make.NOON.tzinfo)
TRIED = {"attempts": 1, "due_at": make.after(60.5)}
NOW = make.after(60)

TWO = make.family(
    make.caregiver("mia", "sms"),
    make.caregiver("ben", "sms", role="grandparent", order=2, time_zone="Europe/Berlin"),
)
"""Mia sleeps while Ben, whom only a ladder tells, is awake."""
MUTED_FIRST = make.family(
    make.caregiver("mia", "sms", preferences=make.preferences(major=())),
    make.caregiver("ben", "sms", role="grandparent", order=2),
)


def laddered(**values: Any) -> Change:
    """A step of a ladder went to Ben."""

    async def change(books: Books) -> None:
        [stored] = [await books.family("fam-1")]
        to = stored.caregivers[1].addresses[0].id
        one = {"reason": "ladder", "state": "accepted", "step": 2, **values}
        await books.set(delivery, one, address_id=to)

    return change


def not_laddered() -> Change:
    return laddered(reason="update")


EXCUSES: list[tuple[str, Family, list[Change | datetime], str | None]] = [
    ("nothing is under way", SMS_ONLY, [deliveries(state="accepted")], None),
    ("no address works", make.family(), [resting("no_address"), addresses(**REFUSED)], "no_address"),
    ("none is verified", make.family(), [resting("no_address"), addresses(verified=False)], "no_address"),
    ("one works", make.family(), [resting("no_address"), one_address(**REFUSED)], None),
    ("no adapter", make.family(make.caregiver("mia", "voice")), [resting("no_address")], "no_address"),
    ("all opted out", make.family(), [resting("opted_out"), addresses(**STOPPED)], "opted_out"),
    ("one opted out", make.family(), [resting("opted_out"), one_address(**STOPPED)], None),
    ("refused is not opted out", make.family(), [resting("opted_out"), addresses(**REFUSED)], None),
    ("muted", MUTED, [resting("muted"), severity("major")], "muted"),
    ("muted by service", MUTED_FOR_ONE, [resting("muted"), severity("major")], "muted"),
    ("muted by the family", MUTED_BY_FAMILY, [resting("muted"), severity("minor")], "muted"),
    ("critical cannot be muted", MUTED, [resting("muted")], None),
    ("not muted at all", make.family(), [resting("muted"), severity("major")], None),
    ("one of two is muted", UNMUTED_CAREGIVER, [resting("muted"), severity("major")], None),
    ("the muted have no address", MUTED, [resting("muted"), severity("major"), addresses(**REFUSED)], None),
    ("night", SMS_ONLY, [resting("quiet", look_at=MORNING), NIGHT], "quiet"),
    ("day", SMS_ONLY, [resting("quiet", look_at=MORNING), NOW], None),
    ("e-mail wakes nobody", make.family(), [resting("quiet", look_at=MORNING), NIGHT], None),
    ("never looked at again", SMS_ONLY, [resting("quiet"), NIGHT], None),
    ("looked at in two weeks", SMS_ONLY, [resting("quiet", look_at=NIGHT + timedelta(days=14)), NIGHT], None),
    ("unreadable", SMS_ONLY, [resting("quiet", look_at=MORNING), NIGHT, broken_document()], None),
    ("off duty", NURSED, [resting("quiet", look_at=MORNING), NIGHT], "quiet"),
    ("on duty", NURSED, [resting("quiet", look_at=MORNING), NOW], None),
    ("quiet, but a ladder told who is awake", TWO, [resting("quiet", look_at=MORNING), NIGHT, laddered()], None),
    ("quiet, and a ladder is about to", TWO, [resting("quiet", look_at=MORNING), NIGHT, laddered(state="pending")], None),
    ("quiet, and a ladder told them in vain", TWO, [resting("quiet", look_at=MORNING), NIGHT, laddered(state="refused")], "quiet"),
    ("quiet, and a ladder told them before they were touched", TWO, [resting("quiet", look_at=MORNING), NIGHT, laddered(planned_at=make.after(-1))], "quiet"),
    ("quiet, and who is awake was told by no ladder", TWO, [resting("quiet", look_at=MORNING), NIGHT, not_laddered()], "quiet"),
    ("muted, but a ladder told another", MUTED_FIRST, [resting("muted"), severity("major"), laddered()], None),
    ("muted, and the other was told by no ladder", MUTED_FIRST, [resting("muted"), severity("major"), not_laddered()], "muted"),
    ("capped", SMS_ONLY, [resting("capped", look_at=MORNING), held_back(12)], "capped"),
    ("not yet capped", SMS_ONLY, [resting("capped", look_at=MORNING), held_back(11)], None),
    ("capped for ever", SMS_ONLY, [resting("capped"), held_back(12)], None),
    ("a word of nobody's", SMS_ONLY, [resting("holiday")], None),
    ("provider down", SMS_ONLY, [deliveries(**TRIED)], "provider_down"),
    ("never tried", SMS_ONLY, [deliveries(attempts=0, due_at=NOW)], None),
    ("tried too long ago", SMS_ONLY, [deliveries(attempts=9, due_at=make.after(58))], None),
    ("asked to come back tomorrow", SMS_ONLY, [deliveries(attempts=1, due_at=make.after(65))], None),
    ("milder, slower", SMS_ONLY, [severity("major"), deliveries(attempts=1, due_at=make.after(64))], "provider_down"),
    ("our own crash", SMS_ONLY, [deliveries(**TRIED, crashes=1)], None),
    ("may have arrived", SMS_ONLY, [deliveries(**TRIED, state="unknown")], "provider_down"),
    ("in hand", SMS_ONLY, [deliveries(state="leased", lease_until=make.after(60.4), attempts=1)], "provider_down"),
    ("in a dead hand", SMS_ONLY, [deliveries(state="leased", lease_until=make.after(59), attempts=1)], None),
    ("given up", SMS_ONLY, [deliveries(state="undelivered", planned_at=make.after(30.5))], "undelivered"),
    ("given up, longer ago than a window", SMS_ONLY, [deliveries(state="undelivered", planned_at=make.after(29))], None),
    ("given up, and the other way stopped by us at that time", PUSH_TOO, [one_delivery("push", state="parked", planned_at=make.after(40)), one_delivery("sms", state="undelivered", planned_at=make.after(40))], "undelivered"),
    ("given up, and the other way stopped by us since", PUSH_TOO, [one_delivery("push", state="parked", planned_at=make.after(41)), one_delivery("sms", state="undelivered", planned_at=make.after(40))], None),
    ("stopped by us, and given up since", PUSH_TOO, [one_delivery("push", state="refused", planned_at=make.after(41)), one_delivery("sms", state="parked", planned_at=make.after(40))], "undelivered"),
    ("all parked", SMS_ONLY, [deliveries(**TRIED, state="parked")], None),
    ("superseded, and nothing came after", SMS_ONLY, [deliveries(**TRIED, state="superseded")], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("household", "changes", "excuse"), [case[1:] for case in EXCUSES], ids=[c[0] for c in EXCUSES]
)
async def test_an_excuse_is_believed_only_if_it_is_true(
    books: Books, deps: Deps, household: Family, changes: list[Change | datetime], excuse: str | None
) -> None:
    """At 13:00, fifty minutes after they were to hear, or at the hour that a case names."""
    [stored] = await books.families(household)
    await books.tell(stored)
    moment = NOW
    for change in changes:
        if isinstance(change, datetime):
            moment = change
        else:
            await change(books)

    answer = await ask(deps, moment)

    assert answer.excuses == ({excuse: 1} if excuse else {})
    assert missing(answer) == ([] if excuse else ["fam-1"])


@pytest.mark.parametrize(
    ("seconds", "older", "excused"),
    [(10, None, True), (11, None, False), (5, 9.5, True), (5, 40, False)],
    ids=["ten seconds", "eleven", "one before its time", "one since"],
)
async def test_who_could_be_told_only_now_is_given_ten_seconds_once(
    books: Books, deps: Deps, seconds: float, older: float | None, excused: bool
) -> None:
    """A new address, another hour: the deadline is long over, and the first message since is under way."""
    [stored] = await books.families(SMS_ONLY)
    await books.tell(stored)
    planned_at = {"planned_at": NOW - timedelta(seconds=seconds)}
    if older is None:
        await books.set(delivery, planned_at, family_id="fam-1")
    else:
        await books.set(delivery, {"planned_at": make.after(older), "state": "superseded"}, family_id="fam-1")
        await books.write([books.watch(stored, version=1)], [books.owed(stored, update=2)])
        await books.set(delivery, planned_at, update_no=2)
    answer = await ask(deps, NOW)
    assert answer.excuses == ({"just_due": 1} if excused else {})
    assert missing(answer) == ([] if excused else ["fam-1"])


async def test_a_new_message_takes_the_place_of_one_that_a_provider_did_not_take(books: Books, deps: Deps) -> None:
    [stored] = await books.families(SMS_ONLY)
    await books.tell(stored)
    await books.set(delivery, {**TRIED, "state": "superseded"}, family_id="fam-1")
    await books.write([books.watch(stored, version=1)], [books.owed(stored, update=2)])
    assert (await ask(deps, NOW)).excuses == {"provider_down": 1}


@pytest.mark.parametrize(
    ("sms", "excused"),
    [
        ((), False),  # nothing ever failed there
        ([(2, "undelivered", 20)], True),  # what waits has failed there
        ([(2, "parked", 31)], True),
        ([(2, "parked", 20)], False),  # our own fault: it may be mended, and is to be tried again
        ([(2, "parked", 20), (2, "parked", 40)], True),
        ([(1, "undelivered", 5)], False),  # a phone that was off for what came before explains nothing of it
        ([(1, "refused", 5), (2, "superseded", 20)], False),
        ([(1, "undelivered", 5), (2, "undelivered", 20)], True),
        ([(2, "undelivered", 20), (1, "accepted", 25)], False),  # something was taken there since
    ],
)
async def test_a_failure_of_old_is_no_reason_not_to_try_there_what_waits_now(
    books: Books, deps: Deps, sms: Sequence[tuple[int, str, float]], excused: bool
) -> None:
    """Push is tried and takes nothing of the second update, long after it was planned."""
    [stored] = await books.families(make.family(make.caregiver("mia", "push", "sms")))
    push, phone = stored.caregivers[0].addresses
    await books.write([books.watch(stored)], [books.owed(stored, push, update=2)])
    await books.set(delivery, {**TRIED, "planned_at": make.after(20)}, family_id="fam-1")
    for version, (number, state, at) in enumerate(sms, 1):
        owed = books.owed(stored, phone, update=number)
        await books.write([books.watch(stored, version=version)], [owed])
        await books.set(delivery, {"state": state, "planned_at": make.after(at)}, id=owed.id)
    answer = await ask(deps, NOW)
    assert answer.excuses == ({"provider_down": 1} if excused else {})
    assert missing(answer) == ([] if excused else ["fam-1"])


async def test_a_message_to_a_shared_address_counts_for_all_its_families(books: Books, deps: Deps) -> None:
    nurse = make.caregiver("ann", "sms")
    one, other = await books.families(make.family(nurse, id="fam-1"), make.family(nurse, id="fam-2"))
    shared = one.caregivers[0].addresses[0]
    await books.write([books.watch(one)], [books.owed(one)], shared=[shared])
    await books.write([books.watch(other)], [books.owed(other)], shared=[shared])
    await books.set(delivery, TRIED, family_id="fam-1")
    assert (await ask(deps, NOW)).excuses == {"provider_down": 2}


async def test_a_fall_is_told_by_the_quiet_rules_of_the_severity_it_leaves(books: Books, deps: Deps) -> None:
    """Where one of the two waits for the morning, whoever waits is not accused of lying."""
    fallen = make.history((Kind.NOTICE, 0), (Kind.SEVERITY, 5, {"severity": Severity.MAJOR}))
    await books.open(replace(fallen, id=IncidentId(uuid7()), number=2))
    await books.set(incident, {"ended_at": make.NOON}, number=1)
    books.incident = replace(fallen, id=IncidentId((await books.row(incident, number=2))["id"]))
    await books.tell(*await books.families(make.family()))
    await books.set(watch, {"rest": "quiet", "look_at": MORNING}, family_id="fam-1")
    assert (await ask(deps, NIGHT)).excuses == {"quiet": 1}


# --- what follows -----------------------------------------------------------------------------------


async def test_who_is_unaccounted_for_is_planned_at_once(books: Books, deps: Deps) -> None:
    await books.tell(*await books.families(make.family()))
    await books.set(delivery, {"state": "accepted"}, family_id="fam-1")
    await books.set(watch, {"look_at": make.NOON + timedelta(days=365)}, family_id="fam-1")
    before = await books.row(watch, family_id="fam-1")

    await ask(deps, NOW)

    after = await books.row(watch, family_id="fam-1")
    assert (after["look_at"], after["version"]) == (NOW, before["version"] + 1)
    assert await books.table(fanout) == []


@pytest.mark.parametrize("closed", [False, True], ids=["no watch", "closed"])
async def test_to_who_has_no_watch_that_counts_the_newest_update_sets_out_once_more(
    books: Books, deps: Deps, closed: bool
) -> None:
    """Once: while it is on its way, or stands still, another would not come further."""
    [stored] = await books.families(make.family())
    if closed:
        await books.write([books.watch(stored, rest=Rest.CLOSED, look_at=None)])
    await ask(deps, make.after(1))
    [cursor] = await books.table(fanout)
    assert (cursor["update_no"], cursor["scope"], cursor["done"]) == (1, True, False)
    assert (await ask(deps, make.after(1))).excuses == {"fan_out": 1}
    assert missing(await ask(deps, make.after(3))) == ["fam-1"]
    assert len(await books.table(fanout)) == 1


async def test_who_is_helped_meanwhile_is_not_told_of(books: Books, deps: Deps) -> None:
    """An import writes a family first, and its watch a moment later."""
    [stored] = await books.families(make.family())
    slower = replace(deps, timing=Timing(look_twice=0.3))
    asked = asyncio.create_task(audit(slower))
    await asyncio.sleep(0.1)  # between its two looks
    await books.write([books.watch(stored)])
    answer = await asked
    assert (answer.families, answer.accounted, answer.unaccounted) == (1, 1, ())
    assert log(deps).named("families_unaccounted") == []


async def test_the_answer_is_kept_and_when_one_last_passed(books: Books, deps: Deps) -> None:
    async with books.store.reading() as rows:
        assert await rows.last_audit() is None
    await books.tell(*await books.families(make.family()))
    passed = await ask(deps, make.after(1))
    async with books.store.transaction() as rows:
        await rows.keep_ping(make.after(2))
    failed = await ask(deps, NOW + timedelta(hours=1))
    async with books.store.reading() as rows:
        kept, counts = await rows.last_audit(), await rows.counts()
    assert passed.passed
    assert not failed.passed
    assert kept is not None
    assert kept.audit == failed
    assert (kept.passed_at, kept.pinged_at) == (make.after(1), make.after(2))
    assert counts == {"audits_passed": 1, "audits_failed": 1}


async def test_a_condition_that_holds_withholds_the_ping_and_one_that_cannot_be_asked_fails_the_audit(
    books: Books, deps: Deps
) -> None:
    async def yes(_rows: object, _now: datetime, _late: datetime) -> bool:
        return True

    async def no(_rows: object, _now: datetime, _late: datetime) -> bool:
        return False

    async def broken(_rows: object, _now: datetime, _late: datetime) -> bool:
        raise LookupError("a secret")

    answer = await audit(deps, {"nobody_on_call": yes, "all_well": no})
    assert (answer.passed, answer.well, answer.withheld) == (True, False, ("nobody_on_call",))

    answer = await audit(deps, {"broken": broken})
    assert (answer.passed, answer.well, answer.failed) == (False, False, "LookupError")
    [told] = log(deps).named("audit_failed")
    assert told["error"] == "LookupError"


async def test_an_audit_that_cannot_read_is_a_failed_one(books: Books, deps: Deps) -> None:
    await books.set(incident, {"policy_snapshot": "no policy"}, number=1)
    answer = await ask(deps, make.NOON)
    assert not answer.passed
    async with books.store.reading() as rows:
        kept = await rows.last_audit()
    assert kept is not None
    assert kept.audit.failed == answer.failed
    assert kept.passed_at is None


# --- counting ---------------------------------------------------------------------------------------


async def test_deliveries_are_counted_slice_by_slice(books: Books) -> None:
    await books.tell(*await books.families(*crowd(5, "push", "sms")))
    await books.set(delivery, {"state": "accepted"}, family_id="fam-0003")
    found: dict[tuple[str, str, str], int] = {}
    position: str | None = ""
    ends = []
    async with books.store.reading() as rows:
        while position is not None:
            counts, position = await rows.count_slice(books.incident.id, position, 2)
            ends.append(position)
            found = {key: found.get(key, 0) + counts.get(key, 0) for key in found.keys() | counts.keys()}
    assert ends == ["fam-0001", "fam-0003", None]
    assert found == {
        ("push", "pending", "first_notice"): 4,
        ("push", "accepted", "first_notice"): 1,
        ("sms", "pending", "first_notice"): 4,
        ("sms", "accepted", "first_notice"): 1,
    }


async def test_counters_add_up(books: Books) -> None:
    async def add(by: int) -> None:
        async with books.store.transaction() as rows:
            await rows.count("hints_lost", by)

    await asyncio.gather(*[add(by) for by in range(1, 6)])
    async with books.store.reading() as rows:
        assert await rows.counts() == {"hints_lost": 15}
