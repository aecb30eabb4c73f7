"""Serves the API in this process until it is told to stop."""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from alertd import logs
from alertd.api.app import create_app
from alertd.clock import ClusterClock
from alertd.domain.errors import AlertdError
from alertd.ports.deps import Deps
from alertd.settings import Settings
from alertd.usecases.beat import tell_lost_hints
from alertd.usecases.link_keys import FreshKey
from alertd.wiring import (
    alertmanager_labels,
    close_deps,
    declared_services,
    open_deps,
    policy_reader,
    sample_clock,
)

_GRACE = 8  # seconds for requests under way when it is told to stop
_EVERY = 15.0  # seconds between two looks at how old the clock's sample is
_WAITING = 0.5  # ... while a demo's story has not begun
_BACKLOG = 2048  # connections that wait to be taken


class CannotListen(AlertdError):
    """The API's address is taken, or is not this machine's."""


async def serve(settings: Settings) -> None:
    """Open the deps, serve, close them. SIGTERM and ctrl-c end it well.

    Raises CannotListen, and Mistakes for a config folder with mistakes.
    """
    logs.configure(settings.log.level, settings.log.json_)
    services = declared_services(settings)
    labels = alertmanager_labels(settings, services)
    with _listening(settings.api.host, settings.api.port) as listener:
        deps = await open_deps(settings, log=logs.get_logger("api"))
        app = create_app(deps, services, policy_reader(services), labels=labels, background=_open)
        config = uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE,
            server_header=False,
        )
        # uvicorn takes the signal, and raises it once more when all is closed: a stop that went well ends with 0.
        signal.signal(signal.SIGTERM, lambda *_: None)
        await uvicorn.Server(config).serve(sockets=[listener])


@contextlib.asynccontextmanager
async def _open(deps: Deps) -> AsyncIterator[None]:
    """While the server runs, its clock follows the cluster's. Closed here: uvicorn ends by raising its signal."""
    following = asyncio.create_task(_follow_clock(deps))
    try:
        yield
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await close_deps(deps)


async def _follow_clock(deps: Deps) -> None:
    fresh_key = FreshKey(deps)
    while True:
        waits = isinstance(deps.clock, ClusterClock) and deps.clock.waits
        await asyncio.sleep(_WAITING if waits else _EVERY)
        try:
            await sample_clock(deps)
            await fresh_key.look()
        except Exception as error:  # noqa: BLE001  a database that is down is told by every request; the next look mends it
            deps.log.warning("clock_not_sampled", error=type(error).__name__)
        try:
            await tell_lost_hints(deps)
        except Exception as error:  # noqa: BLE001  as above
            deps.log.warning("hints_not_counted", error=type(error).__name__)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        way_out = "stop what listens there" if error.errno == errno.EADDRINUSE else "check ALERTD_API__HOST"
        raise CannotListen(
            f"the API cannot listen on {host} port {port} ({error.strerror}): {way_out}, or set ALERTD_API__PORT"
        ) from error
    with listener:
        yield listener
