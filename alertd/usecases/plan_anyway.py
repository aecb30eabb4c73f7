"""A family whose plan fails is heard all the same, and fails for nobody but itself (R14)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from alertd.domain.family import NO_PREFERENCES
from alertd.domain.plan import plan
from alertd.domain.watch import Duty, Verdict
from alertd.ports.deps import Log
from alertd.records import Unreadable


def plan_anyway(
    log: Log,
    duty: Duty,
    now: datetime,
    judge: Callable[[Duty], Verdict],
    failed: Callable[[str], None] = lambda _: None,
) -> Verdict | None:
    """What `judge` says; where a preference, hours or a zone fail, the plan without them; None if that fails.

    `failed` is told the family and the error's name.
    """
    for plainly in (False, True):
        try:
            return plan(_plain(duty), now) if plainly else judge(duty)
        except Exception as error:  # noqa: BLE001 - told without the traceback: it quotes what the family wrote
            log.warning("plan_failed", family=str(duty.family.id), error=type(error).__name__)
            failed(f"{duty.family.id}: {type(error).__name__}")
    return None


def failed_to_read(log: Log, which: Unreadable) -> None:
    """As above for a family whose document cannot even be read: there is nothing to plan from."""
    log.warning("plan_failed", family=str(which.family), error=which.error)


def _plain(duty: Duty) -> Duty:
    """No preferences and hours, not even of a role; zones that exist. Better at night than never."""
    family, policy = duty.family, duty.policy
    people = tuple(
        replace(
            c, preferences=NO_PREFERENCES, on_duty=None, time_zone=c.time_zone if _exists(c.time_zone) else None
        )
        for c in family.caregivers
    )
    roles = {role: replace(d, quiet_hours=None, on_duty=None) for role, d in policy.caregivers.items()}
    return replace(
        duty,
        family=replace(
            family,
            caregivers=people,
            preferences=NO_PREFERENCES,
            time_zone=family.time_zone if _exists(family.time_zone) else "UTC",
        ),
        policy=replace(policy, caregivers=roles),
    )


def _exists(zone: str | None) -> bool:
    try:
        return zone is not None and bool(ZoneInfo(zone))
    except Exception:  # noqa: BLE001 - whatever is made of what somebody wrote
        return False
