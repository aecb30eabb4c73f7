"""Puts the routes together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import alertd
from alertd.api import (
    acknowledgements,
    alertmanager,
    answer,
    channel_tests,
    deliveries,
    errors,
    events,
    explain,
    families,
    family_import,
    family_list,
    health,
    ignored,
    inbound,
    inbox,
    incident_policy,
    incidents,
    metrics,
    postmortem,
    preferences,
    providers,
    reach,
    report,
    responders,
    suspensions,
    timeline,
    unsubscribe,
)
from alertd.api.openapi import describe
from alertd.api.served import ReadPolicy, Served
from alertd.domain.service import Services
from alertd.ingest.alertmanager import BUILT_IN, Labels
from alertd.ports.deps import Deps

_PARTS = (
    incidents,
    postmortem,
    incident_policy,
    responders,
    timeline,
    reach,
    report,
    deliveries,
    events,
    alertmanager,
    ignored,
    families,
    explain,
    family_list,
    family_import,
    suspensions,
    acknowledgements,
    channel_tests,
    inbox,
    providers,
    inbound,
    health,
    metrics,
)

Background = Callable[[Deps], AbstractAsyncContextManager[None]]


def create_app(
    deps: Deps,
    services: Services,
    read_policy: ReadPolicy,
    *,
    labels: Labels | None = None,
    background: Background | None = None,
) -> FastAPI:
    """The API over open deps; whoever opened them closes them. `read_policy` reads what an incident is to take.

    `labels`: what those of Alertmanager's alerts mean, where that differs from what is built in.

    `background` is entered when the server starts and left when it stops.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if background is None:
            yield
        else:
            async with background(deps):
                yield

    app = FastAPI(
        title="alertd",
        version=alertd.__version__,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,  # it would lead, link and all, to whatever host the request named
    )
    app.state.served = Served(deps, services, read_policy, labels or BUILT_IN)
    routers = [part.router for part in _PARTS]
    for router in (*routers, answer.router, preferences.router, unsubscribe.router):
        app.include_router(router)
    errors.install(app)
    app.add_middleware(_Headers)
    app.add_middleware(_Slashes)
    app.openapi = partial(describe, app, [route for router in routers for route in router.routes])  # type: ignore[method-assign]
    return app


_SLASHED = {f"{path}/": path for path in ("/v1/events", "/v1/events/alertmanager", "/livez", "/readyz")}
"""What machines ask for, as their settings may name it: a redirect led them on once, and a 404 loses alerts."""


class _Slashes:
    """Serves what machines ask for with a slash at the end, too; by its own path, so that repeats are known."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _SLASHED.get(scope["path"]) if scope["type"] == "http" else None
        await self._app({**scope, "path": path} if path is not None else scope, receive, send)


class _Headers:
    """Nothing that the API says may be kept by a cache, or be taken for something else than it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                more: list[Any] = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        await self._app(scope, receive, with_headers)
