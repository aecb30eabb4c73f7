"""Celery as it is configured, and the doorbell: hints only, and none of them may cost anybody anything."""

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from alertd.celery_app import LANES, celery_app
from alertd.doorbell import ENOUGH, TASK, CeleryDoorbell, NoDoorbell
from alertd.redis_server import PrivateRedis, find_redis, private_redis
from tests.fakes import FakeLog
from tests.servers import kill, start, stop, wait_until

AT_ONCE = 0.3  # seconds, on a machine that is busy; a publish that waits for Redis takes a second and more
COUNTED = 20.0  # seconds in which a side thread on a busy machine has noticed


class Redis:
    """A real server of our own; `client` looks into it."""

    def __init__(self, folder: Path) -> None:
        self.private: PrivateRedis = private_redis(find_redis(None), folder)
        with (folder / "redis.log").open("wb") as log:
            self.process = start(list(self.private.argv), stdout=log)
        self.client = redis_py.Redis.from_url(self.private.urls.redis)
        wait_until("redis answers", self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis_py.ConnectionError:
            return False

    def hints(self, lane: str) -> list[dict[str, Any]]:
        """The messages that wait on a lane."""
        found = self.client.lrange(f"alertd:{lane}", 0, -1)
        assert isinstance(found, list)
        return [json.loads(each) for each in found]

    def close(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.client.close()
        stop(self.process)
        self.private.remove()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    made = Redis(tmp_path)
    yield made
    made.close()


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


def doorbell(url: str, log: FakeLog, workers: int = 1) -> CeleryDoorbell:
    return CeleryDoorbell(celery_app(url, publisher=True), dict.fromkeys(LANES, workers), log)


# --- the settings -----------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["worker", "publisher"])
def app(request: pytest.FixtureRequest) -> Any:
    return celery_app("redis://127.0.0.1:1/0", publisher=request.param)


def test_only_json_is_spoken_and_nothing_is_kept(app: Any) -> None:
    conf = app.conf
    assert list(conf.accept_content) == ["json"]
    assert (conf.task_serializer, conf.event_serializer) == ("json", "json")
    assert conf.task_ignore_result
    assert conf.result_backend is None
    assert not conf.worker_send_task_events
    assert not conf.worker_enable_remote_control  # whoever reaches Redis could stop workers through it


def test_a_lost_or_killed_task_is_not_run_for_ever(app: Any) -> None:
    conf = app.conf
    assert conf.task_acks_late
    assert not conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert (conf.task_soft_time_limit, conf.task_time_limit) == (45, 60)
    assert conf.worker_max_tasks_per_child == 1000


def test_a_broker_that_goes_away_comes_back_and_nobody_waits_for_ever(app: Any) -> None:
    conf = app.conf
    options = conf.broker_transport_options
    assert {key: options[key] for key in options if key != "socket_timeout"} == {
        "ack_emulation": False,
        "socket_connect_timeout": 2, "socket_keepalive": True, "health_check_interval": 10,
        "global_keyprefix": "alertd:",
    }  # fmt: skip
    assert options["socket_timeout"] <= 5
    assert conf.broker_connection_max_retries is None
    assert conf.broker_connection_retry_on_startup
    assert conf.broker_channel_error_retry
    assert conf.worker_pool_start_method == "spawn"
    assert conf.worker_proc_alive_timeout >= 60  # or on a busy machine no child is ever up in time
    assert (conf.worker_soft_shutdown_timeout, conf.worker_enable_soft_shutdown_on_idle) == (20, True)


def test_there_are_the_lanes_and_no_other_queue(app: Any) -> None:
    assert set(app.amqp.queues) == set(LANES) == {"urgent", "bulk"}
    assert not app.conf.task_create_missing_queues
    assert {queue.exchange.name for queue in app.amqp.queues.values()} == {""}


def test_a_publisher_gives_up_after_a_second() -> None:
    conf = celery_app("redis://127.0.0.1:1/0", publisher=True).conf
    assert conf.broker_transport_options["socket_timeout"] <= 1
    assert conf.broker_connection_timeout <= 1


def test_the_one_task_is_a_plain_function_of_a_lane(tmp_path: Path) -> None:
    """A coroutine function would never run, and Celery would say that it succeeded (measured)."""
    code = (
        "import inspect, json; from workers.app import app; app.finalize(); "
        "own = {name: task for name, task in app.tasks.items() if not name.startswith('celery.')}; "
        "print(json.dumps({name: [inspect.iscoroutinefunction(task.run), list(inspect.signature(task.run).parameters), "
        "task.ignore_result] for name, task in own.items()}))"
    )
    env = os.environ | {"ALERTD_BROKER_URL": "redis://127.0.0.1:1/0", "ALERTD_DATA_DIR": str(tmp_path)}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {TASK: [False, ["lane"], True]}


# --- the doorbell -----------------------------------------------------------------------------------


def test_a_ring_says_the_lane_and_nothing_else(redis: Redis, log: FakeLog) -> None:
    bell = doorbell(redis.private.urls.celery, log)
    bell.ring("urgent")
    wait_until("the hint is there", lambda: len(redis.hints("urgent")) == 1)
    bell.close()
    [hint] = redis.hints("urgent")
    args, kwargs, embedded = json.loads(b64decode(hint["body"]))
    assert (args, kwargs) == (["urgent"], {})
    assert not any(embedded.values())  # no callbacks, chains or chords
    headers = hint["headers"]
    assert (hint["content-type"], headers["task"], headers["argsrepr"]) == ("application/json", TASK, "['urgent']")
    assert headers["eta"] is None
    assert headers["retries"] == 0
    assert headers["expires"] is None  # a worker whose clock is ahead would throw it away
    assert redis.hints("bulk") == []
    assert bell.lost == 0


def test_every_worker_of_a_lane_is_rung_for_and_many_rings_are_one(redis: Redis, log: FakeLog) -> None:
    bell = doorbell(redis.private.urls.celery, log, workers=3)
    for _ in range(200):
        bell.ring("bulk")
    bell.close()
    hints = len(redis.hints("bulk"))
    assert hints % 3 == 0
    assert 3 <= hints < 60


def test_where_nobody_takes_hints_they_do_not_pile_up(redis: Redis, log: FakeLog) -> None:
    bell = doorbell(redis.private.urls.celery, log, workers=20)
    for rings in range(1, 6):
        bell.ring("bulk")
        expected = min(rings * 20, ENOUGH + 10)  # 0, 20 and 40 wait: three times twenty more
        wait_until("it was rung, or enough wait", lambda expected=expected: len(redis.hints("bulk")) == expected)  # type: ignore[misc]
    bell.ring("urgent")
    wait_until("the other lane is rung", lambda: len(redis.hints("urgent")) == 20)
    bell.close()
    assert (len(redis.hints("bulk")), bell.lost) == (60, 0)


def test_after_a_flush_rings_arrive_again(redis: Redis, log: FakeLog) -> None:
    """A named exchange would drop them silently: its bindings went with the flush."""
    bell = doorbell(redis.private.urls.celery, log)
    bell.ring("bulk")
    wait_until("the first is there", lambda: len(redis.hints("bulk")) == 1)
    redis.client.flushall()
    bell.ring("bulk")
    wait_until("the second is there", lambda: len(redis.hints("bulk")) == 1)
    bell.close()
    assert bell.lost == 0


def took(bell: CeleryDoorbell, rings: int = 100) -> float:
    """The longest that a ring took, in seconds."""
    longest = 0.0
    for _ in range(rings):
        began = time.perf_counter()
        bell.ring("urgent")
        bell.ring("bulk")
        longest = max(longest, time.perf_counter() - began)
    return longest


def test_with_redis_down_a_ring_returns_at_once_and_is_counted(redis: Redis, log: FakeLog) -> None:
    bell = doorbell(redis.private.urls.celery, log)
    assert bell.answering
    kill(redis.process)
    assert took(bell) < AT_ONCE
    wait_until("the loss is counted", lambda: bell.lost > 0, COUNTED)
    assert not bell.answering
    told = log.named("hint_lost")
    assert told
    assert set(told[0]) == {"lane", "error", "lost"}
    began = time.monotonic()
    bell.close()
    assert time.monotonic() - began < 3
    assert bell.take_lost() == bell.lost
    assert bell.take_lost() == 0


def test_with_redis_frozen_a_ring_returns_at_once_and_is_counted(redis: Redis, log: FakeLog) -> None:
    bell = doorbell(redis.private.urls.celery, log)
    bell.ring("bulk")
    wait_until("a connection is open", lambda: len(redis.hints("bulk")) == 1)
    redis.process.send_signal(signal.SIGSTOP)
    assert took(bell) < AT_ONCE
    wait_until("the loss is counted", lambda: bell.lost > 0, COUNTED)
    assert not bell.answering
    assert took(bell) < AT_ONCE
    redis.process.send_signal(signal.SIGCONT)
    bell.close()


def test_a_redis_that_never_was_there_is_the_same(tmp_path: Path, log: FakeLog) -> None:
    bell = doorbell(f"redis+socket://{tmp_path}/nobody.sock", log)
    assert took(bell) < AT_ONCE
    wait_until("the loss is counted", lambda: bell.lost > 0, COUNTED)
    bell.close()


def test_without_a_broker_nobody_answers() -> None:
    bell = NoDoorbell()
    bell.ring("bulk")
    bell.close()
    assert not bell.answering
