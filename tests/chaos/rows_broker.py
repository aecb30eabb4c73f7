"""A broker that dies, forgets, freezes, or never was."""

import socket

from tests.chaos.drill import Drill
from tests.chaos.row import Row
from tests.integration.town import SECOND, THIRD

ANSWERS = 1.5
"""Seconds within which a command is answered whatever is the matter with Redis."""


def _down(drill: Drill) -> None:
    """It dies five times in the middle of a fan-out, and stays away while the next word is told."""
    drill.slow(0.2)
    drill.opens()
    drill.says(SECOND)
    for share in (0.05, 0.1, 0.2, 0.3):
        drill.until_some_told(SECOND, share)
        drill.rig.kill("redis")
        drill.rig.start_redis()
    drill.until_some_told(SECOND, 0.4)
    drill.rig.kill("redis")
    _told_without(drill)
    drill.rig.start_redis()
    drill.holds_and_ends()


def _told_without(drill: Drill) -> None:
    """The rest of a word, and a whole one: it is commanded without anybody waiting for Redis."""
    drill.until_all_told(SECOND)
    with drill.answers_within(ANSWERS):
        drill.says(THIRD)
    drill.until_all_told(THIRD)


def _flushed(drill: Drill) -> None:
    """It forgets everything, three times."""

    def during() -> None:
        for share in (0.1, 0.3, 0.5):
            drill.until_some_told(SECOND, share)
            redis_is_told(drill, b"FLUSHALL")

    drill.slow(0.2)
    drill.story(during)


def _frozen(drill: Drill) -> None:
    """It takes connections and answers nothing until two words were told."""
    drill.slow(0.2)
    drill.opens()
    drill.says(SECOND)
    drill.until_some_told(SECOND, 0.1)
    with drill.stopped("redis"):
        _told_without(drill)
    drill.holds_and_ends()


def _full(drill: Drill) -> None:
    """It has no room for anything new until everybody has been told without it."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        redis_is_told(drill, b"CONFIG SET maxmemory 1")
        redis_is_told(drill, b"SET more than-it-holds", b"-OOM")
        drill.until_told(SECOND)
        with drill.answers_within(ANSWERS):
            drill.says(THIRD)
        drill.until_told(THIRD)
        redis_is_told(drill, b"CONFIG SET maxmemory 0")

    drill.slow(0.2)
    drill.story(during)
    if not drill.rig.alive("worker-urgent", "worker-bulk"):
        drill.said.append("a worker has ended")


def _never(drill: Drill) -> None:
    """There is none at all; workers wait for it, and the sweeper does the work."""
    with drill.answers_within(ANSWERS):
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
        what="Redis is killed five times in the middle of a fan-out, and stays away while the next word is told",
        run=_down,
        quick=True,
        silence=False,
        dialect="sqlite",
    ),
    Row(name="redis-flushed", what="Redis forgets everything three times", run=_flushed),
    Row(name="redis-frozen", what="Redis stands still until two words were told", run=_frozen),
    Row(name="redis-full", what="Redis takes nothing new until all were told (maxmemory, noeviction)", run=_full),
    Row(name="redis-never", what="there is no Redis", run=_never, broker=False),
)
