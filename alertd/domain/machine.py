"""What a machine may do by itself, and what it may only propose (R0). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from alertd.domain.event import OutageEvent
from alertd.domain.incident import Incident, Reach, Scope, Severity
from alertd.domain.policy import Policy

OPEN, RAISE, WIDEN, RESOLVE = "open", "raise", "widen", "resolve"


def may(policy: Policy, source: str, verb: str) -> bool:
    """Whether a source may do this by itself; one that the policy does not name may only propose."""
    return verb in policy.sources.get(source, ())


def authority(policy: Policy, sources: Iterable[str]) -> str | None:
    """Of the sources whose alerts are all resolved one that may end their incident by itself; None: none may."""
    return next((source for source in sorted(sources) if may(policy, source, RESOLVE)), None)


def confirm_at(
    policy: Policy, severity: Severity, now: datetime, before: datetime | None = None
) -> datetime | None:
    """When families are told of a suspicion without a human, judged at `now`; None: only by one.

    `before`: what was said at a milder severity; what gets worse is never told later.
    """
    wait = policy.confirm[severity]
    moments = [moment for moment in (before, now + wait if wait is not None else None) if moment is not None]
    return min(moments, default=None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a firing alert changes in the incident that it joins, and why not more."""

    severity: Severity | None = None  # raised to this
    add_scope: tuple[Reach, ...] = ()  # widened by this
    why: tuple[str, ...] = ()  # what it asked for in vain

    @property
    def changes(self) -> bool:
        """Whether there is an update to write."""
        return self.severity is not None or bool(self.add_scope)


def judge(incident: Incident, event: OutageEvent, policy: Policy) -> Judgement:
    """What a firing alert of a machine does to an open incident: it raises and widens, and never lowers.

    Where a person has lowered the severity or narrowed the scope since, a machine does not undo it.
    """
    severity: Severity | None = None
    reaches: tuple[Reach, ...] = ()
    why: list[str] = []
    stood = incident.standing
    if event.severity.rank > incident.severity.rank:
        once = any(u.facts.severity.rank >= event.severity.rank for u in stood)
        stays = f"incident {incident.number} stays {incident.severity}"
        asked = f"--severity {event.severity}"
        if once:
            why.append(f"{stays}: a person lowered it{_by_hand(incident, asked)}")
        elif not may(policy, event.source, RAISE):
            why.append(f"{stays}: {_not_allowed(policy, event.source, RAISE)}{_by_hand(incident, asked)}")
        else:
            severity = event.severity
    if not incident.scope.covers(event.scope):
        once = any(u.facts.scope.covers(event.scope) for u in stood)
        grows = f"incident {incident.number} does not grow by {spell(event.scope)}"
        asked = f"--add-scope {spell(event.scope)}"
        if once:
            why.append(f"{grows}: a person took that out{_by_hand(incident, asked)}")
        elif not may(policy, event.source, WIDEN):
            why.append(f"{grows}: {_not_allowed(policy, event.source, WIDEN)}{_by_hand(incident, asked)}")
        else:
            reaches = event.scope.reaches
    return Judgement(severity, reaches, tuple(why))


def may_not_open(policy: Policy, event: OutageEvent) -> str:
    """Why an event opens nothing, with the way out."""
    return (
        f"{_not_allowed(policy, event.source, OPEN)}; to open it: alertd incident open "
        f'--service {spell(event.scope)} --severity {event.severity} --title "..."'
    )


def may_not_resolve(policy: Policy, source: str, incident: Incident) -> str:
    """Why an incident goes on although all its alerts are resolved, with the way out."""
    refused = _not_allowed(policy, source, RESOLVE)
    return f"incident {incident.number} goes on: {refused}; to end it: alertd incident resolve {incident.number}"


def spell(scope: Scope) -> str:
    """A scope as the command line writes it: `login:us,eu`."""
    return " ".join(f"{r.service}:{','.join(r.regions)}" if r.regions else r.service for r in scope.reaches)


def _not_allowed(policy: Policy, source: str, verb: str) -> str:
    return f'policy {policy.name} does not let source "{source}" {verb} by itself'


def _by_hand(incident: Incident, what: str) -> str:
    return f"; to do it: alertd incident update {incident.number} {what}"
