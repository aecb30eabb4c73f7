"""Serves the API in this process until it is told to stop."""

import uvicorn

from alertd import logs
from alertd.api.app import create_app
from alertd.settings import Settings
from alertd.wiring import close_deps, declared_services, open_deps

_GRACE = 8  # seconds for requests under way when it is told to stop


async def serve(settings: Settings) -> None:
    """Open the deps, serve, close them. SIGTERM and ctrl-c end it well."""
    logs.configure(settings.log.level, settings.log.json_)
    deps = await open_deps(settings, log=logs.get_logger("api"))
    try:
        app = create_app(deps, declared_services(settings))
        config = uvicorn.Config(
            app,
            host=settings.api.host,
            port=settings.api.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE,
            server_header=False,
        )
        await uvicorn.Server(config).serve()
    finally:
        await close_deps(deps)
