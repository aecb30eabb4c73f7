"""What `alertd doctor` looks at, one question per function."""

import json
import stat
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alertd import wiring
from alertd.cli.client import KEY_FILE, Api
from alertd.cli.failed import Failed
from alertd.cli.policy import problems
from alertd.domain.errors import AlertdError, Invalid
from alertd.domain.policy import Policy
from alertd.ingest.reading import Mistakes
from alertd.policy_file import load_policies
from alertd.redis_server import Origin, find_redis, redis_urls
from alertd.settings import Settings, load

_PATIENCE = 5.0  # seconds that anything asked may take
_ACCOUNTS = {"sms": "Twilio", "push": "FCM", "email": "mail server"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `mark` is ok, note (worth knowing) or wrong (families could not be told)."""

    mark: str
    what: str
    text: str
    mend: tuple[str, ...] = ()


def examine(env: Mapping[str, str]) -> list[Finding]:
    """Look at everything; nothing is changed, no message is sent."""
    try:
        settings = load(env)
    except Mistakes as error:
        said = tuple(str(problem) for problem in error.problems)
        return [Finding("wrong", "settings", "cannot be read", said)]
    found = [Finding("ok", "settings", f"from {settings.config_dir}; data in {settings.data_dir}")]
    found.append(_policies(settings))
    found.append(_database(settings))
    found.append(_broker(settings))
    found_api = _api(env)
    found.append(found_api)
    found += _channels(settings)
    if found_api.mark == "ok" and any(each.mark == "wrong" and each.what in _ACCOUNTS for each in found):
        text = "what runs with --sandbox uses the stand-ins; this is about the accounts in the settings here"
        found.append(Finding("note", "sandbox", text))
    found += _notes(settings)
    return found


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


def _channels(settings: Settings) -> list[Finding]:
    wrong = wiring.channel_problems(settings)
    try:
        policies = load_policies(settings.config_dir).values()
    except Invalid:
        return []  # told of above
    used = used_channels(policies)
    found = []
    for channel, account in _ACCOUNTS.items():
        missing = tuple(wrong.get(channel, ()))
        if not missing:
            found.append(Finding("ok", channel, f"{account} is configured; alertd does not ask it here"))
        elif channel in used:
            text = f"{account} is not configured, and policies tell families by {channel}"
            found.append(Finding("wrong", channel, text, missing))
        else:
            found.append(
                Finding("note", channel, f"{account} is not configured; no policy uses {channel}", missing)
            )
    works = {channel for channel in wrong if not wrong[channel]}
    for policy in policies:
        if policy.floor and not works.intersection(policy.floor):
            floor = " or ".join(policy.floor)
            text = f"a critical message needs {floor}, and none of them works"
            found.append(
                Finding("wrong", f"policy {policy.name}", text, ("configure one of them, or change its floor",))
            )
    return found


def used_channels(policies: Iterable[Policy]) -> set[str]:
    """The channels by which some policy tells caregivers who chose nothing themselves."""
    used: set[str] = set()
    for policy in policies:
        for role in policy.caregivers.values():
            for channels in (role.critical, role.major, role.minor, role.default):
                used.update(channels or ())
    return used


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
