"""The API behind a real port, in a thread with a loop of its own, for whoever asks it from outside."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from jinja2 import FileSystemLoader

from alertd.cli.main import main
from alertd.texts.compose import Composer
from tests.fakes import FakeChannel
from tests.served import Served, open_deps

T = TypeVar("T")


class Daemon:
    """A running API; `run` does something on its loop, where its deps live."""

    def __init__(self, url: str) -> None:
        self.database, self.url, self.key = url, "", ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> "Daemon":
        self._thread.start()
        assert self._ready.wait(20), "the API did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it on the daemon's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def channel(self, name: str) -> FakeChannel:
        """A phone company."""
        return self.served.channel(name)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.served = Served(*open_deps(self.database))
        await self.served.sign_in()
        assert self.served.made is not None
        self.key = self.served.made.secret
        config = uvicorn.Config(self.served.app, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self._ready.set()  # who connects from now on waits in the listener's queue
            await self._server.serve(sockets=[listener])
        await self.served.close()


class Shell:
    """Runs command lines in this process and keeps what they say."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """The exit code of `alertd ...`."""
        self._capsys.readouterr()
        try:
            main(arguments)
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *arguments: str) -> Any:
        """What `alertd ... -o json` prints; it must do what it is asked."""
        assert self(*arguments, "-o", "json") == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def alertd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """A shell with an empty home and nothing of alertd in its environment."""
    for name in list(os.environ):
        if name.startswith("ALERTD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALERTD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Composer, "check", _checked_once)
    return Shell(capsys)


_check = Composer.check
_checked: dict[object, list[str]] = {}


def _checked_once(composer: Composer, *, thorough: bool = True) -> list[str]:
    """The real check of the texts, once for the same files and names: it takes seconds, and many commands do it."""
    loader = composer._layouts.loader
    assert isinstance(loader, FileSystemLoader)
    files = [path for folder in loader.searchpath for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    key = (
        tuple((path.name, path.parent.name, path.read_bytes()) for path in files),
        repr(composer._names),
        thorough,
    )
    if key not in _checked:
        _checked[key] = _check(composer, thorough=thorough)
    return _checked[key]


@pytest.fixture
def listening(
    alertd: Shell, fresh_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Daemon]:
    """A daemon, named in the environment together with a key that has every right."""
    assert alertd.out == ""  # its environment comes first
    with Daemon(fresh_database("sqlite")) as made:
        monkeypatch.setenv("ALERTD_DATABASE_URL", made.database)
        monkeypatch.setenv("ALERTD_URL", made.url)
        monkeypatch.setenv("ALERTD_API_KEY", made.key)
        yield made
