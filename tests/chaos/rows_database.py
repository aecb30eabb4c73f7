"""A database that restarts, loses its connections, or lets nothing be written."""

import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from urllib.error import HTTPError

from sqlalchemy.engine import make_url

from tests.chaos.drill import PATIENCE, Drill, now
from tests.chaos.row import SHORT, Row
from tests.integration.town import SECOND, THIRD
from tests.servers import wait_until


def _restarted(how: int) -> "Callable[[Drill], None]":
    def run(drill: Drill) -> None:
        drill.slow(0.2)
        drill.opens()
        drill.says(SECOND)
        restart(drill, SECOND, how)
        drill.until_all_told(SECOND)
        restart_behind(drill, THIRD, how)
        restart(drill, THIRD, how)
        drill.until_all_told(THIRD)
        drill.holds_and_ends()

    return run


def restart(drill: Drill, phase: str, how: int) -> None:
    """It is gone for a second in the middle of a fan-out; nobody is told that something was stored meanwhile."""
    drill.until_some_told(phase, 0.1)
    with drill.fault():
        drill.postgres.stop(how)
        drill.refuses_commands()
        drill.waits(1)
        drill.postgres.start()


def restart_behind(drill: Drill, phase: str, how: int) -> None:
    """It ends as soon as a word was answered 2xx, and still has that word when it comes back."""
    with drill.fault():
        drill.says(phase)
        drill.postgres.stop(how)
        drill.postgres.start()


def _cut(drill: Drill) -> None:
    """Every connection is reset, three times, and new ones refused for a second."""

    def during() -> None:
        for share in (0.1, 0.3, 0.5):
            drill.until_some_told(SECOND, share)
            with drill.fault():
                drill.proxy.refuse()
                drill.waits(1)
                drill.proxy.accept()

    drill.slow(0.2)
    drill.story(during)


def _terminated(drill: Drill) -> None:
    """The server ends every connection, three times."""

    def during() -> None:
        for share in (0.1, 0.3, 0.5):
            drill.until_some_told(SECOND, share)
            with drill.fault():
                drill.postgres.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'alertd'"
                )

    drill.slow(0.2)
    drill.story(during)


def _read_only(drill: Drill) -> None:
    """It lets nothing be written for three seconds, as one that has just become a standby."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        with drill.fault():
            read_only(drill, 3)

    drill.slow(0.2)
    drill.story(during)


def read_only(drill: Drill, seconds: float) -> None:
    """Nothing is written for so long, and nobody is told that something was."""
    _writes_nothing(drill, "on")
    try:
        drill.refuses_commands()
        drill.waits(seconds)
    finally:
        _writes_nothing(drill, "off")


def _writes_nothing(drill: Drill, value: str) -> None:
    drill.postgres.run(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    drill.postgres.run("SELECT pg_reload_conf()")
    wait_until(
        f"nothing is written: {value}",
        lambda: drill.rig.rows("SHOW default_transaction_read_only") == [(value,)],
        PATIENCE,
        every=0.02,
    )


def _asks(drill: Drill, answers: list[tuple[float, int]]) -> None:
    """A command that tells families nothing, and when it was answered how; 0: not at all."""
    code = 200
    try:
        drill.rig.command("/v1/incidents/1/ack", {})
    except HTTPError as error:
        code = error.code
    except OSError:
        code = 0
    answers.append((now(), code))


def _locked(drill: Drill) -> None:
    """Somebody else holds the file for eight seconds, longer than SQLite waits."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        file = str(make_url(drill.rig.database_url).database)
        with drill.fault(), closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("PRAGMA busy_timeout = 30000")
            other.execute("BEGIN IMMEDIATE")
            answers: list[tuple[float, int]] = []
            asked = threading.Thread(target=_asks, args=(drill, answers))
            asked.start()
            drill.waits(8)
            freed = now()
            other.execute("ROLLBACK")
        asked.join()
        [(at, code)] = answers
        # Who stood in the queue of writers until then is answered 2xx rightly: it is stored.
        if code != 503 and (code != 200 or at < freed):
            drill.said.append(f"a command was answered {code} {freed - at:.1f} s before anything could be stored")

    drill.slow(0.2)
    drill.story(during)


def _full(drill: Drill) -> None:
    """Its disk takes nothing for three seconds: nobody is told that something was stored; then all goes on."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        with drill.fault():
            drill.faults.fill_disk(full=True)
            drill.refuses_commands()
            drill.waits(3)
            drill.faults.fill_disk(full=False)
            if drill.row.dialect != "sqlite":
                drill.postgres.stop(signal.SIGQUIT)  # it has given up, or might any moment; a supervisor comes
                drill.postgres.start()
        if "database_failed" not in drill.rig.log("api") or "sweep_failed" not in drill.rig.log("sweeper"):
            drill.said.append("nobody said that nothing could be written")

    drill.slow(0.4)
    drill.story(during)


ROWS = (
    Row(
        name="postgres-immediate",
        what="Postgres ends three times as if its plug were pulled: in the middle of two fan-outs, and right after a command was answered",
        run=_restarted(signal.SIGQUIT),
        quick=True,
        silence=False,
        window=60.0,  # postgres-fast asks for silence
        crashes=3,
    ),
    Row(
        name="postgres-fast",
        what="Postgres is restarted three times: in the middle of two fan-outs, and right after a command was answered",
        run=_restarted(signal.SIGINT),
        crashes=3,
    ),
    Row(
        name="postgres-cut",
        what="every connection to Postgres is reset and refused for a second, three times",
        run=_cut,
        crashes=3,
        proxied=True,
    ),
    Row(
        name="postgres-terminated",
        what="Postgres ends every connection, three times",
        run=_terminated,
        crashes=3,
    ),
    Row(
        name="postgres-read-only",
        what="Postgres lets nothing be written for three seconds",
        run=_read_only,
        crashes=1,
    ),
    Row(
        name="sqlite-locked",
        what="somebody else holds SQLite's file for eight seconds",
        run=_locked,
        dialect="sqlite",
        pace=replace(
            SHORT, lease=15.0
        ),  # as in production, longer than the lock: what was handed over is written then
    ),
    Row(
        name="sqlite-disk-full",
        what="the disk of SQLite's file takes nothing for three seconds",
        run=_full,
        dialect="sqlite",
        crashes=1,
        preloaded=("api", "worker-urgent", "worker-bulk", "sweeper", "sweeper-2"),
    ),
    Row(
        name="postgres-disk-full",
        what="Postgres's disk takes nothing for three seconds, and Postgres ends",
        run=_full,
        crashes=1,
        preloaded=("postgres",),
    ),
)
