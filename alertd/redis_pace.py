"""The rates of channels for a whole cluster, in its Redis: one question for a batch, answered by one script.

Redis's own clock fills the buckets: the clocks of hosts differ, and one that is ahead would fill them for all.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from alertd.domain.bucket import LONGEST_WAIT, STEP, URGENT_SHARE, Grant, most, share, worth_asking
from alertd.pace import OwnPace
from alertd.ports.deps import Log

KEY = "alertd:rate:"
"""Before a channel's name: all that is kept of it is two numbers and a time, until both vessels are full again."""

ANSWER_SECONDS = 0.1
"""A grant takes 0.3 ms; whoever takes longer than this would hold up the messages that wait for it."""

CONNECT_SECONDS = 0.5
"""A Redis elsewhere, with TLS, takes some round trips."""

PAUSE = 5.0
"""Seconds for which a Redis that did not answer is left alone: not every batch is to wait for it in vain."""

# The same as `Bucket.take`; the contract suite holds both to the same sentences.
_SCRIPT = """
local rate, part, least = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local urgent_most, bulk_most = tonumber(ARGV[4]), tonumber(ARGV[5])
local step, longest, urgent_part = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local for_urgent, units = ARGV[9] == 'urgent', tonumber(ARGV[10])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'at', 'urgent', 'bulk')
local urgent, bulk = urgent_most, bulk_most
if kept[1] and kept[2] and kept[3] then
    local came = rate * math.max(now - tonumber(kept[1]), 0)
    urgent = tonumber(kept[2]) + came * urgent_part
    bulk = tonumber(kept[3]) + came * (1 - urgent_part) + math.max(urgent - urgent_most, 0)
    urgent = math.min(urgent + math.max(bulk - bulk_most, 0), urgent_most)
    bulk = math.min(bulk, bulk_most)
end
local held = for_urgent and urgent or bulk
local granted, wait = 0, step
if held >= least then
    granted = math.min(units, math.floor(held))
    if for_urgent then urgent = urgent - granted else bulk = bulk - granted end
else
    local alone = for_urgent and bulk >= bulk_most or not for_urgent and urgent >= urgent_most
    wait = math.min((least - held) / (alone and rate or rate * part), longest)
end
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', now), 'urgent', string.format('%.6f', urgent),
    'bulk', string.format('%.6f', bulk))
redis.call('EXPIRE', KEYS[1], math.ceil((urgent_most + bulk_most) / rate) + 1)
return {granted, math.ceil(wait * 1000)}
"""


class RedisPace:
    """Asks Redis from a side thread: there a busy loop does not look like a Redis that is slow.

    While it does not answer, `own` says what this process may hand over by itself; it is asked again after a
    `pause`, in seconds.
    """

    def __init__(
        self, url: str, rates: Mapping[str, float], own: OwnPace, log: Log, *, pause: float = PAUSE
    ) -> None:
        self._url, self._rates, self._own, self._log, self._pause = url, dict(rates), own, log, pause
        self._thread = ThreadPoolExecutor(1, "rates")
        self._script: Any = None
        self._client: Any = None
        self._alone_until = 0.0
        self._lost = 0

    def limits(self, channel: str) -> bool:
        """Whether a channel has a rate."""
        return channel in self._rates

    async def take(self, channel: str, lane: str, units: int) -> Grant:
        """Up to so many units of what the cluster may hand over, else of what this process may alone."""
        if time.monotonic() >= self._alone_until:
            asked = await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, channel, lane, units)
            if asked is not None:
                return asked
        self._lost += 1
        return self._own.grant(channel, lane, units)

    @property
    def alone(self) -> bool:
        """Whether the last question had no answer."""
        return bool(self._alone_until)

    def among(self, processes: int) -> None:
        """So many hand over, this one too: what each keeps to while Redis does not answer."""
        self._own.among(processes)

    async def warm(self) -> None:
        """Connect, and let Redis know the script; what fails is told by the first question."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connect)

    def take_lost(self) -> int:
        """How often Redis gave no answer since this was last asked."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Give the connection back."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _ask(self, channel: str, lane: str, units: int) -> Grant | None:
        """None: it gave no answer."""
        if time.monotonic() < self._alone_until:
            return None  # found out meanwhile, by whoever asked before
        rate = self._rates[channel]
        arguments = (
            rate, share(lane), worth_asking(rate, lane, units), *most(rate), STEP, LONGEST_WAIT, URGENT_SHARE,
            str(lane), units,
        )  # fmt: skip
        try:
            granted, milliseconds = self._asked()(keys=(f"{KEY}{channel}",), args=arguments)
        except Exception as error:  # noqa: BLE001  whatever its client raises: told, and gone on without
            if not self._alone_until:
                self._log.warning("rates_not_shared", error=type(error).__name__)
            self._alone_until = time.monotonic() + self._pause
            return None
        if self._alone_until:
            self._alone_until = 0.0
            self._log.info("rates_shared")
        return Grant(granted, milliseconds / 1000)

    def _connect(self) -> None:
        try:
            self._asked().registered_client.script_load(_SCRIPT)
        except Exception as error:  # noqa: BLE001  the first question tells of it, and finds it mended perhaps
            self._log.info("rates_not_warm", error=type(error).__name__)

    def _asked(self) -> Any:
        if self._script is None:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            self._client = redis.Redis.from_url(
                self._url,
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=CONNECT_SECONDS,
                retry=Retry(NoBackoff(), 0),  # by itself it would try three times more, each as long
            )
            self._script = self._client.register_script(_SCRIPT)
        return self._script
