"""How long things may take: nothing but a test changes it, and never so that messages are sent twice."""

from pathlib import Path

import pytest

from alertd import wiring
from alertd.ingest.reading import Mistakes
from alertd.ports.deps import Timing
from alertd.settings import Settings, load
from alertd.store.migrate import upgrade
from channels.fcm_push import FcmConfig
from channels.smtp_email import SmtpConfig
from channels.twilio_sms import TwilioConfig
from channels.twilio_voice import TwilioVoiceConfig


def settings(folder: Path, **more: str) -> Settings:
    known = {
        "ALERTD_DATA_DIR": str(folder),
        "ALERTD_TWILIO__ACCOUNT_SID": "AC" + "0" * 32, "ALERTD_TWILIO__AUTH_TOKEN": "t",
        "ALERTD_TWILIO__FROM": "+14155550100",
        "ALERTD_FCM__CREDENTIALS_FILE": __file__,
        "ALERTD_SMTP__URL": "smtp://127.0.0.1:25", "ALERTD_SMTP__FROM": "alertd@example.org",
    }  # fmt: skip
    return load(known | more)


async def test_in_production_a_lease_lasts_thirty_seconds_and_calls_take_their_own_time(tmp_path: Path) -> None:
    made = settings(tmp_path)
    upgrade(made.database_url.get_secret_value())
    deps = await wiring.open_deps(made)
    assert deps.timing == Timing()
    assert deps.timing.lease == 30.0
    own = {"sms": TwilioConfig().deadline, "push": FcmConfig().deadline, "email": SmtpConfig().deadline}
    own["voice"] = TwilioVoiceConfig().deadline
    assert {name: channel.deadline for name, channel in deps.channels.items()} == own
    assert all(deadline + 1 < deps.timing.lease for deadline in own.values())
    await wiring.close_deps(deps)


async def test_a_test_may_shorten_both(tmp_path: Path) -> None:
    made = settings(tmp_path, ALERTD_TIMING__LEASE_SECONDS="6", ALERTD_TIMING__CALL_SECONDS="3")
    upgrade(made.database_url.get_secret_value())
    deps = await wiring.open_deps(made)
    assert deps.timing == Timing(lease=6.0)
    assert {channel.deadline for channel in deps.channels.values()} == {3.0}
    await wiring.close_deps(deps)


async def test_a_test_may_hurry_what_looks_and_waits(tmp_path: Path) -> None:
    names = {"UNKNOWN": "2", "SWEEP": "0.05", "HINTS": "0.2", "AUDIT": "3"}
    made = settings(tmp_path, **{f"ALERTD_TIMING__{name}_SECONDS": value for name, value in names.items()})
    upgrade(made.database_url.get_secret_value())
    deps = await wiring.open_deps(made)
    assert deps.timing == Timing(unknown_critical=2.0, unknown=6.0, sweep=0.05, takes_hints=0.2, audit=3.0)
    await wiring.close_deps(deps)


@pytest.mark.parametrize(("lease", "call"), [("20", None), ("6", "5"), ("26.9", None)])
def test_a_lease_that_ends_before_a_call_does_is_refused(tmp_path: Path, lease: str, call: str | None) -> None:
    more = {"ALERTD_TIMING__LEASE_SECONDS": lease} | ({"ALERTD_TIMING__CALL_SECONDS": call} if call else {})
    with pytest.raises(Mistakes) as caught:
        settings(tmp_path, **more)
    assert "sent twice" in str(caught.value)
