"""The proxy does what it says, and what comes through is what was sent."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.proxy import Proxy


class Echo(threading.Thread):
    """Says what it hears, on loopback or on a unix socket."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(daemon=True)
        self._listener = listener

    def run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                while part := client.recv(65_536):
                    client.sendall(part)
            except OSError:
                return


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Echo(listener).start()
        with Proxy(listener.getsockname()[:2]) as made:
            yield made
        listener.shutdown(socket.SHUT_RDWR)


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def said(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    heard = b""
    while len(heard) < len(text):
        part = client.recv(65_536)
        if not part:
            break
        heard += part
    return heard


def test_what_is_said_comes_through_whole_and_in_both_directions(proxy: Proxy) -> None:
    much = bytes(range(256)) * 4096
    with connected(proxy) as one, connected(proxy) as other:
        assert said(one, b"one") == b"one"
        sender = threading.Thread(target=other.sendall, args=(much,))
        sender.start()
        heard = b""
        while len(heard) < len(much):
            heard += other.recv(65_536)
        sender.join()
    assert heard == much
    assert proxy.taken == 2


def test_the_end_of_one_direction_is_passed_on_and_the_other_goes_on(proxy: Proxy) -> None:
    with connected(proxy) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while part := client.recv(100):
            heard += part
    assert heard == b"last words"


def test_a_cut_resets_what_is_open_and_takes_what_comes(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert said(client, b"hello") == b"hello"
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with connected(proxy) as client:
        assert said(client, b"again") == b"again"


def test_refusing_refuses_and_accepting_listens_on_the_same_port(proxy: Proxy) -> None:
    port = proxy.port
    with connected(proxy) as client:
        assert said(client, b"hello") == b"hello"
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.accept()
    assert proxy.port == port
    with connected(proxy) as client:
        assert said(client, b"again") == b"again"


def test_what_is_held_up_comes_when_it_is_released(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert said(client, b"hello") == b"hello"
        proxy.hold()
        client.sendall(b"wait")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(4)
        client.settimeout(10)
        proxy.release()
        assert client.recv(4) == b"wait"


def test_a_delay_is_that_of_each_direction(proxy: Proxy) -> None:
    proxy.delay(0.1)
    with connected(proxy) as client:
        began = time.monotonic()
        assert said(client, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.2


def test_what_drips_comes_a_few_bytes_at_a_time(proxy: Proxy) -> None:
    proxy.drip(2, 0.05)
    with connected(proxy) as client:
        began = time.monotonic()
        assert said(client, b"123456") == b"123456"
        assert time.monotonic() - began >= 0.1


def test_it_leads_to_a_unix_socket_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "echo"))
        listener.listen()
        Echo(listener).start()
        with Proxy(tmp_path / "echo") as proxy, connected(proxy) as client:
            assert said(client, b"hello") == b"hello"
        listener.shutdown(socket.SHUT_RDWR)


def test_where_nobody_is_behind_it_a_connection_is_reset(tmp_path: Path) -> None:
    with Proxy(tmp_path / "nobody") as proxy, pytest.raises(ConnectionResetError), connected(proxy) as client:
        client.recv(1)  # or earlier: while it still connects
