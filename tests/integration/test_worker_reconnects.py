"""A worker whose Redis dies while all its processes are busy takes hints again when Redis is back."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError

from alertd.celery_app import celery_app
from alertd.doorbell import TASK
from alertd.redis_server import find_redis, private_redis
from tests.servers import kill, start, stop, wait_until

pytestmark = pytest.mark.integration

BUSY = f"""
import os, pathlib, time
from alertd.celery_app import celery_app

app = celery_app(os.environ["BROKER"])
folder = pathlib.Path(os.environ["FOLDER"])

@app.task(name={TASK!r})
def drain(lane):
    (folder / "begun").touch()
    while not (folder / "may-end").exists():
        time.sleep(0.02)
    (folder / f"ended-{{len(list(folder.glob('ended-*')))}}").touch()
"""


class Lane:
    """A Redis, and a worker with one process, whose task lasts until it may end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.private = private_redis(find_redis(None), folder)
        self.start_redis()
        (folder / "busy.py").write_text(BUSY)
        argv = [sys.executable, "-m", "celery", "--quiet", "--app", "busy", "worker", "--queues", "bulk"]
        argv += ["--concurrency", "1", "--without-mingle", "--without-gossip", "--without-heartbeat"]
        env = os.environ | {"BROKER": self.private.urls.celery, "FOLDER": str(folder), "PYTHONPATH": str(folder)}
        with (folder / "worker.log").open("wb") as log:
            self.worker = start(argv, env=env, cwd=folder, stdout=log, stderr=log)

    def start_redis(self) -> None:
        with (self.folder / "redis.log").open("ab") as log:
            self.redis = start(list(self.private.argv), stdout=log)

    def ring(self) -> bool:
        """A hint, if Redis answers."""
        app = celery_app(self.private.urls.celery, publisher=True)
        try:
            app.send_task(TASK, args=["bulk"], queue="bulk", retry=False)
        except OperationalError:
            return False
        finally:
            app.close()
        return True

    def ended(self) -> int:
        return len(list(self.folder.glob("ended-*")))

    def close(self) -> None:
        stop(self.worker)
        stop(self.redis)
        self.private.remove()


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    made = Lane(tmp_path)
    yield made
    made.close()


def test_it_takes_hints_again_though_it_could_not_say_that_it_was_done(lane: Lane) -> None:
    """With Redis's acknowledgements it never would: what cannot be acknowledged counts as in hand for ever."""
    wait_until("the hint is there", lane.ring)
    wait_until("the worker is at it", (lane.folder / "begun").exists)
    kill(lane.redis)
    (lane.folder / "may-end").touch()
    wait_until("it is done", lambda: lane.ended() == 1)
    lane.start_redis()
    wait_until("a hint is taken again", lambda: lane.ring() and lane.ended() > 1, every=0.5)
