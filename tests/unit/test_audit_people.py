"""Who in a family hears, and could be told now, as the auditor reads it: R7, R10 and R12 once more, on their own."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alertd.domain.audit import Case, Evidence
from alertd.domain.audit_people import hearers, muted, tellable
from alertd.domain.family import Address, Caregiver
from alertd.domain.incident import Incident, Kind, Severity
from alertd.domain.policy import Policy, RoleDefaults
from tests import make
from tests.make import after, caregiver, history, minutes, preferences

LA = "America/Los_Angeles"
MAJOR: dict[str, Any] = {"severity": Severity.MAJOR}
MINOR: dict[str, Any] = {"severity": Severity.MINOR}


def local(text: str, zone: str = LA, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def case(at: datetime = make.NOON, *, incident: Incident | None = None, **changes: Any) -> Case:
    made = Case(incident or make.incident(), make.policy(), make.ALL_CHANNELS, (), at, at)
    return replace(made, **changes)


def evidence(*people: Caregiver, stopped: tuple[Address, ...] = (), joined: tuple[Address, ...] = (), **of: Any):
    family, no = make.family(*people, **of), {a.id for a in stopped}
    addresses = {a.id: (a.channel, a.id not in no, False) for c in people for a in c.addresses}
    return Evidence(family, addresses, frozenset(a.id for a in joined))


def may_be_told(person: Caregiver, at: datetime, *, stopped: tuple[Address, ...] = (), **changes: Any) -> bool:
    found = evidence(person, stopped=stopped)
    assert found.family is not None
    return tellable(person, found.family, case(at, **changes), found)


def names(found: Evidence, **changes: Any) -> list[str]:
    return [person.id for person in hearers(case(**changes), found)]


MIA, BEN = caregiver("mia", order=2), caregiver("ben", "sms", order=3)
ANN, JOE = caregiver("ann", "sms", role="friend", order=4), caregiver("joe", "sms", role="nurse", order=1)
QUIETLY = preferences(major=())


def test_those_hear_whom_the_policy_always_tells_in_their_order():
    assert names(evidence(BEN, ANN, MIA, JOE)) == ["mia", "ben"]
    assert names(evidence(BEN, ANN, MIA, JOE, stopped=MIA.addresses)) == ["ben"]
    assert names(Evidence(None)) == []


def test_where_nobody_has_such_a_role_the_first_in_order_hears():
    assert names(evidence(ANN, JOE)) == ["joe"]


def test_where_none_of_them_can_be_reached_the_next_who_can_stands_in():
    stopped = (*MIA.addresses, *BEN.addresses)
    assert names(evidence(ANN, BEN, MIA, JOE, stopped=stopped)) == ["joe"]
    assert names(evidence(ANN, BEN, MIA, JOE, stopped=(*stopped, *JOE.addresses))) == ["ann"]


def test_whoever_asked_not_to_be_told_stands_in_for_nobody_unless_all_did():
    major = make.incident(make.update(1, Kind.NOTICE, **MAJOR))
    deaf = [replace(each, preferences=QUIETLY) for each in (JOE, ANN)]
    assert names(evidence(MIA, deaf[0], ANN, stopped=MIA.addresses), incident=major) == ["ann"]
    assert names(evidence(MIA, *deaf, stopped=MIA.addresses), incident=major) == ["joe", "ann"]


def test_whom_a_ladder_has_told_hears_from_then_on_while_they_can_be_reached():
    ann = caregiver("ann", "sms", "email", role="friend", order=1)
    sms, email = ann.addresses
    assert names(evidence(MIA, ann, JOE, joined=(email,))) == ["ann", "mia"]
    assert names(evidence(MIA, ann, JOE, joined=(email,), stopped=(email,))) == ["ann", "mia"]
    assert names(evidence(MIA, ann, JOE, joined=(email,), stopped=(email, sms))) == ["mia"]


def test_an_address_that_no_table_knows_or_that_has_no_adapter_reaches_nobody():
    assert names(replace(evidence(MIA, JOE), addresses={JOE.addresses[0].id: ("sms", True, False)})) == ["joe"]
    assert names(evidence(BEN, caregiver("zoe", "email", order=5)), channels=frozenset({"email"})) == ["zoe"]


FOLLOW_MUTED = {"follow": {"major": ()}}


@pytest.mark.parametrize(
    ("first_said_by", "own_wish", "of_family", "role", "everybody", "silent"),
    [
        ("the person, of this service and severity", {"services": FOLLOW_MUTED, "major": ("sms",)}, {}, {}, {}, True),
        ("... of this service", {"services": {"follow": {"default": ()}}, "major": ("sms",)}, {}, {}, {}, True),
        ("... of this service, of another severity: nothing", {"services": {"follow": {"minor": ()}}}, {}, {}, {}, False),
        ("... of this service first of all", {"services": {"follow": {"major": ("sms",)}}, "major": ()}, {}, {}, {}, False),
        ("... of this severity before their default", {"major": (), "default": ("sms",)}, {}, {}, {}, True),
        ("... of another severity: nothing", {"minor": (), "critical": ()}, {}, {}, {}, False),
        ("... by default", {"default": ()}, {"major": ("sms",)}, {}, {}, True),
        ("the person before the family", {"default": ("sms",)}, {"services": FOLLOW_MUTED}, {}, {}, False),
        ("the family, of this service", {}, {"services": FOLLOW_MUTED, "major": ("sms",)}, {}, {}, True),
        ("... of this severity", {}, {"major": (), "default": ("sms",)}, {}, {}, True),
        ("... by default", {}, {"default": ()}, {"major": ("sms",)}, {}, True),
        ("the family before the role", {}, {"default": ("sms",)}, {"major": ()}, {}, False),
        ("the role", {}, {}, {"major": (), "default": ("sms",)}, {"major": ("sms",)}, True),
        ("the role by default", {}, {}, {"default": ()}, {"major": ("sms",)}, True),
        ("everybody", {}, {}, {"minor": ("sms",)}, {"major": ()}, True),
        ("everybody by default", {}, {}, {}, {"default": ()}, True),
        ("nobody: then all channels", {}, {}, {}, {}, False),
    ],
)  # fmt: skip
def test_the_first_who_says_something_decides_whether_somebody_is_muted(
    first_said_by, own_wish, of_family, role, everybody, silent
):
    person = caregiver(preferences=preferences(**own_wish))
    family = make.family(person, preferences=preferences(**of_family))
    policy = make.policy(caregivers={"parent": RoleDefaults(**role), "default": RoleDefaults(**everybody)})
    asked = case(incident=make.incident(make.update(1, Kind.NOTICE, **MAJOR)), policy=policy)
    assert muted(person, family, asked) is silent, first_said_by


def test_muted_is_about_what_fails_for_this_family_and_never_critical():
    person = caregiver(preferences=preferences(services=FOLLOW_MUTED, minor=()))
    here, us = make.family(person), {"regions": ("us",)}
    eu_share = make.scope("follow").plus(make.scope("share", regions=("eu",)))
    us_share = make.scope("follow").plus(make.scope("share", **us))

    def of(**facts: Any) -> Case:
        return case(incident=make.incident(make.update(1, Kind.NOTICE, **facts)))

    assert muted(person, here, of(scope=eu_share, **MAJOR))
    assert not muted(person, here, of(scope=us_share, **MAJOR))  # of what also fails for them they want to hear
    assert not muted(person, here, of(scope=make.scope("login"), **MAJOR))  # nothing fails for them
    assert muted(person, here, of(**MINOR))
    assert not muted(person, here, of())


@pytest.mark.parametrize(
    ("because", "channels", "facts", "told"),
    [
        ("e-mail wakes nobody", ("email",), {}, True),
        ("a silent push neither", ("push",), {}, True),
        ("an SMS does", ("sms", "voice"), {}, False),
        ("of what is major, quiet hours tell nothing at all", ("email",), MAJOR, False),
    ],
)
def test_at_night_only_what_wakes_nobody_where_the_policy_says_so(because, channels, facts, told):
    incident = make.incident(make.update(1, Kind.NOTICE, **facts))
    person = caregiver("mia", *channels)
    assert may_be_told(person, local("2026-11-04 23:00"), incident=incident) is told, because
    assert may_be_told(person, local("2026-11-04 12:00"), incident=incident), because
    assert not may_be_told(person, local("2026-11-04 23:00"), stopped=person.addresses, incident=incident)


@pytest.mark.parametrize(
    ("minor_window", "severities", "told"),
    [
        (60, ("critical", "minor"), True),
        (60, ("critical", "major"), False),
        (60, ("major", "minor"), False),
        (None, ("critical", "minor"), False),
        (None, ("minor", "critical"), False),
    ],
)
def test_after_a_fall_both_severities_must_let_it_be_told_silently(minor_window, severities, told):
    quiet = {**make.silence().quiet, Severity.MINOR: minor_window and minutes(minor_window)}
    kinds = (Kind.NOTICE, Kind.SEVERITY)
    steps = [
        (kind, n, {"severity": Severity(s)}) for n, (kind, s) in enumerate(zip(kinds, severities, strict=True))
    ]
    policy = make.policy(silence=make.silence(quiet=quiet))
    night = local("2026-11-04 23:00")
    assert may_be_told(caregiver("mia", "email"), night, incident=history(*steps), policy=policy) is told


def roles(own_role: dict[str, Any], everybody: dict[str, Any]) -> Policy:
    return make.policy(caregivers={"parent": RoleDefaults(**own_role), "default": RoleDefaults(**everybody)})


@pytest.mark.parametrize("hour", ["quiet_hours", "on_duty"])
@pytest.mark.parametrize(
    ("because", "said", "in_it"),
    [
        ("their own word goes first", ("11:00-13:00", "13:00-14:00", "13:00-14:00"), True),
        ("... whatever the others say", ("13:00-14:00", "11:00-13:00", "11:00-13:00"), False),
        ("then their role's", (None, "11:00-13:00", "13:00-14:00"), True),
        ("then everybody's", (None, None, "11:00-13:00"), True),
        ("... and that may be elsewhere in the day", (None, None, "13:00-14:00"), False),
    ],
)
def test_whose_hours_hold(hour, because, said, in_it):
    mine, of_role, of_all = ({hour: text} if text else {} for text in said)
    wish = preferences(**mine) if hour == "quiet_hours" else preferences()
    duty = mine.get("on_duty")
    person = caregiver("mia", "sms", preferences=wish, on_duty=duty)
    at_noon = may_be_told(person, make.NOON, policy=roles(of_role, of_all))
    assert at_noon is (in_it == (hour == "on_duty")), because


def test_without_any_hours_they_may_be_told_by_day_and_night():
    for at in (0, 600, 1100):
        assert may_be_told(caregiver("mia", "sms"), after(at), policy=roles({}, {}))


def test_off_duty_they_are_told_nothing_not_even_silently():
    person = caregiver("mia", "email", on_duty="mon-fri 08:00-15:00", preferences=preferences(quiet_hours="none"))
    assert may_be_told(person, local("2026-11-04 14:59"))
    assert not may_be_told(person, local("2026-11-04 15:00"))


def test_their_own_zone_goes_before_that_of_the_family():
    berlin = caregiver("mia", "sms", time_zone="Europe/Berlin")
    assert not may_be_told(berlin, local("2026-11-04 22:00", "Europe/Berlin"))
    assert may_be_told(berlin, local("2026-11-04 23:00"))  # it is eight in the morning in Berlin
