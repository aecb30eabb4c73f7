"""From the demo's policy and script to the plain numbers that the judge goes by."""

from datetime import timedelta

from alertd.demo.household import Hours
from alertd.demo.judge import Moment, Rules
from alertd.demo.script import Script
from alertd.domain.incident import Severity
from alertd.domain.policy import Policy

SLACK_SECONDS = 4.0
"""Real seconds that a machine is given on top of every limit, to notice, plan and hand over."""


def rules_of(policy: Policy, severity: str, rate: float, slack_seconds: float = SLACK_SECONDS) -> Rules:
    """What the policy promises at this severity; `rate` is story seconds per real second."""
    level = Severity(severity)
    window = policy.silence.window[level]
    return Rules(
        first_notice=policy.first_notice[level],
        window=window,
        quiet=policy.silence.quiet.get(level) or window,
        listening=policy.always,
        hours=Hours(
            quiet={role: own.quiet_hours for role, own in policy.caregivers.items() if own.quiet_hours},
            duty={role: own.on_duty for role, own in policy.caregivers.items() if own.on_duty},
        ),
        slack=timedelta(seconds=slack_seconds * rate),
    )


def moments_of(script: Script) -> tuple[Moment, ...]:
    """What the humans did, as the judge needs to know it: at the script's hours, not at the daemon's."""
    return tuple(
        Moment(
            at=act.at,
            what=act.what,
            promised=act.at + act.next_in if act.next_in is not None else None,
            watching=act.state == "monitoring",
        )
        for act in script.acts
    )
