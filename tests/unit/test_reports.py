"""Whether Twilio is asked for delivery reports: only where it can reach us."""

import pytest

from alertd import wiring
from alertd.reports import no_reports, status_callback
from alertd.settings import load

TWILIO = {
    "ALERTD_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "ALERTD_TWILIO__AUTH_TOKEN": "t",
    "ALERTD_TWILIO__FROM": "+1",
}


@pytest.mark.parametrize(
    ("public", "base", "asked", "because"),
    [
        ("https://alerts.example.org", None, True, "a name of the internet"),
        ("https://alerts.example.org/alertd", None, True, "behind a path"),
        ("https://8.8.8.8", None, True, "an address of the internet"),
        (None, None, False, "the default is this machine"),
        ("http://localhost:8420", None, False, "this machine"),
        ("http://[::1]:8420", None, False, "this machine"),
        ("http://0.0.0.0:8420", None, False, "nobody's address"),
        ("http://192.168.1.7:8420", None, False, "a private network"),
        ("http://10.0.0.7", None, False, "a private network"),
        ("http://169.254.1.1", None, False, "a link"),
        ("http://alertd:8420", None, False, "a name inside of some network"),
        ("http://alertd.internal", None, False, "a name inside of some network"),
        ("http://nas.local", None, False, "a name inside of some network"),
        (None, "http://127.0.0.1:8425", True, "the sandbox is on this machine"),
        ("http://localhost:9000", "http://[::1]:8425", True, "the sandbox is on this machine"),
        ("https://alerts.example.org", "http://127.0.0.1:8425", False, "the sandbox calls this machine only"),
    ],
)
def test_when_twilio_is_asked(public, base, asked, because):
    env = {"HOME": "/home/mia", **TWILIO}
    if public:
        env["ALERTD_PUBLIC_URL"] = public
    if base:
        env["ALERTD_TWILIO__BASE_URL"] = base
    settings = load(env)
    expected = f"{public or 'http://127.0.0.1:8420'}/v1/providers/twilio/status" if asked else None

    assert status_callback(settings) == expected, because
    told = no_reports(settings)
    assert (told is None) is asked
    if told is not None:
        assert told[0].startswith(f"no delivery reports: public_url is {settings.public_url}, which ")
        assert "ALERTD_PUBLIC_URL" in told[1]
        assert ("sandbox" in told[0]) is (base is not None)
    sms = wiring.build_channels(settings, lambda: None)["sms"]  # type: ignore[arg-type,return-value]
    assert sms.has_callbacks is asked
