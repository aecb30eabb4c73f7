"""A broker that dies, forgets, freezes, or never was."""

import signal
import socket
import time

from tests.chaos.drill import Drill
from tests.chaos.row import Row
from tests.integration.town import SECOND


def _down(drill: Drill) -> None:
    """It dies in the middle of a fan-out, and comes back when everybody has been told without it."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        drill.rig.kill("redis")
        drill.until_told(SECOND)
        drill.rig.start_redis()

    drill.slow(0.2)
    drill.story(during)


def _flushed(drill: Drill) -> None:
    """It forgets everything, three times."""

    def during() -> None:
        for share in (0.1, 0.3, 0.5):
            drill.until_some_told(SECOND, share)
            redis_is_told(drill, b"FLUSHALL")

    drill.slow(0.2)
    drill.story(during)


def _frozen(drill: Drill) -> None:
    """It takes connections and answers nothing for five seconds; commands are answered as ever."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        drill.rig.signal("redis", signal.SIGSTOP)
        try:
            began = time.monotonic()
            drill.rig.ask("GET", "/v1/incidents/1")
            took = time.monotonic() - began
            if took > 1.5:
                drill.said.append(f"the API took {took:.1f} s to answer")
            drill.waits(5)
        finally:
            drill.rig.signal("redis", signal.SIGCONT)

    drill.slow(0.2)
    drill.story(during)


def _full(drill: Drill) -> None:
    """It has no room for anything new until everybody has been told without it."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        redis_is_told(drill, b"CONFIG SET maxmemory 1")
        redis_is_told(drill, b"SET more than-it-holds", b"-OOM")
        drill.until_told(SECOND)
        redis_is_told(drill, b"CONFIG SET maxmemory 0")

    drill.slow(0.2)
    drill.story(during)
    if not drill.rig.alive("worker-urgent", "worker-bulk"):
        drill.said.append("a worker has ended")


def _never(drill: Drill) -> None:
    """There is none at all; workers wait for it, and the sweeper does the work."""
    drill.story(lambda: None)
    for lane in ("urgent", "bulk"):  # Celery looks for its broker before it looks for a signal
        drill.rig.kill(f"worker-{lane}")


def redis_is_told(drill: Drill, command: bytes, answer: bytes = b"+OK") -> None:
    """A command for it, behind everybody's back."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(drill.rig.redis_socket))
        client.sendall(command + b"\r\n")
        if not client.recv(100).startswith(answer):
            drill.said.append(f"Redis did not answer {answer.decode()} to {command.decode()}")


ROWS = (
    Row(
        name="redis-down",
        what="Redis is killed in the middle of a fan-out, and started again when all were told",
        run=_down,
        quick=True,
        silence=False,
        dialect="sqlite",
    ),
    Row(name="redis-flushed", what="Redis forgets everything three times", run=_flushed),
    Row(name="redis-frozen", what="Redis stands still for five seconds", run=_frozen),
    Row(name="redis-full", what="Redis takes nothing new until all were told (maxmemory, noeviction)", run=_full),
    Row(name="redis-never", what="there is no Redis", run=_never, broker=False),
)
