"""All of alertd at a slow sender's rate: every process keeps to it together, also when their Redis is gone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alertd.sandbox.log import Accepted
from alertd.sandbox.segments import segments
from tests.conftest import DIALECTS
from tests.integration import town
from tests.integration.rig import WINDOW, Rig
from tests.servers import wait_until

pytestmark = pytest.mark.integration
PATIENCE = 120.0  # seconds, on a machine that is very busy
FAMILIES = 200
RATE = 40.0  # segments a second
SAVED = 2 * RATE  # a second of it in each vessel
LATE = 1.0  # seconds by which a machine that runs other things too may hand over what was granted before
OWN = RATE  # what processes have saved up of the parts that they keep to without Redis, all together, in a second


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d == "postgresql"])
def test_a_slow_sender(fresh_database: Callable[[str], str], tmp_path: Path, dialect: str) -> None:
    """A notice by the urgent lane, news by two bulk workers, and more of it after Redis was killed half-way."""
    with Rig(
        tmp_path / "rig",
        fresh_database(dialect),
        window=2 * WINDOW,
        ALERTD_TWILIO__RATE_PER_SECOND=f"{RATE:g}",
    ) as rig:
        rig.sign_in()
        place = town.Town()
        numbers = {place.number() for _ in range(FAMILIES)}
        for n, number in enumerate(sorted(numbers)):
            person = town.person("mia", town.on("sms", number), preferences=town.want("sms"))
            place.add(f"fam-{n:04}", [person])
        rig.move_in(place)

        def told(phase: str) -> list[Accepted]:
            return [m for m in rig.accepted() if m.channel == "sms" and town.SAID[phase]["en"] in m.text]

        rig.open(town.SAID[town.NOTICE])
        wait_until("all have the notice", lambda: len(told(town.NOTICE)) == FAMILIES, PATIENCE, every=0.2)
        rig.update(town.SAID[town.SECOND])
        wait_until("all have the news", lambda: len(told(town.SECOND)) == FAMILIES, PATIENCE, every=0.2)
        rig.update(town.SAID[town.THIRD])
        wait_until("half have more", lambda: len(told(town.THIRD)) >= FAMILIES / 2, PATIENCE, every=0.2)
        rig.kill("redis")
        wait_until("all have it", lambda: len(told(town.THIRD)) == FAMILIES, PATIENCE, every=0.2)
        wait_until("all of it was carried out", rig.at_rest, PATIENCE)

        for phase in (town.NOTICE, town.SECOND, town.THIRD):
            assert {m.to for m in told(phase)} == numbers
            assert len(told(phase)) == FAMILIES, "nobody is told twice"
        assert too_fast(told(town.NOTICE) + told(town.SECOND), SAVED) == []
        assert too_fast(told(town.THIRD), SAVED + OWN) == []
        rate = FAMILIES * segments(told(town.SECOND)[0].text) / seconds(told(town.SECOND))
        assert rate > RATE / 4, "nor is it far slower than that"
        assert rig.rows("SELECT count(*) FROM attempt WHERE outcome <> 'accepted'") == [(0,)]
        assert rig.rows("SELECT max(attempts) FROM delivery") == [(1,)]
        assert rig.rows("SELECT value > 0 FROM counter WHERE name = 'rate_waited_ms_sms'") == [(True,)]
        for worker in ("worker-urgent", "worker-bulk"):  # Celery looks for its broker before it looks for a signal
            rig.kill(worker)


def too_fast(messages: list[Accepted], saved: float) -> list[str]:
    """Every stretch of time that had more segments than the rate and what was saved up."""
    found = []
    messages = sorted(messages, key=lambda each: each.at)
    for first, begin in enumerate(messages):
        total = 0
        for message in messages[first:]:
            total += segments(message.text)
            passed = message.at - begin.at
            if total > RATE * (passed + LATE) + saved:
                found.append(f"{total} segments in {passed:.2f} s")
                break
    return found


def seconds(messages: list[Accepted]) -> float:
    """From the first to the last."""
    return max(m.at for m in messages) - min(m.at for m in messages)
