"""What the command line does by itself: keys, the database, policies, the doctor, and the API as a process."""

import asyncio
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alertd.cli import accounts
from alertd.domain.audit import Audit, Unaccounted
from alertd.free_port import free_port
from alertd.stand_ins import StandIns
from alertd.store.store import SqlStore
from tests.listening import Daemon, Shell, alertd, listening
from tests.served import CONFIG, open_deps
from tests.servers import wait_until

__all__ = ["alertd", "listening"]


def test_a_key_from_making_to_revoking(alertd: Shell) -> None:
    """The secret alone on standard output, once; the list never shows it."""
    assert alertd("db", "upgrade") == 0
    assert "revision" in alertd.out
    assert alertd("key", "create", "--right", "incident:read", "--note", "pager") == 0
    secret = alertd.out.strip()
    assert secret.startswith("ald_")
    assert "shown once" in alertd.err
    assert alertd("key", "list") == 0
    assert "pager" in alertd.out
    assert secret not in alertd.out
    key = alertd.json("key", "list")["keys"][0]
    assert (key["rights"], key["note"], key["revoked_at"]) == (["incident:read"], "pager", None)
    assert alertd("key", "revoke", key["id"]) == 0
    assert alertd.json("key", "list")["keys"][0]["revoked_at"] is not None
    assert alertd("key", "revoke", key["id"]) == 1
    assert "alertd key list" in alertd.err
    assert alertd("key", "create", "--right", "everything") == 1
    assert "incident:write" in alertd.err
    assert alertd("key", "create") == 2


def test_a_key_that_is_bound_to_sources(alertd: Shell) -> None:
    """The list says as whom a key's events may speak; what cannot be bound, or is no name, is refused."""
    alertd("db", "upgrade")
    bound = ("--right", "event:write", "--source", "statusbot", "--source", "prober", "--source", "prober")
    assert alertd.json("key", "create", *bound)["sources"] == ["statusbot", "prober"]
    assert alertd("key", "create", "--right", "event:write", "--note", "old") == 0
    assert alertd("key", "create", "--right", "incident:read", "--note", "board") == 0
    assert [key["sources"] for key in alertd.json("key", "list")["keys"]] == [["statusbot", "prober"], [], []]
    alertd("key", "list")
    heads, *lines = alertd.out.splitlines()
    at, end = heads.index("SOURCES"), heads.index("RIGHTS")
    assert [line[at:end].strip() for line in lines] == ["statusbot prober", "any", "-"]

    for name in ("", "a b", "x" * 101):
        assert alertd("key", "create", "--right", "event:write", "--source", name) == 1
        assert "source: " in alertd.err
    assert alertd("key", "create", "--right", "incident:write", "--source", "statusbot") == 1
    assert "add --right event:write" in " ".join(alertd.err.split())
    assert len(alertd.json("key", "list")["keys"]) == 3


def test_a_database_without_tables(alertd: Shell) -> None:
    """1, and the command that makes them."""
    assert alertd("key", "list") == 1
    assert "alertd db upgrade" in alertd.err
    assert "Traceback" not in alertd.err


def test_a_database_that_is_not_there(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """1, without the password of its URL."""
    monkeypatch.setenv("ALERTD_DATABASE_URL", "postgresql://alertd:hunter2@127.0.0.1:1/alertd?connect_timeout=2")
    assert alertd("db", "upgrade") == 1
    assert "ALERTD_DATABASE_URL" in alertd.err
    assert "hunter2" not in alertd.out + alertd.err
    assert alertd("doctor") == 1
    assert "does not answer" in alertd.out
    assert "hunter2" not in alertd.out + alertd.err


def test_the_shipped_policies_are_in_order(alertd: Shell) -> None:
    """0, and says what was looked at."""
    assert alertd("policy", "check", str(CONFIG)) == 0
    assert "policies, services and texts are in order" in alertd.out


def test_a_policy_with_mistakes(alertd: Shell, tmp_path: Path) -> None:
    """1; each mistake with file, line and field, texts included."""
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    follow = folder / "policies" / "follow.yaml"
    follow.write_text("policy: follow\nservices: [folow]\nfloor: [push]\n")
    phrases = folder / "templates" / "es" / "phrases.yaml"
    phrases.write_text(phrases.read_text().replace("  do_not_reinstall:", "  do_not_reinstal:"))
    assert alertd("policy", "check", str(folder)) == 1
    assert 'policies/follow.yaml:2: services[0]: "folow" is' in alertd.out
    es = phrases.read_text().splitlines()
    assert (
        f"templates/es/phrases.yaml:{es.index('phrases:') + 1}: phrases.do_not_reinstall: is missing" in alertd.out
    )
    en = (folder / "templates" / "en" / "phrases.yaml").read_text().splitlines()
    assert (
        f"templates/en/phrases.yaml:{en.index('phrases:') + 1}: phrases.do_not_reinstal: is missing" in alertd.out
    )
    assert alertd("policy", "check", str(tmp_path / "nothing")) == 1
    assert "is no folder" in alertd.err


def test_responders_whom_nobody_set_are_named_with_the_setting(
    alertd: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0: it is no mistake of the policy; but who reviews it should know."""
    monkeypatch.setenv("ALERTD_RESPONDERS__LEAD", "+14155550123")
    assert alertd("policy", "check", str(CONFIG)) == 0
    told = " ".join(alertd.out.split())
    assert "set ALERTD_RESPONDERS__FOLLOW_OWNER to a phone number or an Apprise URL" in told
    assert "policies default, follow would page duty-manager" in told
    assert "ALERTD_RESPONDERS__LEAD " not in told


# --- doctor ---------------------------------------------------------------------------------------


def examined(alertd: Shell) -> dict[str, list[dict[str, Any]]]:
    """What the doctor found, by mark."""
    code = alertd("doctor", "-o", "json")
    told = json.loads(alertd.out)
    assert told["well"] is (code == 0)
    found: dict[str, list[dict[str, Any]]] = {"ok": [], "note": [], "wrong": []}
    for each in told["findings"]:
        found[each["mark"]].append(each)
    return found


def names(found: list[dict[str, Any]]) -> set[str]:
    """What was looked at."""
    return {each["what"] for each in found}


def test_the_doctor_on_an_empty_machine(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """1; for everything that is missing it says how to mend it, in 80 columns."""
    monkeypatch.setenv("ALERTD_URL", "http://127.0.0.1:1")
    assert alertd("doctor") == 1
    for way_out in ("alertd up", "ALERTD_TWILIO__AUTH_TOKEN", "ALERTD_FCM__CREDENTIALS_FILE", "ALERTD_SMTP__URL"):
        assert way_out in alertd.out
    lines = alertd.out.splitlines()
    assert max(map(len, lines)) <= 80
    failed = [line.split()[1] for line in lines if line.startswith("FAIL")]
    assert failed == ["database", "api", "sms", "push", "email", "policy", "policy"]
    assert lines[-1] == "7 things would keep families from being told."


def test_the_doctor_looks_at_responders(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is missing is worth knowing; a URL that cannot be used is wrong, and is never shown."""
    monkeypatch.setenv("ALERTD_RESPONDERS__OWNER", "ntfys://t0psecret@ntfy.example.org/one/two")
    found = examined(alertd)
    [wrong] = [each for each in found["wrong"] if each["what"] == "responders"]
    assert wrong["text"] == "owner: the responder's URL names several recipients: one responder is one person"
    assert wrong["mend"] == ["mend ALERTD_RESPONDERS__OWNER"]
    [note] = [each for each in found["note"] if each["what"] == "responders"]
    assert any("ALERTD_RESPONDERS__FOLLOW_LEAD" in mend for mend in note["mend"])
    assert "t0psecret" not in alertd.out


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[StandIns]:
    """A running sandbox."""
    (tmp_path / "data").mkdir(exist_ok=True)
    made = StandIns.on_free_ports(tmp_path / "data")
    argv = [sys.executable, "-m", "alertd.sandbox", "--data-dir", str(made.folder)]
    argv += ["--port", str(made.port), "--smtp-port", str(made.smtp_port)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until("it answers", lambda: answers(made.port), 60.0)
        yield made
    finally:
        process.terminate()
        process.wait()


async def all_beat(url: str) -> None:
    """Every part has just got something done; by the real clock, which the doctor has."""
    store = SqlStore(url)
    async with store.transaction() as rows:
        for part in ("sweeper", "urgent", "bulk"):
            await rows.beat(part, await store.now())
    await store.close()


async def audited(url: str, ago: float = 0.0, **changes: Any) -> None:
    """An audit of so many seconds ago, and a ping after it."""
    deps, _ = open_deps(url)
    at = await deps.store.now() - timedelta(seconds=ago)
    async with deps.store.transaction() as rows:
        await rows.keep_audit(Audit(at, at, families=3, accounted=3, **changes))
        await rows.keep_ping(at)
    await deps.store.close()


@pytest.fixture
def well(alertd: Shell, listening: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migrated database on which all parts work, an API that gets things done, an audit that passed, and a ping."""
    asyncio.run(all_beat(listening.database))
    monkeypatch.setenv("ALERTD_DEAD_MAN__URL", "http://127.0.0.1:1/a-secret-path")
    asyncio.run(audited(listening.database))


def test_the_doctor_when_all_is_well(
    alertd: Shell, well: None, sandbox: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0: database migrated, API up and getting things done, every account there and asked."""
    responders = ("owner", "lead", "duty-manager", "follow-owner", "follow-lead")
    for name, value in sandbox.env(responders).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALERTD_TWILIO__RATE_PER_SECOND", "3")
    found = examined(alertd)
    assert found["wrong"] == []
    assert found["note"] == []  # providers are on this machine, so that a URL of this machine will do
    parts = {"sweeper", "worker urgent", "worker bulk"}
    assert names(found["ok"]) == {
        "settings",
        "policies",
        "database",
        *parts,
        "redis",
        "rates",
        "api",
        "sms",
        "push",
        "email",
        "voice",
        "auditor",
        "dead man",
        "responders",
    }
    said = {each["what"]: each["text"] for each in found["ok"]}
    assert said["sms"] == "Twilio answers: the account is active"
    assert said["push"] == "FCM answers: Google gives a token for project alertd-sandbox"
    assert said["email"] == "the mail server answers: it greets us"
    assert said["auditor"].endswith("s ago all of 3 families were accounted for")
    assert said["dead man"].startswith("took a ping ")
    assert "a-secret-path" not in alertd.out


@pytest.mark.parametrize(
    ("ago", "changes", "said", "mend"),
    [
        (100.0, {}, "asked last ", "alertd sweeper"),
        (0.0, {"failed": "OperationalError"}, "could not ask", "audit_failed"),
        (
            0.0,
            {"unaccounted": (Unaccounted(7, 2, ("fam-1", "fam-2")),)},
            "2 of 3 families are unaccounted for",
            "incident 7: alertd family show fam-1, and 1 more",
        ),
    ],
    ids=["missing", "failed", "unaccounted"],
)
def test_the_doctor_tells_when_families_are_not_accounted_for(
    alertd: Shell, well: None, listening: Daemon, ago: float, changes: dict[str, Any], said: str, mend: str
) -> None:
    asyncio.run(audited(listening.database, ago, **changes))
    auditor = next(each for each in examined(alertd)["wrong"] if each["what"] == "auditor")
    assert said in auditor["text"]
    assert mend in auditor["mend"][0]


def test_the_doctor_tells_when_nobody_outside_hears_of_it(
    alertd: Shell, well: None, monkeypatch: pytest.MonkeyPatch, listening: Daemon
) -> None:
    """A switch that is not set, one that took no ping for long, and a ping that is withheld."""
    asyncio.run(audited(listening.database, 91.0))
    found = {each["what"]: each for each in examined(alertd)["note"]}
    assert found["dead man"]["text"].startswith("took its last ping ")
    asyncio.run(audited(listening.database, withheld=("nobody_on_call",)))
    wrong = {each["what"]: each for each in examined(alertd)["wrong"]}
    assert wrong["dead man"]["mend"] == ["it is withheld by: nobody_on_call"]
    monkeypatch.delenv("ALERTD_DEAD_MAN__URL")
    found = {each["what"]: each for each in examined(alertd)["note"]}
    assert "ALERTD_DEAD_MAN__URL" in found["dead man"]["mend"][0]


def test_the_doctor_says_where_no_delivery_reports_come(
    alertd: Shell, well: None, sandbox: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0: families are told all the same."""
    for name, value in (sandbox.env() | {"ALERTD_PUBLIC_URL": "https://alerts.example.org"}).items():
        monkeypatch.setenv(name, value)
    note = next(each for each in examined(alertd)["note"] if each["what"] == "sms")
    assert note["text"].startswith("no delivery reports: public_url is https://alerts.example.org, ")


def test_the_doctor_asks_and_tells_what_is_refused(
    alertd: Shell, well: None, sandbox: StandIns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """1: a wrong token, a service account that Google does not know, a mail server that is away; with the mend."""
    account = json.loads((sandbox.folder / "service-account.json").read_text())
    (tmp_path / "firebase.json").write_text(json.dumps(account | {"client_email": "nobody@example.org"}))
    wrong = {
        "ALERTD_TWILIO__AUTH_TOKEN": "nonsense",
        "ALERTD_FCM__CREDENTIALS_FILE": str(tmp_path / "firebase.json"),
        "ALERTD_SMTP__URL": f"smtp://127.0.0.1:{free_port()}",
    }
    for name, value in (sandbox.env() | wrong).items():
        monkeypatch.setenv(name, value)
    found = {each["what"]: each for each in examined(alertd)["wrong"]}
    assert found.keys() == {"sms", "push", "email"}
    assert found["sms"]["text"].startswith("Twilio refuses us (20003")
    assert found["push"]["text"].startswith("FCM refuses us (invalid_")
    assert found["email"]["text"].startswith("the mail server does not answer (unreachable")
    assert "ALERTD_TWILIO__AUTH_TOKEN" in found["sms"]["mend"][0]
    assert "nonsense" not in alertd.out


def test_the_doctor_beside_a_daemon_with_the_sandbox(
    alertd: Shell, well: None, sandbox: StandIns, tmp_path: Path
) -> None:
    """0: the stand-ins are what is used, also where no account is configured; it says so."""
    StandIns.tell(tmp_path / "data", sandbox)
    found = examined(alertd)
    assert found["wrong"] == []
    assert names(found["note"]) == {"sandbox"}
    sms = next(each for each in found["ok"] if each["what"] == "sms")
    assert sms["text"] == "the sandbox, in place of Twilio, answers: the account is active"
    StandIns.tell(tmp_path / "data", None)
    assert "sms" in names(examined(alertd)["wrong"])


def test_a_data_folder_that_cannot_be(alertd: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """1, folder and setting named, by `up` and by the doctor; no traceback."""
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "alertd"
    monkeypatch.setenv("ALERTD_DATA_DIR", str(folder))
    assert alertd("up") == 1
    assert f"the data folder {folder} cannot be made or written to (Not a directory)" in alertd.err
    assert "set ALERTD_DATA_DIR" in alertd.err
    assert "Traceback" not in alertd.err
    wrong = {each["what"]: each for each in examined(alertd)["wrong"]}
    assert "cannot be made" in wrong["data folder"]["text"]


def test_the_doctor_sees_what_is_worth_knowing(
    alertd: Shell, listening: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An API without a sweeper, a story's clock, a key that others may read, a Redis that is away."""
    key = tmp_path / "data" / "api-key"
    key.parent.mkdir()
    key.write_text("ald_x")
    key.chmod(0o644)
    monkeypatch.setenv("ALERTD_CLOCK__RATE", "1800")
    monkeypatch.setenv("ALERTD_CONSOLE__ENABLED", "true")
    monkeypatch.setenv("ALERTD_BROKER_URL", "redis://:hunter2@127.0.0.1:1/0")
    found = examined(alertd)
    workers = {"worker urgent", "worker bulk"}
    assert names(found["note"]) == {"clock", "console", "api key", "redis", "public url", *workers} | {
        "auditor",
        "dead man",
        "responders",
        "voice",
    }
    assert "hunter2" not in alertd.out
    assert "chmod 600" in alertd.out
    api = next(each for each in found["wrong"] if each["what"] == "api")
    assert "work does not get done" in api["text"]
    assert "sweeper" in api["mend"][0]


def test_the_doctor_with_broken_settings_and_policies(
    alertd: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """1, and what to look at."""
    (tmp_path / "config" / "policies").mkdir(parents=True)
    monkeypatch.setenv("ALERTD_CONFIG", str(tmp_path / "config"))
    assert "policies" in names(examined(alertd)["wrong"])
    assert "alertd policy check" in alertd.out
    monkeypatch.setenv("ALERTD_API__PORT", "many")
    assert names(examined(alertd)["wrong"]) == {"settings"}
    assert "ALERTD_API__PORT" in alertd.out


def test_a_channel_that_no_policy_uses_is_no_reason_to_worry() -> None:
    """Only what policies use, and their floor, can keep families from being told."""
    from tests import make

    assert accounts.used_channels([make.policy()]) == {"push", "sms", "email"}
    assert accounts.used_channels([make.policy(caregivers={})]) == set()


# --- the API as a process -------------------------------------------------------------------------


def test_the_api_serves_and_stops_cleanly(fresh_database: Callable[[str], str], tmp_path: Path) -> None:
    """`alertd api` answers, and ends on SIGTERM without a word."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")} | {
        "ALERTD_DATABASE_URL": fresh_database("sqlite"),
        "ALERTD_DATA_DIR": str(tmp_path / "data"),
        "ALERTD_API__PORT": str(port),
        "ALERTD_LOG__LEVEL": "warning",
    }
    argv = [sys.executable, "-m", "alertd", "api", "-o", "json"]
    process = subprocess.Popen(argv, env=env, stderr=subprocess.PIPE, text=True)
    try:
        wait_until("it answers", lambda: answers(port), 60.0)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert said == ""


def test_a_port_that_is_taken(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """1, and the setting to change."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("ALERTD_API__PORT", str(other.getsockname()[1]))
        for command in ("api", "up"):
            assert alertd(command) == 1
            assert "ALERTD_API__PORT" in alertd.err
            assert "Traceback" not in alertd.err


def answers(port: int) -> bool:
    """Whether it is alive."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
