"""Random histories: a household, a policy, and what happens to them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from alertd.domain.family import Caregiver, Family
from alertd.domain.incident import Kind, Severity
from alertd.domain.policy import Escalation, Holdings, Ladder, Policy
from tests import make

LOCAL = "%Y-%m-%d %H:%M"
EVES = {  # an evening before a night on which the clocks change, at 18:00 local time
    ("America/Los_Angeles", "fold"): datetime(2026, 10, 31, 18),
    ("America/Los_Angeles", "gap"): datetime(2026, 3, 7, 18),
    ("Europe/Berlin", "fold"): datetime(2026, 10, 24, 18),
    ("Europe/Berlin", "gap"): datetime(2026, 3, 28, 18),
    ("Australia/Lord_Howe", "fold"): datetime(2026, 4, 4, 18),  # half an hour
    ("Australia/Lord_Howe", "gap"): datetime(2026, 10, 3, 18),
    ("Africa/Cairo", "gap"): datetime(2026, 4, 23, 18),  # at midnight
    ("Africa/Cairo", "fold"): datetime(2026, 10, 29, 18),
    ("Asia/Kolkata", "plain"): datetime(2026, 11, 4, 18),  # a Wednesday
    ("America/New_York", "plain"): datetime(2026, 11, 6, 18),  # a Friday
}
OTHER_ZONES = (None, None, "America/Denver", "Europe/London")
NIGHTS = ("22:00-06:30", "22:00-06:30", "none", "01:30-02:30", "23:00-09:00", "02:15-02:45", "20:00-00:30")
DUTIES = (None, None, None, "mon-fri 08:00-15:00", "sat,sun 00:30-02:30", "mon-sun 21:00-23:30")
LISTS = (None, None, ("push",), ("sms",), ("email",), ("push", "sms"), ("push", "email"), ())
LADDERS: tuple[dict[Severity, Ladder], ...] = (
    {},
    {},
    {Severity.CRITICAL: make.ladder()},
    {Severity.CRITICAL: make.ladder((0, "always"), (3, "next"), (3.5, "next", "sms"), (45, "all", "email sms"))},
    {
        severity: make.ladder((0, ("first", "nurse")), (12, "always", "email"), by=("nurse",))
        for severity in Severity
    },
    {Severity.CRITICAL: make.ladder((2, "next")), Severity.MAJOR: make.ladder((0, "all"), (90, "first"))},
)
HOLDS = (
    ("push", "sms", "email"),
    ("push",),
    ("sms",),
    ("email",),
    ("push", "email"),
    ("sms", "email"),
    ("push", "sms"),
)

EVENTS = (
    "progress", "promise", "monitoring", "unheard", "correction", "raise", "fall", "shrink", "grow", "elsewhere",
    "relapse", "hours", "move", "joiner", "stop", "new_number", "resolve", "cancel", "restart", "provider_down",
    "provider_down", "provider_down", "answer", "answer", "call",
)  # fmt: skip

FATES = (
    "accepted",
    "slow",
    "later",
    "refused",
    "stopped",
    "unknown_had",
    "unknown_lost",
    "crash",
    "undelivered",
    "late_truth",
    "parked",
    "filtered",
)
"""What becomes of one hand-over; the first is what happens when nothing is said."""


@dataclass(frozen=True)
class Event:
    """Something that happens so many seconds after the event before; `value` chooses among variants."""

    after: int
    what: str
    value: int


@dataclass(frozen=True)
class Script:
    """All that hypothesis draws for one example."""

    zone: str
    start: datetime
    family: Family
    policy: Policy
    severity: Severity
    late: int  # minutes for which the incident was open before it touched the family
    events: tuple[Event, ...]
    fates: tuple[str, ...]
    fanout: int  # seconds from an event to its planning


def policies() -> st.SearchStrategy[Policy]:
    """Quiet nights that wait or are soft, several sets of kinds that wake, floors on and off."""

    def build(quiet: int, wakes: int, floor: bool, major: bool, climbs: int, thin: int) -> Policy:
        critical, grave, minor = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR
        hour = timedelta(hours=1)
        nights = (
            {critical: hour, grave: None, minor: None},
            {critical: hour, grave: 2 * hour, minor: None},
            {critical: None, grave: None, minor: None},
            {critical: hour / 2, grave: hour, minor: 4 * hour},
        )[quiet]
        kinds = (make.WAKING, frozenset({Kind.NOTICE, Kind.SEVERITY}), frozenset[Kind]())[wakes]
        return make.policy(
            silence=make.silence(quiet=nights, holdings=(Holdings(), Holdings(0, 4), Holdings(1, 1))[thin]),
            wakes={critical: kinds, grave: kinds if major else frozenset()},
            floor=("sms", "voice") if floor else (),
            escalation=Escalation(families=LADDERS[climbs]),
        )

    return st.builds(
        build,
        st.integers(0, 3),
        st.integers(0, 2),
        st.booleans(),
        st.booleans(),
        st.integers(0, len(LADDERS) - 1),
        st.integers(0, 2),
    )


@st.composite
def caregivers(draw: st.DrawFn, name: str, order: int) -> Caregiver:
    """A person with one to four addresses, own or default preferences, hours and zone."""
    held = draw(st.sampled_from(HOLDS))
    addresses = [make.own(name, channel) for channel in held]
    if draw(st.integers(0, 3)) == 3:
        addresses.append(make.own(name, "sms", 1))
    return make.caregiver(
        name,
        order=order,
        role=draw(st.sampled_from(("parent", "parent", "guardian", "nurse"))),
        addresses=tuple(addresses),
        time_zone=draw(st.sampled_from(OTHER_ZONES)),
        on_duty=draw(st.sampled_from(DUTIES)),
        preferences=make.preferences(
            critical=draw(st.sampled_from(LISTS)),
            major=draw(st.sampled_from(LISTS)),
            minor=draw(st.sampled_from(LISTS)),
            quiet_hours=draw(st.sampled_from(NIGHTS)),
            holdings=draw(st.sampled_from((None, None, None, "few", "all"))),
        ),
    )


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """A whole example."""
    (zone, _), eve = draw(st.sampled_from(sorted(EVES.items(), key=str)))
    start = eve.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) + timedelta(minutes=draw(st.integers(0, 900)))
    people = [
        draw(caregivers(name, order))
        for order, name in enumerate(("mia", "ben", "nan")[: draw(st.integers(1, 3))])
    ]
    gaps = st.sampled_from((3, 40, 70, 301, 1207, 1790, 2711, 5400, 12007, 25000))
    events = st.builds(Event, gaps, st.sampled_from(EVENTS), st.integers(0, 11))
    fates = st.sampled_from(("accepted",) * 12 + FATES)
    return Script(
        zone=zone,
        start=start,
        family=make.family(*people, time_zone=zone),
        policy=draw(policies()),
        severity=draw(st.sampled_from((Severity.CRITICAL, Severity.CRITICAL, Severity.MAJOR, Severity.MINOR))),
        late=draw(st.sampled_from((0, 0, 0, 7, 95))),
        events=tuple(draw(st.lists(events, min_size=2, max_size=12))),
        fates=tuple(draw(st.lists(fates, max_size=30))),
        fanout=draw(st.integers(1, 3)),
    )
