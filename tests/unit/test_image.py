"""The image: nobody's root, every part with a health check that fits it, and commands that exist."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from alertd.domain.held_clock import Held
from alertd.healthcheck import check, part_of
from alertd.settings import load
from alertd.store.store import SqlStore
from tests.deployment import DOCKERFILE, INSTRUCTIONS, exec_form, last
from tests.listening import Daemon, alertd, listening
from tests.markdown import ROOT

__all__ = ["alertd", "listening"]


def test_it_runs_as_nobody_special() -> None:
    """A numeric user, which Kubernetes can check to be no root; its data folder belongs to it."""
    user, _, group = last("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert f"--uid {user}" in DOCKERFILE
    names = [name for name, _ in INSTRUCTIONS]
    assert names.index("USER") > len(names) - 1 - names[::-1].index("FROM"), "in the image itself"


def test_what_it_copies_is_there() -> None:
    """Every source of a COPY exists, and requirements come with hashes."""
    for name, rest in INSTRUCTIONS:
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
    assert "--require-hashes" in DOCKERFILE


def test_what_it_copies_is_enough_to_install_alertd(tmp_path: Path) -> None:
    """The wheel that its build stage makes of those files: every package, the config, the migrations, the command."""
    for name, rest in INSTRUCTIONS:
        if name == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, tmp_path / target)
                else:
                    place = tmp_path / (source if target == "./" else target)
                    place.parent.mkdir(exist_ok=True)
                    shutil.copy(ROOT / source, place)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")]
    subprocess.run(build, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    [wheel] = (tmp_path / "out").glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"alertd/_config/{each.relative_to(ROOT / 'config')}" for each in files_in("config")}
    code = {
        str(each.relative_to(ROOT)) for package in ("alertd", "channels", "workers") for each in files_in(package)
    }
    assert shipped | code <= inside
    assert {"alertd/_config/services.yaml", "alertd/_config/policies/default.yaml"} <= shipped
    assert any(each.endswith("entry_points.txt") for each in inside)


def files_in(folder: str) -> list[Path]:
    """What is kept in a folder."""
    return [each for each in (ROOT / folder).rglob("*") if each.is_file() and "__pycache__" not in each.parts]


def test_its_command_is_one_of_alertd() -> None:
    """Exec form, so that signals reach it."""
    words = [*exec_form(last("ENTRYPOINT")), *exec_form(last("CMD"))]
    assert words == ["alertd", "up"]
    program = shutil.which("alertd", path=str(Path(sys.executable).parent))
    assert program is not None
    shown = subprocess.run([program, "up", "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert "Run all of alertd" in shown.stdout


def health(**env: str) -> subprocess.CompletedProcess[str]:
    """Run the very command of the image."""
    words = exec_form(last("HEALTHCHECK"))
    assert words[0] == "python"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")}
    return subprocess.run(
        [sys.executable, *words[1:]], env=inherited | env, capture_output=True, text=True, check=False, timeout=60
    )


def test_its_health_check_asks_the_api_where_it_listens(listening: Daemon, tmp_path: Path) -> None:
    """0 while work gets done; 1 with the reason while it does not, or while nobody answers."""
    where = {"ALERTD_API__HOST": "0.0.0.0", "ALERTD_API__PORT": listening.url.rpartition(":")[2]}
    silent = health(**where, ALERTD_DATA_DIR=str(tmp_path))
    assert silent.returncode == 1
    assert "sweeper" in silent.stderr
    listening.run(listening.served.beat())
    assert health(**where, ALERTD_DATA_DIR=str(tmp_path)).returncode == 0
    assert health(ALERTD_API__PORT="1", ALERTD_DATA_DIR=str(tmp_path)).returncode == 1


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/opt/alertd/bin/python /opt/alertd/bin/alertd worker --lane bulk", "worker"),
        ("/sbin/docker-init -- alertd sweeper", "sweeper"),
        ("/opt/alertd/bin/python /opt/alertd/bin/alertd api", "api"),
        ("alertd", "up"),
    ],
)
def test_it_sees_which_part_runs(line: str, part: str) -> None:
    """Also behind an init process."""
    assert part_of(line.split()) == part


def test_a_part_can_be_named_and_a_misspelt_one_is_no_part() -> None:
    """compose.yaml and monitoring name it; what does not exist is never healthy."""
    module = exec_form(last("HEALTHCHECK"))[1:]
    asked = [sys.executable, *module, "swepeer"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "swepeer is no part of alertd; there are api, up," in done.stderr


def test_nothing_secret_is_sent_to_whoever_builds_it() -> None:
    """What the operator keeps beside compose.yaml stays out of the build's context, and of the repository."""
    for file in (".dockerignore", ".gitignore"):
        lines = {line.strip("/") for line in (ROOT / file).read_text().split()}
        assert {"secrets", "alertd.env"} <= lines, file


def test_a_sweeper_and_a_worker_are_no_api(fresh_database: Callable[[str], str], tmp_path: Path) -> None:
    """Nobody listens on the API's port there: a sweeper must have looked, a worker runs as long as it runs."""
    import asyncio

    url = fresh_database("sqlite")
    settings = load({"ALERTD_DATABASE_URL": url, "ALERTD_DATA_DIR": str(tmp_path), "ALERTD_API__PORT": "1"})

    async def looked(ago: timedelta, held: timedelta | None = None) -> None:
        store = SqlStore(url)
        async with store.transaction() as rows:
            await rows.beat("sweeper", await store.now() - ago)
            if held is not None:
                await rows.hold_clock(None, Held(held, await store.now()))
        await store.close()

    assert "no sweeper has looked" in check("sweeper", settings)
    asyncio.run(looked(timedelta(seconds=2)))
    assert check("sweeper", settings) == ""
    asyncio.run(looked(timedelta(seconds=40)))
    assert "no sweeper has looked" in check("sweeper", settings)
    assert check("worker", settings) == ""
    # The database's clock went back by an hour: 40 s ago by ours is in the future by its own.
    asyncio.run(looked(timedelta(seconds=40) - timedelta(hours=1), held=timedelta(hours=1)))
    assert "no sweeper has looked" in check("sweeper", settings)
