"""What holds where a policy says nothing; `config/policies/default.yaml` spells the same out for readers."""

from datetime import timedelta

from alertd.domain.incident import Kind, Severity
from alertd.domain.policy import (
    Escalation,
    Holdings,
    Ladder,
    Policy,
    ResponderStep,
    RoleDefaults,
    Silence,
    Step,
)

CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def _hours(count: int) -> timedelta:
    return timedelta(hours=count)


BUILT_IN = Policy(
    name="default",
    services=(),
    first_notice={CRITICAL: _minutes(10), MAJOR: _minutes(20), MINOR: _hours(1)},
    confirm={CRITICAL: _minutes(5), MAJOR: _minutes(15), MINOR: None},
    resolve_hold=_minutes(15),
    silence=Silence(
        window={CRITICAL: _minutes(30), MAJOR: _hours(1), MINOR: _hours(4)},
        quiet={CRITICAL: _hours(1), MAJOR: None, MINOR: None},
        promise_at_most={CRITICAL: _hours(1), MAJOR: _hours(4), MINOR: _hours(12)},
        news={CRITICAL: _hours(2), MAJOR: _hours(8)},
        holdings=Holdings(loud=2, sms_per_day=12),
    ),
    wakes={
        CRITICAL: frozenset(
            {Kind.NOTICE, Kind.SEVERITY, Kind.SCOPE, Kind.REOPENING, Kind.RESOLUTION, Kind.CANCELLATION}
        )
    },
    always=("parent", "guardian"),
    floor=("sms", "voice"),
    caregivers={
        "default": RoleDefaults(
            critical=("push", "sms"), major=("push",), minor=("email",), quiet_hours="22:00-06:30"
        )
    },
    escalation=Escalation(
        families={
            CRITICAL: Ladder(
                by=("parent", "guardian"),
                steps=(
                    Step(_minutes(0), ("always",)),
                    Step(_minutes(10), ("always",), ("sms", "email")),
                    Step(_minutes(20), ("next",)),
                ),
            )
        },
        post=(
            ResponderStep(_minutes(-10), "owner", page=False),
            ResponderStep(_minutes(0), "owner", page=True),
            ResponderStep(_minutes(10), "lead", page=True),
            ResponderStep(_minutes(20), "duty-manager", page=True, repeat=_minutes(10)),
        ),
        news=(
            ResponderStep(_minutes(0), "lead", page=True),
            ResponderStep(_minutes(30), "duty-manager", page=True, repeat=_minutes(30)),
        ),
    ),
    responders={"owner": "owner", "lead": "lead", "duty-manager": "duty-manager"},
)
