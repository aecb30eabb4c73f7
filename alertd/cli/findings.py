"""What `alertd doctor` looks at, one question per function."""

import json
import os
import stat
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alertd import wiring
from alertd.cli import accounts, responders
from alertd.cli.client import KEY_FILE, Api
from alertd.cli.failed import Failed
from alertd.cli.finding import Finding
from alertd.cli.policy import problems
from alertd.domain.errors import AlertdError
from alertd.ingest.reading import Mistakes
from alertd.redis_server import Origin, find_redis, redis_urls
from alertd.settings import Settings, load
from alertd.stand_ins import StandIns

_PATIENCE = 5.0  # seconds that anything asked may take


def examine(env: Mapping[str, str]) -> list[Finding]:
    """Look at everything; every provider is asked, nothing is changed, no message is sent."""
    try:
        settings = load(env)
    except Mistakes as error:
        said = tuple(str(problem) for problem in error.problems)
        return [Finding("wrong", "settings", "cannot be read", said)]
    stand_ins = StandIns.running(settings.data_dir)
    found = [Finding("ok", "settings", f"from {settings.config_dir}; data in {settings.data_dir}")]
    found += _data_folder(settings)
    found.append(_policies(settings))
    found.append(_database(settings))
    found.append(_broker(settings))
    found.append(_api(env))
    if stand_ins is None:
        found += accounts.look(settings)
    else:
        found += accounts.look(load({**env, **stand_ins.env()}), sandbox=True)
        text = "stand-ins are used in place of all accounts, and no real phone can ring"
        mend = "alertd up without --sandbox uses the accounts in the settings; doctor then asks those"
        found.append(Finding("note", "sandbox", text, (mend,)))
    found += responders.look(settings, env, stand_ins)
    found += _notes(settings)
    return found


def _data_folder(settings: Settings) -> list[Finding]:
    """Whether it is there, or can be made, and is ours to write to."""
    folder = settings.data_dir
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return []
    text = f"{folder} cannot be {'written to' if nearest == folder else 'made'} by this user"
    return [Finding("wrong", "data folder", text, ("set ALERTD_DATA_DIR to a folder of your own",))]


def _policies(settings: Settings) -> Finding:
    wrong = problems(settings.config_dir)
    if wrong:
        mend = (f"alertd policy check {settings.config_dir} names {'it' if len(wrong) == 1 else 'them'}",)
        return Finding("wrong", "policies", f"{len(wrong)} mistake{'s'[: len(wrong) != 1]}", mend)
    return Finding("ok", "policies", "policies, services and texts are in order")


def _database(settings: Settings) -> Finding:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    url = make_url(settings.database_url.get_secret_value())
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return Finding(
            "wrong", "database", f"{shown} does not exist yet", ("alertd up makes it, or alertd db upgrade",)
        )
    try:
        current, newest = wiring.database_revision(settings)
    except (SQLAlchemyError, OSError) as error:
        mend = ("check ALERTD_DATABASE_URL, and that the database runs",)
        return Finding("wrong", "database", f"{shown} does not answer ({type(error).__name__})", mend)
    if current != newest:
        at = f"is at revision {current}" if current else "is empty"
        return Finding("wrong", "database", f"{shown} {at}; {newest} is needed", ("alertd db upgrade",))
    return Finding("ok", "database", f"{shown} at revision {current}")


def _broker(settings: Settings) -> Finding:
    url = settings.broker_url.get_secret_value() if settings.broker_url else None
    server = find_redis(url)
    if server.origin is not Origin.CONFIGURED:
        mark = "note" if server.origin is Origin.NONE else "ok"
        return Finding(mark, "redis", server.describe())
    import redis

    assert url is not None
    try:
        with redis.Redis.from_url(
            redis_urls(url).redis, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
        ) as client:
            told: Any = client.info("server")
    except (redis.RedisError, OSError, ValueError) as error:
        text = (
            f"{server.describe()} It does not answer ({type(error).__name__}); the sweeper does the work, slower."
        )
        return Finding("note", "redis", text, ("start it, or check ALERTD_BROKER_URL",))
    return Finding("ok", "redis", f"{server.describe()} It answers, version {told.get('redis_version')}.")


def _api(env: Mapping[str, str]) -> Finding:
    try:
        url = Api.here(env).url
    except (Failed, AlertdError) as error:
        return Finding("wrong", "api", str(error))
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_PATIENCE) as answer:  # noqa: S310  http or https: checked
            json.load(answer)
    except urllib.error.HTTPError as error:
        return Finding("wrong", "api", f"{url} answers, but work does not get done", _reasons(error))
    except (OSError, ValueError):
        return Finding("wrong", "api", f"nothing answers at {url}", ("alertd up, or check ALERTD_URL",))
    return Finding("ok", "api", f"{url} answers, and work gets done")


def _reasons(error: urllib.error.HTTPError) -> tuple[str, ...]:
    try:
        told = json.load(error)
        return tuple(str(reason) for reason in told["reasons"])
    except (ValueError, KeyError, TypeError):
        return (f"it answered {error.code}: check ALERTD_URL",)


def _notes(settings: Settings) -> list[Finding]:
    found = []
    if settings.clock.story_start is not None or settings.clock.rate != 1:
        text = f"story time runs {settings.clock.rate:g} times as fast as real time: fit for a demo only"
        found.append(Finding("note", "clock", text, ("remove ALERTD_CLOCK__STORY_START and ALERTD_CLOCK__RATE",)))
    if settings.console.enabled:
        found.append(Finding("note", "console", "messages are written to the terminal: fit for trying out only"))
    key = settings.data_dir / KEY_FILE
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        found.append(Finding("note", "api key", f"{key} can be read by others", (f"chmod 600 {key}",)))
    return found
