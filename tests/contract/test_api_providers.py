"""Providers tell the API what became of messages: what they signed is taken, all else is refused."""

import dataclasses
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest
from twilio.request_validator import RequestValidator

from alertd.ports import OnCall, Responder
from alertd.store.ids import uuid7
from alertd.texts.responders import compose_ignored, compose_page
from alertd.usecases.page_responders import tend_responders
from channels.twilio_status import StatusCallback
from tests import make
from tests.contract.test_api_inbound import counted
from tests.fakes import FakeChannel, ReportingChannel
from tests.served import Served, fresh_served

served = fresh_served

PATH = "/v1/providers/twilio/status"
PUBLIC = f"https://alerts.example.org{PATH}"
TOKEN = "t" * 32
SID = "SM" + "0" * 32
NUMBER = make.own("mia", "sms").to


@pytest.fixture(autouse=True)
async def twilio(served: Served) -> ReportingChannel:
    """SMS by a provider that signs; one family was told by SMS, and Twilio has the message."""
    sms = ReportingChannel("sms", "twilio", StatusCallback(PUBLIC, TOKEN).read, calls_it=SID)
    served.deps = dataclasses.replace(served.deps, channels={**served.deps.channels, "sms": sms})
    served.app.state.served = dataclasses.replace(served.app.state.served, deps=served.deps)
    mia = make.caregiver("mia", "sms", "email", preferences=make.preferences(critical=("sms",)))
    await served.families(make.family(mia))
    await served.open()
    await served.work()
    assert [message.to for message in sms] == [NUMBER]
    del served.http.headers["Authorization"]  # Twilio has no key
    return sms


async def post(
    served: Served, form: dict[str, str], attempt: str, *, url: str = PUBLIC, token: str = TOKEN, **more: Any
) -> httpx.Response:
    """Twilio's request, as the reverse proxy passes it on: under another host."""
    query = f"attempt={attempt}"
    signature = RequestValidator(token).compute_signature(f"{url}?{query}", form)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return await served.http.post(f"{PATH}?{query}", content=urlencode(form), headers=headers | more)


def form(status: str = "delivered", sid: str = SID, **fields: str) -> dict[str, str]:
    return {"MessageSid": sid, "MessageStatus": status, "To": NUMBER, **fields}


async def states(served: Served) -> list[tuple[str, str, str | None]]:
    """(channel, state, code) of every delivery, newest first."""
    async with served.deps.store.reading() as rows:
        found = await rows.deliveries(None, family_id=None, states=(), limit=100)
    return [(each.channel, each.state.value, each.code) for each in found]


async def test_delivered(served: Served, twilio: ReportingChannel) -> None:
    [message] = twilio
    for status in ("sent", "delivered", "delivered", "sent"):  # doubled and reordered, and each is answered
        answer = await post(served, form(status), message.attempt_id)
        assert (answer.status_code, answer.content) == (204, b"")
    assert await states(served) == [("sms", "delivered", None)]


async def test_undelivered_is_told_over_another_way_and_stands_in_the_timeline(
    served: Served, twilio: ReportingChannel
) -> None:
    [message] = twilio
    answer = await post(served, form("undelivered", ErrorCode="30003"), message.attempt_id)
    assert answer.status_code == 204
    assert served.deps.doorbell.rung[-1] == "urgent"  # type: ignore[attr-defined]
    await served.work()
    assert await states(served) == [("email", "accepted", None), ("sms", "undelivered", "30003")]
    [mail] = served.channel("email")
    assert mail.to == "mia@example.org"
    await served.sign_in()
    told = await served.ask("GET", "/v1/incidents/1/timeline")
    texts = [entry["text"] for entry in told.json()["entries"]]
    assert any("30003" in text for text in texts), texts


async def test_our_own_fault_is_told_over_another_way_and_stands_in_the_timeline(
    served: Served, twilio: ReportingChannel
) -> None:
    """30034: taken, and given up as our sender is not registered; the number is as good as before."""
    [message] = twilio
    for _ in range(2):
        answer = await post(served, form("undelivered", ErrorCode="30034"), message.attempt_id)
        assert answer.status_code == 204
    await served.work()
    assert await states(served) == [("email", "accepted", None), ("sms", "parked", "misconfigured: 30034")]
    assert served.log.named("channel_misconfigured")[0]["code"] == "30034"
    await served.sign_in()
    told = (await served.ask("GET", "/v1/incidents/1/timeline")).json()["entries"]
    assert [entry["text"] for entry in told if entry["what"] == "parked"] == [
        "sms to family fam-1 not delivered (misconfigured: 30034): our own fault, see alertd doctor; "
        "told over email instead"
    ]
    [person] = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"]
    assert not any(each.get("suspended_code") for each in person["addresses"])


async def test_a_page_that_came_to_nothing_is_followed_by_the_next_and_the_timeline_says_so(
    served: Served, twilio: ReportingChannel
) -> None:
    """The owner has a phone: their page goes over the families' own account, and so does Twilio's word on it."""
    names = ("follow-owner", "follow-lead", "duty-manager")
    chat, owner = FakeChannel("apprise"), "+14155550111"
    people = {name: Responder("apprise", f"ntfys://ntfy.example.org/{name}") for name in names}
    people["follow-owner"] = Responder("sms", owner)
    pagers = {"apprise": chat, "sms": twilio}
    on_call = OnCall(people, pagers, compose_page, compose_ignored, "https://alertd.example.org")
    served.deps = dataclasses.replace(served.deps, on_call=on_call)
    served.app.state.served = dataclasses.replace(served.app.state.served, deps=served.deps)
    served.clock.advance(minutes=30)
    await tend_responders(served.deps)
    page = twilio.accepted[-1]
    assert page.to == owner

    for status, code in (("sent", ""), ("undelivered", "30003"), ("undelivered", "30003")):
        assert (await post(served, form(status, ErrorCode=code), page.attempt_id)).status_code == 204
    await tend_responders(served.deps)

    assert [message.to for message in chat] == ["ntfys://ntfy.example.org/follow-lead"]
    await served.sign_in()
    told = await served.ask("GET", "/v1/incidents/1/timeline")
    assert [entry["text"] for entry in told.json()["entries"] if entry["what"] == "page"] == [
        "The page to owner was not delivered by the provider (30003): an update is due.",
        "Paged lead: an update is due.",
    ]
    assert owner not in told.text
    assert owner not in str(served.log.lines)


async def test_of_a_dead_number(served: Served, twilio: ReportingChannel) -> None:
    [message] = twilio
    assert (await post(served, form("failed", ErrorCode="30005"), message.attempt_id)).status_code == 204
    await served.work()
    await served.sign_in()
    [person] = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"]
    [sms] = [each for each in person["addresses"] if each["channel"] == "sms"]
    assert sms["suspended_code"] == "30005"


async def test_what_is_signed_and_not_ours_is_answered_and_noted(served: Served, twilio: ReportingChannel) -> None:
    [message] = twilio
    for attempt in (f"{uuid4()}.1", f"{uuid7()}.1", f"{message.delivery}.7", f"{message.delivery}.0", "", "x"):
        assert (await post(served, form("undelivered"), attempt)).status_code == 204, attempt
    assert (await post(served, form("received"), message.attempt_id)).status_code == 204
    assert await states(served) == [("sms", "accepted", None)]
    assert len(served.log.named("callback_unknown")) == 7
    assert (await counted(served))["callback_unknown"] == 7


async def test_what_comes_twice_late_or_in_the_wrong_order_is_no_security_event(
    served: Served, twilio: ReportingChannel
) -> None:
    """A provider says a thing at least once."""
    [message] = twilio
    for status in ("sent", "delivered", "delivered", "sent", "undelivered"):
        assert (await post(served, form(status), message.attempt_id)).status_code == 204
    assert await states(served) == [("sms", "delivered", None)]
    assert set((await counted(served)).values()) == {0}


async def test_what_is_not_signed_changes_nothing_and_is_a_security_event(
    served: Served, twilio: ReportingChannel
) -> None:
    [message] = twilio
    bad = form("undelivered", ErrorCode="30005")
    answers = [
        await post(served, bad, message.attempt_id, token="f" * 32),
        await post(served, bad, message.attempt_id, url=f"http://alertd.test{PATH}"),  # the name it came by
        await post(served, bad, message.attempt_id, url=f"http://127.0.0.1:8420{PATH}"),
        await served.http.post(f"{PATH}?attempt={message.attempt_id}", content=urlencode(bad)),
        await served.http.post(f"{PATH}?attempt={message.attempt_id}", json=bad),
        await served.http.post(PATH),
        await post(served, bad, message.attempt_id, **{"X-Twilio-Signature": "AAAA"}),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden"
        assert NUMBER not in answer.text
    assert await states(served) == [("sms", "accepted", None)]
    noted = served.log.named("callback_forged")
    assert len(noted) == len(answers)
    assert all(each.keys() == {"provider", "why"} for each in noted)
    assert NUMBER not in str(noted)


async def test_a_host_that_the_client_names_is_not_believed(served: Served, twilio: ReportingChannel) -> None:
    [message] = twilio
    for name in ("X-Forwarded-Host", "Host"):
        answer = await post(
            served,
            form("failed"),
            message.attempt_id,
            url=f"https://evil.example.org{PATH}",
            **{name: "evil.example.org"},
        )
        assert answer.status_code == 403


async def test_an_old_callback_that_is_sent_again(served: Served, twilio: ReportingChannel) -> None:
    """Its signature holds for ever; it says nothing new."""
    [message] = twilio
    await post(served, form("undelivered", ErrorCode="30003"), message.attempt_id)
    await post(served, form("delivered"), message.attempt_id)  # late truth
    for _ in range(3):
        assert (await post(served, form("undelivered", ErrorCode="30003"), message.attempt_id)).status_code == 204
    assert ("sms", "delivered", None) in await states(served)


async def test_too_much(served: Served) -> None:
    answer = await served.http.post(PATH, content=b"a=" + b"b" * 70_000)
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "the body is larger than 64 KB"


async def test_other_providers_and_methods(served: Served) -> None:
    assert (await served.http.post("/v1/providers/acme/status", content=b"")).status_code == 404
    assert (await served.http.post("/v1/providers/ACME%20/status", content=b"")).status_code == 422
    assert (await served.http.get(PATH)).status_code == 405


def test_they_are_described_as_what_needs_no_key(served: Served) -> None:
    operations = {
        path.rpartition("/")[2]: item["post"]
        for path, item in served.app.openapi()["paths"].items()
        if "/providers/" in path
    }
    assert set(operations) == {"status", "inbound", "voice"}
    for name, operation in operations.items():
        assert operation["security"] == []
        assert operation["summary"]
        assert operation["description"]
        assert {{"status": "204", "inbound": "200", "voice": "200"}[name], "403", "404", "413"} <= set(
            operation["responses"]
        )
        assert operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["examples"]
