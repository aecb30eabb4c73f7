"""The Celery app of the workers; `celery -A workers.app worker -Q urgent` starts one lane."""

import os
from typing import Any

from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from alertd import logs
from alertd.celery_app import celery_app
from alertd.doorbell import TASK
from alertd.redis_server import redis_urls
from alertd.settings import load
from workers.niceness import step_back

_DRAIN_SECONDS = 5.0  # a stop waits for it, and for the calls that are under way then

LANE_VARIABLE = "ALERTD_WORKER_LANE"

_settings = load(os.environ)
if _settings.broker_url is None:
    raise SystemExit("a worker takes its hints from Redis: set ALERTD_BROKER_URL, or use alertd up")
app = celery_app(redis_urls(_settings.broker_url.get_secret_value()).celery)


def _process() -> Any:
    # The parent only watches: what its children import would double the time until they are ready.
    from workers.process import PROCESS

    return PROCESS


@setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]
def _logging(**_: Any) -> None:
    logs.configure(_settings.log.level, _settings.log.json_)


@worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
def _open(**_: Any) -> None:
    lane = os.environ.get(LANE_VARIABLE, "bulk")
    if lane == "bulk":
        # What is urgent gets the processor first: a crowd's messages fill every core there is. Also where the
        # database is away now: what fails here is told, and the process goes on.
        step_back(_settings.workers.nice)
    # The first hint of an outage must not wait for imports and connections.
    _process().warm(lane)


@worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
def _close(**_: Any) -> None:
    _process().close()


@app.task(name=TASK, ignore_result=True)  # type: ignore[untyped-decorator]
def drain(lane: str) -> None:
    """A hint: look whether this lane has work."""
    _process().drain(lane, _DRAIN_SECONDS)
