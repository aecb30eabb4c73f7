"""Which way rates are kept: in Redis, or by each process, and then never faster all together."""

from pathlib import Path

from alertd import wiring
from alertd.pace import OwnPace
from alertd.redis_pace import RedisPace
from alertd.settings import load
from tests.fakes import FakeLog

ALL = 1_000_000
NOWHERE = "redis://127.0.0.1:1/0"


async def test_without_a_broker_the_sweeper_has_the_whole_rate(tmp_path: Path) -> None:
    settings = load({"ALERTD_DATA_DIR": str(tmp_path), "ALERTD_TWILIO__RATE_PER_SECOND": "80"})
    pace = wiring.pace(settings, FakeLog(), worker=False)
    assert isinstance(pace, OwnPace)
    assert (await pace.take("sms", "bulk", ALL)).units == 80


async def test_with_a_redis_that_does_not_answer_all_of_a_machine_share_the_rate(tmp_path: Path) -> None:
    settings = load(
        {
            "ALERTD_DATA_DIR": str(tmp_path),
            "ALERTD_BROKER_URL": NOWHERE,
            "ALERTD_TWILIO__RATE_PER_SECOND": "80",
            "ALERTD_WORKERS__BULK": "3",
            "ALERTD_WORKERS__URGENT": "1",
        }
    )
    granted = {}
    for part in ("sweeper", "urgent", "bulk-1", "bulk-2", "bulk-3"):
        pace = wiring.pace(settings, FakeLog(), worker=part != "sweeper")
        assert isinstance(pace, RedisPace)
        granted[part] = (await pace.take("sms", "bulk", ALL)).units
        pace.close()
    assert granted == {"sweeper": 40, "urgent": 10, "bulk-1": 10, "bulk-2": 10, "bulk-3": 10}


def test_every_channel_that_has_a_rate_says_what_a_message_takes() -> None:
    """A text of one segment, and one of two; of all else, one message each."""
    assert set(wiring.UNITS) == {"sms"}
    assert [wiring.UNITS["sms"].of(text) for text in ("a" * 160, "a" * 161, "ñ" * 160, "ы" * 71)] == [1, 2, 1, 2]
    assert wiring.UNITS["sms"].most == 2
