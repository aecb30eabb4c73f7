"""The sandbox's web hook for responders, paged by the very adapter that pages real ones."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from alertd.ports import Misconfigured, Refused
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings
from alertd.stand_ins import StandIns
from channels.registry import PAGERS
from tests.contract.samples.situations import NOW, message_to


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox on any free port."""
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as running:
        yield running


async def test_a_page_lies_in_the_inbox_under_the_responders_name(sandbox: Sandbox, tmp_path: Path) -> None:
    stand_ins = StandIns(tmp_path, urlsplit(sandbox.url).port or 0, 0)
    to = stand_ins.env(["follow-owner"])["ALERTD_RESPONDERS__FOLLOW_OWNER"]
    pager = PAGERS["apprise"].build(PAGERS["apprise"].config(), lambda: NOW)
    await pager.send(message_to(to, title="PAGE: incident 3", text="Publish by 02:40 UTC.", html=None))
    await pager.close()
    [got] = sandbox.messages(channel="page", to="follow-owner")
    assert (got.title, got.text) == ("PAGE: incident 3", "Publish by 02:40 UTC.")
    async with (
        aiohttp.ClientSession() as visitor,
        visitor.get(f"{sandbox.url}/inbox/page/follow-owner") as page,
    ):
        assert page.status == 200
        assert "Publish by 02:40 UTC." in await page.text()


async def test_what_keeps_no_form_is_refused_and_noted(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as visitor:
        for body in (b"{}", b"no json", b'{"message": "x", "attachments": [{"filename": "passwd"}]}'):
            async with visitor.post(f"{sandbox.url}/page/owner", data=body) as answer:
                assert answer.status == 400
        async with visitor.post(f"{sandbox.url}/page/Not%20a%20name", data=b"{}") as answer:
            assert answer.status == 404
    assert sandbox.messages(channel="page") == []
    assert [refusal.outcome for refusal in sandbox.refusals()] == ["contract"] * 3


async def test_a_name_that_is_not_there_is_a_refusal_for_the_pager(sandbox: Sandbox) -> None:
    pager = PAGERS["apprise"].build(PAGERS["apprise"].config(), lambda: NOW)
    with pytest.raises((Refused, Misconfigured)):
        await pager.send(message_to(f"json://{urlsplit(sandbox.url).netloc}/nowhere", html=None))
    await pager.close()
