"""The sweeper: looks every half second for work that waits, and needs no broker for it."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any

from alertd import logs
from alertd.doorbell import CeleryDoorbell
from alertd.event_loop import new_loop
from alertd.ports.deps import Deps
from alertd.settings import Settings
from alertd.usecases.beat import SWEEPER, beat
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.link_keys import FreshKey
from alertd.usecases.outgrown import Outgrown
from alertd.usecases.page_responders import tend_responders
from alertd.usecases.providers import watch_providers
from alertd.usecases.senders import Senders
from alertd.usecases.sweep import sweep
from alertd.usecases.tell_ignored import tell_ignored
from alertd.usecases.tell_inbox import tell_inbox
from alertd.usecases.try_channel import forget_trials
from alertd.wiring import close_deps, open_dead_man, open_deps, sample_clock
from workers.auditor import Auditor

_OWN_SECONDS = 10.0  # how long the sweeper works on a lane that nobody else drains, before it asks again
_FAILED_PAUSE = 2.0  # seconds before looking again when the database does not answer
_RESPONDERS = "responders"
_BESIDE: Mapping[str, Callable[[Deps], Coroutine[Any, Any, int]]] = {
    "ignored": tell_ignored,
    "inbox": tell_inbox,
    "trials": forget_trials,
}
"""What is done every few seconds beside all else: none of it is in a hurry."""


async def run(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Sweep until stopped by SIGTERM, SIGINT or `stop`; what is in flight is finished first."""
    log = logs.get_logger("sweeper")
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    deps = await open_deps(settings, log=log)
    sender = Sender(deps)
    await sender.warm()
    outgrown, senders, fresh_key = Outgrown(deps), Senders(deps), FreshKey(deps)

    def stopping() -> bool:
        return stop.is_set() or outgrown.so

    auditor = Auditor(deps, open_dead_man(settings), settings.dead_man.every_seconds, outgrown)
    auditor.start()
    log.info("sweeper_ready")
    beat_at: datetime | None = None
    own: dict[str, asyncio.Task[int]] = {}  # lane, or one of the names above -> our own work on it
    try:
        while not stop.is_set():
            pause = deps.timing.sweep
            try:
                await sample_clock(deps)
                await _see_to(own)
                if not await outgrown.look():
                    await fresh_key.look()
                    beat_at = await _look(deps, sender, own, stopping, beat_at, senders)
            except Exception as error:
                log.warning("sweep_failed", error=type(error).__name__, exc_info=True)
                pause = _FAILED_PAUSE
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue
        while own:
            await asyncio.wait(own.values())
            try:
                await _see_to(own)
            except Exception as error:
                log.warning("sweep_failed", error=type(error).__name__, exc_info=True)
    finally:
        await auditor.close()
        await close_deps(deps)
        log.info("sweeper_stopped")


async def _look(
    deps: Deps,
    sender: Sender,
    own: dict[str, asyncio.Task[int]],
    stopping: Callable[[], bool],
    beat_at: datetime | None,
    senders: Senders,
) -> datetime | None:
    """Sweep once, and begin what nobody else does; returns when the newest beat was written."""
    swept = await sweep(deps, broker=_broker(deps), own=own)
    for lane in swept.alone:
        own[lane] = asyncio.create_task(drain(deps, sender, lane, seconds=_OWN_SECONDS, stop=stopping))
    if swept.responders and _RESPONDERS not in own:
        own[_RESPONDERS] = asyncio.create_task(tend_responders(deps, stopping))
    last, beat_at = beat_at, await beat(deps, SWEEPER, beat_at, sender.take_waited, senders)
    if beat_at != last:
        await watch_providers(deps)
        for name, work_beside in _BESIDE.items():
            if name not in own:
                own[name] = asyncio.create_task(work_beside(deps))
    return beat_at


async def _see_to(own: dict[str, asyncio.Task[int]]) -> None:
    """Forget what is done; raises what it raised."""
    for lane in [lane for lane, work in own.items() if work.done()]:
        await own.pop(lane)


def _broker(deps: Deps) -> bool:
    return isinstance(deps.doorbell, CeleryDoorbell) and deps.doorbell.answering


def main(settings: Settings) -> None:
    """Run the sweeper in this process."""
    logs.configure(settings.log.level, settings.log.json_)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run(settings))
