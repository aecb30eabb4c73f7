"""Questions to ourselves go straight to us: no proxy of the environment is asked, and no redirect followed."""

import os
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import create_server
from threading import Thread

import pytest

from alertd.ask import ask

NOBODY = "http://127.0.0.1:9"


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        moved = self.path == "/moved"
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", "/readyz")
        self.end_headers()
        self.wfile.write(b'{"beats": {}}')

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def ready() -> Iterator[int]:
    """The port of an API that is ready."""
    with HTTPServer(("127.0.0.1", 0), _Ready) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(autouse=True)
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on machines that reach the world through one; here nobody listens there."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, NOBODY)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


def test_a_proxy_of_the_environment_is_not_asked_about_ourselves(ready: int) -> None:
    assert ask(f"http://127.0.0.1:{ready}/readyz", 5) == b'{"beats": {}}'


def test_a_redirect_is_not_followed(ready: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as answered:
        ask(f"http://127.0.0.1:{ready}/moved", 5)
    assert answered.value.code == 302
    answered.value.close()


def test_who_speaks_something_else_is_no_answer() -> None:
    with create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"220 mail.example.org\r\n")

        Thread(target=greet, daemon=True).start()
        with pytest.raises(OSError, match="BadStatusLine"):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}/", 5)


def test_the_health_check_of_a_container_asks_itself(ready: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alertd.healthcheck", "api"],
        env=os.environ | {"ALERTD_API__PORT": str(ready)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
