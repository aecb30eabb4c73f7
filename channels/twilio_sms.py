"""SMS through Twilio's Messages API.

- Request: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
- Errors: https://www.twilio.com/docs/api/errors (each code: `channels.twilio_codes`)
- Rate and concurrency: https://www.twilio.com/docs/api/errors/20429

The API has no idempotency key, so a lost answer is Unknown and never tried again here. An SMS is always loud.
"""

import functools
import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from alertd.ports import Callback, ChannelError, Forged, Later, Message, Misconfigured, Receipt, Report, Unknown
from alertd.ports.inbound import Heard, Spoken
from channels import Now
from channels.http import DEADLINE, HttpClient
from channels.http_answer import UNREADABLE, Answer, retry_after
from channels.sendable import sendable, shortened
from channels.twilio_codes import CODES, error_for, explain
from channels.twilio_inbound import InboundMessages, twiml
from channels.twilio_status import StatusCallback

BODY_LIMIT = 1600
"""Characters of a message. Source: the first URL above (Body)."""

LONGEST_VALIDITY = 36_000
"""Seconds that Twilio may keep a message before it drops it. Source: the first URL above (ValidityPeriod)."""

_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
# The patterns stand in Twilio's OpenAPI document: https://github.com/twilio/twilio-oai

_FAILED = ("failed", "undelivered", "canceled")


@dataclass(frozen=True, slots=True)
class TwilioConfig:
    """The account and the sender. `messaging_service_sid`, if there is one, chooses the sender."""

    account_sid: str | None = None
    auth_token: str | None = field(default=None, repr=False)
    from_: str | None = None  # a number, short code or alphanumeric sender
    messaging_service_sid: str | None = None
    base_url: str = "https://api.twilio.com"
    status_callback: str | None = None  # where Twilio tells the outcome; the attempt is added as `attempt=`
    connections: int = 100  # requests at once; more than the account allows are answered 20429
    deadline: float = DEADLINE
    auth_token_previous: str | None = field(default=None, repr=False)  # while it is rotated: signs, and no more
    inbound: str | None = None  # where Twilio tells what people reply, as its console was told
    replies: bool = False  # readers are told that they may reply

    def problems(self) -> list[str]:
        """What keeps SMS from working, each with the setting that mends it; empty if nothing does."""
        found = []
        if not self.account_sid:
            found.append("no Twilio account: set ALERTD_TWILIO__ACCOUNT_SID")
        elif not _ACCOUNT_SID.fullmatch(self.account_sid):
            found.append("ALERTD_TWILIO__ACCOUNT_SID is no account SID: AC and 32 hexadecimal digits")
        if not self.auth_token:
            found.append("no Twilio auth token: set ALERTD_TWILIO__AUTH_TOKEN or ALERTD_TWILIO__AUTH_TOKEN_FILE")
        if self.messaging_service_sid:
            if not _SERVICE_SID.fullmatch(self.messaging_service_sid):
                found.append(
                    "ALERTD_TWILIO__MESSAGING_SERVICE_SID is no messaging service: MG and 32 hexadecimal digits"
                )
        elif not self.from_:
            found.append("no SMS sender: set ALERTD_TWILIO__FROM or ALERTD_TWILIO__MESSAGING_SERVICE_SID")
        elif self.replies and any(character.isalpha() for character in self.from_):
            found.append(
                "ALERTD_TWILIO__FROM is a name, to which nobody can reply: leave out ALERTD_TWILIO__REPLIES"
            )
        return found


class _Answer(msgspec.Struct):
    """The parts of Twilio's answers that matter; no other may turn a message that was taken into a doubt."""

    sid: Any = None
    status: Any = None  # of a message, of an account: a word; of an error: the HTTP status
    error_code: Any = None  # of a message
    code: Any = None  # of an error


_read = msgspec.json.Decoder(_Answer).decode


class TwilioSms:
    """The channel `sms`."""

    name, provider = "sms", "twilio"
    has_callbacks = False  # unless Twilio is told where to

    def __init__(self, config: TwilioConfig, now: Now) -> None:
        self.at_once, self.deadline = config.connections, config.deadline
        self.has_callbacks = config.status_callback is not None
        self._now = now
        account = config.account_sid or ""
        secret = f"{account}:{config.auth_token or ''}".encode()
        self._http = HttpClient(
            config.base_url,
            {
                "Authorization": "Basic " + b64encode(secret).decode("ascii"),
                "Content-Type": "application/x-www-form-urlencoded",
            },
            connections=config.connections,
            deadline=config.deadline,
        )
        accounts = f"/2010-04-01/Accounts/{quote(account, safe='')}"
        self._messages_path = f"{accounts}/Messages.json"
        self._account_path = f"{accounts}.json"
        sender = (
            ("MessagingServiceSid", config.messaging_service_sid)
            if config.messaging_service_sid
            else ("From", config.from_ or "")
        )
        self._sender = f"{sender[0]}={quote_plus(sender[1])}&To=".encode()
        url = config.status_callback
        self._callback = _callback(url) if url else None
        tokens = (config.auth_token or "", config.auth_token_previous or "")
        self._status = StatusCallback(url, *tokens) if url and config.auth_token else None
        self._inbound = InboundMessages(config.inbound, *tokens) if config.inbound and config.auth_token else None

    async def send(self, message: Message) -> Receipt:
        answer = await self._http.post(self._messages_path, self._form(message))
        told = _told(answer)
        if not answer.ok:
            raise error_for(answer.status, told.code, retry_after(answer, self._now))
        if not isinstance(told.sid, str) or not _MESSAGE_SID.fullmatch(told.sid):
            raise Unknown("no_sid", "accepted, it says, but names no message")
        if told.status in _FAILED:
            raise _given_up(answer.status, told)
        return Receipt(told.sid)

    def receive(self, callback: Callback) -> Report | None:
        """See `channels.twilio_status`."""
        if self._status is None:
            raise Forged("no delivery reports are asked for")
        return self._status.read(callback)

    def explain(self, code: str) -> str | None:
        """See `channels.twilio_codes`."""
        return explain(code)

    def hear(self, callback: Callback) -> Heard | None:
        """See `channels.twilio_inbound`."""
        if self._inbound is None:
            raise Forged("no replies are expected")
        return self._inbound.read(callback)

    def speak(self, text: str | None) -> Spoken:
        """See `channels.twilio_inbound`."""
        return twiml(text)

    async def ask(self) -> str:
        """Fetch the account: https://www.twilio.com/docs/iam/api/account#fetch-an-account-resource."""
        try:
            answer = await self._http.get(self._account_path)
        except Unknown as error:  # nothing was to be sent
            raise Later(error.code, "no whole answer in time") from None
        if not answer.ok:
            raise error_for(answer.status, _told(answer).code, retry_after(answer, self._now))
        status = _told(answer).status
        if status != "active":
            known = status if status in ("suspended", "closed") else "no account that alertd knows"
            raise Misconfigured("account", f"the account of ALERTD_TWILIO__ACCOUNT_SID is {known}")
        return "the account is active"

    async def close(self) -> None:
        await self._http.close()

    def _form(self, message: Message) -> bytes:
        form = self._sender + b"%s&Body=%s&ValidityPeriod=%d" % (
            quote_plus(message.to, errors="replace").encode(),
            _quoted(message.text),
            min(max(message.useful_for // _SECOND, 1), LONGEST_VALIDITY),
        )
        if self._callback is None:
            return form
        return form + self._callback + message.attempt_id.encode()


_SECOND = timedelta(seconds=1)


@functools.lru_cache(maxsize=512)
def _quoted(text: str) -> bytes:
    """The text as a form's value; thousands of readers share one."""
    return quote_plus(shortened(sendable(text), BODY_LIMIT)).encode()


def _callback(url: str) -> bytes:
    """The field StatusCallback, up to where the attempt is filled in; an attempt needs no quoting."""
    joined = f"{url}{'&' if '?' in url else '?'}attempt="
    return f"&StatusCallback={quote_plus(joined)}".encode()


def _given_up(status: int, told: _Answer) -> ChannelError:
    """Twilio made the message and gave it up at once."""
    if isinstance(told.error_code, int) and told.error_code in CODES:
        return error_for(status, told.error_code, None)
    return Later(f"{told.status}", "created, and given up at once")


def _told(answer: Answer) -> _Answer:
    """What the body says; nothing if it is not a JSON object."""
    try:
        return _read(answer.body)
    except UNREADABLE:
        return _Answer()
