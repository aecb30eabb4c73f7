"""`alertd backup` and `alertd restore` on a real file: while others write, and back into a running alertd."""

import asyncio
import errno
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from alertd.store.backup import backup, look
from tests import make
from tests.contract.restored import goes_on, opened
from tests.listening import Shell, alertd

__all__ = ["alertd"]


@pytest.fixture
def url(alertd: Shell, fresh_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of alertd's that is named in the environment."""
    made = fresh_database("sqlite")
    monkeypatch.setenv("ALERTD_DATABASE_URL", made)
    return made


def file_of(url: str) -> Path:
    return Path(make_url(url).database or "")


def change(path: Path, statement: str) -> None:
    """Do something to a database that alertd would not."""
    with closing(sqlite3.connect(path, timeout=30)) as session, session:
        session.execute(statement)


async def outage(url: str) -> None:
    await (await opened(url)).close()


def test_it_is_whole_while_others_write(url: str, tmp_path: Path) -> None:
    """Each copy is one moment: of two rows that are always written together, both or none are in it."""
    database, stop, written = file_of(url), threading.Event(), []

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=30)) as session:
            while not stop.is_set():
                with session:
                    for name in ("one", "two"):
                        session.execute(
                            "INSERT INTO counter (name, value) VALUES (?, 1) "
                            "ON CONFLICT (name) DO UPDATE SET value = value + 1",
                            (name,),
                        )
                written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(2):
            before = len(written)
            while len(written) == before:
                stop.wait(0.001)
            backup(database, tmp_path / f"copy-{number}.db")
    finally:
        stop.set()
        writer.join()
    seen: list[int] = []
    for number in range(2):
        with closing(sqlite3.connect(tmp_path / f"copy-{number}.db")) as session:
            values = {
                value for (value,) in session.execute("SELECT value FROM counter WHERE name IN ('one', 'two')")
            }
        assert len(values) == 1
        seen += values
    assert seen == sorted(seen)
    assert seen[-1] <= len(written)


def test_a_copy_is_its_owners_and_says_what_is_in_it(alertd: Shell, url: str, tmp_path: Path) -> None:
    asyncio.run(outage(url))
    target = tmp_path / "monday.db"
    told = alertd.json("backup", str(target))
    assert told == {
        "file": str(target),
        "bytes": target.stat().st_size,
        "revision": look(target).revision,
        "families": 2,
        "open_incidents": 1,
    }
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir() if "monday" in each.name) == ["monday.db"]


def test_an_outage_goes_on_after_a_restore(alertd: Shell, url: str, tmp_path: Path) -> None:
    """What came after the backup is gone; families are told within their window all the same, and keys open doors."""
    target = tmp_path / "copy.db"

    async def night() -> str:
        served = await opened(url)
        assert alertd("backup", str(target)) == 0  # while it runs
        await served.ask("POST", "/v1/incidents/1/resolve", {"message": {"en": "All works again."}})
        await served.families(make.family(make.caregiver("cat"), id="fam-3"))
        assert served.made is not None
        secret = served.made.secret
        await served.close()
        return secret

    secret = asyncio.run(night())
    told = alertd.json("restore", str(target))
    assert (told["families"], told["open_incidents"]) == (2, 1)
    assert look(Path(told["kept"])).families == 3
    assert alertd("db", "upgrade") == 0

    asyncio.run(goes_on(url, secret))


def test_nothing_is_put_under_a_running_alertd(alertd: Shell, url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert alertd("backup", str(target)) == 0

    async def runs() -> None:
        served = await opened(url)
        assert alertd("restore", str(target)) == 1
        assert "in use" in alertd.err
        assert "nothing was changed" in alertd.err
        assert "stop alertd up" in alertd.err
        assert (await served.ask("GET", "/v1/incidents/1")).status_code == 200
        await served.close()

    asyncio.run(runs())
    assert look(file_of(url)).families == 2
    assert list(file_of(url).parent.glob("*before-restore*")) == []
    assert alertd("restore", str(target)) == 0  # they have gone
    assert alertd("restore", str(target)) == 0
    assert len(list(file_of(url).parent.glob("*before-restore-[12]"))) == 2


def test_a_damaged_database_is_kept_and_replaced(alertd: Shell, url: str, tmp_path: Path) -> None:
    asyncio.run(outage(url))
    target = tmp_path / "copy.db"
    assert alertd("backup", str(target)) == 0
    damaged = b"not a database any more" * 100
    file_of(url).write_bytes(damaged)
    assert alertd("backup", str(tmp_path / "later.db")) == 1
    assert str(file_of(url)) in alertd.err
    assert not (tmp_path / "later.db").exists()
    told = alertd.json("restore", str(target))
    assert Path(told["kept"]).read_bytes() == damaged
    assert look(file_of(url)).families == 2


def test_what_another_database_left_behind_is_not_read_into_the_new_one(
    alertd: Shell, url: str, tmp_path: Path
) -> None:
    """Somebody moved a bad database away, and not its log: SQLite would apply it."""
    asyncio.run(outage(url))
    target, database = tmp_path / "copy.db", file_of(url)
    assert alertd("backup", str(target)) == 0
    database.unlink()
    left = Path(f"{database}-wal")
    left.write_bytes(b"of another")
    assert alertd.json("restore", str(target))["kept"] is None
    assert not left.exists()
    assert Path(f"{database}.before-restore-1-wal").read_bytes() == b"of another"
    assert look(database).families == 2


def test_on_a_stick_that_knows_no_links(
    alertd: Shell, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(outage(url))

    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    target = tmp_path / "copy.db"
    assert alertd("backup", str(target)) == 0
    assert alertd("backup", str(target)) == 1
    assert "is there already" in alertd.err
    kept = Path(alertd.json("restore", str(target))["kept"])
    assert (look(target).families, look(kept).families, look(file_of(url)).families) == (2, 2, 2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is not there"),
        (b"", "no database of alertd's"),
        (b"families\n" * 1000, "no database of alertd's"),
    ],
)
def test_what_is_no_backup_changes_nothing(
    alertd: Shell, url: str, tmp_path: Path, content: bytes | None, says: str
) -> None:
    asyncio.run(outage(url))
    wrong = tmp_path / "wrong.db"
    if content is not None:
        wrong.write_bytes(content)
    assert alertd("restore", str(wrong)) == 1
    assert says in alertd.err
    assert look(file_of(url)).families == 2
    assert list(file_of(url).parent.glob("*before-restore*")) == []


def test_a_cut_or_a_newer_backup(alertd: Shell, url: str, tmp_path: Path) -> None:
    asyncio.run(outage(url))
    target = tmp_path / "copy.db"
    assert alertd("backup", str(target)) == 0
    (cut := tmp_path / "cut.db").write_bytes(target.read_bytes()[: target.stat().st_size // 2])
    assert alertd("restore", str(cut)) == 1
    assert "damaged" in alertd.err
    change(target, "UPDATE alembic_version SET version_num = '9999'")
    assert alertd("restore", str(target)) == 1
    assert "newer alertd" in alertd.err
    assert "9999" in alertd.err


def test_where_it_cannot_be_written(alertd: Shell, url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_bytes(b"mine")
    assert alertd("backup", str(target)) == 1
    assert "is there already" in alertd.err
    assert target.read_bytes() == b"mine"
    assert alertd("backup", str(tmp_path / "no" / "copy.db")) == 1
    assert "No such file or directory" in alertd.err


def test_postgres_has_tools_of_its_own(alertd: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTD_DATABASE_URL", "postgresql://alertd:hunter2@db.example.org/alertd")
    for word, tool in (("backup", "pg_dump --format=custom"), ("restore", "pg_restore --no-owner")):
        assert alertd(word, str(tmp_path / "alertd.dump")) == 1
        assert f"{tool}" in alertd.err
        assert "postgresql://alertd@db.example.org/alertd" in alertd.err.replace("\n", "")
        assert "hunter2" not in alertd.err
