"""The demo's caregivers: they find the link on their own phone, open the page, and press the one button."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from alertd.demo.answering import Answered, Answering, Going, NoButton, link_in
from alertd.demo.client import ApiRefused, Client
from alertd.demo.families import Sample
from alertd.demo.script import Answers

AT = datetime(2019, 11, 30, 10, 0, tzinfo=UTC)
ASKED = '<form method="post"><button type="submit">I know about it</button></form>'


def caregiver(name: str, role: str, **addresses: str) -> dict[str, Any]:
    return {
        "id": name,
        "role": role,
        "addresses": [{"channel": channel, "to": to} for channel, to in addresses.items()],
    }


SAMPLE = Sample(
    (
        {"id": "fam-1", "caregivers": [caregiver("mia", "parent", sms="+1", push="token-of-mia")]},
        {
            "id": "fam-2",
            "caregivers": [caregiver("bo", "parent", email="bo@x"), caregiver("gran", "grandparent", sms="+2")],
        },
        {"id": "fam-3", "caregivers": [caregiver("nurse", "nurse", sms="+9")]},
        {"id": "fam-4", "caregivers": [caregiver("nurse", "nurse", sms="+9")]},
    )
)


class World(ThreadingHTTPServer):
    """A sandbox's inbox and alertd's pages in one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages: list[dict[str, Any]] = []
        self.opened: list[str] = []
        self.pressed: list[str] = []
        self.deaf = False  # the button does nothing
        self.gone = False  # no page

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def says(self, channel: str, to: str, token: str | None, at: datetime = AT) -> None:
        link = f"{self.url}/a/{token}" if token else None
        data = {"acknowledge": link} if link and channel == "push" else {}
        self.messages.append(
            {
                "seq": len(self.messages) + 1,
                "channel": channel,
                "to": to,
                "text": f"Follow may be down. Tell us you know: {link}" if link and not data else "Follow is down",
                "story_time": at.isoformat(),
                "request": {"message": {"data": data}} if channel == "push" else {},
            }
        )


class _Handler(BaseHTTPRequestHandler):
    server: World

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/messages":
            after = int(query["after_seq"][0])
            found = [m for m in self.server.messages if m["seq"] > after]
            self._send(json.dumps({"messages": found}))
        else:
            self.server.opened.append(path)
            self._send("" if path in self.server.pressed else ASKED, 410 if self.server.gone else 200)

    def do_POST(self) -> None:
        self.server.pressed.append(self.path)
        self._send(ASKED if self.server.deaf else "<p>Thank you.</p>")

    def _send(self, text: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def world() -> Iterator[World]:
    with World() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Story:
    """Which stretch goes on, and what was told of answers."""

    def __init__(self, server: World) -> None:
        self.going = Going(1, AT - timedelta(hours=1))
        self.told: list[Answered] = []
        self.answering = Answering(Client(server.url), SAMPLE, lambda: self.going, lambda: AT, self.told.append)


def test_a_caregiver_opens_the_page_and_then_presses_the_button() -> None:
    with world() as server:
        server.says("sms", "+1", "mia-1")
        story = Story(server)
        answered = story.answering.answer(Answers(AT, share=1.0))
    assert server.opened == server.pressed == ["/a/mia-1"]
    assert answered.asked == 1
    [answer] = answered.answers
    assert (answer.family, answer.caregiver, answer.role, answer.epoch) == ("fam-1", "mia", "parent", 1)
    assert answer.at == AT
    assert story.answering.answers == [answer]


def test_whoever_has_answered_is_not_made_to_answer_again() -> None:
    with world() as server:
        server.says("sms", "+1", "mia-1")
        story = Story(server)
        story.answering.answer(Answers(AT, share=1.0))
        server.says("sms", "+1", "mia-2")
        assert story.answering.answer(Answers(AT, share=1.0)) == Answered(0, ())
    assert server.pressed == ["/a/mia-1"]


def test_after_a_relapse_only_its_own_links_are_followed() -> None:
    with world() as server:
        server.says("sms", "+1", "mia-1")
        story = Story(server)
        story.answering.answer(Answers(AT, share=1.0))
        server.says("email", "bo@x", "bo-of-the-first-stretch")  # comes to be read only after the relapse
        story.going = Going(2, AT + timedelta(days=3))
        server.says("sms", "+1", "mia-3", AT + timedelta(days=3, minutes=5))
        answered = story.answering.answer(Answers(AT, share=1.0))
    assert server.pressed == ["/a/mia-1", "/a/mia-3"]
    assert [(answer.caregiver, answer.epoch) for answer in answered.answers] == [("mia", 2)]


def test_the_newest_link_is_followed_and_a_push_carries_its_own() -> None:
    with world() as server:
        server.says("sms", "+1", "mia-old")
        server.says("push", "token-of-mia", "mia-new")
        server.says("sms", "+1", None)
        Story(server).answering.answer(Answers(AT, share=1.0))
    assert server.pressed == ["/a/mia-new"]


def test_the_hour_says_who_answers() -> None:
    with world() as server:
        for channel, to, token in (("sms", "+1", "mia"), ("email", "bo@x", "bo"), ("sms", "+2", "gran")):
            server.says(channel, to, token)
        story = Story(server)
        answer = story.answering.answer
        assert [a.caregiver for a in answer(Answers(AT, share=1.0, by=("grandparent",))).answers] == ["gran"]
        assert [a.caregiver for a in answer(Answers(AT, families=("fam-2", "fam-9"))).answers] == ["bo"]
        assert answer(Answers(AT, share=0.2)) == Answered(1, ())  # a fifth of one family is none
    assert server.pressed == ["/a/gran", "/a/bo"]


def test_a_shared_phone_is_nobodys_to_answer_with() -> None:
    with world() as server:
        server.says("sms", "+9", "nurse")
        assert Story(server).answering.answer(Answers(AT, share=1.0, by=("nurse",))) == Answered(0, ())


def test_a_page_that_does_not_do_what_it_says_ends_the_demo() -> None:
    with world() as server:
        server.says("sms", "+1", "mia-1")
        server.deaf = True
        with pytest.raises(NoButton, match="fam-1 mia was pressed, and the page asks again"):
            Story(server).answering.answer(Answers(AT, share=1.0))
        server.deaf = False
        with pytest.raises(NoButton, match="led to a page without a button"):  # it was pressed before
            Story(server).answering.answer(Answers(AT, share=1.0))
        server.gone = True
        with pytest.raises(ApiRefused, match="410"):
            Story(server).answering.answer(Answers(AT, share=1.0))


def test_an_answer_that_comes_too_late_is_none() -> None:
    with world() as server:
        server.says("sms", "+1", "mia-1")
        story = Story(server)
        story.going = replace(story.going, ending=True)
        assert story.answering.answer(Answers(AT, share=1.0)) == Answered(1, ())
    assert server.opened == server.pressed == []
    assert story.answering.answers == []


def test_the_hours_are_waited_for_in_order_until_the_play_is_over() -> None:
    with world() as server:
        story, over, waited = Story(server), threading.Event(), []

        def wait_until(moment: datetime) -> None:
            waited.append(moment)
            if len(waited) == 2:
                over.set()

        later = AT + timedelta(hours=1)
        story.answering.perform([Answers(later, share=1.0), Answers(AT, share=1.0)], wait_until, over)
        assert waited == [AT, later]
        assert len(story.told) == 1


def test_only_what_asks_has_a_link() -> None:
    assert link_in({"channel": "sms", "text": "Tell us you know: http://127.0.0.1:8420/a/AZ_x-9"}) == (
        "http://127.0.0.1:8420/a/AZ_x-9"
    )
    assert link_in({"channel": "email", "text": "See https://status.example.org/help"}) is None
    assert link_in({"channel": "push", "text": "Open", "request": {"message": {"data": {}}}}) is None
