"""What Twilio says later of a call, and of the key that was pressed in it: signed as its own library signs it."""

from typing import Any

import pytest

from alertd.domain.receipt import Word
from alertd.ports import Forged, Pressed, Receives, Report
from channels.twilio_voice import TwilioVoice, TwilioVoiceConfig
from tests.contract.samples.situations import NOW
from tests.contract.samples.sms import ACCOUNT, SENDER, SID, TOKEN
from tests.contract.samples.voice import CALL, KEYS, STATUS
from tests.contract.test_channels_sms_status import DELIVERY, FORGED, Post

FORM = {
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "CallSid": CALL,
    "CallStatus": "completed",
    "Direction": "outbound-api",
    "From": SENDER,
    "To": "+14155550123",
}
PRESSED = FORM | {"CallStatus": "in-progress", "Digits": "1", "AnsweredBy": "human", "msg": "Gather End"}


def voice(**changes: Any) -> TwilioVoice:
    given = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "from_": SENDER,
        "status_callback": STATUS,
        "keypad": KEYS,
    }
    return TwilioVoice(TwilioVoiceConfig(**(given | changes)), lambda: NOW)


def said(status: str, **more: str) -> Report | None:
    return voice().receive(Post(FORM | {"CallStatus": status} | more).callback())


def key(**changes: str) -> Pressed | None:
    return voice().hear(Post(PRESSED | changes, url=KEYS).callback())


def test_a_callback_says_which_try_and_what_became_of_it():
    channel = voice()
    assert isinstance(channel, Receives)
    assert channel.has_callbacks
    assert said("completed", AnsweredBy="human") == Report(DELIVERY, 2, Word.DELIVERED, CALL)


def test_who_is_told_nowhere_waits_for_no_word_and_for_no_key():
    channel = voice(status_callback=None, keypad=None)
    assert not channel.has_callbacks
    with pytest.raises(Forged):
        channel.receive(Post(FORM).callback())
    with pytest.raises(Forged):
        channel.hear(Post(PRESSED, url=KEYS).callback())


@pytest.mark.parametrize(
    ("status", "answered_by", "word", "code", "because"),
    [
        ("queued", "", Word.ACCEPTED, None, "it waits for its turn"),
        ("initiated", "", Word.ACCEPTED, None, "it is being dialled"),
        ("ringing", "", Word.ACCEPTED, None, "nobody has taken it yet"),
        ("in-progress", "human", Word.ACCEPTED, None, "it is not over"),
        ("completed", "human", Word.DELIVERED, None, "somebody took it"),
        ("completed", "unknown", Word.DELIVERED, None, "somebody may have taken it"),
        ("completed", "", Word.DELIVERED, None, "nobody asked who took it"),
        (
            "completed",
            "machine_end_beep",
            Word.ACCEPTED,
            None,
            "a machine has the message: neither heard nor lost",
        ),
        ("completed", "machine_end_silence", Word.ACCEPTED, None, "likewise"),
        ("completed", "machine_end_other", Word.ACCEPTED, None, "likewise"),
        ("completed", "machine_start", Word.ACCEPTED, None, "likewise"),
        ("completed", "fax", Word.UNDELIVERED, "fax", "a fax keeps no words"),
        ("busy", "", Word.UNDELIVERED, "busy", "engaged"),
        ("no-answer", "", Word.UNDELIVERED, "no-answer", "it rang"),
        ("failed", "", Word.UNDELIVERED, "failed", "no network connected it; the number is kept"),
        ("canceled", "", Word.UNDELIVERED, "canceled", "somebody ended it in the console"),
    ],
)
def test_every_status_of_a_call(status: str, answered_by: str, word: Word, code: str | None, because: str):
    report = said(status, **({"AnsweredBy": answered_by} if answered_by else {}))
    assert report is not None
    assert (report.word, report.code) == (word, code), because
    assert not report.opted_out
    assert not report.ours


@pytest.mark.parametrize(
    ("more", "code", "ours"),
    [
        ({"SipResponseCode": "404"}, "failed (SIP 404)", False),
        ({"SipResponseCode": "x"}, "failed", False),
        ({"ErrorCode": "21215"}, "21215", True),
        ({"ErrorCode": "21217"}, "21217", False),
        ({"ErrorCode": "9" * 400}, "failed", False),
    ],
)
def test_why_it_failed(more: dict[str, str], code: str, ours: bool):
    """No word on a call stops a number: networks fail as well as numbers do."""
    report = said("failed", **more)
    assert report is not None
    assert (report.word, report.code, report.ours) == (Word.UNDELIVERED, code, ours)


@pytest.mark.parametrize("digit", ["0", "1", "9", "*", "#"])
def test_a_key(digit: str):
    assert key(Digits=digit) == Pressed(DELIVERY, 2, CALL, digit, machine=False)


@pytest.mark.parametrize("digits", ["", "11", "a", "\u0661", "1 "])
def test_what_is_no_key_is_none(digits: str):
    pressed = key(Digits=digits)
    assert pressed is not None
    assert pressed.key == ""


@pytest.mark.parametrize(
    ("answered_by", "machine"),
    [
        ("human", False),
        ("unknown", False),
        ("", False),
        ("machine_start", True),
        ("machine_end_beep", True),
        ("machine_end_silence", True),
        ("machine_end_other", True),
        ("fax", True),
    ],
)
def test_who_pressed_it(answered_by: str, machine: bool):
    pressed = key(AnsweredBy=answered_by)
    assert pressed is not None
    assert pressed.machine is machine


@pytest.mark.parametrize("callback", FORGED.values(), ids=FORGED.keys())
def test_what_twilio_did_not_sign_says_nothing(callback: Any):
    for read in (voice().receive, voice().hear):
        with pytest.raises(Forged):
            read(callback)


def test_a_key_is_signed_for_its_own_url():
    with pytest.raises(Forged):
        voice().hear(Post(PRESSED, url=STATUS).callback())
    with pytest.raises(Forged):
        voice().hear(Post(PRESSED, url=KEYS).callback(query=f"attempt={DELIVERY}.1"))
    with pytest.raises(Forged):
        voice().hear(Post(PRESSED, url=KEYS, token="f" * 32).callback())


@pytest.mark.parametrize(
    "post",
    [
        Post(FORM, query="attempt="),
        Post(FORM, query=f"attempt={DELIVERY}.0"),
        Post(FORM | {"CallStatus": "dreaming"}),
        Post(FORM | {"CallSid": SID}),
        Post({"MessageSid": SID, "MessageStatus": "delivered"}),  # an SMS of the same account
        Post({}),
    ],
)
def test_what_is_signed_and_about_no_call_of_ours_is_no_error(post: Post):
    assert voice().receive(post.callback()) is None


def test_a_key_in_no_call_of_ours_is_no_error():
    assert voice().hear(Post(PRESSED, query="attempt=x", url=KEYS).callback()) is None
    assert voice().hear(Post(PRESSED | {"CallSid": "CA1"}, url=KEYS).callback()) is None
