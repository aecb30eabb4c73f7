"""A port for a server that starts later: free, and out of the way of outgoing connections."""

import secrets
import socket
from pathlib import Path

import pytest

from alertd import free_port as room
from alertd.free_port import NoPort, free_port


def test_a_port_is_free_and_nobody_elses_connection_gets_it() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        pass  # it can be listened on
    first_of_the_kernel = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert 1024 <= port < first_of_the_kernel


def test_a_taken_port_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        taken = other.getsockname()[1]
        tries = iter([taken - room._FIRST, *range(5)])
        monkeypatch.setattr(secrets, "randbelow", lambda _: next(tries))
        assert free_port() != taken


def test_where_every_port_is_taken_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        monkeypatch.setattr(secrets, "randbelow", lambda _: other.getsockname()[1] - room._FIRST)
        with pytest.raises(NoPort, match="none is free"):
            free_port()
