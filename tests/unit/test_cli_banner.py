"""What `alertd up` says once it is up: where things are, and what would keep families from being told."""

from pathlib import Path

from alertd import wiring
from alertd.cli.processes import _banner, _places
from alertd.settings import load
from alertd.up import Where

HERE = Path("/home/mia/data")


def where(**changes: object) -> Where:
    given: dict[str, object] = {
        "api": "http://127.0.0.1:8420", "inbox": None, "sandbox": None, "data_dir": HERE, "key_file": HERE / "key",
        "redis": "Redis 7, from PATH.", "logs": HERE / "logs", "missing": (),
    }  # fmt: skip
    return Where(**(given | changes))  # type: ignore[arg-type]


def test_channels_that_are_not_configured_are_named_with_the_way_out() -> None:
    """At 3 a.m. nobody has asked the doctor."""
    told = _banner(where(missing=("sms", "push")))

    assert "Not configured, so nobody is told over it: sms, push. alertd doctor says what to set" in told
    assert _places(where(missing=("sms",)))["not_configured"] == ("sms",)


def test_responders_whom_nobody_set_are_named() -> None:
    told = _banner(where(nobody_pages=("follow-owner", "duty-manager")))

    assert (
        "Not set, so they are not paged when an update is due: follow-owner, duty-manager. alertd doctor" in told
    )
    assert _places(where(nobody_pages=("owner",)))["responders_not_set"] == ("owner",)


def test_who_is_missing_comes_from_policies_and_settings(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "ALERTD_RESPONDERS__DUTY_MANAGER": "+14155550123"}

    assert wiring.missing_responders(load(env)) == {
        "owner": ["default"],
        "lead": ["default"],
        "follow-owner": ["follow"],
        "follow-lead": ["follow"],
    }


def test_nothing_is_said_where_nothing_is_missing() -> None:
    assert "onfigured" not in _banner(where())


def test_what_is_missing_comes_from_the_settings(tmp_path: Path) -> None:
    """The console is for trying out: nobody misses it."""
    nothing = {"HOME": str(tmp_path), "ALERTD_CONFIG": str(tmp_path)}
    mail = {"ALERTD_SMTP__URL": "smtp://127.0.0.1:2525", "ALERTD_SMTP__FROM": "status@example.org"}

    assert wiring.not_configured(load(nothing)) == ("sms", "push", "email", "voice")
    assert wiring.not_configured(load(nothing | mail)) == ("sms", "push", "voice")
