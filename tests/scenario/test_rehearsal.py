"""A rehearsal comes to what the daemon really does: the same messages to the same people in the same order."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import pytest

from alertd.domain.incident import Severity
from alertd.usecases.rehearse import household, outage, rehearse
from tests import make
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]
NIGHT = datetime(2026, 11, 8, 2, 0, tzinfo=PACIFIC)  # a Sunday: the nurse is off duty until Monday
DAY = datetime(2026, 11, 10, 10, 0, tzinfo=PACIFIC)
ROLES = ("parent", "nurse", "aunt")
ZONE = "America/Los_Angeles"
CHANNELS = ("email", "push", "sms")


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("start", [NIGHT, DAY], ids=["by night", "by day"])
async def test_what_is_rehearsed_is_what_families_get(town: Town, start: datetime, severity: Severity):
    policy = make.climbing()
    world = town(start, policy)
    caregivers = [
        make.caregiver(role, *CHANNELS, role=role, order=order) for order, role in enumerate(ROLES, start=1)
    ]
    await world.family("fam-1", *caregivers, time_zone=ZONE)
    await world.outage("follow", severity=severity.value)
    await world.fast_forward(hours=9)

    for phone in world.phones.values():
        phone.forget()

    rows = world.sql(
        "SELECT planned_at, caregiver, channel, loud, framing, reason FROM delivery ORDER BY planned_at"
    )
    real = moments((at, who, channel, bool(loud), framing, why) for at, who, channel, loud, framing, why in rows)
    incident = outage(policy, "follow", severity, start)
    family = household(ROLES, "follow", ZONE, CHANNELS)
    heard = rehearse(policy, incident, family, CHANNELS, start + timedelta(hours=9))
    rehearsed = moments((t.at, t.role, t.channel, t.loud, t.framing.value, t.reason.value) for t in heard.told)
    # The daemon has measured its margin and begins later than a rehearsal: by the end it may be a holding behind.
    assert len(rehearsed) - len(real) in (0, 1)
    assert real
    assert real == rehearsed[: len(real)]


def moments(told: Iterable[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    """What is told at one moment, together, without the moment."""
    return [sorted(each[1:] for each in group) for _, group in groupby(told, key=lambda each: each[0])]
