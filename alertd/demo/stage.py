"""Where a demo plays: a folder of its own, settings of its own, and a story clock that waits for the curtain."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alertd import wiring
from alertd.domain.errors import AlertdError
from alertd.free_port import free_port
from alertd.sandbox.story_clock import StoryClock
from alertd.settings import Settings, load
from alertd.settings.reading import shipped_config
from alertd.store.store import SqlStore
from alertd.usecases.keys import make_key

SCENARIO = Path("scenarios", "demo")
"""Below the shipped config folder: services, policies, settings and the script."""

SCRIPT = "weekend.yaml"

_AT_THE_LATEST = timedelta(minutes=10)  # real time; a story begins by itself if nobody begins it
_NOTICED_WITHIN = timedelta(seconds=3)  # ...; every part looks twice a second whether the story may begin


class Slow(AlertdError):
    """The machine was not ready in time."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The folder of one demo and the settings that its parts run with."""

    folder: Path
    env: Mapping[str, str]
    settings: Settings

    @property
    def config(self) -> Path:
        """Its config folder, with the script."""
        return self.settings.config_dir


def set_stage(folder: Path, scenario: Path | None = None) -> Stage:
    """Make a config folder, settings and a free port for a demo in `folder`; `scenario`: not the shipped one.

    Nothing of the user's own settings is taken over: a demo must never reach real phones or a real database.
    Raises Mistakes for a scenario with mistakes.
    """
    config = folder / "config"
    shutil.copytree(scenario or shipped_config() / SCENARIO, config, dirs_exist_ok=True)
    if not (config / "templates").is_dir():
        shutil.copytree(shipped_config() / "templates", config / "templates")
    env = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")}
    env |= {
        "ALERTD_CONFIG": str(config),
        "ALERTD_DATA_DIR": str(folder / "data"),
        "ALERTD_API__PORT": str(free_port()),
    }
    return Stage(folder, env, load(env))


@dataclass(slots=True)
class Folder:
    """A demo's folder; `keep`: it stays."""

    path: Path
    keep: bool


@contextmanager
def demo_folder(wanted: Path | None) -> Iterator[Folder]:
    """`wanted`, made if it is not there, or one that is gone afterwards unless something sets `keep`."""
    if wanted is not None:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Folder(wanted or Path(tempfile.mkdtemp(prefix="alertd-demo-")), keep=wanted is not None)
    try:
        yield folder
    finally:
        if not folder.keep:
            shutil.rmtree(folder.path, ignore_errors=True)


@contextmanager
def own_environment() -> Iterator[None]:
    """Without the user's ALERTD_ variables, which the parts would inherit from this process."""
    before = {name: value for name, value in os.environ.items() if name.startswith("ALERTD_")}
    for name in before:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)


async def wind_clock(stage: Stage, begins: datetime, within: timedelta = _AT_THE_LATEST) -> None:
    """Make the database and set the cluster's story to come to `begins` after `within` of real time.

    By then everything has long been ready, and `begin` was called.
    """
    settings = stage.settings
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    wiring.upgrade_database(settings)
    async with _store(settings) as store:
        at = await store.now() + within
        async with store.transaction() as rows:
            await rows.set_story_clock(begins, at, settings.clock.rate)


async def begin(stage: Stage, begins: datetime) -> StoryClock:
    """Let the story come to `begins` in a moment, when every part has noticed. Raises Slow when it has already."""
    settings = stage.settings
    async with _store(settings) as store:
        now = await store.now()
        at = now + _NOTICED_WITHIN
        async with store.transaction() as rows:
            if not await rows.move_story(at, now):
                raise Slow("this machine took so long to get ready that the story began without it")
    return StoryClock(begins, at.timestamp(), settings.clock.rate)


async def make_alert_key(stage: Stage) -> str:
    """A key as Alertmanager has one: it may send events in its own name, and nothing else."""
    deps = await wiring.open_deps(stage.settings)
    try:
        sources = (stage.settings.alertmanager.source,)
        made = await make_key(deps, ("event:write",), "Alertmanager", sources=sources, who="demo")
    finally:
        await wiring.close_deps(deps)
    return made.secret


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[SqlStore]:
    store = SqlStore(settings.database_url.get_secret_value())
    try:
        yield store
    finally:
        await store.close()
