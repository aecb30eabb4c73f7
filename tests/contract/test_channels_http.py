"""The shared HTTP client: what it sends, and when it knows that nothing was sent."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alertd.ports import Later, Unknown
from channels.http import HttpClient, header_lines
from channels.http_answer import ANSWER_LIMIT, LONGEST_WAIT, Answer, retry_after
from channels.tls import tls_context
from tests.contract.samples.authority import authority
from tests.contract.samples.http_provider import DROPS_UNREAD, HttpProvider, Reply, Request, Trouble, http_provider
from tests.contract.samples.situations import NOW

pytestmark = pytest.mark.both_loops


def ok(_: Request) -> Reply:
    return Reply(200, b"{}")


async def post(provider: HttpProvider, *, deadline: float = 5.0, connections: int = 5) -> Answer:
    client = HttpClient(provider.url, {}, connections=connections, deadline=deadline)
    try:
        return await client.post("/a", b"body")
    finally:
        await client.close()


async def test_connections_stay_open() -> None:
    async with http_provider(ok) as provider:
        client = HttpClient(provider.url, {"Authorization": "Basic x"}, connections=5)
        for _ in range(3):
            answer = await client.post("/a?b=1", b"body", header_lines({"X-More": "1"}))
            assert (answer.status, answer.body, answer.ok) == (200, b"{}", True)
        await client.close()
    assert provider.connections == 1
    request = provider.requests[0]
    assert (request.method, request.path, request.body) == ("POST", "/a?b=1", b"body")
    assert request.headers["authorization"] == "Basic x"
    assert request.headers["x-more"] == "1"
    assert "accept-encoding" not in request.headers


async def test_no_more_connections_than_allowed() -> None:
    async with http_provider(ok) as provider:
        client = HttpClient(provider.url, {}, connections=2)
        answers = await asyncio.gather(*(client.post("/", b"") for _ in range(40)))
        await client.close()
    assert [answer.status for answer in answers] == [200] * 40
    assert provider.connections == 2


async def test_who_never_gets_a_connection_has_sent_nothing() -> None:
    async with http_provider(lambda _: Trouble.HANG) as provider:
        client = HttpClient(provider.url, {}, connections=1, deadline=0.5)
        hanging, waiting = await asyncio.gather(
            client.post("/", b"1"), client.post("/", b"2"), return_exceptions=True
        )
        await client.close()
    assert isinstance(hanging, Unknown)
    assert isinstance(waiting, Later)
    assert waiting.code == "connect_timeout"
    assert [request.body for request in provider.requests] == [b"1"]


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Trouble.HANG, "timeout"),
        (Trouble.SLOW, "timeout"),
        (Trouble.DROP, "connection_lost"),
        (Trouble.HALF, "connection_lost"),
        (Trouble.NOT_HTTP, "not_http"),
    ],
)
async def test_whoever_was_sent_to_may_have_it(trouble: Trouble, code: str) -> None:
    async with http_provider(lambda _: trouble) as provider:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unknown) as caught:
            await post(provider, deadline=0.5)
        assert asyncio.get_running_loop().time() - began < 2.0
    assert caught.value.code == code
    assert len(provider.requests) == 1


async def test_a_connection_that_ends_unread_is_not_tried_again() -> None:
    async with http_provider(DROPS_UNREAD) as provider:
        with pytest.raises(Unknown):
            await post(provider)
    assert provider.connections == 1


async def test_a_shorter_deadline_for_one_request() -> None:
    async with http_provider(lambda _: Trouble.HANG) as provider:
        client = HttpClient(provider.url, {}, connections=1, deadline=30.0)
        async with asyncio.timeout(5):
            with pytest.raises(Unknown):
                await client.post("/", b"", within=0.3)
        await client.close()


async def test_redirects_are_not_followed() -> None:
    async with http_provider(ok) as elsewhere:
        location = {"Location": f"{elsewhere.url}/b"}
        async with http_provider(lambda _: Reply(307, b"", location)) as provider:
            assert (await post(provider)).status == 307
    assert elsewhere.requests == []


async def test_a_proxy_in_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with http_provider(ok) as proxy, http_provider(ok) as provider:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert (await post(provider)).ok
    assert proxy.connections == 0


@pytest.mark.parametrize("length", [ANSWER_LIMIT - 1, ANSWER_LIMIT, ANSWER_LIMIT + 1, 20 * ANSWER_LIMIT])
async def test_of_a_long_answer_only_the_beginning_is_read(length: int) -> None:
    async with http_provider(lambda _: Reply(200, b"x" * length)) as provider:
        answer = await post(provider)
    assert answer.body == b"x" * min(length, ANSWER_LIMIT)


async def test_who_gives_up_ends_the_connection_and_frees_its_place() -> None:
    arrived = asyncio.Event()

    def hang(_: Request) -> Trouble:
        arrived.set()
        return Trouble.HANG

    async with http_provider(hang) as provider:
        client = HttpClient(provider.url, {}, connections=1, deadline=30.0)
        sending = asyncio.create_task(client.post("/", b""))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        provider.script = ok
        async with asyncio.timeout(5):
            assert (await client.post("/", b"")).ok  # not what comes late for the one before
        await client.close()
    assert provider.connections == 2


async def test_an_authority_that_nobody_trusts_gets_nothing(tmp_path: Path) -> None:
    _, tls = authority(tmp_path)
    async with http_provider(ok, tls) as provider:
        with pytest.raises(Later) as caught:
            await post(provider)
    assert caught.value.code == "tls"
    assert provider.requests == []


@pytest.fixture
def fresh_trust() -> Iterator[None]:
    """Whom this process trusts is read once; for others, it has to be read again."""
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


@pytest.mark.usefixtures("fresh_trust")
async def test_a_company_may_have_its_own_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust, tls = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trust))
    async with http_provider(ok, tls) as provider:
        assert (await post(provider)).ok
        client = HttpClient(f"https://127.0.0.1:{provider.port}", {}, connections=1)
        with pytest.raises(Later):  # the certificate is for localhost
            await client.post("/", b"")
        await client.close()


async def test_tls_to_who_speaks_none_has_sent_nothing() -> None:
    async with http_provider(ok) as provider:
        client = HttpClient(f"https://127.0.0.1:{provider.port}", {}, connections=1, deadline=0.5)
        with pytest.raises(Later):
            await client.post("/", b"")
        await client.close()
    assert provider.requests == []


@pytest.mark.parametrize(
    ("value", "date", "wanted"),
    [
        ("7", "", timedelta(seconds=7)),
        ("0", "", timedelta(0)),
        (" 120 ", "", timedelta(minutes=2)),
        ("Wed, 04 Nov 2026 20:01:00 GMT", "", timedelta(minutes=1)),  # by our clock, 20:00:00
        ("Wed, 04 Nov 2026 20:01:00 GMT", "Wed, 04 Nov 2026 20:00:50 GMT", timedelta(seconds=10)),
        ("Wed, 04 Nov 2026 19:00:00 GMT", "", timedelta(0)),
        ("Wed, 04 Nov 2026 20:01:00", "", timedelta(minutes=1)),
        ("86400", "", LONGEST_WAIT),
        ("9" * 400, "", LONGEST_WAIT),
        ("Wed, 04 Nov 2099 20:00:00 GMT", "", LONGEST_WAIT),
        ("", "", None),
        ("-5", "", None),
        ("1.5", "", None),
        ("soon", "", None),
        ("٣", "", None),
        ("Wed, 99 Nov 2026 20:01:00 GMT", "", None),
        ("Mon, 99999999999999999999 Jan 2020 00:00:00 GMT", "", None),
        ("Wed, 04 Nov 2026 20:01:00 GMT", "yesterday", timedelta(minutes=1)),
    ],
)
def test_retry_after(value: str, date: str, wanted: timedelta | None) -> None:
    headers = [(b"Retry-After", value.encode())] + ([(b"date", date.encode())] if date else [])
    assert retry_after(Answer(429, b"", headers), lambda: NOW) == wanted


def test_no_header_is_no_wait() -> None:
    assert retry_after(Answer(429, b"", []), lambda: NOW) is None


async def test_closing_twice_and_before_use_is_fine() -> None:
    client = HttpClient("http://127.0.0.1:1", {}, connections=1)
    await client.close()
    await client.close()
