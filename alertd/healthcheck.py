"""`python -m alertd.healthcheck [PART]`: the health check of a container, whatever part of alertd runs in it.

PART left out is what runs as the first process here. The API and `alertd up` are asked for their readiness, where
the settings say that they listen. A sweeper has looked within 30 s, as the database remembers. A worker beats only
while it works, and its container ends with it: that it runs is all there is to know. Exits with 0 or 1, and one
line that says why.
"""

import asyncio
import os
import sys
import urllib.error
from collections.abc import Sequence
from pathlib import Path

from alertd.ask import ask
from alertd.domain.errors import AlertdError
from alertd.settings import Settings, load
from alertd.settings.address import address

_PARTS = ("api", "up", "demo", "sweeper", "worker", "sandbox")
_PATIENCE = 4.0  # seconds; the image allows 6
_RECENT = 30.0  # seconds since a heartbeat, as for /readyz


def part_of(words: Sequence[str]) -> str:
    """The part that a command line runs: `alertd worker --lane bulk`, also behind an init; else up."""
    return next((word for word in words if word in _PARTS), "up")


def check(part: str, settings: Settings) -> str:
    """What is wrong; nothing if all is well."""
    if part in ("api", "up", "demo"):
        return _ready(settings)
    if part == "sweeper":
        return asyncio.run(_swept(settings))
    return ""


def _ready(settings: Settings) -> str:
    url = f"{address(settings.api.host, settings.api.port)}/readyz"
    try:
        ask(url, _PATIENCE)
    except urllib.error.HTTPError as error:
        return error.read(4096).decode("utf-8", "replace")
    except OSError as error:
        return f"{url} does not answer ({type(error).__name__})"
    return ""


async def _swept(settings: Settings) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    from alertd.clock import cluster_time
    from alertd.store.store import SqlStore

    store = SqlStore(settings.database_url.get_secret_value())
    try:
        async with asyncio.timeout(_PATIENCE), store.reading() as rows:
            beat = (await rows.heartbeats()).get("sweeper")
            now = await cluster_time(store)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return f"the database does not answer ({type(error).__name__})"
    finally:
        await store.close()
    if beat is None or (now - beat).total_seconds() > _RECENT:
        return f"no sweeper has looked for {_RECENT:.0f} s"
    return ""


def main(arguments: Sequence[str]) -> None:
    """Look at the part that is named, else at what runs as the first process here."""
    if arguments and arguments[0] not in _PARTS:
        sys.exit(f"{arguments[0]} is no part of alertd; there are {', '.join(_PARTS)}")
    try:
        words = arguments or Path("/proc/1/cmdline").read_text("utf-8", "replace").split("\0")
        wrong = check(part_of(words), load(os.environ))
    except (OSError, AlertdError) as error:
        wrong = str(error)
    if wrong:
        sys.exit(wrong)


if __name__ == "__main__":
    main(sys.argv[1:])
