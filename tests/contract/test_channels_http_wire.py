"""The HTTP client byte by byte: where an answer ends, and which connection may carry the next request."""

import asyncio
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import pytest

from alertd.ports import Later, Unknown
from channels.http import UNSEEN, HttpClient
from channels.http_answer import ANSWER_LIMIT
from channels.http_connection import Connection, unread
from channels.http_origin import Origin
from tests.contract.samples.http_provider import Raw, Reply, Request, Trouble, http_provider

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\n{}"

pytestmark = pytest.mark.both_loops


@pytest.mark.parametrize(
    ("raw", "hangs_up", "connections", "because"),
    [
        (OK + TWO, False, 1, "its length says where it ends"),
        (OK + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", False, 1, "its last chunk does"),
        (OK + b"\r\n{}", True, 2, "the end of the connection does"),
        (OK + b"Connection: close\r\n" + TWO, False, 2, "the provider wants no more on this connection"),
        (b"HTTP/1.0 200 OK\r\n" + TWO, False, 2, "HTTP/1.0 keeps no connection unasked"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + TWO, False, 1, "nobody asked whether to go on"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK + TWO, False, 1, "hints are no answer"),
        (OK + b"X-One: 1\r\nX-Empty:\r\n" + TWO, True, 2, "it hung up before the next request"),
        (OK + TWO + OK + TWO, False, 2, "the second answer is nobody's"),
    ],
)
async def test_where_an_answer_ends(raw: bytes, hangs_up: bool, connections: int, because: str) -> None:
    async with http_provider(lambda _: Raw(raw, hangs_up)) as provider:
        client = HttpClient(provider.url, {}, connections=1, deadline=5.0)
        for path in ("/1", "/2"):
            answer = await client.post(path, b"x")
            assert (answer.status, answer.body) == (200, b"{}"), because
            await asyncio.sleep(0.05)  # what comes after the answer has come
        await client.close()
    assert [request.path for request in provider.requests] == ["/1", "/2"]
    assert provider.connections == connections, because


async def test_headers_are_asked_for_in_lower_case() -> None:
    async with http_provider(lambda _: Reply(429, b"", {"Retry-AFTER": "7"})) as provider:
        client = HttpClient(provider.url, {}, connections=1)
        answer = await client.get("/")
        assert (answer.header("retry-after"), answer.header("date")) == ("7", "")
        await client.close()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (OK + b"Content-Length: 5\r\n\r\n{", "connection_lost"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "connection_lost"),
        (OK + b"Content-Length: 2\r\n", "connection_lost"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", "not_http"),
        (OK + b"Content-Length: two\r\n\r\n{}", "not_http"),
        (OK + b"X: " + b"y" * 3 * ANSWER_LIMIT, "not_http"),
    ],
)
async def test_what_is_no_whole_answer_leaves_a_doubt(raw: bytes, code: str) -> None:
    async with http_provider(lambda _: Raw(raw, hangs_up=True)) as provider:
        client = HttpClient(provider.url, {}, connections=1, deadline=5.0)
        with pytest.raises(Unknown) as caught:
            await client.post("/", b"x")
        await client.close()
    assert caught.value.code == code


async def test_what_nobody_asked_for_answers_nothing() -> None:
    """Said on an idle connection, it would be taken for the answer to the next request: for another family's."""
    sends: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sends.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 1\r\n\r\n%d" % len(sends))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    client = HttpClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", {}, connections=1)
    assert (await client.get("/")).body == b"1"
    sends[0].write(OK + b"Content-Length: 1\r\n\r\n9")
    await asyncio.sleep(0.05)
    assert (await client.get("/")).body == b"2"
    await client.close()
    server.close()


async def test_a_connection_that_was_idle_for_long_is_not_trusted() -> None:
    async with http_provider(lambda _: Reply(200)) as provider:
        client = HttpClient(provider.url, {}, connections=5, idle=0.05)
        await asyncio.gather(*(client.get("/") for _ in range(3)))
        await asyncio.sleep(0.1)
        await client.get("/")
        await client.get("/")
        await client.close()
    assert provider.connections == 4


async def test_what_a_burst_had_opened_is_given_back_once_nobody_needs_it() -> None:
    """Each holds a descriptor of ours, and one of the provider's."""
    async with http_provider(lambda _: Reply(200)) as provider:
        client = HttpClient(provider.url, {}, connections=5, idle=0.3)
        await asyncio.gather(*(client.get("/") for _ in range(5)))
        assert provider.open == 5
        async with asyncio.timeout(10):
            while provider.open > 1:
                await asyncio.sleep(0.05)  # they have to grow old, while one is in use
                await client.get("/")
        await client.close()


class HangsUp:
    """A provider in a thread of its own, which answers each connection once, and hangs up while our loop is held up."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self._told, self._gone = threading.Event(), threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def _serve(self) -> None:
        with suppress(OSError):  # the test is over
            while True:
                connection, _ = self.listening.accept()
                self.connections += 1
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                    self._told.wait(5)
                self._told.clear()
                self._gone.set()

    def hang_up(self) -> None:
        """Return when it has, without letting any loop run."""
        self._gone.clear()
        self._told.set()
        assert self._gone.wait(5)


async def test_who_hung_up_while_we_were_busy_is_not_asked_again() -> None:
    """Our loop has not seen it yet; a message that sets out into it would be in doubt, and be sent twice."""
    provider = HangsUp()
    client = HttpClient(provider.url, {}, connections=1)
    with provider.listening:
        assert (await client.post("/a", b"body")).ok
        provider.hang_up()
        time.sleep(2 * UNSEEN)  # noqa: ASYNC251  (a loop must be held up so long, and may count in whole ms)
        assert (await client.post("/a", b"body")).ok
        provider.hang_up()
        await client.close()
    assert provider.connections == 2


async def test_of_many_idle_connections_those_are_found_on_which_something_came() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    loop = asyncio.get_running_loop()
    idle = [(await loop.create_connection(Connection, sock=ours))[1] for ours, _ in pairs]
    pairs[0][1].close()  # it hung up
    pairs[1][1].sendall(b"HTTP/1.1 408 Request Timeout\r\n")
    assert unread(idle) == {idle[0], idle[1]}
    for connection in idle:
        connection.close()
    assert unread(idle) == set()
    pairs[1][1].close()
    pairs[2][1].close()


async def test_what_is_under_way_when_all_is_closed_is_in_doubt() -> None:
    arrived = asyncio.Event()

    def hang(_: Request) -> Trouble:
        arrived.set()
        return Trouble.HANG

    async with http_provider(hang) as provider:
        client = HttpClient(provider.url, {}, connections=1)
        sending = asyncio.create_task(client.post("/", b""))
        await arrived.wait()
        await client.close()
        with pytest.raises(Unknown):
            await sending


async def test_nothing_sets_out_after_all_is_closed() -> None:
    async with http_provider(lambda _: Reply(200)) as provider:
        client = HttpClient(provider.url, {}, connections=1)
        sending = [asyncio.create_task(client.post("/", b"")) for _ in range(3)]
        await asyncio.sleep(0)  # one connects, the others wait for its connection
        await client.close()
        ended = await asyncio.gather(*sending, return_exceptions=True)
        await asyncio.sleep(0.05)
    assert [type(each) for each in ended] == [Later] * 3
    assert provider.requests == []


async def test_who_answers_before_the_end_of_a_request_gets_no_other_behind_it() -> None:
    """The rest would stand between the next request and its answer."""
    heard: list[bytes] = []
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 413 Too Large\r\n" + TWO)
        await over.wait()  # and reads no more
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1024)
    client = HttpClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", {}, connections=1, deadline=3)
    assert (await client.post("/", b"x" * 20_000_000)).status == 413
    assert (await client.get("/")).status == 413
    assert len(heard) == 2
    over.set()
    await client.close()
    server.close()


async def test_nobody_listening_and_no_such_name_got_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        deaf = HttpClient(f"http://127.0.0.1:{taken.getsockname()[1]}", {}, connections=1)
        with pytest.raises(Later) as caught:
            await deaf.get("/")
    assert caught.value.code == "unreachable"
    nameless = HttpClient("http://alertd.invalid", {}, connections=1)
    with pytest.raises(Later) as caught:
        await nameless.get("/")
    assert caught.value.code == "dns"


async def test_the_next_address_is_tried_and_names_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of two addresses is closed; all connections of an outage are opened at once."""
    loop, asked = asyncio.get_running_loop(), []
    really = loop.getaddrinfo

    async def look_up(host: str, port: int, **how: Any) -> object:
        if host != "push.example.org":
            return await really(host, port, **how)
        asked.append(host)
        stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*stream, ("127.0.0.2", port)), (*stream, ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", look_up, raising=False)
    async with http_provider(lambda _: Reply(200)) as provider:
        client = HttpClient(f"http://push.example.org:{provider.port}", {}, connections=20)
        answers = await asyncio.gather(*(client.get("/") for _ in range(20)))
        await client.close()
    assert [answer.status for answer in answers] == [200] * 20
    assert asked == ["push.example.org"]
    assert provider.requests[0].headers["host"] == f"push.example.org:{provider.port}"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.org", "api.example.org"),
        ("https://api.example.org:443/path", "api.example.org"),
        ("http://api.example.org:443", "api.example.org:443"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://b\u00fccher.example", "xn--bcher-kva.example"),
    ],
)
def test_the_host_that_a_request_names(url: str, host: str) -> None:
    assert Origin.of(url).header == host


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org", "example.org", "https://", "http://example.org:99999", f"http://{'long' * 20}.org"],
)
def test_no_web_server(url: str) -> None:
    with pytest.raises(ValueError, match=r"web server|Port|label"):
        Origin.of(url)


async def test_a_path_before_the_providers_own() -> None:
    async with http_provider(lambda _: Reply(200)) as provider:
        client = HttpClient(f"{provider.url}/gateway/", {}, connections=1)
        await client.get("/v1/a?b=1")
        await client.close()
    assert provider.requests[0].path == "/gateway/v1/a?b=1"


async def test_no_value_can_begin_a_line_or_a_request_of_its_own() -> None:
    with pytest.raises(ValueError, match="one line"):
        HttpClient("http://127.0.0.1:1", {"X": "a\r\nY: b"}, connections=1)
    client = HttpClient("http://127.0.0.1:1", {}, connections=1)
    for path in ("/a b", "/a\r\nX: y", "/\u00fc"):
        with pytest.raises(ValueError, match=r"quoted|ascii"):
            await client.get(path)
