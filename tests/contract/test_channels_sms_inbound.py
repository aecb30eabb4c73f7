"""Replies as Twilio tells of them: signed as Twilio's own library signs, with either token while they rotate."""

from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from alertd.domain.reply import Meaning
from alertd.ports import Callback, Forged
from alertd.ports.inbound import Heard, Hears
from channels.twilio_sms import TwilioConfig, TwilioSms
from tests.contract.samples.situations import NOW
from tests.contract.samples.sms import ACCOUNT, SENDER, SID, TOKEN

URL = "https://alerts.example.org/v1/providers/twilio/inbound"
STATUS = "https://alerts.example.org/v1/providers/twilio/status"
OLD = "o" * 32
FORM = {
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "Body": "¿Ya funciona? 100% & más",
    "From": "+14155550123",
    "MessageSid": SID,
    "NumMedia": "0",
    "SmsMessageSid": SID,
    "SmsSid": SID,
    "To": SENDER,
}


def sms(**changes: Any) -> TwilioSms:
    given = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "from_": SENDER,
        "status_callback": STATUS,
        "inbound": URL,
    }
    return TwilioSms(TwilioConfig(**(given | changes)), lambda: NOW)


def post(form: dict[str, str], *, url: str = URL, token: str = TOKEN, **changes: Any) -> Callback:
    signature = RequestValidator(token).compute_signature(url, form)
    given: dict[str, Any] = {"query": "", "headers": {"x-twilio-signature": signature}}
    return Callback(**(given | {"body": urlencode(form).encode()} | changes))


def test_who_wrote_and_what():
    channel = sms()
    assert isinstance(channel, Hears)
    assert channel.hear(post(FORM)) == Heard(SID, "+14155550123", "¿Ya funciona? 100% & más")


@pytest.mark.parametrize(
    ("kind", "meaning"), [("STOP", Meaning.STOP), ("START", Meaning.START), ("HELP", Meaning.HELP), ("", None)]
)
def test_advanced_opt_out_says_what_it_has_done(kind: str, meaning: Meaning | None):
    heard = sms().hear(post(FORM | {"OptOutType": kind}))
    assert heard is not None
    assert heard.handled is meaning


@pytest.mark.parametrize("name", ["From", "MessageSid"])
@pytest.mark.parametrize("value", ["", "x", "whatsapp:+14155550123", "+1415555012345678901", "12345"])
def test_what_is_no_sms_of_a_telephone_is_no_reply(name: str, value: str):
    assert sms().hear(post(FORM | {name: value})) is None


def test_it_is_kept_to_a_length_and_without_nul():
    heard = sms().hear(post(FORM | {"Body": "a\x00" * 9000}))
    assert heard is not None
    assert heard.text == "a" * 4000


def test_neither_number_nor_text_is_shown_by_accident():
    heard = sms().hear(post(FORM))
    assert "4155550123" not in repr(heard)
    assert "funciona" not in repr(heard)


FORGED: dict[str, Callback] = {
    "unsigned": post(FORM, headers={}),
    "signed with another token": post(FORM, token="f" * 32),
    "a body changed on the way": post(FORM, body=urlencode(FORM | {"Body": "STOP"}).encode()),
    "another sender": post(FORM, body=urlencode(FORM | {"From": "+14155550199"}).encode()),
    "another host": post(FORM, url=URL.replace("alerts.", "evil.")),
    "another port": post(FORM, url=URL.replace(".org/", ".org:8443/")),
    "another path": post(FORM, url=STATUS),
    "plain http": post(FORM, url=URL.replace("https:", "http:")),
    "a query added": post(FORM, query="a=b"),
    "no text": post(FORM, body=b"\xff\xfe"),
    "an empty token": post(FORM, token=""),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_twilio_did_not_sign_is_no_reply(what: str):
    for channel in (sms(), sms(auth_token_previous=OLD), sms(auth_token_previous="")):
        with pytest.raises(Forged) as caught:
            channel.hear(FORGED[what])
        assert "4155550" not in caught.value.why


def test_where_nothing_can_come_nothing_is_believed():
    for config in ({"inbound": None}, {"auth_token": None}):
        with pytest.raises(Forged):
            sms(**config).hear(post(FORM))


def test_two_tokens_count_while_they_rotate_and_the_new_one_calls():
    rotating = sms(auth_token_previous=OLD)
    status = {"MessageSid": SID, "MessageStatus": "delivered"}
    query = "attempt=019a0000-0000-7000-8000-000000000001.2"
    for token in (TOKEN, OLD):
        assert rotating.hear(post(FORM, token=token)) is not None
        assert rotating.receive(post(status, url=f"{STATUS}?{query}", token=token, query=query)) is not None
    with pytest.raises(Forged):
        sms().hear(post(FORM, token=OLD))
    assert OLD not in repr(TwilioConfig(auth_token=TOKEN, auth_token_previous=OLD))


@pytest.mark.parametrize("text", ["Thank you.", "¿Más? <b>a & b</b>", "two\nlines", "control \x07 and \ufffe end"])
def test_the_answer_is_what_twilios_own_library_would_write(text: str):
    spoken = sms().speak(text)
    assert spoken.media_type == "text/xml"
    ours = ET.fromstring(spoken.body)
    theirs = MessagingResponse()
    theirs.message(text.replace("\x07", "").replace("\ufffe", ""))
    assert ET.tostring(ours) == ET.tostring(ET.fromstring(str(theirs)))


def test_no_answer_is_an_empty_response():
    root = ET.fromstring(sms().speak(None).body)
    assert (root.tag, len(root)) == ("Response", 0)


def test_too_long_an_answer_is_shortened():
    [message] = ET.fromstring(sms().speak("a" * 5000).body)
    assert len(message.text or "") == 1600


def test_a_name_as_sender_takes_no_replies():
    config = TwilioConfig(account_sid=ACCOUNT, auth_token=TOKEN, from_="Follow", replies=True)
    [problem] = config.problems()
    assert "ALERTD_TWILIO__REPLIES" in problem
