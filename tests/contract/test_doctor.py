"""`alertd doctor` in real trouble: databases and servers that are old, read-only, slow to answer, full or refusing."""

import asyncio
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from alertd.cli.finding import Finding, Look, Seen, lasting
from alertd.cli.findings import LOOKS, channels, examine
from alertd.cli.look_at_addresses import public_url
from alertd.cli.look_at_broker import broker
from alertd.cli.look_at_database import database
from alertd.cli.look_at_machine import disk, zones
from alertd.cli.look_at_policies import policies
from alertd.redis_server import find_redis
from alertd.settings import load
from alertd.store import migrate
from alertd.store.store import SqlStore
from tests.served import CONFIG
from tests.servers import Postgres, start, stop, wait_until

Ask = Callable[..., Mapping[str, list[Finding]]]


@pytest.fixture
def doctor(tmp_path: Path) -> Ask:
    """Has one thing looked at, with these variables; what was found, by what it is about."""

    def ask(look: Look, **env: str) -> Mapping[str, list[Finding]]:
        found: dict[str, list[Finding]] = {}
        for each in look(seen(tmp_path, **{f"ALERTD_{name}": value for name, value in env.items()})):
            found.setdefault(each.what, []).append(each)
        return found

    return ask


def said(found: Mapping[str, list[Finding]], what: str, mark: str) -> str:
    """What is said of one thing that has this mark; the way out with it, unless all is well."""
    [one] = [each for each in found[what] if each.mark == mark]
    assert bool(one.mend) or mark == "ok"
    return " -> ".join([one.text, *one.mend])


def run(url: str, statement: str) -> None:
    """Do something to a database that alertd would not."""
    driver = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}[make_url(url).get_backend_name()]
    engine = create_engine(make_url(url).set(drivername=driver))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def beaten(url: str, **ago: float) -> None:
    """Each part got something done so many seconds ago."""

    async def beat() -> None:
        store = SqlStore(url)
        async with store.transaction() as rows:
            for part, seconds in ago.items():
                await rows.beat(part, await store.now() - timedelta(seconds=seconds))
        await store.close()

    asyncio.run(beat())


# --- the database ---------------------------------------------------------------------------------


def test_a_database_of_an_older_version(
    doctor: Ask, fresh_database: Callable[[str], str], postgres: Postgres, tmp_path: Path
) -> None:
    """Both kinds, one revision back: which one is needed, and the command that gets there."""
    newest, before = [each.revision for each in ScriptDirectory.from_config(migrate._config()).walk_revisions()][
        :2
    ]
    for url in (f"sqlite:///{tmp_path}/older.db", postgres.empty()):
        driver = "postgresql+psycopg" if url.startswith("postgresql") else "sqlite+pysqlite"
        engine = create_engine(make_url(url).set(drivername=driver))
        with engine.begin() as connection:
            config = migrate._config()
            config.attributes["connection"] = connection
            command.upgrade(config, before)
        engine.dispose()
        told = said(doctor(database, DATABASE_URL=url), "database", "wrong")
        assert f"is at revision {before}; {newest} is needed -> alertd db upgrade" in told


def test_a_database_of_a_newer_version(doctor: Ask, database_url: str) -> None:
    """Upgrading would not help; going back to where it came from does."""
    run(database_url, "UPDATE alembic_version SET version_num = '9999'")
    told = said(doctor(database, DATABASE_URL=database_url), "database", "wrong")
    assert "is at revision 9999, which a newer alertd made" in told
    assert "install the newer version" in told


def test_an_empty_database(doctor: Ask, postgres: Postgres) -> None:
    told = said(doctor(database, DATABASE_URL=postgres.empty()), "database", "wrong")
    assert "is empty" in told
    assert "alertd db upgrade" in told


def test_a_database_that_is_well_is_left_as_it_was(doctor: Ask, database_url: str) -> None:
    """How long it takes, that it can be written to; and what was written is taken back."""
    beaten(database_url, sweeper=1, urgent=200, bulk=8000)
    found = doctor(database, DATABASE_URL=database_url)
    assert "can be written to" in said(found, "database", "ok")
    assert "answers in " in said(found, "database", "ok")
    assert said(found, "worker urgent", "ok") == "last started or worked 3 min ago"
    assert said(found, "worker bulk", "ok") == "last started or worked 2 h ago"
    assert said(found, "sweeper", "ok").startswith("looked ")
    store = SqlStore(database_url)

    async def beats() -> set[str]:
        async with store.reading() as rows:
            return set(await rows.heartbeats())

    assert asyncio.run(beats()) == {"sweeper", "urgent", "bulk"}


def test_a_database_that_takes_no_writes(doctor: Ask, fresh_database: Callable[[str], str]) -> None:
    """As a standby does."""
    url = fresh_database("postgresql")
    run(url, f"ALTER DATABASE {make_url(url).database} SET default_transaction_read_only = on")
    told = said(doctor(database, DATABASE_URL=url), "database", "wrong")
    assert "can be read and not written to (ReadOnlySqlTransaction)" in told
    assert "standby" in told


def test_a_database_that_never_answers_does_not_keep_the_doctor(doctor: Ask) -> None:
    """It takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        url = f"postgresql://alertd:hunter2@127.0.0.1:{deaf.getsockname()[1]}/alertd"
        told = said(doctor(database, DATABASE_URL=url), "database", "wrong")
    assert "does not answer (TimeoutError)" in told
    assert "hunter2" not in told
    assert time.monotonic() - began < 20


def test_a_clock_that_is_wrong(doctor: Ask, fresh_database: Callable[[str], str]) -> None:
    """The database's clock is what alertd follows; a minute apart is wrong, seconds are worth knowing."""
    url = fresh_database("postgresql")
    run(url, f"ALTER DATABASE {make_url(url).database} SET search_path = public, pg_catalog")
    for seconds, mark, way in ((-93, "wrong", "93 s ahead of"), (40, "note", "40 s behind")):
        run(
            url,
            "CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            f"AS $$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} s' $$",
        )
        told = said(doctor(database, DATABASE_URL=url), "clock", mark)
        assert f"this machine's clock is {way} the database's" in told
        assert "NTP" in told


def test_a_database_that_a_demo_was_played_on(doctor: Ask, database_url: str) -> None:
    async def play() -> None:
        store = SqlStore(database_url)
        async with store.transaction() as rows:
            await rows.set_story_clock(datetime(2019, 11, 30, tzinfo=UTC), await store.now(), 1800)
        await store.close()

    asyncio.run(play())
    assert "1800 times as fast" in said(doctor(database, DATABASE_URL=database_url), "story", "wrong")


def test_parts_that_do_not_work(doctor: Ask, database_url: str) -> None:
    """Without a sweeper nobody is told in time; without workers it is slower."""
    found = doctor(database, DATABASE_URL=database_url)
    assert "has not looked yet -> start alertd sweeper" in said(found, "sweeper", "wrong")
    assert "start alertd worker --lane bulk" in said(found, "worker bulk", "note")
    beaten(database_url, sweeper=8000)
    assert "has not looked for 2 h" in said(doctor(database, DATABASE_URL=database_url), "sweeper", "wrong")


# --- Redis ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """A Redis on loopback."""

    url: str
    client: Any


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One that keeps nothing."""
    found = find_redis(None)
    assert found.executable, found.describe()
    port = free_port()
    argv = [found.executable, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    process = start(argv, stdout=subprocess.DEVNULL, cwd=tmp_path)
    client = redis.Redis(port=port)
    with stopping(process):
        wait_until("redis answers", lambda: bool(answers(client)))
        yield Server(f"redis://127.0.0.1:{port}/0", client)
        client.close()


@contextmanager
def stopping(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """It ends with what is done within."""
    try:
        yield
    finally:
        stop(process)


def answers(client: Any) -> bool:
    """Whether it takes commands."""
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def test_a_redis_that_is_well(doctor: Ask, server: Server) -> None:
    assert "It answers in " in said(doctor(broker, BROKER_URL=server.url), "redis", "ok")


def test_a_redis_that_drops_keys_and_whose_hints_nobody_takes(doctor: Ask, server: Server) -> None:
    """Each is worth knowing; no family goes untold for it."""
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    server.client.config_set("maxmemory", "100kb")
    server.client.config_set("maxmemory-policy", "noeviction")
    found = doctor(broker, BROKER_URL=server.url)
    assert "refuses hints when it is full" in said(found, "redis", "note")
    server.client.config_set("maxmemory", "0")
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    assert "drops keys (allkeys-lru)" in said(doctor(broker, BROKER_URL=server.url), "redis", "note")
    server.client.config_set("maxmemory-policy", "noeviction")
    server.client.rpush("alertd:bulk", *range(501))
    told = said(doctor(broker, BROKER_URL=server.url), "redis", "note")
    assert "501 hints wait in lane bulk" in told
    assert "alertd worker --lane bulk" in told


def test_a_redis_user_who_may_not_ask_about_it(doctor: Ask, server: Server) -> None:
    server.client.acl_setuser(
        "alertd", enabled=True, passwords=["+s3cret"], keys=["alertd:*"], commands=["+llen", "+ping"]
    )
    url = server.url.replace("redis://", "redis://alertd:s3cret@")
    told = said(doctor(broker, BROKER_URL=url), "redis", "ok")
    assert "It answers" in told
    assert "s3cret" not in told


# --- accounts -------------------------------------------------------------------------------------


def test_a_mail_server_that_refuses_our_password(doctor: Ask, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "alertd.sandbox", "--data-dir", str(tmp_path / "sandbox")]
    process = start([*argv, "--smtp-login", "alertd:right"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout, stopping(process):
        url = json.loads(process.stdout.readline())["smtp_url"]
        wrong = url.replace("alertd:right@", "alertd:wrong@")
        assert wrong != url
        told = said(doctor(channels, SMTP__URL=wrong, SMTP__FROM="alertd@example.org"), "email", "wrong")
        assert "the mail server refuses us" in told
        assert "ALERTD_SMTP__URL" in told
        right = doctor(channels, SMTP__URL=url, SMTP__FROM="alertd@example.org")
        assert "the mail server answers" in said(right, "email", "ok")


# --- the public address ---------------------------------------------------------------------------


@pytest.fixture
def proxy() -> Iterator[http.server.ThreadingHTTPServer]:
    """Something that listens where ALERTD_PUBLIC_URL leads; `answer` is (status, body)."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = self.server.answer  # type: ignore[attr-defined]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.2", 0), Answering) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_where_the_public_address_leads(doctor: Ask, proxy: http.server.ThreadingHTTPServer) -> None:
    """To this machine, to nobody, to another site, to a proxy without a route, to alertd without TLS."""
    assert "leads to this machine only" in said(doctor(public_url), "public url", "note")
    url = f"http://127.0.0.2:{proxy.server_port}"
    for answer, text_of_it in (
        ((404, b"{}"), "answers 404: the proxy does not lead to alertd's API"),
        ((200, b"{}"), "answers, but it is not alertd"),
        ((200, b"<html>"), "does not answer from here"),
        ((200, b'{"alive": true}'), "answers, without encryption"),
    ):
        proxy.answer = answer  # type: ignore[attr-defined]
        assert text_of_it in said(doctor(public_url, PUBLIC_URL=url), "public url", "note")
    assert "does not answer from here (ConnectionRefusedError)" in said(
        doctor(public_url, PUBLIC_URL=f"http://127.0.0.2:{free_port()}"), "public url", "note"
    )


# --- this machine ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Usage:
    """Tells of any folder that so many bytes are left."""

    free: int

    def __call__(self, _folder: Path) -> "Usage":
        return self


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """With SQLite on it nobody could be told; with Postgres elsewhere, logs stop."""
    sqlite = seen(tmp_path)
    postgres = seen(tmp_path, ALERTD_DATABASE_URL="postgresql:///alertd")
    for free, mark, of_postgres in ((2**31, [], []), (2**29, ["note"], ["note"]), (2**20, ["wrong"], ["note"])):
        assert [each.mark for each in disk(sqlite, Usage(free))] == mark
        assert [each.mark for each in disk(postgres, Usage(free))] == of_postgres
    [finding] = disk(sqlite, Usage(5 * 2**20))
    assert finding.text == f"5 MB are left for {tmp_path / 'data'}"
    assert disk(sqlite) == [] or shutil.disk_usage(tmp_path).free < 2**30


def test_time_zones_that_nobody_knows(tmp_path: Path) -> None:
    assert zones(seen(tmp_path)) == []
    [finding] = zones(seen(tmp_path), ["America/Nowhere", "UTC"])
    assert (finding.mark, "America/Nowhere" in finding.text, "tzdata" in finding.mend[0]) == ("wrong", True, True)


def test_a_service_without_a_name_in_some_language(doctor: Ask, tmp_path: Path) -> None:
    """The languages are told; what one of them lacks is worth knowing."""
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    found = doctor(policies, CONFIG=str(folder))
    assert "default, follow; languages en, es" in said(found, "policies", "ok")
    assert "services" not in found
    (folder / "services.yaml").write_text(
        "services: {follow: {names: {en: Follow}}, share: {names: {en: Share, es: Compartir}}}"
    )
    assert "no name for follow in es" in said(doctor(policies, CONFIG=str(folder)), "services", "note")


def test_each_question_is_asked_and_each_answer_is_of_a_known_kind(tmp_path: Path) -> None:
    """Whoever adds one keeps to three marks, and says the way out of what is wrong."""
    env = {"ALERTD_DATA_DIR": str(tmp_path / "data"), "ALERTD_URL": "http://127.0.0.1:1"}
    found = examine(env)
    assert len(found) > len(LOOKS)
    for each in found:
        assert each.mark in {"ok", "note", "wrong"}
        assert each.text
        assert each.mend or each.mark != "wrong", each


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0004, "0 ms"),
        (0.85, "850 ms"),
        (12, "12 s"),
        (93, "93 s"),
        (420, "7 min"),
        (9000, "2 h"),
        (4e5, "5 days"),
    ],
)
def test_lengths_of_time_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert lasting(seconds) == words


def seen(folder: Path, **env: str) -> Seen:
    """A machine with this data folder."""
    env = {"ALERTD_DATA_DIR": str(folder / "data"), **env}
    return Seen(load(env), env, None)


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
