"""Who in a family could be told now, as the auditor reads it: from document, policy and clock alone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alertd.domain.audit import Case, Evidence
from alertd.domain.family import Caregiver, Family, Preferences
from alertd.domain.incident import Severity
from alertd.domain.policy import RoleDefaults

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$")
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SILENT = frozenset({"email", "push"})
"""Channels over which somebody can be told without being woken."""


def hearers(case: Case, evidence: Evidence) -> list[Caregiver]:
    """Those whose addresses carry the family's messages, else who stands in.

    They are those whom the policy always tells, and whom a ladder has told: these hear every update since (R7).
    """
    family = evidence.family
    if family is None:
        return []
    people = sorted(family.caregivers, key=lambda person: person.order)
    always = [person for person in people if person.role in case.policy.always] or people[:1]
    reached = [person for person in always if _channels(person, case, evidence)]
    if not reached:
        others = [person for person in people if person not in always and _channels(person, case, evidence)]
        reached = [person for person in others if not muted(person, family, case)][:1] or others
    joined = {person.id for person in people if any(each.id in evidence.joined for each in person.addresses)}
    here = {person.id for person in reached}
    return [
        person for person in people
        if person.id in here or (person.id in joined and _channels(person, case, evidence))
    ]  # fmt: skip


def muted(person: Caregiver, family: Family, case: Case) -> bool:
    """Whether this person asked not to be told of any of what fails; not possible where it is critical."""
    severity = case.incident.severity
    if severity is Severity.CRITICAL:
        return False
    reaches = case.incident.scope.reaches
    failing = [r.service for r in reaches if r.service in family.services and r.touches(family.region)]
    return bool(failing) and all(_first_said(person, family, case, service) == () for service in failing)


def tellable(person: Caregiver, family: Family, case: Case, evidence: Evidence) -> bool:
    """Whether this person may be told now by what wakes nobody: on duty, and awake or silently reachable."""
    zone = person.time_zone or family.time_zone
    role, everybody = _roles(person, case)
    duty = person.on_duty or role.on_duty or everybody.on_duty
    if duty and not _within(duty, zone, case.now):
        return False
    if not asleep(person, family, case):
        return True
    # A fall is told by the quiet rules of the severity it leaves: silently only where both rules say so.
    severities = {update.facts.severity for update in case.incident.updates} | {case.incident.severity}
    silently = all(case.policy.silence.quiet.get(each) is not None for each in severities)
    return silently and bool(_channels(person, case, evidence) & SILENT)


def asleep(person: Caregiver, family: Family, case: Case) -> bool:
    """Whether this person is in quiet hours now."""
    role, everybody = _roles(person, case)
    quiet = person.preferences.quiet_hours or role.quiet_hours or everybody.quiet_hours
    return _within(quiet or "", person.time_zone or family.time_zone, case.now)


def _channels(person: Caregiver, case: Case, evidence: Evidence) -> set[str]:
    """The channels over which this person can be reached at all."""
    mine = [evidence.addresses[each.id] for each in person.addresses if each.id in evidence.addresses]
    return {channel for channel, usable, _ in mine if usable and channel in case.channels}


def _roles(person: Caregiver, case: Case) -> tuple[RoleDefaults, RoleDefaults]:
    nothing = RoleDefaults()
    return case.policy.caregivers.get(person.role, nothing), case.policy.caregivers.get("default", nothing)


def _first_said(person: Caregiver, family: Family, case: Case, service: str) -> tuple[str, ...] | None:
    """What the first rule of R12 says that says anything."""
    said: list[tuple[str, ...] | None] = []
    for preferences in (person.preferences, family.preferences):
        own = preferences.services.get(service, {})
        said += [own.get(case.incident.severity.value), own.get("default")]
        said += [_of(preferences, case), preferences.default]
    for role in _roles(person, case):
        said += [_of(role, case), role.default]
    return next((each for each in said if each is not None), None)


def _of(preferences: Preferences | RoleDefaults, case: Case) -> tuple[str, ...] | None:
    return preferences.major if case.incident.severity is Severity.MAJOR else preferences.minor


def _within(hours: str, zone: str, at: datetime) -> bool:
    """Whether "22:00-06:30" or "mon-fri 08:00-15:00" holds at a moment; what cannot be read holds never."""
    found = _CLOCK.search(hours)
    if found is None:
        return False
    h1, m1, h2, m2 = (int(part) for part in found.groups())
    try:
        days, local = _days(hours[: found.start()].strip().lower()), ZoneInfo(zone)
        start, end = time(h1, m1), time(h2 % 24, m2)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    today = at.astimezone(local).date()
    for day in (today - timedelta(days=1), today):
        last = day if end > start else day + timedelta(days=1)
        if day.weekday() in days and _instant(day, start, local) <= at < _instant(last, end, local):
            return True
    return False


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """A wall time as an instant: its first occurrence, or the first instant after the gap that it lies in."""
    wall = datetime.combine(day, clock, zone)
    at, later = wall.replace(fold=1).astimezone(UTC), wall.astimezone(UTC)
    if at < later:  # a gap: between these two readings the clock jumps
        before = at.astimezone(zone).utcoffset()
        while at.astimezone(zone).utcoffset() == before:
            at += timedelta(minutes=1)
        return at
    return later


def _days(text: str) -> set[int]:
    """The weekdays of "mon-fri" or "sat,sun"; every day where none is named. Raises ValueError."""
    if not text:
        return set(range(len(_WEEK)))
    days = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        begin = _WEEK.index(first)
        days |= {(begin + step) % 7 for step in range((_WEEK.index(last or first) - begin) % 7 + 1)}
    return days
