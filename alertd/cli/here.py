"""Work that a command does by itself, on the machine that reaches the database."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from alertd.cli.failed import Failed

if TYPE_CHECKING:
    from alertd.ports.deps import Deps

T = TypeVar("T")


def with_deps(work: "Callable[[Deps], Awaitable[T]]") -> T:
    """What it returns, with all that a part of alertd has. Raises Failed where the database does not answer."""
    from sqlalchemy.exc import SQLAlchemyError

    from alertd import logs
    from alertd.settings import load
    from alertd.wiring import close_deps, open_deps

    # No command of these needs the broker, and its thread would only be in the way.
    settings = load(os.environ).model_copy(update={"broker_url": None})

    async def run() -> T:
        logs.configure(settings.log.level, settings.log.json_)
        deps = await open_deps(settings)
        try:
            return await work(deps)
        finally:
            await close_deps(deps)

    try:
        return asyncio.run(run())
    except SQLAlchemyError as error:
        raise Failed(
            f"the database does not answer, or has no tables yet ({type(error).__name__})",
            "alertd db upgrade makes them; alertd doctor says more",
        ) from None
