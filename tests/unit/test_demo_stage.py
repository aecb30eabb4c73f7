"""The demo's stage: nothing of the user's own alertd is touched, and the story waits until everything is ready."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from alertd.clock import ClusterClock
from alertd.demo.script_file import read_script
from alertd.demo.stage import (
    SCRIPT,
    Slow,
    begin,
    demo_folder,
    make_alert_key,
    own_environment,
    set_stage,
    wind_clock,
)
from alertd.store.store import SqlStore

OWN = {"ALERTD_DATABASE_URL": "postgresql://db.example.org/real", "ALERTD_TWILIO__ACCOUNT_SID": "AC0"}


def test_the_users_own_settings_are_left_out_and_come_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in OWN.items():
        monkeypatch.setenv(name, value)
    stage = set_stage(tmp_path)
    assert "example.org" not in stage.settings.database_url.get_secret_value()
    assert stage.settings.twilio.account_sid is None
    assert not set(OWN) & set(stage.env)
    with own_environment():  # what the parts inherit
        assert not [name for name in os.environ if name.startswith("ALERTD_")]
    assert {name: os.environ[name] for name in OWN} == OWN


def test_a_stage_has_all_that_the_daemon_needs(tmp_path: Path) -> None:
    stage = set_stage(tmp_path)
    assert stage.settings.data_dir.is_relative_to(tmp_path)
    assert (stage.config / "templates" / "es" / "phrases.yaml").is_file()
    assert read_script(stage.config / SCRIPT).begins == stage.settings.clock.story_start
    assert set_stage(tmp_path).settings.api.port > 0  # a folder that is kept may be used again


async def test_the_story_begins_when_it_is_told_to_and_not_twice(tmp_path: Path) -> None:
    stage = set_stage(tmp_path)
    begins = read_script(stage.config / SCRIPT).begins
    await wind_clock(stage, begins)
    store = SqlStore(stage.settings.database_url.get_secret_value())
    clock = ClusterClock()
    await clock.sample(store)
    assert clock.waits
    assert clock.now() < begins - timedelta(days=1)
    story = await begin(stage, begins)
    assert clock.sampled_ago() > 60  # so every part samples it again and notices
    await clock.sample(store)
    assert clock.waits
    assert begins - timedelta(hours=2) < clock.now() < begins
    assert abs(story.at(clock.machine().timestamp()) - clock.now()) < timedelta(seconds=1)
    await store.close()


async def test_alertmanagers_key_may_send_events_and_nothing_else(tmp_path: Path) -> None:
    stage = set_stage(tmp_path)
    await wind_clock(stage, read_script(stage.config / SCRIPT).begins)
    secret = await make_alert_key(stage)
    store = SqlStore(stage.settings.database_url.get_secret_value())
    async with store.reading() as rows:
        key = await rows.key(secret.split("_")[1])
    await store.close()
    assert key is not None
    assert key.rights == ("event:write",)


async def test_a_story_that_has_begun_is_not_moved(tmp_path: Path) -> None:
    stage = set_stage(tmp_path)
    begins = read_script(stage.config / SCRIPT).begins
    await wind_clock(stage, begins, within=timedelta())
    with pytest.raises(Slow, match="began without it"):
        await begin(stage, begins)


def test_the_folder_goes_unless_it_is_kept(tmp_path: Path) -> None:
    with demo_folder(None) as folder:
        assert folder.path.is_dir()
    assert not folder.path.exists()
    with demo_folder(tmp_path / "mine") as mine:
        (mine.path / "kept").touch()
    assert (tmp_path / "mine" / "kept").exists()
    with demo_folder(None) as failed:
        failed.keep = True
    assert failed.path.is_dir()
    failed.path.rmdir()
