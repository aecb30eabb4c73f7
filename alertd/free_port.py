"""A port of this machine for a server that starts a moment later."""

import secrets
import socket

from alertd.domain.errors import AlertdError

_FIRST, _END = 20_000, 32_768
"""Below where Linux takes the ports of outgoing connections from (ip(7), ip_local_port_range: 32768 to 60999).

A port that the kernel picks ("port 0") is one that it may give to anybody's next connection before the server
that it was picked for has started.
"""

_TRIES = 100


class NoPort(AlertdError):
    """Every port that was tried is taken."""


def free_port() -> int:
    """A port of 127.0.0.1 where nobody listens now, and which no outgoing connection will take.

    Raises NoPort.
    """
    for _ in range(_TRIES):
        port = _FIRST + secrets.randbelow(_END - _FIRST)
        with socket.socket() as probe:
            # As servers do: a port whose last connections are in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise NoPort(f"of {_TRIES} ports between {_FIRST} and {_END - 1}, none is free on 127.0.0.1")
