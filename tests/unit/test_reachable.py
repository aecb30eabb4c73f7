"""Whether Twilio is asked for delivery reports and families for answers: only where they can reach us."""

import pytest

from alertd import wiring
from alertd.domain.this_machine import is_this_machine
from alertd.reachable import NEVER_PUBLIC, answers_reach_us, no_answers, no_reports, status_callback
from alertd.settings import Settings, load

TWILIO = {
    "ALERTD_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "ALERTD_TWILIO__AUTH_TOKEN": "t",
    "ALERTD_TWILIO__FROM": "+14155550100",
}


def settings_with(public: str | None, base: str | None) -> Settings:
    """An account of Twilio's, and these addresses."""
    env = {"HOME": "/home/mia", **TWILIO}
    if public:
        env["ALERTD_PUBLIC_URL"] = public
    if base:
        env["ALERTD_TWILIO__BASE_URL"] = base
    return load(env)


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
    settings = settings_with(public, base)
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


SANDBOX = "http://127.0.0.1:8425"


@pytest.mark.parametrize(
    ("public", "base", "asked", "says"),
    [
        ("https://alerts.example.org", None, True, ""),
        ("https://8.8.8.8", None, True, ""),
        (None, None, False, "outside of this machine"),
        ("http://alertd.localhost", None, False, "outside of this machine"),
        ("http://192.168.1.7:8420", None, False, "outside of your own network"),
        ("https://alerts", None, False, "outside of your own network"),
        *((f"https://alerts{end}", None, False, "outside of") for end in NEVER_PUBLIC),
        (None, SANDBOX, True, ""),
        ("https://alerts.example.org", SANDBOX, True, ""),
        ("https://alerts.internal", SANDBOX, False, "outside of your own network"),
    ],
)
def test_when_families_are_asked(public: str | None, base: str | None, asked: bool, says: str) -> None:
    settings = settings_with(public, base)

    assert answers_reach_us(settings) is asked
    told = no_answers(settings)
    assert (told is None) is asked
    if told is not None:
        assert told[0].startswith(f"{settings.public_url} leads nobody ")
        assert says in told[0]
        assert told[1].startswith("leave" if base else "set ALERTD_PUBLIC_URL to the https:// address")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("LocalHost.", True),
        ("alertd.localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("", False),
        ("0.0.0.0", False),
        ("localhost.example.org", False),
        ("notlocalhost", False),
        ("10.0.0.7", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, here: bool) -> None:
    assert is_this_machine(host) is here
