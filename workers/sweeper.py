"""The sweeper: looks every half second for work that waits, and needs no broker for it."""

import asyncio
import signal
from datetime import datetime

from alertd import logs
from alertd.doorbell import CeleryDoorbell
from alertd.ports.deps import Deps
from alertd.settings import Settings
from alertd.usecases.beat import beat
from alertd.usecases.deliver import Sender
from alertd.usecases.sweep import sweep
from alertd.wiring import close_deps, open_deps, sample_clock

_FAILED_PAUSE = 2.0  # seconds before looking again when the database does not answer


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
    log.info("sweeper_ready")
    beat_at: datetime | None = None
    try:
        while not stop.is_set():
            pause = deps.timing.sweep
            try:
                await sample_clock(deps)
                await sweep(deps, sender, broker=_broker(deps))
                beat_at = await beat(deps, "sweeper", beat_at)
            except Exception as error:
                log.warning("sweep_failed", error=type(error).__name__, exc_info=True)
                pause = _FAILED_PAUSE
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue
    finally:
        await close_deps(deps)
        log.info("sweeper_stopped")


def _broker(deps: Deps) -> bool:
    return isinstance(deps.doorbell, CeleryDoorbell) and deps.doorbell.answering


def main(settings: Settings) -> None:
    """Run the sweeper in this process."""
    logs.configure(settings.log.level, settings.log.json_)
    try:
        import uvloop
    except ImportError:
        asyncio.run(run(settings))
    else:
        uvloop.run(run(settings))
