"""A key pressed in a call comes by a signed request: 1 is an answer, and the call says what follows."""

import dataclasses
from collections.abc import Sequence
from urllib.parse import urlencode

import httpx
import pytest
from twilio.request_validator import RequestValidator

from alertd.ports import Callback, Message, Pressed, Receipt, Spoken
from alertd.sandbox.twiml_reading import Heard, read_twiml
from channels.twilio_voice import TwilioVoice, TwilioVoiceConfig
from tests import make
from tests.contract.samples.situations import NOW
from tests.fakes import FakeChannel
from tests.served import Served, fresh_served

served = fresh_served

PATH = "/v1/providers/twilio/voice"
PUBLIC = f"https://alerts.example.org{PATH}"
STATUS = "https://alerts.example.org/v1/providers/twilio/status"
TOKEN = "t" * 32
CALL = "CA" + "0" * 32
NUMBER = make.own("mia", "voice").to


class Ringing(FakeChannel):
    """Calls nobody, and is told of keys as the real channel is."""

    provider = "twilio"

    def __init__(self) -> None:
        super().__init__("voice", has_callbacks=True)
        self._real = TwilioVoice(
            TwilioVoiceConfig("AC" + "0" * 32, TOKEN, "+14155550100", status_callback=STATUS, keypad=PUBLIC),
            lambda: NOW,
        )
        self.receive = self._real.receive

    async def send(self, message: Message) -> Receipt:
        await super().send(message)
        return Receipt(CALL)

    def hear(self, callback: Callback) -> Pressed | None:
        return self._real.hear(callback)

    def reply(self, lines: Sequence[tuple[str, str]], again: Pressed | None = None) -> Spoken:
        return self._real.reply(lines, again)


@pytest.fixture(autouse=True)
async def phones(served: Served) -> Ringing:
    """One family, that is called when it is critical, and speaks Spanish."""
    voice = Ringing()
    served.deps = dataclasses.replace(served.deps, channels={**served.deps.channels, "voice": voice})
    served.app.state.served = dataclasses.replace(served.app.state.served, deps=served.deps)
    mia = make.caregiver("mia", "voice", "email", preferences=make.preferences(critical=("voice",)), locale="es")
    await served.families(make.family(mia))
    await served.open()
    await served.work()
    assert [message.to for message in voice] == [NUMBER]
    del served.http.headers["Authorization"]  # Twilio has no key
    return voice


async def press(
    served: Served, attempt: str, digits: str = "1", *, token: str = TOKEN, answered_by: str = "human"
) -> httpx.Response:
    """Twilio's request, as the reverse proxy passes it on: under another host."""
    form = {
        "CallSid": CALL,
        "CallStatus": "in-progress",
        "Digits": digits,
        "To": NUMBER,
        "AnsweredBy": answered_by,
    }
    query = f"attempt={attempt}"
    signature = RequestValidator(token).compute_signature(f"{PUBLIC}?{query}", form)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return await served.http.post(f"{PATH}?{query}", content=urlencode(form), headers=headers)


def heard(answer: httpx.Response) -> Heard:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    return read_twiml(answer.text)


async def answers(served: Served) -> list[str]:
    """Who has said that they know."""
    async with served.deps.store.reading() as rows:
        incident = await rows.incident(1)
        assert incident is not None
        return [each.caregiver for each in await rows.answers(incident.id, make.family().id)]


async def test_1_is_an_answer_and_again_is_the_same(served: Served, phones: Ringing) -> None:
    [call] = phones
    for _ in range(2):  # Twilio repeats what it believes to be lost
        said = heard(await press(served, call.attempt_id))
        assert said.lines[0].startswith("Gracias. ")
        assert said.languages == ["es-MX"]
        assert said.action is None
    assert await answers(served) == ["mia"]
    assert NUMBER not in str(served.log.lines)


async def test_another_key_is_none_and_the_right_one_may_follow(served: Served, phones: Ringing) -> None:
    [call] = phones
    for wrong in ("2", "#", "", "11"):
        said = heard(await press(served, call.attempt_id, wrong))
        assert said.lines == ["Esa no era la tecla 1. Si ya lo sabe, pulse 1."]
        assert said.action == f"{PUBLIC}?attempt={call.attempt_id}"
    assert await answers(served) == []


@pytest.mark.parametrize("machine", ["machine_start", "machine_end_beep", "machine_end_other", "fax"])
async def test_a_machine_answers_nothing(served: Served, phones: Ringing, machine: str) -> None:
    [call] = phones
    said = heard(await press(served, call.attempt_id, answered_by=machine))
    assert said.lines == ["No hemos podido tomar esto como su respuesta y volveremos a preguntar. Adiós."]
    assert said.action is None
    assert await answers(served) == []
    assert served.log.named("machine_pressed_a_key")


@pytest.mark.parametrize("attempt", ["019a0000-0000-7000-8000-00000000dead.1", "x", ""])
async def test_whose_call_nobody_knows_hears_so_in_both_languages(served: Served, attempt: str) -> None:
    said = heard(await press(served, attempt))
    assert said.languages == ["en-US", "es-MX"]
    assert "not for this number" in said.lines[0]
    assert await answers(served) == []


async def test_what_twilio_did_not_sign_changes_nothing(served: Served, phones: Ringing) -> None:
    [call] = phones
    assert (await press(served, call.attempt_id, token="f" * 32)).status_code == 403
    assert (await served.http.post(f"{PATH}?attempt={call.attempt_id}", content=b"Digits=1")).status_code == 403
    assert await answers(served) == []
    assert len(served.log.named("callback_forged")) == 2


async def test_sms_and_calls_report_at_one_url(served: Served, phones: Ringing) -> None:
    [call] = phones
    form = {"CallSid": CALL, "CallStatus": "no-answer"}
    query = f"attempt={call.attempt_id}"
    signature = RequestValidator(TOKEN).compute_signature(f"{STATUS}?{query}", form)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    path = f"/v1/providers/twilio/status?{query}"
    answer = await served.http.post(path, content=urlencode(form), headers=headers)
    assert answer.status_code == 204
    await served.work()
    async with served.deps.store.reading() as rows:
        found = await rows.deliveries(None, family_id=None, states=(), limit=9)
    assert [(each.channel, each.state.value, each.code) for each in found] == [
        ("email", "accepted", None),
        ("voice", "undelivered", "no-answer"),
    ]


async def test_other_providers_and_methods(served: Served) -> None:
    assert (await served.http.post("/v1/providers/acme/voice", content=b"")).status_code == 404
    assert (await served.http.get(PATH)).status_code == 405


def test_it_is_described_as_what_needs_no_key(served: Served) -> None:
    operation = served.app.openapi()["paths"]["/v1/providers/{provider}/voice"]["post"]
    assert operation["security"] == []
    assert {"200", "403", "404", "413"} <= set(operation["responses"])
    assert "application/xml" in operation["responses"]["200"]["content"]
    assert operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["examples"]
