"""What a machine's firing alert changes, and when a suspicion is told: a sentence per row (R0)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from alertd.domain import machine, suspicion
from alertd.domain.event import EventStatus, OutageEvent
from alertd.domain.incident import Kind, Severity, State
from tests import make

CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR
POLICY = make.policy(sources={"prober": ("open", "raise"), "statusbot": ("open", "widen", "resolve")})
US = make.scope(regions=("us",))
INCIDENT = make.history((Kind.NOTICE, 0, {"severity": MAJOR, "scope": US}))
LOWERED = make.history((Kind.NOTICE, 0, {"scope": US}), (Kind.SEVERITY, 5, {"severity": MINOR}))
NARROWED = make.history((Kind.NOTICE, 0), (Kind.SCOPE, 5, {"scope": US}))


def event(source: str = "prober", **changes: Any) -> OutageEvent:
    """A critical alert of follow in the US."""
    made = OutageEvent(
        source=source, id="1", alert="a", service="follow", severity=CRITICAL, status=EventStatus.FIRING,
        title="Probe fails", regions=("us",),
    )  # fmt: skip
    return replace(made, **changes)


ROWS = [
    ("the same or milder changes nothing, and asks for nothing", INCIDENT, event(severity=MINOR), None, (), ""),
    ("graver raises, where the source may", INCIDENT, event(), CRITICAL, (), ""),
    ("graver is noted, where it may not", INCIDENT, event("statusbot"), None, (), 'let source "statusbot" raise'),
    ("a source that the policy does not name may nothing", INCIDENT, event("cron"), None, (), 'source "cron" raise'),
    ("what a person lowered no machine raises again", LOWERED, event(), None, (), "a person lowered it"),
    ("more places widen, where the source may", INCIDENT, event("statusbot", severity=MINOR, regions=()), None, ((),), ""),
    ("more places are noted, where it may not", INCIDENT, event(regions=()), CRITICAL, (), 'source "prober" widen'),
    (
        "what a person took out no machine brings back", NARROWED, event("statusbot", regions=()), None, (),
        "a person took that out",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("_", "incident", "said", "severity", "regions", "why"), ROWS, ids=[r[0] for r in ROWS])
def test_what_an_alert_changes(
    _: str, incident: Any, said: OutageEvent, severity: Severity | None, regions: Any, why: str
) -> None:
    judged = machine.judge(incident, said, POLICY)

    assert judged.severity is severity
    assert tuple(reach.regions for reach in judged.add_scope) == regions
    assert why in " ".join(judged.why)
    assert bool(judged.why) == bool(why)


@pytest.mark.parametrize(
    ("_", "severity", "at", "before", "expected"),
    [
        ("critical waits five minutes", CRITICAL, 0, None, 5),
        ("minor waits for a human", MINOR, 0, None, None),
        ("raised later, it waits from then", MAJOR, 60, None, 75),
        ("raised soon, the earlier moment stands", MAJOR, 1, 5, 5),
        ("raised to critical, it comes nearer", CRITICAL, 2, 15, 7),
        ("what stood stands, where a human would have to come", MINOR, 3, 15, 15),
    ],
)
def test_when_families_are_told_by_itself(
    _: str, severity: Severity, at: float, before: float | None, expected: float | None
) -> None:
    stood = make.after(before) if before is not None else None

    told = machine.confirm_at(POLICY, severity, make.after(at), stood)

    assert told == (make.after(expected) if expected is not None else None)


def suspected(**changes: Any) -> Any:
    """Follow is suspected to be down since noon."""
    made = suspicion.suspected(
        make.incident().id, 1, event(), "Probe fails", ("check_by_hand",), POLICY, make.NOON
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("_", "changes", "at", "told", "ends"),
    [
        ("not before its time", {}, 4.99, False, False),
        ("at its time", {}, 5, True, False),
        ("not while it is about to be resolved", {"resolve_at": make.after(16)}, 6, False, False),
        ("resolved at its time", {"resolve_at": make.after(16)}, 16, False, True),
        ("not again", {"held": False}, 6, False, False),
        ("never by itself, where a human must", {"confirm_at": None}, 1000, False, False),
    ],
)
def test_what_happens_without_a_human(_: str, changes: Any, at: float, told: bool, ends: bool) -> None:
    incident = suspected(**changes)

    assert suspicion.due_by_itself(incident, make.after(at)) is told
    assert suspicion.resolve_due(incident, make.after(at)) is ends


def test_what_is_suspected_tells_nobody_and_counts_as_nobodys_word() -> None:
    incident = suspected()

    assert (incident.state, incident.held, incident.newest.notify) == (State.SUSPECTED, True, False)
    assert (incident.last_word, incident.newest.by_person, incident.newest.human_number) == (None, False, None)
    told = suspicion.told_by_itself(incident, make.after(5))
    assert (told.state, told.held, told.newest.notify, told.newest.source) == (
        State.SUSPECTED,
        False,
        True,
        "prober",
    )
    assert (told.last_word, told.newest.facts.last_news_at) == (None, None)


def test_a_severity_that_nobody_was_told_of_is_not_the_worst() -> None:
    """The end is as loud as the outage was for families, not as a machine feared it."""
    facts = replace(make.facts(), severity=MINOR)

    confirmed = suspicion.confirmed(suspected(), facts, None, make.after(2))

    assert (confirmed.worst, confirmed.epoch, confirmed.held) == (MINOR, 1, False)


@pytest.mark.parametrize(("since", "expected"), [(make.after(-5), make.after(-5)), (make.after(5), make.NOON)])
def test_what_a_source_detects_in_the_future_began_now(since: datetime, expected: datetime) -> None:
    made = suspicion.suspected(
        make.incident().id, 1, event(detected_at=since), "Probe fails", (), POLICY, make.NOON
    )

    assert made.newest.facts.since == expected
