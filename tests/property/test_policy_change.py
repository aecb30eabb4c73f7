"""A policy that changes at any moment: the deadline comes nearer or stays, is never over at once, and is kept."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alertd.domain import silence
from alertd.domain.family import FamilyId
from alertd.domain.hours import quiet_until
from alertd.domain.incident import Incident, Severity
from alertd.domain.plan import plan
from alertd.domain.policy import Policy
from alertd.domain.watch import Duty
from alertd.usecases.preview import fresh_watch
from alertd.usecases.rehearse import household, outage, rehearse
from tests import make

CHANNELS = frozenset({"push", "sms", "email"})
LONGEST = 8 * 60


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """The sketch with other windows for critical: at least a minute, the quiet one no shorter."""
    day = draw(st.integers(1, LONGEST))
    quiet = draw(st.integers(day, 2 * LONGEST))  # "wait" holds at once, for whoever is in quiet hours: decision 26
    first = draw(st.integers(1, 60))
    made, critical = make.silence(), Severity.CRITICAL
    return make.policy(
        first_notice={severity: make.minutes(first) for severity in Severity},
        silence=replace(
            made,
            window={**made.window, critical: make.minutes(day)},
            quiet={**made.quiet, critical: make.minutes(quiet)},
        ),
    )


def duty(policy: Policy, incident: Incident, **told: object) -> Duty:
    """One parent with every address, who was told what `told` says."""
    family = household(("parent",), "follow", "America/Los_Angeles", CHANNELS)
    watch = fresh_watch(incident, policy, FamilyId("made-up"), incident.opened_at)
    margin = silence.margin(None, policy, incident.severity, timedelta(seconds=40))
    return replace(Duty(incident, policy, family, watch, channels=CHANNELS, margin=margin), **told)  # type: ignore[arg-type]


@given(old=policies(), new=policies(), hour=st.integers(0, 23), share=st.floats(0, 1))
def test_nobody_hears_later_and_nobody_is_late_at_once(old: Policy, new: Policy, hour: int, share: float):
    begin = make.NOON + timedelta(hours=hour)
    incident = outage(old, "follow", Severity.CRITICAL, begin)
    family = household(("parent",), "follow", "America/Los_Angeles", CHANNELS)
    notice = [t for t in rehearse(old, incident, family, CHANNELS, begin).told if t.next_by is not None]
    if not notice:
        return
    tellings = [
        make.telling(
            next(a for a in family.caregivers[0].addresses if a.channel == t.channel),
            next_by=t.next_by, planned_at=begin, accepted_at=begin, tried_at=begin, loud=t.loud,
        )
        for t in notice
    ]  # fmt: skip
    said = min(t.next_by for t in notice if t.next_by is not None)
    now = begin + share * (said - begin - timedelta(seconds=1))
    before = duty(old, incident, tellings=tellings)
    stood = plan(before, now).next_by
    changed = duty(replace(new, since=now), incident, tellings=tellings)
    verdict = plan(changed, now)

    assert stood is not None
    assert verdict.next_by is not None
    assert verdict.next_by <= stood
    quarter = silence.longest_margin(new, Severity.CRITICAL)
    assert verdict.next_by == stood or verdict.next_by >= now + quarter
    asleep = quiet_until("22:00-06:30", "America/Los_Angeles", begin) is not None  # when they were told
    length = silence.window(new, incident.severity, incident.state, asleep=asleep)
    assert verdict.next_by <= max(begin + length, now + quarter)
    kept(changed, verdict.look_at, verdict.next_by)


def kept(duty: Duty, look_at: datetime | None, next_by: datetime) -> None:
    """By the deadline the planner has been asked again, and then owes them something."""
    for _ in range(50):
        assert look_at is not None
        if look_at > next_by:
            break
        verdict = plan(duty, look_at)
        if verdict.owed:
            return
        look_at = verdict.look_at
    raise AssertionError(f"nothing was owed by {next_by}")
