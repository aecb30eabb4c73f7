"""Rings for workers through Celery: a hint, never work. Losing every ring loses nothing."""

import queue
import threading
import time
from typing import Any

from alertd.ports.deps import Log

TASK = "alertd.drain"
ENOUGH = 50
"""Hints that wait for a lane; one more would say nothing new, and where no worker lives they would pile up.

They do not expire: whether one has is judged by the clocks of two machines, and a worker whose own is a minute
ahead would throw every hint away (`tests.chaos`, clock-steps).
"""

_PAUSE = 5.0  # seconds without publishing after a failure: a frozen Redis costs 1 s a try (measured)


class CeleryDoorbell:
    """Publishes from a side thread, so that a slow or dead Redis can never delay a request."""

    def __init__(self, app: Any, workers: dict[str, int], log: Log) -> None:
        self._app, self._workers, self._log = app, workers, log
        self._lanes: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._waiting: set[str] = set()
        self._quiet_until = 0.0
        self.lost = 0
        self._told = 0  # of `lost`
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._thread.start()

    @property
    def answering(self) -> bool:
        """Whether the last ring went through; the sweeper works by itself where it did not."""
        return time.monotonic() >= self._quiet_until

    def ring(self, lane: str) -> None:
        """Ask the lane's workers to look; rings that are still waiting to be published are one."""
        if lane not in self._waiting:
            self._waiting.add(lane)
            self._lanes.put(lane)

    def take_lost(self) -> int:
        """How many rings nobody heard since this was last asked."""
        lost = self.lost  # the publishing thread may count on meanwhile
        fresh, self._told = lost - self._told, lost
        return fresh

    def close(self) -> None:
        """Publish what waits, for at most two seconds, and stop."""
        self._lanes.put(None)
        self._thread.join(timeout=2)

    def _warm(self) -> None:
        """The first ring imports half of kombu (0.6 s of work, measured): no outage should wait for that."""
        try:
            with self._app.producer_pool.acquire(block=True, timeout=1) as producer:
                producer.connection.connect()
        except Exception as error:  # noqa: BLE001  a broker that is not up yet is told by the first ring, if it still isn't
            self._log.info("doorbell_not_warm", error=type(error).__name__)

    def _waits(self, lane: str) -> int:
        """How many hints nobody has taken yet."""
        with self._app.producer_pool.acquire(block=True, timeout=1) as producer:
            return int(producer.channel.client.llen(lane))

    def _run(self) -> None:
        self._warm()
        while (lane := self._lanes.get()) is not None:
            self._waiting.discard(lane)
            if time.monotonic() < self._quiet_until:
                self.lost += 1
                continue
            try:
                if self._waits(lane) >= ENOUGH:
                    continue
                for _ in range(self._workers.get(lane, 1)):
                    self._app.send_task(TASK, args=[lane], queue=lane, retry=False)
            except Exception as error:  # noqa: BLE001  whatever the broker's client raises: told, and counted
                self._quiet_until = time.monotonic() + _PAUSE
                self.lost += 1
                self._log.warning("hint_lost", lane=lane, error=type(error).__name__, lost=self.lost)


class NoDoorbell:
    """There is no broker: the sweeper finds all work by itself."""

    answering = False

    def ring(self, lane: str) -> None:
        """Nobody to ring for."""

    def take_lost(self) -> int:
        """Nobody is rung for, so nothing is lost."""
        return 0

    def close(self) -> None:
        """Nothing to stop."""
