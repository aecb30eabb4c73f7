"""The guide's commands for a backup of Postgres and back, as they are printed, on a real server."""

import asyncio
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.restored import goes_on, opened
from tests.listening import Shell, alertd
from tests.markdown import ROOT
from tests.servers import Postgres

__all__ = ["alertd"]


def run(tool: str, server: Postgres, url: str, folder: Path) -> None:
    """Run the guide's command line that begins with this tool, for this database and in this folder."""
    [line] = re.findall(rf"`({tool} --[^`]+)`", (ROOT / "docs" / "guide.md").read_text("utf-8"))
    argv = [url if each == "$DATABASE_URL" else each.replace("$DATABASE_URL", url) for each in shlex.split(line)]
    argv[0] = str(server.programs / tool)
    done = subprocess.run(argv, check=False, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_outage_goes_on_in_an_empty_database_from_the_dump(
    alertd: Shell,
    fresh_database: Callable[[str], str],
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What came after the dump is gone; families are told within their window all the same, and keys open doors."""
    before, after = fresh_database("postgresql"), postgres.empty()

    async def night() -> str:
        served = await opened(before)
        run("pg_dump", postgres, before, tmp_path)  # while it runs
        await served.ask("POST", "/v1/incidents/1/resolve", {"message": {"en": "All works again."}})
        assert served.made is not None
        secret = served.made.secret
        await served.close()
        return secret

    secret = asyncio.run(night())
    run("pg_restore", postgres, after, tmp_path)
    monkeypatch.setenv("ALERTD_DATABASE_URL", after)
    assert alertd("db", "upgrade") == 0

    asyncio.run(goes_on(after, secret))
