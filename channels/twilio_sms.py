"""SMS through Twilio's Messages API.

- Request: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
- Account, answers, errors: `channels.twilio_account`

The API has no idempotency key, so a lost answer is Unknown and never tried again here. An SMS is always loud.
"""

import functools
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import quote_plus

from alertd.ports import Callback, Forged, Message, Receipt, Report, Spoken
from alertd.ports.inbound import Heard, Told
from channels import Now
from channels.http import DEADLINE
from channels.sendable import sendable, shortened
from channels.twilio_account import TwilioAccount, account_problems, named_by_attempt
from channels.twilio_codes import explain
from channels.twilio_console import messaging_host, number_path, of_number, of_service, service_path
from channels.twilio_inbound import InboundMessages, twiml
from channels.twilio_status import StatusCallback

BODY_LIMIT = 1600
"""Characters of a message. Source: the first URL above (Body)."""

LONGEST_VALIDITY = 36_000
"""Seconds that Twilio may keep a message before it drops it. Source: the first URL above (ValidityPeriod)."""

_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")

_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")  # E.164: https://www.twilio.com/docs/glossary/what-e164
_US_NUMBER = re.compile(r"(?:1[ .-]?)?\(?[2-9][0-9]{2}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{4}")
"""Taken too, with separators or without: https://www.twilio.com/docs/api/errors/21212."""
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +_&.-]{1,11}")
"""https://www.twilio.com/docs/messaging/api/alphasender-resource (AlphaSender); without the dot, which is in
https://www.twilio.com/content/dam/twilio-com/global/en/blog/pdfs/Permitted-Sender-ID-characters.pdf.
"""

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
        found = account_problems(self)
        if self.messaging_service_sid:
            if not _SERVICE_SID.fullmatch(self.messaging_service_sid):
                found.append(
                    "ALERTD_TWILIO__MESSAGING_SERVICE_SID is no messaging service: MG and 32 hexadecimal digits"
                )
        elif not self.from_:
            found.append("no SMS sender: set ALERTD_TWILIO__FROM or ALERTD_TWILIO__MESSAGING_SERVICE_SID")
        elif not _sends_sms(self.from_):
            found.append(
                "ALERTD_TWILIO__FROM is no SMS sender: write a number like +14155550100, a short code of 3 to 8 "
                "digits, or a name of at most 11 characters (A-Z, a-z, 0-9, space and + - _ & .) with a letter "
                "among them"
            )
        elif self.replies and any(character.isalpha() for character in self.from_):
            found.append(
                "ALERTD_TWILIO__FROM is a name, to which nobody can reply: leave out ALERTD_TWILIO__REPLIES"
            )
        return found


def _sends_sms(sender: str) -> bool:
    return any(form.fullmatch(sender) for form in (_NUMBER, _US_NUMBER, _SHORT_CODE, _NAME))


class TwilioSms:
    """The channel `sms`."""

    name, provider = "sms", "twilio"
    has_callbacks = False  # unless Twilio is told where to

    def __init__(self, config: TwilioConfig, now: Now) -> None:
        self.at_once, self.deadline = config.connections, config.deadline
        self.has_callbacks = config.status_callback is not None
        self._config, self._now = config, now
        self._account = TwilioAccount(config, now)
        sender = (
            ("MessagingServiceSid", config.messaging_service_sid)
            if config.messaging_service_sid
            else ("From", config.from_ or "")
        )
        self._sender = f"{sender[0]}={quote_plus(sender[1])}&To=".encode()
        url = config.status_callback
        self._callback = b"&StatusCallback=" + named_by_attempt(url) if url else None
        tokens = (config.auth_token or "", config.auth_token_previous or "")
        self._status = StatusCallback(url, *tokens) if url and config.auth_token else None
        self._inbound = InboundMessages(config.inbound, *tokens) if config.inbound and config.auth_token else None

    async def send(self, message: Message) -> Receipt:
        return await self._account.create("Messages.json", self._form(message), _MESSAGE_SID, _FAILED, "message")

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
        return await self._account.ask()

    async def tells(self) -> Told | None:
        """See `channels.twilio_console`; of short codes and names nothing is known."""
        config = self._config
        if config.messaging_service_sid:
            beside = TwilioAccount(replace(config, base_url=messaging_host(config.base_url)), self._now)
            try:
                return of_service(await beside.fetch(service_path(config.messaging_service_sid)))
            finally:
                await beside.close()
        if not (config.from_ or "").startswith("+"):
            return None
        return of_number(await self._account.fetch_of(number_path(config.from_ or "")))

    async def close(self) -> None:
        await self._account.close()

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
