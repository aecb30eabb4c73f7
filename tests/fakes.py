"""Small real implementations of the ports, for tests; each has tests of its own in tests/unit/test_fakes.py."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from alertd.domain.bucket import Grant
from alertd.ports import Callback, Message, Receipt, Report


class FakeClock:
    """Story and machine time in one, moved by hand."""

    rate = 1.0

    def __init__(self, start: datetime = datetime(2026, 11, 4, 20, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def machine(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """Move on; time never runs backwards."""
        assert moment >= self._now
        self._now = moment

    def advance(self, **parts: float) -> None:
        """Move on by a timedelta's parts."""
        self.set(self._now + timedelta(**parts))


class FakeDoorbell:
    """Remembers who was rung for."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        self.lost = 0

    def ring(self, lane: str) -> None:
        self.rung.append(lane)

    def take_lost(self) -> int:
        lost, self.lost = self.lost, 0
        return lost


class FakeLog:
    """Remembers every line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    def named(self, event: str) -> list[dict[str, Any]]:
        """The fields of every line of this event."""
        return [fields for name, fields in self.lines if name == event]


class FakePace:
    """Grants what a test has given; of channels that it does not name there is always enough."""

    def __init__(self, *channels: str) -> None:
        self._channels = channels
        self._given: Counter[tuple[str, str]] = Counter()
        self.asked: list[tuple[str, str, int]] = []  # channel, lane, units
        self.lost = 0
        self.alone = False
        self.processes = 0  # those that share it, as it was last told

    def give(self, channel: str, lane: str, units: int) -> None:
        """So many more units may be taken."""
        self._given[channel, lane] += units

    def limits(self, channel: str) -> bool:
        return channel in self._channels

    async def take(self, channel: str, lane: str, units: int) -> Grant:
        self.asked.append((channel, lane, units))
        granted = min(units, self._given[channel, lane])
        self._given[channel, lane] -= granted
        return Grant(granted, 0.005)

    def among(self, processes: int) -> None:
        self.processes = processes

    async def warm(self) -> None:
        """Nothing to get ready."""

    def take_lost(self) -> int:
        lost, self.lost = self.lost, 0
        return lost

    def close(self) -> None:
        """Nothing to give back."""


class FakeChannel:
    """Accepts everything at once, unless told otherwise per address: then that error, so many times."""

    at_once = 100
    deadline = 1.0

    def __init__(self, name: str, *, has_callbacks: bool = False) -> None:
        self.name, self.has_callbacks = name, has_callbacks
        self.accepted: list[Message] = []
        self.attempts = 0
        self.closed = False
        self._faults: dict[str, deque[Exception]] = {}
        self._always: dict[str, Callable[[], Exception]] = {}

    def fail(self, to: str, *errors: Exception) -> None:
        """The next sends to this address end so, one by one; after them it accepts again."""
        self._faults.setdefault(to, deque()).extend(errors)

    def fail_always(self, to: str, error: Callable[[], Exception]) -> None:
        """Every send to this address ends so; "*" is every address."""
        self._always[to] = error

    def mend(self) -> None:
        """Accept everything again."""
        self._faults.clear()
        self._always.clear()

    async def send(self, message: Message) -> Receipt:
        self.attempts += 1
        await asyncio.sleep(0)
        always = self._always.get(message.to) or self._always.get("*")
        if always is not None:
            raise always()
        if self._faults.get(message.to):
            raise self._faults[message.to].popleft()
        self.accepted.append(message)
        return Receipt(f"{self.name}-{len(self.accepted)}")

    async def close(self) -> None:
        self.closed = True

    def __iter__(self) -> Iterator[Message]:
        return iter(self.accepted)


class ReportingChannel(FakeChannel):
    """A channel whose provider reports: what is posted in its name is read by a reader of the test's choice.

    `calls_it`: the provider's own id of every message.
    """

    def __init__(
        self, name: str, provider: str, receive: Callable[[Callback], Report | None], *, calls_it: str = "SM0"
    ) -> None:
        super().__init__(name, has_callbacks=True)
        self.provider, self._receive, self._calls_it = provider, receive, calls_it

    async def send(self, message: Message) -> Receipt:
        await super().send(message)
        return Receipt(self._calls_it)

    def receive(self, callback: Callback) -> Report | None:
        return self._receive(callback)
