"""The processes that carry deliveries out: Celery workers and the sweeper."""

import os
import sys


def run_worker(lane: str, concurrency: int, *, level: str = "info") -> None:
    """Become a Celery worker for one lane: replaces this process, so that signals reach Celery itself.

    Nothing of Celery's own is told to other workers: nobody listens, and ours are seen in the database (`beat`).
    """
    arguments = [
        sys.executable, "-m", "celery", "--quiet", "--app", "workers.app", "worker", "--queues", lane,
        "--concurrency", str(concurrency), "--pool", "prefork", "--hostname", f"{lane}@%h",
        "--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel", level,
    ]  # fmt: skip
    os.environ["ALERTD_WORKER_LANE"] = lane  # its children say in their heartbeats what they are
    os.execv(sys.executable, arguments)  # noqa: S606  our own interpreter, no shell
