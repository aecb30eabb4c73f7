"""The dead man's ping: taken, refused, hanging, redirected, withheld; and told once whatever becomes of it."""

import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.domain.audit import Audit, Unaccounted
from alertd.ports import NotPinged
from alertd.ports.deps import Deps
from alertd.usecases.ping import Pinger
from channels.dead_man import HttpDeadMan
from tests import make
from tests.contract.samples.authority import authority
from tests.contract.samples.http_provider import HttpProvider, Reply, Trouble, http_provider
from tests.fakes import FakeClock, FakeLog
from tests.served import open_deps

WELL = Audit(make.NOON, make.NOON, families=3, accounted=3)
SECRET = "9f2c-secret"


async def ping(provider: HttpProvider, path: str = f"/{SECRET}?rid=1", deadline: float = 2.0) -> str:
    """What came of one ping: nothing, or the code of the error."""
    switch = HttpDeadMan(provider.url + path, deadline=deadline)
    try:
        await switch.ping()
    except NotPinged as error:
        failed: NotPinged | None = error
    else:
        failed = None
    finally:
        await switch.close()
    if failed is None:
        return ""
    assert SECRET not in "".join(traceback.format_exception(failed))
    return failed.code


async def test_it_asks_the_very_url() -> None:
    async with http_provider(lambda _: Reply(200, b"OK")) as provider:
        assert await ping(provider) == ""
        assert await ping(provider, "") == ""
        assert await ping(provider, "/x/") == ""
        assert await ping(provider, "?a=b") == ""
    assert [(r.method, r.path) for r in provider.requests] == [
        ("GET", f"/{SECRET}?rid=1"),
        ("GET", "/"),
        ("GET", "/x/"),
        ("GET", "/?a=b"),
    ]


async def test_only_a_success_is_one() -> None:
    for status in (404, 429, 500, 503):
        async with http_provider(lambda _, status=status: Reply(status, b"")) as provider:  # type: ignore[misc]
            assert await ping(provider) == f"answered {status}"
        assert len(provider.requests) == 1, "nothing is tried again"


async def test_a_redirect_is_not_followed() -> None:
    async with http_provider(lambda _: Reply(200, b"")) as elsewhere:
        moved = {"Location": f"{elsewhere.url}/stolen"}
        async with http_provider(lambda _: Reply(302, b"", moved)) as provider:
            assert await ping(provider) == "answered 302"
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(Trouble.HANG, "timeout"), (Trouble.SLOW, "timeout"), (Trouble.DROP, "connection_lost")],
)
async def test_who_does_not_answer_is_waited_for_so_long_and_no_longer(trouble: Trouble, code: str) -> None:
    async with http_provider(lambda _: trouble) as provider:
        assert await ping(provider, deadline=0.3) == code


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    _, tls = authority(tmp_path)
    async with http_provider(lambda _: Reply(200, b""), tls) as provider:
        assert await ping(provider) == "tls"
    assert provider.requests == []


# --- when -------------------------------------------------------------------------------------------


class Switch:
    """Takes pings, or says why not."""

    def __init__(self) -> None:
        self.pings = 0
        self.trouble = ""

    async def ping(self) -> None:
        if self.trouble:
            raise NotPinged(self.trouble)
        self.pings += 1

    async def close(self) -> None:
        pass


@pytest.fixture
async def deps(fresh_database: Callable[[str], str]) -> AsyncIterator[Deps]:
    made, _ = open_deps(fresh_database("sqlite"))
    async with made.store.transaction() as rows:
        await rows.keep_audit(WELL)
    yield made
    await made.store.close()


def wait(deps: Deps, seconds: float) -> None:
    assert isinstance(deps.clock, FakeClock)
    deps.clock.advance(seconds=seconds)


def told(deps: Deps) -> list[tuple[str, dict[str, str]]]:
    assert isinstance(deps.log, FakeLog)
    return deps.log.lines


async def test_each_audit_that_is_well_is_followed_by_a_ping(deps: Deps) -> None:
    """Also when one comes a little early; a longer interval is kept."""
    switch = Switch()
    pinger = Pinger(deps, switch, 30.0)
    assert await pinger.after(WELL)
    wait(deps, 29.5)
    assert await pinger.after(WELL)
    async with deps.store.reading() as rows:
        kept = await rows.last_audit()
    assert kept is not None
    assert kept.pinged_at == deps.clock.machine()
    assert told(deps) == [("ping_taken", {})]

    slower = Pinger(deps, switch, 60.0)
    assert await slower.after(WELL)
    wait(deps, 30)
    assert not await slower.after(WELL)
    wait(deps, 29)
    assert await slower.after(WELL)
    assert switch.pings == 4


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (replace(WELL, unaccounted=(Unaccounted(1, 1, ("fam-1",)),)), "families_unaccounted"),
        (replace(WELL, failed="OperationalError"), "OperationalError"),
        (replace(WELL, withheld=("no_responder_can_be_paged",)), "no_responder_can_be_paged"),
    ],
    ids=["unaccounted", "failed", "condition"],
)
async def test_an_audit_that_is_not_well_withholds_it(deps: Deps, answer: Audit, why: str) -> None:
    """Told once, until it changes."""
    switch = Switch()
    pinger = Pinger(deps, switch, 30.0)
    for _ in range(3):
        assert not await pinger.after(answer)
        wait(deps, 30)
    assert switch.pings == 0
    assert told(deps) == [("ping_withheld", {"why": why})]
    assert await pinger.after(WELL)
    assert told(deps)[1:] == [("ping_taken", {})]


async def test_a_ping_that_fails_is_told_once_counted_and_tried_after_the_next_audit(deps: Deps) -> None:
    switch = Switch()
    pinger = Pinger(deps, switch, 300.0)
    switch.trouble = "answered 500"
    for _ in range(2):
        assert not await pinger.after(WELL)
        wait(deps, 30)
    switch.trouble = "timeout"
    assert not await pinger.after(WELL)
    wait(deps, 30)
    switch.trouble = ""
    assert await pinger.after(WELL)
    assert told(deps) == [
        ("ping_failed", {"why": "answered 500"}),
        ("ping_failed", {"why": "timeout"}),
        ("ping_taken", {}),
    ]
    async with deps.store.reading() as rows:
        assert await rows.counts() == {"pings_failed": 3, "pings_taken": 1}
