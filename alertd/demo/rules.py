"""From the demo's policy and script to the plain numbers that the judge goes by."""

from datetime import timedelta

from alertd.demo.household import Hours
from alertd.demo.script import Act, Script
from alertd.demo.verdict import Asking, Duty, Moment, Rules
from alertd.domain.errors import Invalid
from alertd.domain.incident import Severity
from alertd.domain.policy import Policy

SLACK_SECONDS = 4.0
"""Real seconds that a machine is given on top of every limit, to notice, plan and hand over."""

SKEW_SECONDS = 0.5
"""Real seconds by which two clocks on a busy machine may differ: alertd takes no worse look at its own."""


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
        skew=timedelta(seconds=SKEW_SECONDS * rate),
        confirm=policy.confirm[level] or timedelta.max,
        asking=_asking(policy, level),
        duties=tuple(
            Duty(policy.responders[step.who], step.offset) for step in policy.escalation.post if step.page
        ),
        news=policy.silence.news.get(level),
    )


def _asking(policy: Policy, level: Severity) -> Asking | None:
    """The policy's ladder, which the demo needs in three steps: always; always again; the next."""
    ladder = policy.escalation.families.get(level)
    if ladder is None:
        return None
    steps = ladder.steps
    if [step.tell for step in steps] != [("always",), ("always",), ("next",)] or steps[0].after:
        raise Invalid('the ladder of a demo has three steps: "tell: always" at once and again, then "tell: next"')
    _, again, others = steps
    return Asking(again.after, others.after, others.after + (others.after - again.after), ladder.by)


def moments_of(script: Script) -> tuple[Moment, ...]:
    """What was done, as the judge needs to know it: at the script's hours, not at the daemon's."""
    return tuple(
        Moment(
            at=act.at,
            what=act.what,
            promised=act.at + act.next_in if act.next_in is not None else None,
            watching=act.state == "monitoring",
            wakes=_wakes(act, script),
        )
        for act in script.acts
    )


def _wakes(act: Act, script: Script) -> bool:
    """Whether it tells of more that fails: it came back, or a human knows of more than the alert did."""
    before = script.acts[0].alert
    more = before is not None and bool(set(act.services) - {before.labels["service"]})
    return act.what == "reopen" or (act.what == "open" and (before is None or more))
