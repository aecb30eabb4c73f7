"""What `alertd doctor` asks Redis: whether it answers, suits us, and whether anybody takes the hints."""

import re
import time
from typing import Any

from alertd.cli.finding import PATIENCE, Finding, Seen, lasting
from alertd.redis_server import Origin, RedisServer, find_redis, redis_urls

_OLDEST = (6, 2)  # as for a private one: alertd.redis_server
_NOBODY_TAKES = 500  # hints; rings that wait are one, so a lane whose workers live has a handful
_SLOW = 0.05  # seconds for a round trip
_LANES = ("urgent", "bulk")
_PREFIX = "alertd:"  # of every key: alertd.celery_app


def broker(seen: Seen) -> list[Finding]:
    """The configured Redis is asked; else the one that `alertd up` would run is named."""
    url = seen.settings.broker_url.get_secret_value() if seen.settings.broker_url else None
    server = find_redis(url)
    if server.origin is not Origin.CONFIGURED:
        mark = "note" if server.origin is Origin.NONE else "ok"
        return [Finding(mark, "redis", server.describe())]
    assert url is not None
    return _ask(server, redis_urls(url).redis)


def _ask(server: RedisServer, url: str) -> list[Finding]:
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE) as client:
            client.ping()
            began = time.monotonic()
            client.ping()
            took = time.monotonic() - began
            waiting = {lane: int(client.llen(f"{_PREFIX}{lane}")) for lane in _LANES}
            told = _told(client)
    except (redis.RedisError, OSError, ValueError) as error:
        text = (
            f"{server.describe()} It does not answer ({type(error).__name__}); the sweeper does the work, slower."
        )
        return [Finding("note", "redis", text, ("start it, or check ALERTD_BROKER_URL",))]
    version = told.get("redis_version", "")
    said = f"It answers in {lasting(took)}{f', version {version}' if version else ''}."
    found = [Finding("ok", "redis", f"{server.describe()} {said}")]
    if took > _SLOW:
        found.append(Finding("note", "redis", "it is slow to answer", ("put it nearer to the workers",)))
    return [*found, *_unfit(told), *_untaken(waiting)]


def _told(client: Any) -> dict[str, Any]:
    """What it tells of itself; nothing where our user may not ask."""
    import redis

    try:
        return {**client.info("server"), **client.info("memory")}
    except redis.ResponseError:
        return {}


def _unfit(told: dict[str, Any]) -> list[Finding]:
    found = []
    version = str(told.get("redis_version", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST:
        text = f"it is version {version}: hints that a dead worker held are found from 6.2 on"
        found.append(Finding("note", "redis", text, ("upgrade it",)))
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        text = f"when it is full it drops keys ({policy}), Celery's own among them"
        found.append(Finding("note", "redis", text, ("set maxmemory-policy noeviction",)))
    most, used = int(told.get("maxmemory", 0)), int(told.get("used_memory", 0))
    if most and used > 0.9 * most:
        text = f"it uses {used // 2**20} of {most // 2**20} MB, and refuses hints when it is full"
        found.append(Finding("note", "redis", text, ("see what else it keeps, or raise maxmemory",)))
    return found


def _untaken(waiting: dict[str, int]) -> list[Finding]:
    return [
        Finding("note", "redis", f"{count} hints wait in lane {lane}, and nobody takes them", (_start(lane),))
        for lane, count in waiting.items()
        if count > _NOBODY_TAKES
    ]


def _start(lane: str) -> str:
    return f"alertd worker --lane {lane}, and see its log"
