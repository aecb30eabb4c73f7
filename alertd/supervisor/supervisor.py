"""All parts together: started in order, kept alive, stopped in reverse order on ctrl-c."""

import asyncio
import contextlib
import graphlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from alertd.supervisor.keeper import Keeper, all_set, first_of
from alertd.supervisor.lock import UpLock
from alertd.supervisor.part import Log, Part, PartEvent, PartStatus, Restarts, What

_LOUD = {
    What.DIED: "warning",
    What.SLOW: "warning",
    What.KILLED: "warning",
    What.LONG_LOG: "warning",
    What.FAILING: "error",
}


class Supervisor:
    """Runs parts as child processes of this one.

    Their output goes to `data_dir/logs/<part>.log`, or with `pass_through` to where ours goes. `on_event` hears
    what `log` is told. `lock` is one that the caller already holds.
    """

    def __init__(
        self,
        parts: Iterable[Part] = (),
        *,
        data_dir: Path,
        log: Log,
        on_event: Callable[[PartEvent], None] | None = None,
        pass_through: bool = False,
        restarts: Restarts | None = None,
        lock: UpLock | None = None,
    ) -> None:
        self._data_dir, self._log, self._on_event = data_dir, log, on_event
        self._pass_through = pass_through
        self._restarts = restarts or Restarts()
        self._lock = lock or UpLock(data_dir)
        self._keepers: dict[str, Keeper] = {}
        self._stopping, self._hurry, self._ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._begun = False
        for part in parts:
            self.add(part)

    def add(self, part: Part) -> None:
        """Add a part; only before `run`. Raises ValueError for a name that is taken."""
        if self._begun:
            raise RuntimeError("parts are added before run()")
        if part.name in self._keepers:
            raise ValueError(f"there are two parts named {part.name}")
        self._keepers[part.name] = Keeper(
            part,
            log_file=None if self._pass_through else self._data_dir / "logs" / f"{part.name}.log",
            restarts=self._restarts,
            tell=self._tell,
            stopping=self._stopping,
            hurry=self._hurry,
        )

    async def run(self, until: asyncio.Event | None = None) -> int:
        """Run all parts until ctrl-c, SIGTERM, `stop()` or `until`; return the exit code 0.

        A second ctrl-c kills what has not stopped yet. Raises AlreadyRunning, ValueError for parts that need
        unknown parts or each other, and RuntimeError outside the main thread (see `Process.start`).
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the supervisor runs in the main thread")
        if self._begun:
            raise RuntimeError("a supervisor runs once")
        self._begun = True
        try:
            self._link()
            with self._lock, self._signals():
                async with asyncio.TaskGroup() as group:
                    for keeper in self._keepers.values():
                        group.create_task(keeper.keep())
                    await first_of(self._stopping.wait(), *([until.wait()] if until is not None else []))
                    self._stopping.set()
        finally:
            self._stopping.set()
            self._ended.set()
        return 0

    async def stop(self) -> None:
        """Stop all parts, in reverse order, and return when they have ended."""
        self._stopping.set()
        if self._begun:
            await self._ended.wait()

    async def ready(self) -> bool:
        """Return True once every part has been ready, False if the end came first."""
        all_ready = all_set(keeper.was_ready for keeper in self._keepers.values())
        await first_of(all_ready, self._stopping.wait())
        return not self._stopping.is_set()

    def status(self) -> tuple[PartStatus, ...]:
        """How each part is now."""
        return tuple(keeper.status() for keeper in self._keepers.values())

    def _link(self) -> None:
        for keeper in self._keepers.values():
            for name in keeper.part.needs:
                if name not in self._keepers:
                    raise ValueError(f"part {keeper.part.name} needs {name}, which is no part")
                keeper.needs.append(self._keepers[name])
                self._keepers[name].needed_by.append(keeper)
        try:
            graphlib.TopologicalSorter({k.part.name: k.part.needs for k in self._keepers.values()}).prepare()
        except graphlib.CycleError as error:
            raise ValueError(f"parts need each other: {' -> '.join(error.args[1])}") from error

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._asked_to_stop, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _asked_to_stop(self, number: signal.Signals) -> None:
        if self._stopping.is_set():
            self._log.warning("stopping at once", signal=number.name)
            self._hurry.set()
            return
        self._log.info("stopping", signal=number.name)
        self._stopping.set()

    def _tell(self, event: PartEvent) -> None:
        fields = {
            "part": event.part,
            "pid": event.pid,
            "ended": event.ended if event.what in {What.DIED, What.FAILING, What.STOPPED} else None,
            "why": event.why,
            "deaths": event.deaths,
            "restart_in_seconds": event.restart_in_seconds,
            "last_lines": list(event.last_lines),
        }
        tell = getattr(self._log, _LOUD.get(event.what, "info"))
        tell(f"part {event.what}", **{name: value for name, value in fields.items() if value})
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception as error:  # noqa: BLE001 - who listens must not bring the parts down
                self._log.error("on_event failed", part=event.part, error=repr(error))
