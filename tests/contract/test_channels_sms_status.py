"""Twilio's status callbacks: signed as Twilio's own library signs them, each status and code with its meaning."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from twilio.request_validator import RequestValidator

from alertd.domain.receipt import Word
from alertd.ports import Callback, ChannelError, Forged, Later, Misconfigured, Receives, Refused, Report
from channels.twilio_codes import CODES
from channels.twilio_sms import TwilioConfig, TwilioSms
from tests.contract.samples.situations import NOW
from tests.contract.samples.sms import ACCOUNT, SENDER, SID, TOKEN
from tests.contract.samples.sms_codes import NOTES

URL = "https://alerts.example.org/v1/providers/twilio/status"
DELIVERY = UUID("019a0000-0000-7000-8000-000000000001")
QUERY = f"attempt={DELIVERY}.2"
FORM = {
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "From": SENDER,
    "MessageSid": SID,
    "MessageStatus": "delivered",
    "SmsSid": SID,
    "SmsStatus": "delivered",
    "To": "+14155550123",
}


@dataclass(frozen=True)
class Post:
    """A callback as it is made; `url` is what the signer believes to call."""

    form: dict[str, str]
    query: str = QUERY
    url: str = URL
    token: str = TOKEN
    header: str = "x-twilio-signature"

    def callback(self, **changes: Any) -> Callback:
        signature = RequestValidator(self.token).compute_signature(f"{self.url}?{self.query}", self.form)
        given: dict[str, Any] = {
            "query": self.query,
            "headers": {self.header: signature},
            "body": urlencode(self.form).encode(),
        }
        return Callback(**(given | changes))


def sms(**changes: Any) -> TwilioSms:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_": SENDER, "status_callback": URL}
    return TwilioSms(TwilioConfig(**(given | changes)), lambda: NOW)


def said(status: str, code: str | None = None, **changes: str) -> Report | None:
    form = FORM | {"MessageStatus": status} | changes | ({"ErrorCode": code} if code is not None else {})
    return sms().receive(Post(form).callback())


def test_a_callback_says_which_try_and_what_became_of_it():
    channel = sms()
    assert isinstance(channel, Receives)
    assert channel.has_callbacks
    assert channel.receive(Post(FORM).callback()) == Report(DELIVERY, 2, Word.DELIVERED, SID)


def test_who_is_told_nowhere_waits_for_no_word():
    channel = sms(status_callback=None)
    assert not channel.has_callbacks
    with pytest.raises(Forged):
        channel.receive(Post(FORM).callback())


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("accepted", Word.ACCEPTED),
        ("scheduled", Word.ACCEPTED),
        ("queued", Word.ACCEPTED),
        ("sending", Word.ACCEPTED),
        ("sent", Word.ACCEPTED),
        ("delivered", Word.DELIVERED),
        ("read", Word.READ),
        ("undelivered", Word.UNDELIVERED),
        ("failed", Word.UNDELIVERED),
        ("canceled", Word.UNDELIVERED),
    ],
)
def test_every_status_of_a_message_that_goes_out(status: str, word: Word):
    report = said(status)
    assert report is not None
    assert (report.word, report.code) == (word, status if word is Word.UNDELIVERED else None)


@pytest.mark.parametrize(
    ("code", "word", "opted_out", "ours", "because"),
    [
        ("30003", Word.UNDELIVERED, False, False, "the phone is off: it may be on tomorrow"),
        ("30008", Word.UNDELIVERED, False, False, "nobody says why"),
        ("30036", Word.UNDELIVERED, False, False, "its time was over"),
        ("30500", Word.UNDELIVERED, False, True, "an error inside Twilio: the same may pass in a minute"),
        ("30001", Word.UNDELIVERED, False, True, "a queue of ours was full"),
        ("30022", Word.UNDELIVERED, False, True, "too many at once for our campaign"),
        ("30023", Word.UNDELIVERED, False, True, "our brand's limit of the day"),
        ("30005", Word.REFUSED, False, False, "the number does not exist"),
        ("30006", Word.UNDELIVERED, False, False, "a landline, or a carrier that this sender cannot reach"),
        ("30004", Word.UNDELIVERED, False, False, "blocked: that may be lifted"),
        ("21612", Word.UNDELIVERED, False, True, "our sender cannot reach it; another may"),
        ("21610", Word.REFUSED, True, False, "its owner said stop"),
        ("30007", Word.UNDELIVERED, False, True, "our text was filtered; the number is good"),
        ("30034", Word.UNDELIVERED, False, True, "our sender is not registered"),
        ("30099", Word.UNDELIVERED, False, False, "a code that nobody knows stops no address"),
        ("", Word.UNDELIVERED, False, False, "no code"),
        ("9" * 4000, Word.UNDELIVERED, False, False, "no code of Twilio's"),
    ],
)
@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_what_each_code_means(status, code, word, opted_out, ours, because):
    report = said(status, code)
    assert report is not None
    assert (report.word, report.opted_out, report.ours) == (word, opted_out, ours), because
    assert report.code is not None
    assert len(report.code) <= 64


def test_no_code_of_the_table_takes_a_delivered_message_back():
    for code in CODES:
        report = said("delivered", str(code))
        assert report is not None
        assert report.word is Word.DELIVERED


@pytest.mark.parametrize("url", [URL, URL.replace(".org/", ".org:443/")])
@pytest.mark.parametrize("ours", [URL, URL.replace(".org/", ".org:443/")])
def test_twilio_may_write_the_usual_port_or_leave_it_out(url: str, ours: str):
    assert sms(status_callback=ours).receive(Post(FORM, url=url).callback()) is not None


def test_empty_values_and_other_letters_are_signed_as_they_are():
    form = FORM | {"Body": "¿Qué hacer? 100% & más", "Empty": ""}
    assert sms().receive(Post(form).callback()) is not None


FORGED: dict[str, Callback] = {
    "unsigned": Post(FORM).callback(headers={}),
    "empty signature": Post(FORM).callback(headers={"x-twilio-signature": ""}),
    "signed with another token": Post(FORM, token="f" * 32).callback(),
    "a status changed on the way": Post(FORM).callback(
        body=urlencode(FORM | {"MessageStatus": "failed"}).encode()
    ),
    "a field added": Post(FORM).callback(body=urlencode(FORM | {"ErrorCode": "30005"}).encode()),
    "a field doubled": Post(FORM).callback(body=urlencode([*FORM.items(), ("MessageStatus", "failed")]).encode()),
    "another try": Post(FORM).callback(query=f"attempt={DELIVERY}.1"),
    "more in the query": Post(FORM).callback(query=f"{QUERY}&x=1"),
    "signed for another host": Post(FORM, url="https://evil.example.org/v1/providers/twilio/status").callback(),
    "signed for another port": Post(FORM, url=URL.replace(".org/", ".org:8443/")).callback(),
    "signed for http": Post(FORM, url=URL.replace("https", "http")).callback(),
    "signed with the newer algorithm only": Post(FORM, header="x-twilio-signature-256").callback(),
    "no text": Post(FORM).callback(body=b"\xff\xfe\x00"),
    "a thousand fields": Post(FORM).callback(body="&".join(f"f{n}=1" for n in range(1000)).encode()),
    "a signature that is no text": Post(FORM).callback(headers={"x-twilio-signature": "\udcff\u20ac"}),
}


@pytest.mark.parametrize("callback", FORGED.values(), ids=FORGED.keys())
def test_what_twilio_did_not_sign_says_nothing(callback: Callback):
    with pytest.raises(Forged) as caught:
        sms().receive(callback)
    for secret in (TOKEN, "+1415", SID, str(DELIVERY)):
        assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "post",
    [
        Post(FORM, query="attempt="),
        Post(FORM, query="other=1"),
        Post(FORM, query=f"attempt={DELIVERY}"),
        Post(FORM, query=f"attempt={DELIVERY}.0"),
        Post(FORM, query=f"attempt={DELIVERY}.-1"),
        Post(FORM, query=f"attempt={DELIVERY}.{'9' * 30}"),
        Post(FORM, query="attempt='; DROP TABLE delivery --.1"),
        Post(FORM | {"MessageStatus": "received"}),
        Post(FORM | {"MessageStatus": ""}),
        Post(FORM | {"MessageSid": "SM1"}),
        Post({}),
    ],
)
def test_what_is_signed_and_is_about_nothing_of_ours_is_no_error(post: Post):
    assert sms().receive(post.callback()) is None


SAID_OF = {
    Later: (Word.UNDELIVERED, False),
    Refused: (Word.REFUSED, False),
    Misconfigured: (Word.UNDELIVERED, True),
}
"""What is told of a number: never again, or only not this time; and whether the fault is ours."""


@pytest.mark.parametrize(
    ("code", "reaction"), [(code, reaction) for _, code, reaction in NOTES if code >= 30000 or code == 21610]
)
def test_every_code_of_the_notes_means_the_same_when_it_comes_later(code: int, reaction: type[ChannelError]):
    report = said("undelivered", str(code))
    assert report is not None
    passing = code in (
        30001,
        30500,
    )  # a full queue, an error inside Twilio: the phone may be well, as in our own fault
    assert (report.word, report.ours) == ((Word.UNDELIVERED, True) if passing else SAID_OF[reaction])
    assert report.opted_out == (code == 21610)
