"""A dead man's switch as it stands outside: it takes pings, and raises an alarm when two in a row are missing."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_LATE = 5.0
"""Seconds by which a ping may be late."""


class Switch:
    """Use it as a context manager. `every`: seconds between two pings, as whoever set it up was told."""

    def __init__(self, every: float) -> None:
        self.every = every
        self.pings: list[float] = []  # by the monotonic clock
        pings = self.pings

        class Takes(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pings.append(time.monotonic())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/ping"

    @property
    def alarm(self) -> bool:
        """Whether somebody is being woken now: it was pinged once, and two pings that should have come since have not."""
        return bool(self.pings) and time.monotonic() - self.pings[-1] > 2 * self.every + _LATE

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
