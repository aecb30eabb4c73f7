"""Liveness is life; readiness is progress."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alertd.api.health import ages
from alertd.domain.family import Family
from alertd.records import Backlog
from alertd.usecases.beat import beat
from alertd.usecases.fan_out import fan_out
from tests import make
from tests.served import Served, fresh_served

served = fresh_served


async def test_alive_asks_nobody(served: Served) -> None:
    """Without a key, and without the database."""
    served.app.state.served = replace(served.app.state.served, deps=None)
    del served.http.headers["Authorization"]
    answer = await served.ask("GET", "/livez")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


async def test_ready_while_nothing_waits_long(served: Served) -> None:
    """An update that was just published is no reason to worry."""
    await served.families()
    await served.open()
    served.clock.advance(seconds=15)
    await served.beat()
    served.clock.advance(seconds=5)
    answer = await served.ask("GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "waiting": {"fanout_urgent": 20.0},
        "beats": {"sweeper": 5.0},
        "audit": None,
    }


async def test_not_ready_when_the_sweeper_rests(served: Served) -> None:
    """Nothing waits, and nobody would notice if something did."""
    for never_or_long_ago in range(2):
        answer = await served.ask("GET", "/readyz")
        assert answer.status_code == 503, never_or_long_ago
        assert answer.json()["reasons"] == [
            "the sweeper has not looked for 30 s, and without it no family is told in time"
        ]
        await served.beat()
        assert (await served.ask("GET", "/readyz")).status_code == 200
        served.clock.advance(seconds=31)


async def test_not_ready_when_no_worker_moves_an_update(served: Served) -> None:
    """503, and the reason says which lane."""
    await served.families()
    await served.open()
    served.clock.advance(seconds=31)
    await served.beat()
    answer = await served.ask("GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["error"]["code"] == "not_ready"
    assert answer.headers["retry-after"]
    assert answer.json()["reasons"] == [
        "an update of lane urgent has not moved to further families for 31 s: no worker takes it"
    ]


async def test_not_ready_when_nobody_hands_over(served: Served) -> None:
    """Planned, and left lying."""
    await served.families()
    await served.open()
    await fan_out(served.deps, "urgent", send=False)
    served.clock.advance(seconds=45)
    reasons = (await served.ask("GET", "/readyz")).json()["reasons"]
    assert "deliveries over push, sms of lane urgent have waited for 45 s: no worker takes them" in reasons


TEXTER = make.family(make.caregiver("mia", "sms"))
BOTH = make.family(make.caregiver("mia", "sms"), make.caregiver("ben", "push", order=2))


@pytest.mark.parametrize(
    ("family", "waits", "left"),
    [
        (TEXTER, {}, "sms"),
        (TEXTER, {("sms", "urgent"): 4.0}, ""),
        (TEXTER, {("sms", "bulk"): 4.0}, "sms"),
        (TEXTER, {("push", "urgent"): 4.0}, "sms"),
        (BOTH, {("sms", "urgent"): 4.0}, "push"),
        (BOTH, {("sms", "urgent"): 4.0, ("push", "urgent"): 0.1}, ""),
        (BOTH, {("email", "urgent"): 4.0}, "push, sms"),
    ],
)
async def test_what_waits_for_its_rate_is_no_reason(
    served: Served, family: Family, waits: dict[tuple[str, str], float], left: str
) -> None:
    """A worker has it in hand and waits; that says nothing of the lane's other channels, nor of another lane's."""
    await served.families(family)
    await served.open()
    await fan_out(served.deps, "urgent", send=False)
    served.clock.advance(seconds=31)
    await beat(served.deps, "sweeper", None, lambda: waits)
    answer = await served.ask("GET", "/readyz")
    assert answer.json().get("reasons", []) == (
        [f"deliveries over {left} of lane urgent have waited for 31 s: no worker takes them"] if left else []
    )
    assert answer.status_code == (503 if left else 200)


async def test_a_rate_excuses_for_as_long_as_it_is_waited_for(served: Served) -> None:
    """A worker that died while it waited does not excuse what it left; and such a mark is no part of the cluster."""
    await served.families(TEXTER)
    await served.open()
    await fan_out(served.deps, "urgent", send=False)
    served.clock.advance(seconds=31)
    await beat(served.deps, "sweeper", None, lambda: {("sms", "urgent"): 4.0})
    for seconds, ready in ((29, True), (2, False)):
        served.clock.advance(seconds=seconds)
        await served.beat()
        assert (await served.ask("GET", "/readyz")).is_success is ready
    await served.work()
    assert set((await served.ask("GET", "/readyz")).json()["beats"]) == {"sweeper"}


async def test_not_ready_when_nobody_looks_at_families(served: Served) -> None:
    """The silence window passes and no sweeper runs."""
    await served.families()
    await served.open()
    await served.work()
    served.clock.advance(minutes=31)
    await served.beat()
    reasons = (await served.ask("GET", "/readyz")).json()["reasons"]
    assert len(reasons) == 1
    assert "no sweeper runs" in reasons[0]
    await served.work()
    assert (await served.ask("GET", "/readyz")).status_code == 200


@pytest.mark.parametrize(("rate", "expected"), [(1.0, 3600.0), (1800.0, 2.0)])
def test_a_watch_is_late_in_story_time(rate: float, expected: float) -> None:
    """An hour of a story that runs 1,800 times as fast is two seconds."""
    assert ages(Backlog({}, {}, timedelta(hours=1)), rate) == {"watch": expected}


def test_ages_name_the_lane() -> None:
    """Each lane is told apart."""
    pending = {("bulk", "push"): 1.0, ("bulk", "sms"): 0.5, ("urgent", "push"): 2.0}
    found = ages(Backlog(pending, {"bulk": 3.0}, None), 1.0)
    assert found == {"delivery_bulk": 1.0, "delivery_urgent": 2.0, "fanout_bulk": 3.0}
