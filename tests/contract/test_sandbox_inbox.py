"""The inbox shows what was received, as pages and as JSON, and lets no message do more than be read."""

import asyncio
import smtplib
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import pytest

from alertd.sandbox.faults import Fault
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings
from alertd.sandbox.story_clock import StoryClock, machine_time

pytestmark = pytest.mark.usefixtures("sandbox_key")

TO, OTHER, MIA = "+14155550123", "+13035550142", "mia@example.org"
EVIL = "<script>alert(1)</script> see https://alerts.example.org/a/1?x=1&y=2."


class Visitor:
    """A browser without a window: pages, JSON, and an SMS to put there first."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.session = sandbox, session

    async def sms(self, to: str, body: str) -> None:
        login = b64encode(f"{self.sandbox.account_sid}:{self.sandbox.auth_token}".encode()).decode()
        url = f"{self.sandbox.twilio_url}/2010-04-01/Accounts/{self.sandbox.account_sid}/Messages.json"
        form = {"To": to, "From": "+14155550100", "Body": body}
        async with self.session.post(url, data=form, headers={"Authorization": f"Basic {login}"}) as response:
            assert response.status in {201, 400}

    async def mail(self, to: str, subject: str, html: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "alerts@example.org", to, subject
        message["Date"] = "Sat, 30 Nov 2019 16:03:00 +0000"
        message.set_content("the text part")
        message.add_alternative(html, subtype="html")
        address = urlsplit(self.sandbox.smtp_url)

        def send() -> None:
            with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=10) as client:
                client.send_message(message)

        await asyncio.to_thread(send)

    async def page(self, path: str) -> str:
        async with self.session.get(f"{self.sandbox.url}{path}") as response:
            assert response.status == 200
            assert response.content_type == "text/html"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            return await response.text()

    async def json(self, path: str, status: int = 200) -> dict[str, Any]:
        async with self.session.get(f"{self.sandbox.url}{path}") as response:
            assert response.status == status
            body: dict[str, Any] = await response.json()
            return body


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with (
        Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        yield Visitor(sandbox, session)


class Tags(HTMLParser):
    """Tags of a page with their attributes; complains of one that is closed but was never opened."""

    VOID = frozenset({"meta", "input", "base", "link", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


# --- pages ----------------------------------------------------------------------------------------------


async def test_an_empty_inbox_says_so(visitor: Visitor) -> None:
    page = await visitor.page("/")
    Tags(page)
    assert "Nobody has received anything yet" in page


async def test_the_latest_hearer_comes_first_and_leads_to_their_page(visitor: Visitor) -> None:
    await visitor.sms(TO, "one")
    await visitor.sms(OTHER, "two")
    await visitor.sms(TO, "three")
    tags = Tags(await visitor.page("/"))
    devices = [a["href"] for a in tags.of("a") if (a["href"] or "").startswith("/inbox/")]
    assert devices == [f"/inbox/sms/{quote(TO, safe='')}", f"/inbox/sms/{quote(OTHER, safe='')}"]
    page = await visitor.page(devices[0] or "")
    assert page.index("one") < page.index("three")
    assert "two" not in page


async def test_the_filters(visitor: Visitor) -> None:
    await visitor.sms(TO, "one")
    await visitor.mail(MIA, "two", "<p>two</p>")
    assert OTHER not in await visitor.page("/?to=303")
    assert "Nothing here for these filters" in await visitor.page("/?to=303")
    by_number = await visitor.page("/?to=415555")
    assert TO in by_number
    assert MIA not in by_number
    by_channel = await visitor.page("/?channel=email")
    assert MIA in by_channel
    assert TO not in by_channel


async def test_many_devices_are_shown_a_page_at_a_time(visitor: Visitor) -> None:
    numbers = [f"+1{area}55501{n:02}" for area in (303, 415) for n in range(51)]
    await asyncio.gather(*(visitor.sms(number, "x") for number in numbers))
    pages = [await visitor.page("/"), await visitor.page("/?page=1"), await visitor.page("/?page=99")]
    shown = [sum(number in page for number in numbers) for page in pages]
    assert shown == [100, 2, 2]
    assert "1 to 100 of 102" in pages[0]


async def test_a_message_is_text_and_its_links_are_links(visitor: Visitor) -> None:
    await visitor.sms(TO, EVIL)
    for path in ("/", f"/inbox/sms/{quote(TO)}"):
        page = await visitor.page(path)
        assert Tags(page).of("script") == []
        assert "&lt;script&gt;" in page
    links = [a["href"] for a in Tags(await visitor.page(f"/inbox/sms/{quote(TO)}")).of("a")]
    assert "https://alerts.example.org/a/1?x=1&y=2" in links


async def test_a_mail_is_locked_in_its_frame(visitor: Visitor) -> None:
    await visitor.mail(MIA, EVIL, f'<p style="color: red">hello</p>"></iframe>{EVIL}')
    page = await visitor.page(f"/inbox/email/{MIA}")
    tags = Tags(page)
    assert tags.of("script") == []
    [frame] = tags.of("iframe")
    assert "hello" in (frame["srcdoc"] or "")
    assert "allow-scripts" not in (frame["sandbox"] or "")
    assert "allow-same-origin" not in (frame["sandbox"] or "")
    assert "the text part" in page
    assert 'http-equiv="refresh"' not in page  # who reads a mail is not interrupted


async def test_gaps_days_and_zone_are_shown_in_story_time(visitor: Visitor) -> None:
    start = datetime(2019, 11, 30, 16, 3, tzinfo=UTC)
    visitor.sandbox.tell_story(StoryClock(start, machine_time(), 1e-3))
    await visitor.sms(TO, "first")
    visitor.sandbox.tell_story(StoryClock(start.replace(hour=21, minute=18), machine_time(), 1e-3))
    await visitor.sms(TO, "second")
    page = await visitor.page(f"/inbox/sms/{quote(TO)}?tz=America/Los_Angeles")
    assert "Saturday 30 November 2019" in page
    assert "08:03:00" in page
    assert "5 h 15 min later" in page
    assert "16:03:00" in await visitor.page(f"/inbox/sms/{quote(TO)}?tz=Nowhere/AtAll")


async def test_faults_and_refusals_are_shown(visitor: Visitor) -> None:
    visitor.sandbox.set_faults(Fault(kind="bad_json", count=1), Fault(kind="5xx", channel="push"))
    await visitor.sms(TO, "x")
    await visitor.sms("nobody", "x")
    page = await visitor.page("/")
    assert "Misbehaving on purpose" in page
    assert "5xx on Push" in " ".join(page.split())
    assert "SMS contract 1" in page
    assert "bad_json" in await visitor.page(f"/inbox/sms/{quote(TO)}")


async def test_a_page_refreshes_unless_told_not_to(visitor: Visitor) -> None:
    assert 'http-equiv="refresh"' in await visitor.page("/")
    assert 'http-equiv="refresh"' not in await visitor.page("/?refresh=0")


async def test_a_channel_that_is_none_is_not_found(visitor: Visitor) -> None:
    async with visitor.session.get(f"{visitor.sandbox.url}/inbox/fax/1") as response:
        assert response.status == 404


# --- JSON -----------------------------------------------------------------------------------------------


async def test_messages_by_channel_address_and_place(visitor: Visitor) -> None:
    for number, (to, body) in enumerate([(TO, "a"), (OTHER, "b"), (TO, "c"), (TO, "d")], start=1):
        await visitor.sms(to, body)
        assert (await visitor.json("/messages"))["last_seq"] == number

    async def texts(query: str) -> list[str]:
        return [message["text"] for message in (await visitor.json(f"/messages?{query}"))["messages"]]

    quoted = quote(TO, safe="")
    assert await texts(f"to={quoted}") == ["a", "c", "d"]
    assert await texts(f"channel=sms&to={quoted}&after_seq=1") == ["c", "d"]
    assert await texts("channel=sms&limit=2&after_seq=1") == ["b", "c"]
    assert await texts("channel=push") == []
    for wrong in ("channel=fax", "limit=0", "limit=1001", "after_seq=x", "after_seq=-1", "wait_s=600"):
        assert "error" in await visitor.json(f"/messages?{wrong}", 400)


async def test_waiting_for_a_message(visitor: Visitor) -> None:
    waiting = asyncio.create_task(visitor.json("/messages?after_seq=0&wait_s=10"))
    await visitor.sms(TO, "here")
    async with asyncio.timeout(5):
        assert [message["text"] for message in (await waiting)["messages"]] == ["here"]
    assert (await visitor.json("/messages?after_seq=1&wait_s=0.05")) == {"messages": [], "last_seq": 1}


async def test_stats_count_by_channel_and_outcome(visitor: Visitor) -> None:
    visitor.sandbox.set_faults(Fault(kind="slow_drip", drip_s=0.01, count=1))
    visitor.sandbox.bury(sms=[OTHER])
    for to in (TO, TO, OTHER, "nobody"):
        await visitor.sms(to, "x")
    await visitor.mail(MIA, "x", "<p>x</p>")
    stats = await visitor.json("/stats")
    assert stats["channels"] == {
        "sms": {
            "accepted": 2,
            "accepted_under_fault": {"slow_drip": 1},
            "refused": {"contract": 1, "dead": 1},
            "addresses": 1,
        },
        "push": {"accepted": 0, "accepted_under_fault": {}, "refused": {}, "addresses": 0},
        "email": {"accepted": 1, "accepted_under_fault": {}, "refused": {}, "addresses": 1},
        "voice": {"accepted": 0, "accepted_under_fault": {}, "refused": {}, "addresses": 0},
        "page": {"accepted": 0, "accepted_under_fault": {}, "refused": {}, "addresses": 0},
    }
    assert stats["last_seq"] == 3
    refused = (await visitor.json("/refused"))["refused"]
    assert [(line["outcome"], line["code"]) for line in refused] == [("dead", "21211"), ("contract", "21211")]
    assert await visitor.json("/livez") == {"alive": True}
