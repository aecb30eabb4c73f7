"""A database for each row: real, durable as in production, and with a book of every move of a delivery.

Postgres: one data folder is made and migrated, and copied for each row. SQLite: one file.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from alertd.redis_server import find_redis
from alertd.store.migrate import upgrade
from tests.chaos.preload import Preloaded
from tests.servers import NotReady, initialised, start, stop, wait_until

MOVES_POSTGRES = """
CREATE TABLE chaos_move (seq bigserial PRIMARY KEY, delivery text NOT NULL, was text NOT NULL, became text NOT NULL);
CREATE FUNCTION chaos_move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_move (delivery, was, became) VALUES (NEW.id::text, OLD.state, NEW.state); RETURN NULL;
END $$;
CREATE TRIGGER chaos_move AFTER UPDATE ON delivery FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION chaos_move();
"""
MOVES_SQLITE = """
CREATE TABLE chaos_move (seq INTEGER PRIMARY KEY, delivery TEXT NOT NULL, was TEXT NOT NULL, became TEXT NOT NULL);
CREATE TRIGGER chaos_move AFTER UPDATE ON delivery WHEN OLD.state IS NOT NEW.state BEGIN
    INSERT INTO chaos_move (delivery, was, became) VALUES (NEW.id, OLD.state, NEW.state);
END;
"""
"""What the oracle reads: every change of a delivery's state, in order, whoever made it."""

NAME = "alertd"


class OwnPostgres:
    """A server that may be stopped as one likes, and started again on the same data."""

    def __init__(self, data: Path, program: Path, ids: dict[str, Any], faults: Preloaded | None = None) -> None:
        self.data, self._program, self._ids = data, program, ids
        self._faults = faults
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The unix socket that it listens on."""
        return self.data / ".s.PGSQL.5432"

    @property
    def log(self) -> Path:
        """What it says of its own work."""
        return self.data.parent / "postgres.log"

    def url(self, name: str = NAME) -> str:
        """A database as our settings name it."""
        return f"postgresql://postgres@/{name}?host={self.data}"

    def start(self) -> None:
        """Start it, and wait until it answers: after a crash it first reads its log."""
        argv = [str(self._program), "-D", str(self.data), "-k", str(self.data), "-h", ""]
        argv += ["-c", "max_connections=100", "-c", "shared_buffers=32MB"]
        env = {**os.environ, **self._faults.env(self.data)} if self._faults is not None else None
        with self.log.open("ab") as log:
            self._process = start(argv, stdout=log, stderr=log, cwd=self.data, env=env, **self._ids)
        wait_until("postgres answers", partial(self._answers, self._process))

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise NotReady(f"postgres ended: {self.log.read_text()[-2000:]}")
        with suppress(psycopg.OperationalError):
            self.run("SELECT 1")
            return True
        return False

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT: fast, SIGQUIT: immediate, as if the plug were pulled."""
        if self._process is not None:
            stop(self._process, how)

    def run(self, statement: str, name: str = "postgres") -> None:
        """A statement as its administrator."""
        dsn = f"host={self.data} user=postgres dbname={name} connect_timeout=5"
        with psycopg.connect(dsn, autocommit=True) as admin:
            admin.execute(statement.encode())


class Templates:
    """What rows' databases are copies of; each kind is made when it is asked for first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres: tuple[Path, Path, dict[str, Any]] | None = None

    def sqlite(self, folder: Path) -> str:
        """A fresh database in a folder; returns its URL."""
        made = self._folder / "alertd.db"
        if not made.exists():
            upgrade(f"sqlite:///{made}")
            with sqlite3.connect(made) as connection:
                connection.executescript(MOVES_SQLITE)
            connection.close()
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(made, folder / "alertd.db")
        return f"sqlite:///{folder / 'alertd.db'}"

    def versions(self) -> str:
        """What rows run on beside Python's packages, as each server names itself."""
        _, program, _ = self._postgres = self._postgres or self._initialised()
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
        return f"Postgres {said.split()[-1]}, SQLite {sqlite3.sqlite_version}, Redis {find_redis(None).version}"

    @contextmanager
    def postgres(self, faults: Preloaded | None = None) -> Iterator[OwnPostgres]:
        """A fresh server that runs, with these faults; nothing of it is left afterwards."""
        template, program, ids = self._postgres = self._postgres or self._initialised()
        with _short_folder() as folder:
            subprocess.run(["cp", "-a", str(template), str(folder / "data")], check=True)
            server = OwnPostgres(folder / "data", program, ids, faults)
            server.start()
            try:
                yield server
            finally:
                server.stop()

    def _initialised(self) -> tuple[Path, Path, dict[str, Any]]:
        data = self._folder / "postgres"
        program, ids = initialised(data)
        server = OwnPostgres(data, program, ids)
        server.start()
        try:
            server.run(f"CREATE DATABASE {NAME}")
            upgrade(server.url())
            server.run(MOVES_POSTGRES, NAME)
        finally:
            server.stop()
        return data, program, ids


@contextmanager
def templates() -> Iterator[Templates]:
    """Made once for all rows of a process."""
    with _short_folder() as folder:
        yield Templates(folder)


@contextmanager
def _short_folder() -> Iterator[Path]:
    """The path of a unix socket is short; and who runs Postgres must be able to pass."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alertd-chaos-")))
        folder.chmod(0o711)
        yield folder
