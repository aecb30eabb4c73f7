"""Responders over HTTP: acknowledging by command and by link, what is shown of them, and forged links."""

from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from uuid import UUID, uuid4

import httpx
import pytest

from alertd.domain.links import Purpose, read, sign
from alertd.ports import OnCall, Responder
from alertd.texts.responders import compose_ignored, compose_page
from alertd.usecases.page_responders import tend_responders
from tests import make
from tests.fakes import FakeChannel
from tests.served import Served, fresh_served

served = fresh_served


class Guard(Served):
    """The API with an owner, a lead and a duty manager who can be paged."""

    pager: FakeChannel

    async def open_paged(self) -> str:
        """An incident twenty minutes old, its owner nudged; returns the path of the link in the nudge."""
        await self.families()
        assert (await self.open()).status_code == 201
        await self.pass_time(20)
        return self.last_link()

    async def pass_time(self, minutes: float) -> None:
        self.clock.advance(minutes=minutes)
        await tend_responders(self.deps)

    def last_link(self) -> str:
        _, _, link = self.pager.accepted[-1].text.rpartition("Acknowledge: ")
        return link.removeprefix("https://alertd.example.org")

    async def visit(self, method: str, path: str) -> httpx.Response:
        """Without a key, as a phone does."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://alertd.test") as phone:
            return await phone.request(method, path)


@pytest.fixture
def guard(served: Served) -> Guard:
    names = ("follow-owner", "follow-lead", "duty-manager")
    pager = FakeChannel("apprise")
    people = {name: Responder("apprise", f"ntfys://ntfy.example.org/{name}") for name in names}
    on_call = OnCall(people, {"apprise": pager}, compose_page, compose_ignored, "https://alertd.example.org")
    made = Guard.__new__(Guard)
    made.__dict__ = served.__dict__
    made.deps = replace(served.deps, on_call=on_call)
    made.app.state.served = replace(made.app.state.served, deps=made.deps)
    made.pager = pager
    return made


class _Forms(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "form":
            self.forms.append(dict(attrs))


# --- by command ------------------------------------------------------------------------------------


async def test_an_acknowledgement_tells_what_still_stands(guard: Guard) -> None:
    await guard.open_paged()
    answer = await guard.ask("POST", "/v1/incidents/1/ack")
    assert answer.status_code == 200
    told = answer.json()
    assert told["post_by"] == "2026-11-04T20:30:00Z"
    assert (told["next"]["who"], told["next"]["how"], told["next"]["why"]) == ("owner", "page", "post")
    assert told["next"]["at"] == "2026-11-04T20:39:00Z"  # held ten minutes


async def test_it_needs_the_right_an_open_incident_and_says_so(guard: Guard) -> None:
    await guard.open_paged()
    assert (await guard.ask("POST", "/v1/incidents/9/ack")).status_code == 404
    assert (await guard.ask("POST", "/v1/incidents/1/ack", {"who": "me"})).status_code == 422
    await guard.ask("POST", "/v1/incidents/1/resolve")
    answer = await guard.ask("POST", "/v1/incidents/1/ack")
    assert (answer.status_code, answer.json()["error"]["incident"]) == (409, 1)
    await guard.sign_in("incident:read")
    assert (await guard.ask("POST", "/v1/incidents/1/ack")).status_code == 403


async def test_a_dry_run_acknowledges_nothing_and_a_repeat_does_it_once(guard: Guard) -> None:
    await guard.open_paged()
    assert (await guard.ask("POST", "/v1/incidents/1/ack", dry_run=True)).json()["dry_run"] is True
    for _ in range(2):
        await guard.ask("POST", "/v1/incidents/1/ack", headers={"Idempotency-Key": "a"})
    async with guard.deps.store.reading() as rows:
        incident = await rows.incident(1)
        assert incident is not None
        assert len(await rows.acknowledgements(incident.id)) == 1


async def test_show_says_who_is_next_until_it_ends(guard: Guard) -> None:
    await guard.open_paged()
    shown = (await guard.ask("GET", "/v1/incidents/1")).json()["responders"]
    assert shown["post_by"] == "2026-11-04T20:30:00Z"
    assert (shown["next"]["who"], shown["next"]["how"]) == ("owner", "page")
    assert shown["acknowledged_at"] is None
    await guard.ask("POST", "/v1/incidents/1/ack")
    assert (await guard.ask("GET", "/v1/incidents/1")).json()["responders"]["acknowledged_at"]
    await guard.ask("POST", "/v1/incidents/1/resolve")
    assert (await guard.ask("GET", "/v1/incidents/1")).json()["responders"] is None


async def test_the_timeline_tells_whom_by_role_and_never_where(guard: Guard) -> None:
    await guard.open_paged()
    await guard.pass_time(10)
    guard.clock.advance(minutes=1)
    await guard.ask("POST", "/v1/incidents/1/ack")
    del guard.deps.on_call.responders["follow-lead"]  # type: ignore[union-attr]
    await guard.pass_time(20)
    answer = await guard.ask("GET", "/v1/incidents/1/timeline")
    told = [(entry["what"], entry["text"]) for entry in answer.json()["entries"]]
    assert told[1:] == [
        ("nudge", "Nudged owner: an update is due."),
        ("page", "Paged owner: an update is due."),
        ("ack", f"Acknowledged by test ({guard.made.id}); no deadline moves."),  # type: ignore[union-attr]
        (
            "page",
            "The page to lead could not be handed over (not set: follow-lead), so the next step was due: "
            "an update is due.",
        ),
        ("page", "Paged duty-manager: an update is due."),
    ]
    assert "ntfy" not in answer.text


# --- by link ---------------------------------------------------------------------------------------


async def test_looking_at_a_link_changes_nothing_and_pressing_acknowledges_once(guard: Guard) -> None:
    link = await guard.open_paged()
    page = await guard.visit("GET", link)
    assert page.status_code == 200
    assert "Incident 1: Follow is down" in page.text
    assert "Families are owed an update by Wed 04 Nov 20:30 UTC" in page.text
    parsed = _Forms(page.text)
    assert parsed.forms == [{"method": "post"}]
    assert parsed.tags.isdisjoint({"script", "img", "link", "iframe"})
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    async with guard.deps.store.reading() as rows:
        incident = await rows.incident(1)
        assert incident is not None
        assert await rows.acknowledgements(incident.id) == []

    for _ in range(3):
        pressed = await guard.visit("POST", link)
        assert pressed.status_code == 200
        assert "Noted: you are on it." in pressed.text
        assert _Forms(pressed.text).forms == []
    async with guard.deps.store.reading() as rows:
        assert len(await rows.acknowledgements(incident.id)) == 1
        assert {who for _, who, what, _ in await rows.acts(incident.id) if what == "ack"} == {"owner, by link"}


async def test_a_link_of_an_incident_that_is_over_says_so_for_a_week(guard: Guard) -> None:
    link = await guard.open_paged()
    await guard.ask("POST", "/v1/incidents/1/resolve")
    for method in ("GET", "POST"):
        page = await guard.visit(method, link)
        assert page.status_code == 200
        assert "It is resolved since" in page.text
        assert _Forms(page.text).forms == []
    guard.clock.advance(days=7)
    assert (await guard.visit("GET", link)).status_code == 200
    guard.clock.advance(seconds=1)
    for method in ("GET", "POST"):
        page = await guard.visit(method, link)
        assert page.status_code == 410
        assert "This link has expired" in page.text


async def test_a_forged_link_is_refused_in_words_and_noted(guard: Guard) -> None:
    link = await guard.open_paged()
    token = link.removeprefix("/r/")
    other = sign(b"another secret", Purpose.PAGE, UUID(int=7))
    flipped = ("A" if token[5] != "A" else "B").join([token[:5], token[6:]])
    for forged in (flipped, other, token[:-1], token + "A", "x", "%20", "é" * 32, "A" * 32):
        for method in ("GET", "POST"):
            page = await guard.visit(method, f"/r/{forged}")
            assert page.status_code == 403, forged
            assert "This link is not one of ours" in page.text
    assert len(guard.log.named("link_forged")) == 16
    assert all(token not in str(line) for line in guard.log.lines)


async def test_before_any_page_was_sent_no_link_is_ours(guard: Guard) -> None:
    assert (await guard.visit("GET", f"/r/{'A' * 32}")).status_code == 403


async def test_a_title_cannot_write_html(guard: Guard) -> None:
    await guard.families()
    await guard.open(title='<script>alert("x")</script>')
    await guard.pass_time(20)
    page = await guard.visit("GET", guard.last_link())
    assert "<script>" not in page.text


def test_a_token_names_its_page_and_nothing_else_does() -> None:
    secret, page_id = b"s" * 32, uuid4()
    token = sign(secret, Purpose.PAGE, page_id)
    assert len(token) == 32
    assert read(secret, Purpose.PAGE, token) == page_id
    assert read(b"t" * 32, Purpose.PAGE, token) is None
    for i in range(len(token)):
        changed = token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :]
        assert read(secret, Purpose.PAGE, changed) is None


def test_the_deadline_of_the_sample_is_half_an_hour() -> None:
    """So that the numbers above mean something."""
    assert make.policy().silence.window["critical"] == timedelta(minutes=30)  # type: ignore[index]
