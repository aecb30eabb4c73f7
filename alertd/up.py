"""All of alertd on this machine: Redis, API, workers, sweeper, and the sandbox if asked for."""

import asyncio
import errno
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alertd import logs, wiring
from alertd.ask import ask
from alertd.domain.errors import AlertdError
from alertd.redis_server import PrivateRedis, RedisServer, find_redis, private_redis
from alertd.settings import Settings
from alertd.settings import load as load_settings
from alertd.settings.address import address
from alertd.stand_ins import StandIns
from alertd.supervisor import Part, Supervisor, UpLock
from alertd.usecases.keys import check_key, make_key

KEY_FILE = "api-key"
_ASK_EVERY = 0.1  # seconds
_RECENT = 30.0  # seconds since a heartbeat
_PATIENCE = 2.0  # seconds; what is asked is on this machine
_STOP_GRACE = 40  # seconds: a drain (5), the longest call under way (25), and some to spare


class PortTaken(AlertdError):
    """Somebody else listens where the API should."""


class NoDataFolder(AlertdError):
    """The data folder cannot be made, or is not ours to write to."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where things are, once alertd is up."""

    api: str
    inbox: str | None  # the sandbox's page
    sandbox: str | None  # its base URL
    data_dir: Path
    key_file: Path | None
    redis: str  # which one, and why
    logs: Path
    missing: tuple[str, ...]  # channels that are not configured
    nobody_pages: tuple[str, ...] = ()  # responders whom policies name and the settings lack


async def up(
    settings: Settings,
    env: Mapping[str, str],
    *,
    sandbox: bool = False,
    on_ready: Callable[[Where], None] | None = None,
    until: asyncio.Event | None = None,
    pass_through: bool = False,
) -> int:
    """Run everything until ctrl-c, SIGTERM or `until`; returns the exit code.

    `env` is what `settings` were read from; the parts get it, with what is added here. Raises AlreadyRunning
    for a data folder in use, NoDataFolder, PortTaken, and Mistakes for a config folder with mistakes.
    """
    data_dir = settings.data_dir
    _make(data_dir)
    log = logs.get_logger("up")
    with UpLock(data_dir) as lock:
        _refuse_taken(settings.api.host, settings.api.port)
        wiring.upgrade_database(settings)
        stand_ins = StandIns.on_free_ports(data_dir) if sandbox else None
        # The parts see our settings, also where they are not this process's environment.
        more = {name: value for name, value in env.items() if name.startswith("ALERTD_")}
        if stand_ins:
            more = {name: value for name, value in more.items() if not name.startswith("ALERTD_RESPONDERS__")}
            more |= stand_ins.env({**wiring.named_responders(settings.config_dir), **settings.responders})
        found = find_redis(settings.broker_url.get_secret_value() if settings.broker_url else None)
        redis = private_redis(found, data_dir) if found.executable else None
        if redis is not None:
            more["ALERTD_BROKER_URL"] = redis.urls.celery
        more["ALERTD_DATA_DIR"] = str(data_dir)
        key_file = await _key(load_settings({**env, **more}), data_dir)
        where = Where(
            api=address(settings.api.host, settings.api.port),
            inbox=f"{stand_ins.url}/" if stand_ins else None,
            sandbox=stand_ins.url if stand_ins else None,
            data_dir=data_dir,
            key_file=key_file,
            redis=found.describe(),
            logs=data_dir / "logs",
            missing=() if stand_ins else wiring.not_configured(settings),
            nobody_pages=() if stand_ins else tuple(wiring.missing_responders(settings)),
        )
        first = [_sandbox(stand_ins, settings)] if stand_ins else []
        parts = first + _parts(settings, more, found, redis, tuple(part.name for part in first))
        supervisor = Supervisor(parts, data_dir=data_dir, log=log, lock=lock, pass_through=pass_through)
        StandIns.tell(data_dir, stand_ins)
        telling = asyncio.create_task(_tell_when_ready(supervisor, where, on_ready))
        try:
            return await supervisor.run(until)
        finally:
            telling.cancel()
            StandIns.tell(data_dir, None)
            if redis is not None:
                redis.remove()


def _parts(
    settings: Settings,
    more: Mapping[str, str],
    found: RedisServer,
    redis: PrivateRedis | None,
    needs: tuple[str, ...],
) -> list[Part]:
    alertd = (sys.executable, "-m", "alertd")
    readyz = f"{address(settings.api.host, settings.api.port)}/readyz"
    parts = [Part("api", (*alertd, "api"), env=more, ready=_answers(readyz))]
    if redis is not None:
        parts.append(Part("redis", redis.argv, ready=redis.ready))
    if redis is not None or found.url:
        needs_broker = (*needs, "redis") if redis is not None else needs
        for lane, concurrency in (("urgent", settings.workers.urgent), ("bulk", settings.workers.bulk)):
            argv = (*alertd, "worker", "--lane", lane, "--concurrency", str(concurrency))
            # Longer than a drain lasts, so that a warm shutdown finishes what is in flight.
            parts.append(
                Part(
                    f"worker-{lane}",
                    argv,
                    env=more,
                    needs=needs_broker,
                    ready=_answers(readyz, lane),
                    stop_grace_seconds=_STOP_GRACE,
                )
            )
    swept = _answers(readyz, "sweeper")
    sweeper = (*alertd, "sweeper")
    parts.append(Part("sweeper", sweeper, env=more, needs=needs, ready=swept, stop_grace_seconds=_STOP_GRACE))
    return parts


def _sandbox(stand_ins: StandIns, settings: Settings) -> Part:
    argv = [sys.executable, "-m", "alertd.sandbox", "--data-dir", str(stand_ins.folder)]
    argv += ["--port", str(stand_ins.port), "--smtp-port", str(stand_ins.smtp_port)]
    if settings.clock.story_start is not None:
        argv += ["--story-start", settings.clock.story_start.isoformat(), "--rate", str(settings.clock.rate)]
    return Part("sandbox", argv, ready=_answers(f"{stand_ins.url}/livez"))


def _make(data_dir: Path) -> None:
    """The data folder, ours alone. Raises NoDataFolder."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise NoDataFolder(
            f"the data folder {data_dir} cannot be made or written to ({error.strerror}): "
            "set ALERTD_DATA_DIR to a folder of your own"
        ) from None


def _refuse_taken(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} on {host} is taken ({error.strerror}): another alertd? "
                "Stop it, or set ALERTD_API__PORT to another port"
            ) from error


async def _key(settings: Settings, data_dir: Path) -> Path | None:
    """A key with every right for whoever may read the data folder; only where nobody else can reach the API."""
    path = data_dir / KEY_FILE
    if settings.api.host not in ("127.0.0.1", "::1", "localhost"):
        return path if path.exists() else None
    deps = await wiring.open_deps(settings.model_copy(update={"broker_url": None}))
    try:
        if path.exists():
            if await check_key(deps, path.read_text().strip()) is not None:
                return path
            path.unlink()  # it belongs to a database that is no longer there
        made = await make_key(deps, ("admin",), "operator")
    finally:
        await wiring.close_deps(deps)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(made.secret + "\n")
    return path


def _answers(url: str, beat: str | None = None) -> Callable[[], Awaitable[bool]]:
    """Asks whether a URL answers 200; with `beat` also whether its body tells a recent heartbeat of that name."""

    def well() -> bool:
        try:
            body = ask(url, _PATIENCE)
        except OSError:
            return False
        return beat is None or json.loads(body)["beats"].get(beat, _RECENT) < _RECENT

    async def answers() -> bool:
        return await asyncio.to_thread(well)

    return answers


async def _tell_when_ready(supervisor: Supervisor, where: Where, on_ready: Callable[[Where], None] | None) -> None:
    while not await supervisor.ready():  # noqa: ASYNC110  readiness is asked of other processes
        await asyncio.sleep(_ASK_EVERY)
    if on_ready is not None:
        on_ready(where)
