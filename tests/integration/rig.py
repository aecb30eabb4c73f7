"""All of alertd as it runs in production, on this machine, for one test: real servers and real processes.

redis-server, the sandbox, Celery workers (urgent: one child, bulk: two unless said), the sweeper and the API; the database is
the test's. Everything listens on loopback or a unix socket, and is stopped by its pid. Nothing here sleeps for a
fixed time: conditions are waited for.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import msgspec
import psycopg
from sqlalchemy.engine import make_url

from alertd import wiring
from alertd.free_port import free_port
from alertd.redis_server import PrivateRedis, find_redis, private_redis
from alertd.sandbox.log import ACCEPTED, Accepted, Refusal, Told, read_accepted, read_callbacks, read_refused
from alertd.sandbox.settings import PAGES
from alertd.settings import load
from alertd.settings.reading import shipped_config
from alertd.usecases.keys import make_key
from tests.integration.town import Town
from tests.servers import NotReady, kill, start, stop, wait_until

RATE = 60  # story seconds a real second
WINDOW = (
    60.0  # real seconds of the silence window: a machine that stands still for ten makes no message stale (R2)
)
RATES = {
    "ALERTD_TWILIO__RATE_PER_SECOND": "100000",
    "ALERTD_TWILIO__CALLS_PER_SECOND": "100000",
    "ALERTD_FCM__RATE_PER_SECOND": "100000",
    "ALERTD_SMTP__RATE_PER_SECOND": "100000",
}
"""Units a second that the stand-ins take: a thousand families by the default rates would take minutes."""
LANES = ("urgent", "bulk")
STORY_START = "2026-11-04T20:00:00Z"  # noon on a Wednesday in Los Angeles
_ACCEPTED = msgspec.json.Decoder(Accepted)
_RIGHTS = ("incident:read", "incident:write", "family:read", "family:write")
_MACHINE = ("event:write",)
_RESPONDERS = ("owner", "lead", "duty-manager")
_POLICY = """
policy: default
first_notice: {critical: %s, major: 40m, minor: 1h}
silence:
  window: {critical: %dm, major: 2h, minor: 4h}
  quiet: {critical: 2h, major: wait, minor: wait}
  promise_at_most: {critical: 2h, major: 4h, minor: 12h}
always: [parent, guardian, nurse]
caregivers:
  default: {critical: [push, sms], major: [push], minor: [email], quiet_hours: "22:00-06:30"}
  nurse: {critical: [sms]}
escalation:
  families:
    critical: {until: acknowledged, by: [parent, guardian], steps: [{after: 0m, tell: always}, %s]}
  responders:
    post: [{before: 10m, nudge: owner}, {after: 0m, page: owner}, {after: 60m, page: lead}]
"""


class Rig:
    """One running alertd. Use it as a context manager; `log(name)` is what a process printed."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        window: float = WINDOW,
        bulk: int = 2,
        policy: str = "",
        sandbox: Sequence[str] = (),
        step: str = "{after: 20m, tell: next}",
        first_notice: str = "30m",
        sweepers: int = 1,
        policies: Mapping[str, str] | None = None,
        broker: bool = True,
        variables: Mapping[str, str] | None = None,
        env: Mapping[str, Mapping[str, str]] | None = None,
        **settings: str,
    ) -> None:
        """`first_notice`: of what is critical. `policy`: lines that the policy has besides; `sandbox`: arguments of the stand-ins' command line.

        `step`: of the families' ladder, after the first. `policies`: whole files by name, in place of that one policy.
        `broker`: whether redis-server is started. `variables`: as `settings`; `env`: of single processes.
        """
        self.folder, self.database_url, self.window, self.bulk = folder, database_url, window, bulk
        self._policies = policies or {
            "default": _POLICY % (first_notice, round(window * RATE / 60), step) + policy,
        }
        self._sandbox_arguments, self._broker, self._own_env = sandbox, broker, env or {}
        self.sweepers = ("sweeper", *(f"sweeper-{number}" for number in range(2, sweepers + 1)))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = ExitStack()
        self._settings = {**(variables or {}), **settings}
        self._env: dict[str, str] = {}
        self._redis: PrivateRedis | None = None
        self._read_to = 0  # bytes of the sandbox's log

    def __enter__(self) -> Self:
        if not self.processes:
            self.begin()
            self.ready()
        return self

    def begin(self) -> None:
        """Start everything; only the stand-ins are waited for, as all else must know their ports."""
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise

    def ready(self) -> None:
        """Wait until all that was begun is there. Raises NotReady if it is not to be."""
        try:
            self._until_answered(self.processes["api"])
            wait_until("sweeper and workers beat", self._all_beat)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        for name, process in self.processes.items():
            # All of alertd at once; broker and providers when it has said good-bye.
            if name not in ("redis", "sandbox") and process.poll() is None:
                process.terminate()
        self._stack.close()

    # --- processes -------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")}
        self._env |= {
            "ALERTD_CONFIG": str(self._config()),
            "ALERTD_DATA_DIR": str(self.folder),
            "ALERTD_DATABASE_URL": self.database_url,
            "ALERTD_CLOCK__STORY_START": STORY_START,
            "ALERTD_CLOCK__RATE": str(RATE),
            "ALERTD_LOG__JSON": "true",
            **self._settings,
        }
        where = self._sandbox()
        found = find_redis(None)
        self._redis = private_redis(found, self.folder)
        self._stack.callback(_remove, self._redis)
        if self._broker:
            self.start_redis()
        self._env |= {
            "ALERTD_BROKER_URL": self._redis.urls.celery,
            "ALERTD_TWILIO__ACCOUNT_SID": where["account_sid"],
            "ALERTD_TWILIO__AUTH_TOKEN": where["auth_token"],
            "ALERTD_TWILIO__FROM": "+14155550100",
            "ALERTD_TWILIO__BASE_URL": where["twilio_url"],
            "ALERTD_FCM__BASE_URL": where["fcm_url"],
            "ALERTD_FCM__CREDENTIALS_FILE": where["credentials_file"],
            "ALERTD_SMTP__URL": where["smtp_url"],
            "ALERTD_SMTP__FROM": "alertd@example.org",
            **RATES,
        }
        for name in _RESPONDERS:
            hook = self._control_url.removesuffix("/control").replace("http://", "json://") + f"{PAGES}/{name}"
            self._env[f"ALERTD_RESPONDERS__{name.upper().replace('-', '_')}"] = hook
        self._env |= self._settings  # a test's own come last
        port = free_port()
        self._env["ALERTD_API__PORT"] = str(port)
        self._url = f"http://127.0.0.1:{port}"
        for lane in LANES:
            self.start_worker(lane)
        for name in self.sweepers:
            self.start_sweeper(name)
        self._alertd("api", "api")

    def _sandbox(self) -> dict[str, str]:
        argv = [sys.executable, "-m", "alertd.sandbox", "--data-dir", str(self.folder / "sandbox")]
        argv += self._sandbox_arguments
        log = self._stack.enter_context((self.folder / "sandbox.log").open("wb"))
        process = start(argv, stdout=subprocess.PIPE, stderr=log)
        self._stack.callback(stop, process)
        self.processes["sandbox"] = process
        assert process.stdout is not None
        self._stack.enter_context(process.stdout)
        line = process.stdout.readline()  # it ends at the latest with the process
        if not line:
            raise NotReady(f"the sandbox ended: {self.log('sandbox')}")
        where: dict[str, str] = json.loads(line)
        self._control_url = where["control_url"]
        return where

    def start_api(self) -> None:
        """Start it, again if need be, and wait until it answers."""
        self._until_answered(self._alertd("api", "api"))

    def _until_answered(self, process: subprocess.Popen[bytes]) -> None:
        wait_until("the API answers, or gives up", partial(self._answered, process))
        if process.poll() is not None:
            raise NotReady(f"the API ended: {self.log('api')}")

    def _alertd(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self._launch(name, [sys.executable, "-m", "alertd", *arguments])

    def _launch(self, name: str, argv: list[str]) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        env = {**self._env, **self._own_env.get(name, {})}
        process = start(argv, stdout=log, stderr=log, env=env, cwd=self.folder)
        self._stack.callback(stop, process)
        self.processes[name] = process
        return process

    def kill(self, name: str) -> None:
        """SIGKILL for a process and all that it started."""
        kill(self.processes[name])

    def stop_sweeper(self) -> None:
        """End it as a restart does: it finishes what it has in flight."""
        stop(self.processes["sweeper"])

    def start_sweeper(self, name: str = "sweeper") -> None:
        """Start it, again if need be."""
        self._alertd(name, "sweeper")

    def start_worker(self, lane: str) -> None:
        """Start a lane's workers, again if need be."""
        children = self.bulk if lane == "bulk" else 1
        self._alertd(f"worker-{lane}", "worker", "--lane", lane, "--concurrency", str(children))

    def start_redis(self) -> None:
        """Start it, again if need be: on the same socket, with the same data."""
        assert self._redis is not None
        self._launch("redis", list(self._redis.argv))

    def disarm(self) -> None:
        """What is started from now on has nothing in its environment that the others have not."""
        self._own_env = {}

    def arm(self, env: Mapping[str, Mapping[str, str]]) -> None:
        """... or has these, by the name of the process."""
        self._own_env = env

    def tells(self, **variables: str) -> None:
        """What is started from now on has these in its environment."""
        self._env |= variables

    def signal(self, name: str, number: int) -> None:
        """A signal for a process and all that it started."""
        os.killpg(self.processes[name].pid, number)

    def worker_children(self, name: str) -> list[int]:
        """The pids of Celery's children that carry deliveries out."""
        parent = self.processes[name].pid
        found = []
        for pid in _children(parent):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
                if b"resource_tracker" not in arguments and b"semaphore_tracker" not in arguments:
                    found.append(pid)
        return found

    def niceness(self, name: str) -> set[int]:
        """Of Celery's children that carry deliveries out."""
        return {int(_stat(pid)[16]) for pid in self.worker_children(name)}

    def gone(self, pid: int) -> bool:
        """Whether a process has ended; nobody may have collected it yet."""
        with suppress(FileNotFoundError, ProcessLookupError):
            return _stat(pid)[0] == "Z"
        return True

    def alive(self, *names: str) -> bool:
        """Whether these still run."""
        return all(self.processes[name].poll() is None for name in names)

    def log(self, name: str) -> str:
        """What a process has printed."""
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    # --- the API ---------------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Make the keys that people's commands and Alertmanager's webhooks are signed with."""

        async def made() -> tuple[str, str]:
            settings = load({name: value for name, value in self._env.items() if name != "ALERTD_BROKER_URL"})
            deps = await wiring.open_deps(settings)
            try:
                human = await make_key(deps, _RIGHTS, "test")
                machine = await make_key(deps, _MACHINE, "alertmanager")
                return human.secret, machine.secret
            finally:
                await wiring.close_deps(deps)

        self._key, self._machine_key = asyncio.run(made())

    def env_of_a_person(self) -> dict[str, str]:
        """What the command line needs of somebody elsewhere, with the rig's key: no setting of alertd itself."""
        ours = {name: value for name, value in self._env.items() if not name.startswith("ALERTD_")}
        return {**ours, "ALERTD_URL": self._url, "ALERTD_API_KEY": self._key}

    def move_in(self, town: Town) -> None:
        """Import every family, and let the providers know who is dead."""
        self.sandbox("POST", "/dead", town.dead)
        lines = "".join(json.dumps(family) + "\n" for family in town.families)
        answer = self.ask("POST", "/v1/families:import", lines.encode(), kind="application/x-ndjson")
        assert (answer["families"], answer["failed"]) == (len(town.families), 0), answer

    def open(self, message: Mapping[str, str]) -> Any:
        """A human opens an incident: remote following fails for everybody."""
        body = {"services": ["follow"], "severity": "critical", "title": "Follow is down", "message": message}
        return self.command("/v1/incidents", body)

    def fires(self, *alerts: Mapping[str, str]) -> Any:
        """Alertmanager's webhook of a group of alerts, each with these labels."""
        group = [
            {
                "status": "firing", "labels": labels, "annotations": {"summary": f"probe {number} fails"},
                "startsAt": "2026-11-04T20:00:00.1Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "",
                "fingerprint": f"{number:016x}",
            }
            for number, labels in enumerate(alerts)
        ]  # fmt: skip
        body = {"version": "4", "status": "firing", "receiver": "alertd", "groupKey": "{}", "alerts": group}
        headers = {"Authorization": f"Bearer {self._machine_key}", "Content-Type": "application/json"}
        return _request("POST", f"{self._url}/v1/events/alertmanager", json.dumps(body).encode(), headers)

    def follows(self, link: str, method: str = "GET") -> str:
        """What a browser is shown that opens a link, or presses the button there. No key, as on any phone."""
        assert link.startswith(self._url), "the link leads elsewhere"
        with urllib.request.urlopen(urllib.request.Request(link, method=method), timeout=30) as answer:
            page: str = answer.read().decode()
        return page

    def update(self, message: Mapping[str, str], **more: Any) -> Any:
        """... says something new ..."""
        return self.command("/v1/incidents/1/updates", {"message": message, **more})

    def resolve(self, message: Mapping[str, str]) -> Any:
        """... and says that it is over."""
        return self.command("/v1/incidents/1/resolve", {"message": message})

    def command(self, path: str, body: Mapping[str, Any]) -> Any:
        """A human's command."""
        return self.ask("POST", path, json.dumps(body).encode())

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        """A request to the API with the rig's key."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
        return _request(method, self._url + path, body, headers)

    def _answered(self, process: subprocess.Popen[bytes]) -> bool:
        with suppress(OSError):
            _request("GET", f"{self._url}/livez")
            return True
        return process.poll() is not None

    def _all_beat(self) -> bool:
        for name in (*(f"worker-{lane}" for lane in LANES), *self.sweepers):
            if not self.alive(name):
                raise NotReady(f"{name} ended: {self.log(name)[-2000:]}")
        with suppress(urllib.error.HTTPError):  # not ready yet
            return {"sweeper", *(LANES if self._broker else ())} <= set(
                _request("GET", f"{self._url}/readyz")["beats"]
            )
        return False

    # --- the providers ---------------------------------------------------------------------------

    def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the sandbox's controls."""
        data = json.dumps(body).encode() if body is not None else None
        return _request(method, self._control_url + path, data, {"Content-Type": "application/json"})

    def writes(self, number: str, text: str) -> str | None:
        """Somebody writes back from their phone, on its page in the sandbox; what they are answered at once."""
        before = len(self._texts(number))
        url = f"{self._control_url.removesuffix('/control')}/inbox/sms/{quote(number)}"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        request = urllib.request.Request(url, data=urlencode({"text": text}).encode(), headers=form)
        with urllib.request.urlopen(request, timeout=30):
            return next(iter(self._texts(number)[before:]), None)

    def _texts(self, number: str) -> list[str]:
        return [message.text for message in self.accepted() if message.to == number]

    def accepted(self) -> list[Accepted]:
        """All that the providers have taken."""
        return list(read_accepted(self.folder / "sandbox"))

    def news(self) -> list[Accepted]:
        """What they have taken since this was asked last; cheap enough to poll."""
        with (self.folder / "sandbox" / ACCEPTED).open("rb") as log:
            log.seek(self._read_to)
            lines = log.read()
        whole, _, _ = lines.rpartition(b"\n")
        self._read_to += len(whole) + 1 if whole else 0
        return [_ACCEPTED.decode(line) for line in whole.splitlines()]

    def refused(self) -> list[Refusal]:
        """What they have not."""
        return list(read_refused(self.folder / "sandbox"))

    def told(self) -> list[Told]:
        """What the providers have told alertd later."""
        return list(read_callbacks(self.folder / "sandbox"))

    # --- the database ----------------------------------------------------------------------------

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Look into the database, by plain SQL that both understand."""
        url = make_url(self.database_url)
        if url.get_backend_name() == "sqlite":
            with sqlite3.connect(str(url.database), timeout=30) as connection:
                return connection.execute(statement).fetchall()
        with psycopg.connect(self.database_url) as session:
            return session.execute(statement.encode()).fetchall()

    def change(self, statement: str) -> None:
        """Change the database behind alertd's back."""
        url = make_url(self.database_url)
        if url.get_backend_name() == "sqlite":
            with sqlite3.connect(str(url.database), timeout=30) as connection:
                connection.execute(statement)
            return
        with psycopg.connect(self.database_url) as session:
            session.execute(statement.encode())

    @property
    def secrets(self) -> tuple[str, str]:
        """The keys of its people and of its machines."""
        return self._key, self._machine_key

    @property
    def provider_token(self) -> str:
        """What Twilio's stand-in was started with."""
        return self._env["ALERTD_TWILIO__AUTH_TOKEN"]

    @property
    def redis_socket(self) -> Path:
        """Where its broker listens."""
        assert self._redis is not None
        return self._redis.socket

    def command_line(self, *arguments: str) -> str:
        """What a command says on the machine where alertd runs, on both streams; its exit code is not asked."""
        argv = [sys.executable, "-m", "alertd", *arguments]
        env = {**self._env, "ALERTD_URL": self._url, "ALERTD_API_KEY": self._key}
        done = subprocess.run(
            argv, env=env, cwd=self.folder, capture_output=True, text=True, timeout=90, check=False
        )
        return done.stdout + done.stderr

    def raw(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and body of any request, also of one that is refused; with no key but what `headers` hold."""
        request = urllib.request.Request(self._url + path, data=body, method=method, headers=dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")

    def at_rest(self) -> bool:
        """Whether everything planned has been carried out."""
        [(left,)] = self.rows(
            "SELECT (SELECT count(*) FROM delivery WHERE state IN ('pending', 'leased', 'unknown')) "
            "+ (SELECT count(*) FROM fanout WHERE NOT done)"
        )
        return bool(left == 0)

    def _config(self) -> Path:
        config = self.folder / "config"
        shutil.copytree(shipped_config() / "templates", config / "templates")
        shutil.copy(shipped_config() / "services.yaml", config / "services.yaml")
        (config / "policies").mkdir()
        for name, text in self._policies.items():
            (config / "policies" / f"{name}.yaml").write_text(text)
        return config


def _stat(pid: int) -> list[str]:
    """The fields behind the name, as in https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def _remove(redis: PrivateRedis) -> None:
    with suppress(OSError):
        redis.remove()


def _children(parent: int) -> list[int]:
    """The pids of a process's children, from Linux's /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile
                if int(_stat(int(entry.name))[1]) == parent:
                    found.append(int(entry.name))
    return found


def _request(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        error.add_note(error.read().decode("utf-8", "replace")[:2000])
        raise
