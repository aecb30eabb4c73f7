"""Copies of a whole SQLite database: made while alertd runs, and put back while it does not.

Postgres has tools of its own for both. https://www.sqlite.org/backup.html
"""

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

_WAIT = 30.0  # seconds for whoever writes at this moment


class NoDatabase(Exception):
    """A file that is not there, is damaged, or is no database of alertd's; says which."""


class InUse(Exception):
    """Somebody has the database open."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy, and what there is in it."""

    path: Path
    size: int  # bytes
    revision: str
    families: int
    open_incidents: int


def backup(database: Path, target: Path) -> Copied:
    """Copy a database as it is at this moment into a file that is not there yet; nobody waits for it.

    Only its owner may read the copy: it holds addresses, and the key that links are signed with.
    Raises NoDatabase, FileExistsError, OSError (no room, no such folder).
    """
    part = _beside(target)
    try:
        _copy(database, part)
        copied = look(part, named=database)
        _put(part, target)
    finally:
        part.unlink(missing_ok=True)
    _sync(target.parent)
    return Copied(target, target.stat().st_size, copied.revision, copied.families, copied.open_incidents)


def restore(source: Path, database: Path) -> tuple[Copied, Path | None]:
    """Put a copy in the place of a database; returns it, and where the one before it is kept, if there was one.

    Raises NoDatabase for a source that is none, InUse while anything has the database open, OSError.
    """
    found = look(source)
    part = _beside(database)
    kept: Path | None = None
    try:
        _copy(source, part)
        before = _free(database)
        _owned_as(database if database.exists() else database.parent, part)
        if database.exists():
            _close(database)
            _put(database, kept := before, move=False)
        for rest in ("-wal", "-shm", "-journal"):  # what is left there would be taken for the new one's
            if (left := Path(f"{database}{rest}")).exists():
                left.rename(f"{before}{rest}")
        part.replace(database)  # at no moment is there none: alertd would make an empty one
    finally:
        part.unlink(missing_ok=True)
    _sync(database.parent)
    return Copied(database, database.stat().st_size, found.revision, found.families, found.open_incidents), kept


def look(path: Path, named: Path | None = None) -> Copied:
    """What is in a database of alertd's; every page of it is read. Raises NoDatabase, which may name another."""
    named = named or path
    if not path.is_file():
        raise NoDatabase(f"{named} is not there")
    try:
        with _opened(path) as session:
            [damage] = session.execute("PRAGMA quick_check(1)").fetchone()
            if damage != "ok":
                raise NoDatabase(f"{named} is damaged: {damage}")
            [revision] = session.execute("SELECT version_num FROM alembic_version").fetchone() or [""]
            [families] = session.execute("SELECT count(*) FROM family").fetchone()
            [open_] = session.execute("SELECT count(*) FROM incident WHERE ended_at IS NULL").fetchone()
    except sqlite3.DatabaseError as error:
        raise NoDatabase(f"{named} is no database of alertd's, or is damaged ({error})") from None
    return Copied(path, path.stat().st_size, str(revision), families, open_)


def _copy(source: Path, target: Path) -> None:
    """All of it in one step: a reader of a moment, for which no writer waits. Raises NoDatabase."""
    if not source.is_file():
        raise NoDatabase(f"{source} is not there")
    try:
        with _opened(source) as there, closing(sqlite3.connect(target, timeout=_WAIT)) as here:
            there.backup(here, pages=-1)
            here.execute("PRAGMA journal_mode = DELETE")  # one file, which can be moved as it is
    except sqlite3.DatabaseError as error:
        raise NoDatabase(f"{source} is no database of alertd's, or is damaged ({error})") from None
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _close(database: Path) -> None:
    """Bring what was written last into the one file; nobody else may have it open for that. Raises InUse."""
    with closing(sqlite3.connect(database, timeout=1.0)) as session:
        try:
            [mode] = session.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.OperationalError as error:
            raise InUse(f"{database} is in use ({error})") from None
        except sqlite3.DatabaseError:
            return  # damaged: it is kept as it is, and is why a copy is put in its place
    if mode != "delete":
        raise InUse(f"{database} is in use")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """To read, and never to make it; a database that nobody has open needs to be written to for its locks."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_WAIT)) as session:
        session.execute("PRAGMA query_only = ON")
        yield session


def _put(file: Path, target: Path, *, move: bool = True) -> None:
    """Give a file another name: all of it or nothing, and never over what is there. Raises FileExistsError."""
    try:
        os.link(file, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # a stick knows no links
        if move:
            file.replace(target)
        else:
            shutil.copyfile(file, target)


def _owned_as(model: Path, path: Path) -> None:
    """Whoever runs alertd must be able to open it, also where root restores."""
    there, here = model.stat(), path.stat()
    if (there.st_uid, there.st_gid) != (here.st_uid, here.st_gid):
        os.chown(path, there.st_uid, there.st_gid)


def _beside(path: Path) -> Path:
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(number)
    return Path(name)


def _free(database: Path) -> Path:
    """A name beside it that nothing has yet."""
    number = 1
    while (kept := database.with_name(f"{database.name}.before-restore-{number}")).exists():
        number += 1
    return kept


def _sync(folder: Path) -> None:
    """A name in a folder is there after a crash once the folder is written."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
