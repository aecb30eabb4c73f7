"""Replies over HTTP: what Twilio signed is done and answered in TwiML, all else is refused and counted."""

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import httpx
import pytest
from twilio.request_validator import RequestValidator

from alertd.domain.service import Services
from alertd.policy_file import load_services
from alertd.ports import Callback, Spoken
from alertd.ports.inbound import Heard
from alertd.texts.replies import Replies, load_replies
from channels.twilio_inbound import InboundMessages, twiml
from tests import make
from tests.fakes import FakeChannel
from tests.served import CONFIG, Served, open_deps

PATH = "/v1/providers/twilio/inbound"
PUBLIC = f"https://alerts.example.org{PATH}"
TOKEN = "t" * 32
NUMBER = make.own("mia", "sms").to


class HearingChannel(FakeChannel):
    """SMS whose readers write back."""

    provider = "twilio"

    def __init__(self) -> None:
        super().__init__("sms")
        self._messages = InboundMessages(PUBLIC, TOKEN)

    def hear(self, callback: Callback) -> Heard | None:
        return self._messages.read(callback)

    def speak(self, text: str | None) -> Spoken:
        return twiml(text)


@pytest.fixture
async def served(database_url: str) -> Served:
    """A family that is told by SMS, on either database."""
    made = Served(*with_replies(*open_deps(database_url)))
    await made.sign_in()
    mia = make.caregiver("mia", "sms", "email", preferences=make.preferences(critical=("sms",)))
    await made.families(make.family(mia))
    return made


@cache
def shipped_replies() -> Replies:
    """Read once: nothing in them changes."""
    names = load_services(Path(CONFIG) / "services.yaml").names
    return load_replies((Path(CONFIG) / "templates",), names, pytest.fail)


def with_replies(deps: Any, services: Services) -> tuple[Any, Services]:
    channels = {**deps.channels, "sms": HearingChannel()}
    return dataclasses.replace(deps, channels=channels, replies=shipped_replies()), services


async def post(
    served: Served,
    text: str,
    number: int = 1,
    *,
    url: str = PUBLIC,
    token: str = TOKEN,
    to: str = NUMBER,
    **more: str,
) -> httpx.Response:
    """Twilio's request, as the reverse proxy passes it on: without a key, under another host."""
    form = {"MessageSid": f"SM{number:032x}", "From": to, "Body": text, "To": "+14155550100", **more}
    headers = {
        "X-Twilio-Signature": RequestValidator(token).compute_signature(url, form),
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": "",
    }
    return await served.http.post(PATH, content=urlencode(form), headers=headers)


def said(answer: httpx.Response) -> str | None:
    """The one message that Twilio is to send, if any."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/xml")
    messages = ET.fromstring(answer.content).findall("Message")
    assert len(messages) <= 1
    return messages[0].text if messages else None


async def counted(served: Served) -> dict[str, float]:
    text = (await served.ask("GET", "/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("alertd_security_events_total{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


async def test_a_conversation(served: Served) -> None:
    await served.open()
    await served.work()
    assert (said(await post(served, "status", 1)) or "").startswith("Follow is down")
    assert (said(await post(served, "Ok.", 2)) or "").startswith("Thank you. We ask nobody of your family again")
    await served.work()
    story = (await served.ask("GET", "/v1/incidents/1/reach")).json()
    assert story["ladders"]["answered"] == 1
    assert (said(await post(served, "STOP", 3)) or "").startswith(
        "No more texts to this number. We tell you by e-mail"
    )
    [person] = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"]
    [sms] = [each for each in person["addresses"] if each["channel"] == "sms"]
    assert sms["opted_out_at"]
    assert said(await post(served, "What now?", 4)) is None
    assert (said(await post(served, "START", 5)) or "").startswith("You get texts again. Follow is down")
    [person] = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"]
    assert "opted_out_at" not in next(each for each in person["addresses"] if each["channel"] == "sms")


async def test_told_again_it_is_done_once_answered_alike_and_counted(served: Served) -> None:
    first = said(await post(served, "less"))
    assert first
    await post(served, "more", 2)
    for _ in range(3):
        assert said(await post(served, "less")) == first
    [person] = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"]
    assert "holdings" in person["chosen"]
    assert "holdings" not in person["preferences"], "an old reply that is sent again undoes nothing newer"
    assert len(served.log.named("reply_repeated")) == 3
    assert (await counted(served))["reply_repeated"] == 3


async def test_an_unknown_number_hears_nothing_and_changes_nothing(served: Served) -> None:
    for number, text in enumerate(("STOP", "ok", "Who is this?"), start=1):
        assert said(await post(served, text, number, to="+14155550199")) is None
    assert said(await post(served, "ok", 9, to="whatsapp:+14155550199")) is None
    assert (await counted(served))["reply_unknown"] == 4
    assert [set(each) for each in served.log.named("reply_unknown")] == [{"provider"}] * 4
    assert (await served.ask("GET", "/v1/inbox")).json() == {"letters": []}


async def test_what_is_not_signed_changes_nothing_and_is_a_security_event(served: Served) -> None:
    forged = [
        await post(served, "STOP", token="f" * 32),
        await post(served, "STOP", url=f"http://alertd.test{PATH}"),  # the name it came by
        await post(served, "STOP", url=f"https://alerts.example.org:8443{PATH}"),
        await served.http.post(PATH, content=urlencode({"From": NUMBER, "Body": "STOP"})),
        await served.http.post(PATH),
    ]
    for answer in forged:
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden"
    large = await served.http.post(PATH, content=b"a=" + b"b" * 70_000)
    assert large.status_code == 413
    assert (await served.http.post("/v1/providers/acme/inbound", content=b"")).status_code == 404
    [person] = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"]
    assert not any(each.get("opted_out_at") for each in person["addresses"])
    found = await counted(served)
    assert (found["callback_forged"], found["callback_oversized"]) == (5, 1)
    assert NUMBER not in str(served.log.lines)


async def test_their_own_words_are_read_by_whoever_may_and_that_is_kept(served: Served) -> None:
    assert (said(await post(served, "My receiver shows nothing either." + " Really." * 20)) or "").startswith(
        "We got"
    )
    [listed] = (await served.ask("GET", "/v1/inbox")).json()["letters"]
    assert listed["text"].endswith("...")
    assert listed["senders"] == [{"family": "fam-1", "caregiver": "mia", "name": "Mia"}]
    assert NUMBER not in str(listed)
    whole = (await served.ask("GET", f"/v1/inbox/{listed['id']}")).json()
    assert (whole["to_call"], len(whole["text"])) == (NUMBER, 33 + 20 * 8)

    done = (await served.ask("POST", f"/v1/inbox/{listed['id']}/done", {})).json()
    served.clock.advance(minutes=1)
    assert (await served.ask("POST", f"/v1/inbox/{listed['id']}/done", {})).json() == done
    assert (await served.ask("GET", "/v1/inbox")).json() == {"letters": []}
    [again] = (await served.ask("GET", "/v1/inbox", done="true")).json()["letters"]
    assert again["done_by"].startswith("test (")
    for act in ("read inbox", "read letter", "letter done"):
        async with served.deps.store.reading() as rows:
            assert await rows.last_act(act, make.NOON.replace(year=2020)) is not None, act

    assert (await served.ask("GET", f"/v1/inbox/{make.address('sms').id}")).status_code == 404
    await served.sign_in("incident:read", "incident:write")
    for method, path in (("GET", "/v1/inbox"), ("GET", f"/v1/inbox/{listed['id']}")):
        assert (await served.ask(method, path)).status_code == 403


async def test_who_is_forgotten_takes_their_words_along(served: Served) -> None:
    await post(served, "What now?")
    assert (await served.ask("DELETE", "/v1/families/fam-1")).status_code == 204
    assert (await served.ask("GET", "/v1/inbox", done="true")).json() == {"letters": []}


@pytest.mark.parametrize(
    ("text", "kinds", "kept"),
    [
        ("", ["image/jpeg"], "[with 1 picture that we did not keep]"),
        (
            "This is all I see",
            ["image/jpeg", "image/png"],
            "[with 2 pictures that we did not keep] This is all I see",
        ),
        ("", ["text/vcard"], "[with 1 file that we did not keep]"),
    ],
)
async def test_of_a_picture_we_say_that_it_is_not_read(
    served: Served, text: str, kinds: list[str], kept: str
) -> None:
    """Else a parent waits for somebody to look at the picture of their receiver."""
    media: dict[str, Any] = {f"MediaContentType{at}": kind for at, kind in enumerate(kinds)}
    media |= {f"MediaUrl{at}": "https://api.twilio.com/x" for at in range(len(kinds))}
    answer = said(await post(served, text, NumMedia=str(len(kinds)), **media))
    assert (answer or "").startswith("We got your message, but only its words")
    [letter] = (await served.ask("GET", "/v1/inbox")).json()["letters"]
    assert (await served.ask("GET", f"/v1/inbox/{letter['id']}")).json()["text"] == kept


async def test_a_picture_beside_a_word_changes_nothing(served: Served) -> None:
    media: dict[str, Any] = {"MediaContentType0": "image/jpeg", "MediaUrl0": "https://api.twilio.com/x"}
    assert (said(await post(served, "ok", NumMedia="1", **media)) or "").startswith("Thank you")
    assert (said(await post(served, "status", 2, NumMedia="99x", **media)) or "").startswith("As far as we know")
    assert (await served.ask("GET", "/v1/inbox")).json() == {"letters": []}
