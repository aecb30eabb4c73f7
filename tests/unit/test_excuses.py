"""The auditor believes no excuse: each is true up to its boundary, and a lie beyond it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from alertd.domain.audit import Case, Cursor, Evidence, Excuse, Suspect, Tries, Waiting
from alertd.domain.excuses import LONGEST_REST, STANDSTILL, excuse_of
from alertd.domain.family import Address, Family
from alertd.domain.incident import Incident, Kind, Severity
from alertd.domain.policy import Holdings, Policy
from tests import make
from tests.make import after, caregiver, minutes, own

DUE, NOW, SOON = after(30), after(31), after(40)
SECOND = timedelta(seconds=1)
PUSH, SMS, EMAIL = own("mia", "push"), own("mia", "sms"), own("mia", "email")
AWAKE: dict[str, Any] = {"quiet_hours": "none"}
FAMILY, POLICY, LIMITS, UNTRIED = make.family(), make.policy(), Holdings(), Tries()
CRITICAL, MAJOR = make.incident(), make.incident(make.update(1, Kind.NOTICE, severity=Severity.MAJOR))
NOT_TOLD = make.preferences(major=(), **AWAKE)


def excuse(
    rest: str | None = None,
    family: Family | None = FAMILY,
    *,
    next_by: datetime | None = DUE,
    look_at: datetime | None = SOON,
    epoch: int | None = 1,
    stopped: Iterable[Address] = (),
    out: Iterable[Address] = (),
    tries: Tries = UNTRIED,
    cursors: tuple[Cursor, ...] = (),
    incident: Incident = CRITICAL,
    policy: Policy = POLICY,
    channels: frozenset[str] = make.ALL_CHANNELS,
    now: datetime = NOW,
) -> Excuse | None:
    """What the auditor makes of a family whose watch rests so, and of what the tables say of it."""
    of = {a.id: a for c in (family.caregivers if family else ()) for a in c.addresses}
    no, left = {a.id for a in stopped}, {a.id for a in out}
    addresses = {i: (a.channel, i not in no | left, i in left) for i, a in of.items()}
    suspect = Suspect(make.family().id, next_by, look_at, rest, epoch)
    case = Case(incident, policy, channels, cursors, now, now)
    return excuse_of(suspect, case, Evidence(family, addresses, tries=tries))


@pytest.mark.parametrize(
    ("because", "tries", "found"),
    [
        ("nothing was tried at all", Tries(), None),
        ("a message waits that nobody tried", Tries(under_way=True), None),
        ("the provider was asked and has not taken it", Tries(under_way=True, tried=True), Excuse.PROVIDER_DOWN),
        ("the only message is seconds old", Tries(under_way=True, fresh=True), Excuse.JUST_DUE),
        ("the one before was in time", Tries(under_way=True, fresh=True, before=DUE), Excuse.JUST_DUE),
        ("planned anew again and again", Tries(under_way=True, fresh=True, before=DUE + SECOND), None),
        ("the provider gave up", Tries(given_up=DUE), Excuse.UNDELIVERED),
        ("... and another waits since, untried", Tries(given_up=DUE, under_way=True), None),
        ("our own fault came after", Tries(given_up=DUE, stopped=DUE + SECOND), None),
        ("our own fault came before", Tries(given_up=DUE, stopped=DUE), Excuse.UNDELIVERED),
        ("our own fault alone", Tries(stopped=DUE), None),
    ],
)
def test_whether_providers_answer_for_what_they_did_not_take(because, tries, found):
    assert excuse(tries=tries) is found, because


@pytest.mark.parametrize(
    ("because", "sms", "email", "true"),
    [
        ("both failed for what waits", 3, 3, True),
        ("... or for something newer", 3, 4, True),
        ("one failed, for what was said before", 3, 2, False),
        ("one never failed", 3, None, False),
    ],
)
def test_a_way_that_failed_is_none_for_what_failed_there_and_is_one_again_for_what_comes_next(
    because, sms, email, true
):
    failed = {a.id: number for a, number in ((SMS, sms), (EMAIL, email)) if number is not None}
    tries = Tries(under_way=True, tried=True, waits={PUSH.id: Waiting(after(10), 3)}, failed=failed)
    awake = make.family(caregiver("mia", preferences=make.preferences(**AWAKE)))
    assert (excuse(family=awake, tries=tries) is Excuse.PROVIDER_DOWN) is true, because


def test_what_waits_for_one_person_is_no_measure_for_another():
    """Ben waits for the third update already; what Mia waits for has failed over all that she has."""
    mia = caregiver("mia", "push", "sms", preferences=make.preferences(**AWAKE))
    ben = caregiver("ben", "push", preferences=make.preferences(**AWAKE), order=2)
    waits = {PUSH.id: Waiting(after(10), 2), own("ben", "push").id: Waiting(after(10), 3)}
    for failed, true in ((2, True), (1, False)):
        tries = Tries(under_way=True, tried=True, waits=waits, failed={SMS.id: failed})
        assert (excuse(family=make.family(mia, ben), tries=tries) is Excuse.PROVIDER_DOWN) is true


def test_a_deadline_that_is_still_ahead_needs_another_look_and_not_an_excuse():
    given_up = Tries(given_up=after(10))
    assert excuse(tries=given_up, now=DUE) is Excuse.UNDELIVERED
    assert excuse(tries=given_up, now=DUE - SECOND) is None
    assert excuse(tries=Tries(under_way=True, fresh=True, tried=True), next_by=None) is None


@pytest.mark.parametrize("rest", [None, *Excuse, "closed", "not_touched", "unheard of"])
def test_nothing_excuses_a_family_that_has_no_watch(rest):
    everything = Tries(under_way=True, tried=True, fresh=True, given_up=DUE, capped=99)
    assert excuse(rest, make.family(caregiver("mia", "sms")), next_by=None, tries=everything) is None


@pytest.mark.parametrize("rest", ["closed", "not_touched", "provider_down", "just_due", "unheard of"])
def test_no_watch_of_an_open_incident_may_rest_for_that(rest):
    assert excuse(rest, tries=Tries(under_way=True, tried=True, given_up=DUE)) is None


@pytest.mark.parametrize(
    ("because", "changes", "true"),
    [
        ("an address can be used", {"stopped": [SMS, EMAIL]}, False),
        ("none can", {"stopped": [PUSH, SMS, EMAIL]}, True),
        ("stopped or opted out is the same", {"stopped": [PUSH], "out": [SMS, EMAIL]}, True),
        ("what has no adapter cannot", {"stopped": [SMS, EMAIL], "channels": frozenset({"sms", "email"})}, True),
        ("a family without addresses", {"family": make.family(caregiver(addresses=()))}, True),
    ],
)
def test_no_address(because, changes, true):
    assert (excuse("no_address", **changes) is Excuse.NO_ADDRESS) is true, because


def test_opted_out_is_the_whole_family_or_nobody():
    assert excuse("opted_out", out=[PUSH, SMS, EMAIL]) is Excuse.OPTED_OUT
    assert excuse("opted_out", out=[PUSH, SMS], stopped=[EMAIL]) is None
    assert excuse("opted_out", make.family(caregiver(addresses=()))) is None


def test_muted_is_everybody_who_hears_and_never_where_it_is_critical():
    mia, ben = caregiver("mia", preferences=NOT_TOLD), caregiver("ben", order=2)
    deaf = replace(ben, preferences=NOT_TOLD)
    assert excuse("muted", make.family(mia, deaf), incident=MAJOR) is Excuse.MUTED
    assert excuse("muted", make.family(mia, ben), incident=MAJOR) is None
    assert excuse("muted", make.family(mia, deaf)) is None
    assert excuse("muted", make.family(mia), incident=MAJOR, stopped=[PUSH, SMS, EMAIL]) is None  # nobody hears
    assert excuse("muted", None, incident=MAJOR) is None


NIGHT = after(11 * 60)
ASLEEP = caregiver("mia", "sms")  # from 22:00 to 06:30, as everybody
UP_LATE = caregiver("ben", "sms", order=2, preferences=make.preferences(**AWAKE))
UP_LATE_AND_MUTED = replace(UP_LATE, preferences=NOT_TOLD)


@pytest.mark.parametrize(
    ("because", "people", "true"),
    [
        ("all who hear are asleep", (ASLEEP,), True),
        ("one is awake", (ASLEEP, UP_LATE), False),
        ("who is awake asked not to be told of this", (ASLEEP, UP_LATE_AND_MUTED), True),
        ("all asked not to be told: that is no quiet", (UP_LATE_AND_MUTED,), False),
        ("who is awake is none of those who hear", (ASLEEP, replace(UP_LATE, role="friend")), True),
        ("nobody hears", (replace(ASLEEP, addresses=()),), False),
    ],
)
def test_quiet(because, people, true):
    found = excuse("quiet", make.family(*people), now=NIGHT, look_at=NIGHT + minutes(60), incident=MAJOR)
    assert (found is Excuse.QUIET) is true, because


@pytest.mark.parametrize("rest", [Excuse.QUIET, Excuse.CAPPED])
@pytest.mark.parametrize(
    ("look_at", "true"),
    [
        (None, False),
        (NIGHT - minutes(1), True),
        (NIGHT + LONGEST_REST, True),
        (NIGHT + LONGEST_REST + SECOND, False),
    ],
)
def test_who_rests_for_a_while_must_be_looked_at_again(rest, look_at, true):
    given = {"now": NIGHT, "look_at": look_at, "tries": Tries(capped=12)}
    assert (excuse(rest, make.family(ASLEEP), **given) is rest) is true


def test_of_a_family_that_was_not_read_nobody_says_that_it_sleeps():
    assert excuse("quiet", None, now=NIGHT, look_at=NIGHT) is None


def capped(by_phone: int, *people: Any, wish: str | None = None, holdings: Holdings = LIMITS, **given: Any):
    """Whether so many holdings by SMS within a day are all that this family may get."""
    family = make.family(*people or [caregiver("mia", "sms")], preferences=make.preferences(holdings=wish))
    policy = make.policy(silence=make.silence(holdings=holdings))
    return excuse("capped", family, policy=policy, tries=Tries(capped=by_phone), **given) is Excuse.CAPPED


@pytest.mark.parametrize(
    ("because", "most", "given"),
    [
        ("what the policy allows", 12, {}),
        ("as many as are loud in a row, for those who asked for few", 2, {"wish": "few"}),
        ("the policy's cap where more are loud", 3, {"wish": "few", "holdings": Holdings(5, 3)}),
        ("at least one", 1, {"wish": "few", "holdings": Holdings(0, 3)}),
        ("who asked for all gets what the policy allows", 12, {"wish": "all"}),
    ],
)
def test_the_cap_excuses_once_it_is_used_up_and_not_one_before(because, most, given):
    assert capped(most, **given), because
    assert not capped(most - 1, **given), because


def test_a_persons_own_wish_goes_before_that_of_the_family():
    mia = caregiver("mia", "sms", preferences=make.preferences(holdings="all"))
    ben = caregiver("ben", "sms", order=2)
    assert not capped(2, mia, wish="few")
    assert capped(2, mia, ben, wish="few")  # of two the one who asked for fewer holds it up
    assert capped(12, mia, wish="few")


@pytest.mark.parametrize("channel", ["email", "push"])
def test_the_cap_holds_nothing_back_from_those_who_can_be_told_without_a_ring(channel):
    mia = caregiver("mia", "sms", channel)
    silent = own("mia", channel)
    assert not capped(12, mia)
    assert capped(12, mia, stopped=[silent])
    assert capped(12, mia, channels=frozenset({"sms"}))
    assert capped(12, caregiver("mia", "sms", "voice"))
    friend = caregiver("ann", channel, role="friend", order=2)
    assert capped(12, caregiver("mia", "sms"), friend)  # she hears nothing of it anyway


def cursor(position: str = "fam-0", until: str | None = None, *, scope: bool = False, stood: timedelta = SECOND):
    return Cursor(position, until, scope, NOW - stood)


@pytest.mark.parametrize(
    ("because", "on_its_way", "epoch", "rest", "true"),
    [
        ("planned in an earlier epoch", cursor(), 0, None, True),
        ("planned in this epoch already", cursor(), 1, None, False),
        ("closed before it came back", cursor(), 1, "closed", True),
        ("not touched before it grew", cursor(), 1, "not_touched", True),
        ("no watch yet, and the update makes none", cursor(), None, None, False),
        ("no watch yet, and the scope grows to them", cursor(scope=True), None, None, True),
        ("it has passed them", cursor("fam-1"), 0, None, False),
        ("they are the last it goes to", cursor(until="fam-1"), 0, None, True),
        ("it ends before them", cursor(until="fam-0z"), 0, None, False),
        ("it moved just within the standstill", cursor(stood=STANDSTILL), 0, None, True),
        ("it stands still", cursor(stood=STANDSTILL + SECOND), 0, None, False),
    ],
)
def test_fan_out_excuses_whom_an_update_has_not_reached_yet(because, on_its_way, epoch, rest, true):
    found = excuse(rest, epoch=epoch, next_by=None if epoch is None else DUE, cursors=(on_its_way,))
    assert (found is Excuse.FAN_OUT) is true, because


def test_one_cursor_that_moves_is_enough():
    assert excuse(epoch=0, cursors=(cursor("fam-1"), cursor())) is Excuse.FAN_OUT
