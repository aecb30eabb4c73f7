"""From the demo's policy and script to the plain numbers that the judge goes by."""

from collections.abc import Iterator
from datetime import timedelta

from alertd.demo.course import RANK, Moment
from alertd.demo.household import Hours
from alertd.demo.script import Act, Script
from alertd.demo.verdict import Asking, Duty, Level, Rules
from alertd.domain.errors import Invalid
from alertd.domain.incident import Kind, Severity
from alertd.domain.policy import Policy
from alertd.domain.service import Services
from alertd.ingest.alertmanager import BUILT_IN

SLACK_SECONDS = 4.0
"""Real seconds that a machine is given on top of every limit, to notice, plan and hand over."""

SLACK_AT_LEAST = timedelta(minutes=40)
"""And this much of the story: one that is played more slowly leaves a busy machine more time, not the same."""

SKEW_SECONDS = 0.5
"""Real seconds by which two clocks on a busy machine may differ: alertd takes no worse look at its own."""

_NEW = frozenset({Kind.NOTICE, Kind.SEVERITY, Kind.SCOPE, Kind.REOPENING})
_FOR_EVER = timedelta(days=3650)


def rules_of(policy: Policy, services: Services, rate: float) -> Rules:
    """What the policy promises; `rate` is story seconds per real second."""
    return Rules(
        levels={severity.value: _level(policy, severity) for severity in Severity},
        listening=policy.always,
        hours=Hours(
            quiet={role: own.quiet_hours for role, own in policy.caregivers.items() if own.quiet_hours},
            duty={role: own.on_duty for role, own in policy.caregivers.items() if own.on_duty},
        ),
        slack=max(timedelta(seconds=SLACK_SECONDS * rate), SLACK_AT_LEAST),
        skew=timedelta(seconds=SKEW_SECONDS * rate),
        duties=tuple(
            Duty(policy.responders[step.who], step.offset) for step in policy.escalation.post if step.page
        ),
        names={service: tuple(names.values()) for service, names in services.names.items()},
    )


def _level(policy: Policy, severity: Severity) -> Level:
    wait = policy.confirm[severity]
    return Level(
        first_notice=policy.first_notice[severity],
        window=policy.silence.window[severity],
        quiet=policy.silence.quiet.get(severity),
        wakes=policy.wakes.get(severity, frozenset()) >= _NEW,
        confirm=wait if wait is not None else _FOR_EVER,
        asking=_asking(policy, severity),
        news=policy.silence.news.get(severity),
    )


def _asking(policy: Policy, severity: Severity) -> Asking | None:
    """The policy's ladder, which the demo needs in three steps: always; always again; the next."""
    ladder = policy.escalation.families.get(severity)
    if ladder is None:
        return None
    steps = ladder.steps
    if [step.tell for step in steps] != [("always",), ("always",), ("next",)] or steps[0].after:
        raise Invalid('the ladder of a demo has three steps: "tell: always" at once and again, then "tell: next"')
    _, again, others = steps
    return Asking(again.after, others.after, others.after + (others.after - again.after), ladder.by)


def moments_of(script: Script) -> tuple[Moment, ...]:
    """What was done, as the judge needs to know it: at the script's hours, not at the daemon's."""
    return tuple(_moments(script))


def _moments(script: Script) -> Iterator[Moment]:
    severity = ""
    services: tuple[str, ...] = ()
    for act in script.acts:
        said = _severity(act)
        if said is not None and (act.alert is None or RANK.get(severity, -1) < RANK[said]):
            severity = said  # a machine raises and never lowers
        named = (*act.services, *act.add_scope)
        if act.alert is not None and not services:
            named = (act.alert.labels["service"],)
        services = tuple(s for s in dict.fromkeys((*services, *named)) if s not in act.remove_scope)
        yield Moment(
            at=act.at,
            what=act.what,
            severity=severity,
            services=services,
            promised=act.at + act.next_in if act.next_in is not None else None,
            watching=act.state == "monitoring",
        )


def _severity(act: Act) -> str | None:
    if act.alert is None:
        return act.severity
    said = act.alert.labels["severity"]
    return BUILT_IN.severity[said].value if said in BUILT_IN.severity else Severity(said).value
