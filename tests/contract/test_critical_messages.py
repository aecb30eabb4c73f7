"""Which messages may break through a muted phone: those of a critical outage, while it lasts, and no exercise."""

import pytest

from tests.served import Served, fresh_served

served = fresh_served


async def said(served: Served) -> list[bool]:
    """Of all that was pushed, whether it is critical."""
    await served.work()
    return [message.critical for message in served.channel("push").accepted]


@pytest.mark.parametrize(("severity", "critical"), [("critical", True), ("major", False)])
async def test_the_severity_of_what_is_told_decides(served: Served, severity: str, critical: bool) -> None:
    await served.families()
    await served.open(severity=severity)
    assert await said(served) == [critical]


async def test_no_exercise_does(served: Served) -> None:
    await served.families()
    await served.open(exercise=True)
    assert await said(served) == [False]


async def test_good_news_does_not(served: Served) -> None:
    await served.families()
    await served.open()
    await served.work()
    await served.ask("POST", "/v1/incidents/1/resolve", {})
    assert await said(served) == [True, False]


async def test_nor_what_has_become_milder(served: Served) -> None:
    await served.families()
    await served.open()
    await served.work()
    await served.ask("POST", "/v1/incidents/1/updates", {"message": {"en": "better"}, "severity": "major"})
    assert (await said(served))[-1] is False
