"""The very commands of compose.yaml, with the variables and secrets of each container, as processes of this machine.

What a container has and this machine has not is put in its place: the mounted folders become folders of the test,
`redis` becomes a port on loopback, the database URL is what the operator's secret says anyway. `test_deploy_files`
holds the systemd units to the same commands.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import pytest
import redis

from alertd.free_port import free_port
from alertd.redis_server import find_redis
from alertd.sandbox.log import Accepted, read_accepted
from alertd.settings.reading import shipped_config
from alertd.wiring import named_responders
from tests.deployment import Container, assignments, containers
from tests.markdown import ROOT
from tests.servers import NotReady, Postgres, start, stop, wait_until

pytestmark = pytest.mark.integration
CONTAINERS = containers()
PARTS = ("api", "worker-urgent", "worker-bulk", "sweeper")
FAMILY = {
    "id": "fam-1001", "updated_at": "2026-11-01T00:00:00Z", "services": ["follow"], "region": "us-west",
    "time_zone": "America/Los_Angeles", "locale": "en",
    "caregivers": [
        {"id": "mia", "name": "Mia", "role": "parent", "order": 1, "preferences": {"quiet_hours": "none"},
         "addresses": [{"channel": "push", "to": "token-mia"}, {"channel": "sms", "to": "+14155550123"}]},
    ],
}  # fmt: skip
OPENING = {
    "services": ["follow"], "severity": "critical", "title": "Follow is down",
    "message": {"en": "Followers get no readings and no alarms."},
}  # fmt: skip


class Host:
    """A machine with the operator's folders on it: config, alertd.env, secrets; and providers that are stand-ins."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.processes = folder, dict[str, subprocess.Popen[bytes]]()
        self._stack = ExitStack()
        self._api, self.redis_port = free_port(), free_port()
        self._database_url = database_url

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.push(self._stack)
            self._prepare()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _prepare(self) -> None:
        for name in ("data", "secrets"):
            (self.folder / name).mkdir(parents=True)
        shutil.copytree(shipped_config(), self.folder / "config")
        where = self._sandbox()
        secrets = {
            "database-url": self._database_url,
            "twilio-auth-token": where["auth_token"],
            "firebase.json": Path(where["credentials_file"]).read_text(),
            "smtp-url": where["smtp_url"],
            **{name: f"+141555501{at:02}" for at, name in enumerate(named_responders(shipped_config()), 50)},
        }
        for name, text in secrets.items():
            (self.folder / "secrets" / name).write_text(text + "\n")
        example = assignments((ROOT / "deploy" / "alertd.env.example").read_text())
        self._file = example | {
            "ALERTD_TWILIO__ACCOUNT_SID": where["account_sid"],
            "ALERTD_TWILIO__BASE_URL": where["twilio_url"],
            "ALERTD_FCM__BASE_URL": where["fcm_url"],
            "ALERTD_PUBLIC_URL": f"http://127.0.0.1:{self._api}",
        }

    def _sandbox(self) -> dict[str, str]:
        argv = [sys.executable, "-m", "alertd.sandbox", "--data-dir", str(self.folder / "sandbox")]
        process = self._launch("sandbox", argv, dict(os.environ), stdout=subprocess.PIPE)
        assert process.stdout is not None
        self._stack.enter_context(process.stdout)
        where: dict[str, str] = json.loads(process.stdout.readline())
        return where

    # --- containers ------------------------------------------------------------------------------

    def up(self, name: str) -> subprocess.Popen[bytes]:
        """Start what a container runs."""
        container = CONTAINERS[name]
        argv = list(container.argv)
        if name == "redis":
            found = find_redis(None)
            assert found.executable, found.describe()
            argv = [found.executable, *argv[1:], "--bind", "127.0.0.1", "--port", str(self.redis_port)]
        return self._launch(name, argv, self.environment(container))

    def run(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run something beside what a container runs, as `docker compose exec` does."""
        env = self.environment(CONTAINERS[name])
        argv = [found(words[0]), *words[1:]]
        return subprocess.run(
            argv, env=env, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )

    def environment(self, container: Container) -> dict[str, str]:
        """What the processes of a container see."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")}
        told = {**self._file, **container.environment} if container.ours else dict(container.environment)
        here = self.folder
        for name, value in told.items():
            for there, place in (
                ("/run/secrets", str(here / "secrets")),
                ("/etc/alertd", str(here / "config")),
                ("/var/lib/alertd", str(here / "data")),
                ("redis:6379", f"127.0.0.1:{self.redis_port}"),
            ):
                value = value.replace(there, place)  # noqa: PLW2901  one place after the other
            env[name] = value
        env |= {"ALERTD_API__HOST": "127.0.0.1", "ALERTD_API__PORT": str(self._api)}
        env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return env

    def all_beat(self) -> bool:
        """Whether every part has got something done; raises NotReady if one has ended."""
        for name in PARTS:
            if self.processes[name].poll() is not None:
                raise NotReady(f"{name} ended: {self.log(name)[-2000:]}")
        with suppress(OSError):  # not there yet, or not ready
            return bool(self.ask("GET", "/readyz")["beats"].keys() >= {"sweeper", "urgent", "bulk"})
        return False

    def stop(self, *names: str) -> dict[str, int]:
        """SIGTERM to all of them, as `docker compose stop` does; the exit codes of those that made it in time."""
        began = time.monotonic()
        for name in names:
            self.processes[name].send_signal(signal.SIGTERM)
        ended = {}
        for name in names:
            with suppress(subprocess.TimeoutExpired):
                left = began + CONTAINERS[name].grace - time.monotonic()
                ended[name] = self.processes[name].wait(max(left, 0))
        return ended

    def log(self, name: str) -> str:
        """What it printed."""
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def _launch(self, name: str, argv: list[str], env: dict[str, str], **more: Any) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        program = [found(argv[0]), *argv[1:]]
        process = start(program, **{"stdout": log, "stderr": log, "env": env, "cwd": self.folder, **more})
        self._stack.callback(stop, process)
        self.processes[name] = process
        return process

    # --- the API ---------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """One request."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        url = f"http://127.0.0.1:{self._api}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def told(self) -> list[Accepted]:
        """What the providers took."""
        return list(read_accepted(self.folder / "sandbox"))


@pytest.fixture
def host(postgres: Postgres, tmp_path: Path) -> Iterator[Host]:
    """A machine with an empty Postgres."""
    with Host(tmp_path / "host", postgres.empty()) as made:
        yield made


def test_what_compose_starts_tells_a_family_and_stops_well(host: Host) -> None:
    server = host.up("redis")
    client = redis.Redis(port=host.redis_port)
    wait_until("redis answers", lambda: answers(client) or server.poll() is not None)
    told = client.config_get("*")
    assert [told[name] for name in ("save", "appendonly", "maxmemory-policy")] == ["", "no", "noeviction"]
    client.close()
    migrate = host.up("migrate")
    assert migrate.wait(60) == 0, host.log("migrate")
    assert host.run("sweeper", *CONTAINERS["sweeper"].health).returncode == 1, "nobody has looked yet"

    for name in PARTS:
        host.up(name)
    # Health checks are processes too: asked too early they only slow down what is starting.
    wait_until("all have begun", host.all_beat)
    for name in PARTS:
        health = host.run(name, *CONTAINERS[name].health)
        assert (health.returncode, health.stderr) == (0, ""), name
    made = host.run("api", "alertd", "key", "create", "--right", "admin", "--note", "test")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    host.ask("PUT", "/v1/families/fam-1001", FAMILY, key)
    opened = host.ask("POST", "/v1/incidents", OPENING, key)
    assert opened["preview"]["families"] == 1
    wait_until("the family is told", lambda: len(host.told()) == 2)
    assert {(each.channel, each.to) for each in host.told()} == {("push", "token-mia"), ("sms", "+14155550123")}

    doctor = host.run("api", "alertd", "doctor", "-o", "json")
    found = {each["what"]: each["mark"] for each in json.loads(doctor.stdout)["findings"]}
    assert doctor.returncode == 0, doctor.stdout
    # There is nobody outside who watches; whoever does gives the URL.
    assert found.pop("auditor") in ("ok", "note")  # it asks for the first time 30 s after the sweeper has begun
    # Nor has anybody said how fast the sender is.
    assert {what for what, mark in found.items() if mark != "ok"} == {"dead man", "rates"}
    assert found.keys() >= {"database", "redis", "sweeper", "worker urgent", "worker bulk", "sms", "push", "email"}
    assert found["responders"] == "ok", doctor.stdout

    assert host.stop(*PARTS) == dict.fromkeys(PARTS, 0), {name: host.log(name)[-1500:] for name in PARTS}
    assert host.run("api", *CONTAINERS["api"].health).returncode == 1
    assert list((host.folder / "data").iterdir()) == [], "all that must last is in Postgres"
    assert host.stop("redis") == {"redis": 0}


def answers(client: "redis.Redis") -> bool:
    """Whether it takes commands."""
    with suppress(redis.RedisError):
        return bool(client.ping())
    return False


def found(program: str) -> str:
    """A program of our environment or of the machine."""
    beside = Path(sys.executable).parent / program
    return str(beside) if beside.exists() else program
