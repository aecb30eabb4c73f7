"""Whom the rows tell: 500 families over two channels in one outage, and 20 in another whose ladder goes on."""

from typing import Any

from tests.integration.town import Town, on, person, want

FAMILIES, CRITICAL = 500, 20
GRANDMOTHERS, EVERY = 2, 25
"""Who has many families, and which families have one of them."""
SHARE, FOLLOW = 1, 2
"""The two outages, by their incident's number: the service that failed has that name."""

_SHARE = """
policy: default
first_notice: {{critical: 10m, major: 20m, minor: 1h}}
silence:
  window: {{critical: {window}m, major: 2h, minor: 4h}}
  quiet: {{critical: 2h, major: wait, minor: wait}}
  promise_at_most: {{critical: 2h, major: 4h, minor: 12h}}
always: [parent, guardian]
sources: {{alertmanager: [open, raise]}}
caregivers:
  default: {{critical: [push, sms], major: [push], minor: [email], quiet_hours: none}}
escalation:
  families:
    critical: {{until: acknowledged, by: [parent, guardian], steps: [{{after: 0m, tell: always}}]}}
  responders:
    post: [{{before: 10m, nudge: owner}}, {{after: 0m, page: owner}}, {{after: 60m, page: lead}}]
"""
_FOLLOW = """
policy: follow
services: [follow]
first_notice: {{critical: 10m, major: 20m, minor: 1h}}
silence:
  window: {{critical: {window}m, major: 2h, minor: 4h}}
  quiet: {{critical: 2h, major: wait, minor: wait}}
  promise_at_most: {{critical: 2h, major: 4h, minor: 12h}}
always: [parent, guardian]
caregivers:
  default: {{critical: [push, sms], major: [push], minor: [email], quiet_hours: none}}
escalation:
  families:
    critical:
      until: acknowledged
      by: [parent, guardian]
      steps: [{{after: 0m, tell: always}}, {{after: {step}m, tell: always, via: [sms]}}]
  responders:
    post: [{{before: 10m, nudge: owner}}, {{after: 0m, page: owner}}, {{after: 60m, page: lead}}]
"""


def policies(window: float, step: float) -> dict[str, str]:
    """Both product teams' files; minutes of the story."""
    return {
        "default": _SHARE.format(window=round(window)),
        "follow": _FOLLOW.format(window=round(window), step=round(step)),
    }


def town(share: int = FAMILIES, follow: int = CRITICAL, *, mail: bool = False) -> Town:
    """So many families of each outage. Every family has one parent with an app and a number of their own; nobody is dead or asleep.

    `mail`: they have a mailbox in place of the number, and want it so.
    A few of the first outage, far from each other, have one grandmother more, who is the same in each: she is told once.
    """
    made = Town()
    wishes: dict[str, Any] = {"preferences": want("push", "email")} if mail else {}
    grandmothers = [made.number() for _ in range(GRANDMOTHERS)]
    for number in range(share + follow):
        service = "share" if number < share else "follow"
        name = _name(number)
        other = on("email", f"{name}@example.org") if mail else on("sms", made.number())
        to = on("push", f"token-{name}"), other
        people = [person("mia", *to, **wishes)]
        if number < share and number % EVERY == 3:
            shared = on("sms", grandmothers[number // EVERY % GRANDMOTHERS])
            people.append(person("gran", shared, role="guardian"))
            made.owe(name, (shared["channel"], shared["to"]))
        made.add(name, people, services=[service])
        for each in to:
            made.owe(name, (each["channel"], each["to"]))
    return made


def touched(share: int = FAMILIES, follow: int = CRITICAL) -> dict[int, list[str]]:
    """The families that each outage touches, by its incident's number."""
    names = [_name(number) for number in range(share + follow)]
    return {SHARE: names[:share], FOLLOW: names[share:]}


def _name(number: int) -> str:
    return f"fam-{number:04}"
