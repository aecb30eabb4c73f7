"""Pages through Apprise, against a service on loopback: what comes of each answer, and what no URL may do."""

import asyncio
import json
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from alertd.ports import ChannelError, Later, Message, Misconfigured, Receipt, Refused, Unknown
from channels.apprise_page import AppriseConfig, ApprisePage, problem
from channels.registry import PAGERS
from tests.contract.samples.http_provider import HttpProvider, Reply, Request, Script, Trouble, http_provider
from tests.contract.samples.situations import NOW, message_to
from tests.servers import wait_until

SECRET = "t0psecret"


def pager(**changes: Any) -> ApprisePage:
    made = PAGERS["apprise"].build(replace(AppriseConfig(), **changes), lambda: NOW)
    assert isinstance(made, ApprisePage)
    return made


def page(to: str, **changes: Any) -> Message:
    return message_to(
        to, html=None, title="PAGE: incident 3", text="No update since 02:10 UTC. ¿Quién está?", **changes
    )


async def send(url: str, **changes: Any) -> Receipt | ChannelError:
    one = pager(**changes)
    try:
        return await one.send(page(url))
    except ChannelError as error:
        return error
    finally:
        await one.close()


def hook(provider: HttpProvider, path: str = f"/{SECRET}") -> str:
    return f"json://{provider.url.removeprefix('http://')}{path}"


def answers(status: int, **headers: str) -> Script:
    def script(_: Request) -> Reply:
        return Reply(status, b"{}", {name.replace("_", "-"): value for name, value in headers.items()})

    return script


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What reaches the log; `caplog` hears loggers that pass nothing on, too."""
    lines: list[str] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", lambda record: lines.append(record.getMessage()))
    root, below = logging.getLogger(), logging.getLogger("urllib3")
    level, quiet = root.level, below.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    below.setLevel(logging.WARNING)  # as alertd.logs has it
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)
    below.setLevel(quiet)


async def test_a_web_hook_gets_title_and_text() -> None:
    async with http_provider(answers(200)) as provider:
        got = await send(hook(provider))
        assert isinstance(got, Receipt)
        [request] = provider.requests
    body = json.loads(request.body)
    assert (request.method, request.path) == ("POST", f"/{SECRET}")
    assert body["title"] == "PAGE: incident 3"
    assert body["message"] == "No update since 02:10 UTC. ¿Quién está?"
    assert body["attachments"] == []


async def test_ntfy_gets_its_topic() -> None:
    async with http_provider(answers(200)) as provider:
        got = await send(f"ntfy://{provider.url.removeprefix('http://')}/on-call")
        assert isinstance(got, Receipt)
        assert json.loads(provider.requests[0].body)["topic"] == "on-call"


@pytest.mark.parametrize(
    ("status", "reaction"),
    [
        (429, Later),
        (503, Later),
        (400, Refused),
        (404, Refused),
        (410, Refused),
        (401, Misconfigured),
        (403, Misconfigured),
        (500, Unknown),
        (502, Unknown),
    ],
)
async def test_what_comes_of_each_answer(status: int, reaction: type[ChannelError], log_lines: list[str]) -> None:
    async with http_provider(answers(status)) as provider:
        got = await send(hook(provider))
        assert len(provider.requests) == 1  # Apprise tries nothing again by itself
    assert isinstance(got, ChannelError)
    assert type(got) is reaction
    assert got.code == str(status)
    told = "".join([str(got), repr(got), *traceback.format_exception(got), *log_lines])
    assert SECRET not in told
    assert "incident 3" not in told


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_nowhere_else_is_gone_to(status: int) -> None:
    async with http_provider(answers(200)) as elsewhere, http_provider(answers(200)) as provider:
        provider.script = answers(status, Location=f"{elsewhere.url}/stolen")
        got = await send(hook(provider))
        assert isinstance(got, Misconfigured)
        assert elsewhere.requests == []


@pytest.mark.parametrize("trouble", [Trouble.HANG, Trouble.SLOW])
async def test_who_hangs_holds_nobody_up(trouble: Trouble) -> None:
    async with http_provider(lambda _: trouble) as provider:
        started, ticks = time.monotonic(), 0
        sending = asyncio.create_task(send(hook(provider), deadline=0.6))
        while not sending.done():
            await asyncio.sleep(0.01)
            ticks += 1
        got = await sending
    # A status line is an answer: then the page was taken, whatever else the service goes on saying.
    assert isinstance(got, Unknown | Receipt)
    assert time.monotonic() - started < 2
    assert ticks > 3  # the loop went on meanwhile


@pytest.mark.parametrize("trouble", [Trouble.DROP_UNREAD, Trouble.DROP, Trouble.NOT_HTTP])
async def test_who_hangs_up_or_answers_nonsense_may_have_paged(trouble: Trouble, log_lines: list[str]) -> None:
    async with http_provider(lambda _: trouble) as provider:
        got = await send(hook(provider))
    assert isinstance(got, Unknown)
    told = "".join([str(got), repr(got), *traceback.format_exception(got), *log_lines])
    assert SECRET not in told


async def test_so_many_that_hang_leave_the_rest_undone_and_say_so() -> None:
    async with http_provider(lambda _: Trouble.HANG) as provider:
        one = pager(connections=1, deadline=0.5)
        try:
            got = await asyncio.gather(*(one.send(page(hook(provider))) for _ in range(3)), return_exceptions=True)
        finally:
            await one.close()
    assert all(isinstance(each, ChannelError) for each in got)
    assert any(isinstance(each, Later) and each.code == "busy" for each in got)


async def test_a_page_under_way_may_have_arrived_and_one_that_waited_its_turn_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the library does not keep the time that it was given."""
    go_on = threading.Event()
    monkeypatch.setattr("apprise.Apprise.notify", lambda *_, **__: go_on.wait(10))
    one = pager(connections=1, deadline=0.2)
    try:
        calls = (one.send(page("json://hooks.example.org/on-call")) for _ in range(2))
        slow, queued = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        go_on.set()
        await one.close()
    assert isinstance(slow, Unknown)
    assert slow.code == "timeout"
    assert isinstance(queued, Later)
    assert queued.code == "busy"


@pytest.mark.parametrize(
    ("at", "reaction"),
    [("apprise.Apprise.instantiate", Misconfigured), ("apprise.Apprise.notify", Unknown)],
    ids=["before it sends", "while it sends"],
)
async def test_a_library_that_crashes_quotes_no_url(
    at: str, reaction: type[ChannelError], monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    """Whoever catches it would log the traceback, and in that stands what the library says."""

    def crash(*_: Any, **__: Any) -> None:
        raise TypeError(f"cannot page slack://{SECRET}")

    monkeypatch.setattr(at, crash)
    url = f"json://hooks.example.org/{SECRET}"
    got = await send(url)
    assert isinstance(got, ChannelError)
    assert (type(got), got.code) == (reaction, "crashed: TypeError")
    told = "".join([str(got), repr(got), *traceback.format_exception(got), *log_lines, problem(url) or ""])
    assert SECRET not in told


async def test_nobody_listens() -> None:
    async with http_provider(answers(200)) as gone:
        url = hook(gone)
    got = await send(url)
    assert isinstance(got, Unknown)
    assert SECRET not in repr(got)


BAD = [
    ("exec:///bin/sh", "scheme"),
    ("file:///etc/passwd", "scheme"),
    ("sinch://a:b@+14155550100/+14155550123", "scheme"),
    ("syslog://", "scheme"),
    ("not a url", "neither a phone number"),
    (f"json://hooks.example.org/{SECRET}?redirect=yes", "redirect"),
    (f"json://hooks.example.org/{SECRET}?Retry=5", "retry"),
    (f"slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#a?template=/etc/passwd&x={SECRET}", "template"),
    (f"mailto://ann:{SECRET}@mail.example.org?to=a@example.org&smtp=10.0.0.1", "smtp"),
    (f"mailto://ann:{SECRET}@mail.example.org?to=a@example.org&cc=b@example.org", "cc"),
    (f"mailto://ann:{SECRET}@mail.example.org?to=a@example.org,b@example.org", "several recipients"),
    (f"ntfys://{SECRET}@ntfy.example.org/one/two", "several recipients"),
    (f"json://169.254.169.254/{SECRET}", "link-local"),
    (f"json://{SECRET}:pw@[fe80::1]/", "link-local"),
    (f"pagerduty://{SECRET}", "something is missing"),
    ("json://hooks.example.org/a b", "space"),
    ("json://hooks.example.org/a?%72edirect=yes", "redirect"),
    ("json://[hooks.example.org/a", "is not a URL"),
]


@pytest.mark.parametrize(("url", "why"), BAD, ids=[f"{url.partition(':')[0]}-{why}" for url, why in BAD])
async def test_a_url_that_leads_elsewhere_is_refused_before_anything_is_sent(url: str, why: str) -> None:
    got = await send(url)
    assert isinstance(got, Misconfigured)
    assert got.code == "bad_url"
    assert why in got.detail
    assert SECRET not in str(got)
    assert problem(url) == got.detail


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://ann:pw@mail.example.org:587/?from=alertd@example.org&to=ann@example.org",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#on-call",
        "ntfys://ntfy.example.org/on-call",
        "gotifys://gotify.example.org/Aq2a3b4c5d6e7f8",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "pagerduty://" + "A" * 32 + "@" + "b" * 20,
        "json://hooks.example.org/on-call",
    ],
)
def test_what_the_guide_shows_can_be_used(url: str) -> None:
    assert problem(url) is None


def test_no_thread_is_left_behind_by_a_pager_that_is_closed() -> None:
    async def use() -> None:
        async with http_provider(answers(200)) as provider:
            await send(hook(provider))

    asyncio.run(use())
    wait_until("its threads end", lambda: not any(t.name.startswith("page_") for t in threading.enumerate()), 5)
