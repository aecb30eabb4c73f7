"""Outage events over HTTP: an alert speaks for itself, and never for what others have said too (R0)."""

from typing import Any

from tests.served import Served, fresh_served

served = fresh_served

FIRING: dict[str, Any] = {
    "source": "desk", "id": "1", "alert": "a", "service": "follow", "severity": "critical",
    "status": "firing", "title": "Follow is down",
}  # fmt: skip


async def send(served: Served, name: str, alert: str = "a", **changes: Any) -> dict[str, Any]:
    """Take an event a minute later; returns the answer."""
    served.clock.advance(minutes=1)
    answer = await served.ask("POST", "/v1/events", FIRING | {"id": name, "alert": alert} | changes)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def stands(served: Served) -> tuple[str, str]:
    """Severity and state of the incident."""
    shown = (await served.ask("GET", "/v1/incidents/1")).json()
    return shown["severity"], shown["state"]


async def test_a_second_alert_lowers_nothing(served: Served) -> None:
    """It joins and is noted, with the way out; what it says beside that is told all the same."""
    await served.families()
    await send(served, "1")
    noted = await send(served, "2", "b", severity="minor")
    assert (noted["did"], noted["update"]) == ("noted", None)
    assert noted["why"] == (
        "incident 1 stays critical: it is not this alert's alone; to lower it: "
        "alertd incident update 1 --severity minor"
    )
    told = await send(served, "3", "b", severity="minor", message="Readings come late, too.")
    assert (told["did"], told["update"]) == ("updated", 2)
    assert "stays critical" in told["why"]
    assert (await send(served, "4", severity="major"))["did"] == "noted"  # nor is it the first one's alone now
    assert await stands(served) == ("critical", "investigating")


async def test_a_second_alert_may_raise(served: Served) -> None:
    """Whoever knows of something worse is believed."""
    await served.families()
    await send(served, "1", severity="minor")
    assert await send(served, "2", "b") == {"did": "updated", "incident": 1, "update": 2}
    assert await stands(served) == ("critical", "investigating")


async def test_the_only_alert_of_an_incident_lowers_it(served: Served) -> None:
    """It said so, and it takes it back."""
    await served.families()
    await send(served, "1")
    assert await send(served, "2", severity="minor") == {"did": "updated", "incident": 1, "update": 2}
    assert await stands(served) == ("minor", "investigating")


async def test_an_incident_ends_with_the_last_of_its_alerts(served: Served) -> None:
    """In whichever order they are resolved; one that fires again holds it open again."""
    await served.families()
    await send(served, "1")
    await send(served, "2", "b", severity="minor")
    noted = await send(served, "3", "b", status="resolved")
    assert (noted["did"], noted["update"]) == ("noted", None)
    assert noted["why"] == (
        'incident 1 goes on: alert "a" of source "desk" is not resolved; to end it: alertd incident resolve 1'
    )
    await send(served, "4", "b", severity="minor")
    assert (await send(served, "5", "a", status="resolved"))["did"] == "noted"
    assert await stands(served) == ("critical", "investigating")
    assert await send(served, "6", "b", status="resolved") == {"did": "resolved", "incident": 1, "update": 2}
    assert await stands(served) == ("critical", "resolved")


async def test_what_a_person_opened_no_alert_lowers_or_ends(served: Served) -> None:
    """Even if it is the only alert that joined."""
    await served.families()
    await served.open()
    for name in ("1", "2"):
        assert "stays critical" in (await send(served, name, severity="minor"))["why"]
    noted = await send(served, "3", status="resolved")
    assert "a person opened it" in noted["why"]
    assert await stands(served) == ("critical", "investigating")
