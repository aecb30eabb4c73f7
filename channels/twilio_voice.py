"""Calls through Twilio: a voice reads the message, and a key says "I know".

- Request: https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
- Answering machines: https://www.twilio.com/docs/voice/answering-machine-detection
- What is said: `channels.twiml`; what Twilio tells of a call: `channels.twilio_call_status`
- Account, answers, errors: `channels.twilio_account`

The API has no idempotency key, so a lost answer is Unknown and never tried again here. A call is always loud.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from alertd.ports import Callback, Forged, Message, Pressed, Receipt, Report, Spoken
from channels import Now
from channels.http import DEADLINE
from channels.twilio_account import TwilioAccount, account_problems, named_by_attempt
from channels.twilio_call_status import CALL_SID, CallStatus, Keypad
from channels.twilio_codes import explain
from channels.twiml import twiml

LONGEST_RING = 600
"""Seconds that a phone may ring. Source: the first URL above (Timeout)."""

LONGEST_CALL = 240
"""Seconds after which a call is ended: the greeting of a machine (30), all that is said twice, and a key."""

_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")  # E.164: https://www.twilio.com/docs/glossary/what-e164
_IN_VAIN = ("failed", "busy", "no-answer", "canceled")


@dataclass(frozen=True, slots=True)
class TwilioVoiceConfig:
    """The account and the number that calls."""

    account_sid: str | None = None
    auth_token: str | None = field(default=None, repr=False)
    from_: str | None = None  # a number of the account, or one verified for it
    base_url: str = "https://api.twilio.com"
    status_callback: str | None = None  # where Twilio tells the outcome; the attempt is added as `attempt=`
    keypad: str | None = None  # where Twilio tells which key was pressed; likewise
    ring: int = 40  # seconds; voice mail takes over after 20 to 30
    connections: int = 5  # requests at once; calls begin at one a second unless the account has bought more
    deadline: float = DEADLINE
    auth_token_previous: str | None = field(default=None, repr=False)  # while it is rotated: signs, and no more

    def problems(self) -> list[str]:
        """What keeps calls from working, each with the setting that mends it; empty if nothing does."""
        found = account_problems(self)
        if not self.from_:
            found.append("no number that calls: set ALERTD_TWILIO__VOICE_FROM")
        elif not _NUMBER.fullmatch(self.from_):
            found.append("calls come from a number like +14155550100 alone: set ALERTD_TWILIO__VOICE_FROM to one")
        return found


class TwilioVoice:
    """The channel `voice`."""

    name, provider = "voice", "twilio"
    has_callbacks = False  # unless Twilio is told where to

    def __init__(self, config: TwilioVoiceConfig, now: Now) -> None:
        self.at_once, self.deadline = config.connections, config.deadline
        self.has_callbacks = config.status_callback is not None
        self._account = TwilioAccount(config, now)
        self._caller = f"From={quote_plus(config.from_ or '')}&To=".encode()
        self._rest = (
            f"&Timeout={config.ring}&TimeLimit={LONGEST_CALL}&MachineDetection=DetectMessageEnd&Twiml=".encode()
        )
        told, keypad = config.status_callback, config.keypad
        tokens = (config.auth_token or "", config.auth_token_previous or "")
        self._callback = (
            b"&StatusCallbackEvent=initiated&StatusCallbackEvent=completed&StatusCallback="
            + named_by_attempt(told)
            if told
            else None
        )
        self._status = CallStatus(told, *tokens) if told and config.auth_token else None
        self._keypad_url = keypad
        self._keypad = Keypad(keypad, *tokens) if keypad and config.auth_token else None

    async def send(self, message: Message) -> Receipt:
        return await self._account.create("Calls.json", self._form(message), CALL_SID, _IN_VAIN, "call")

    def receive(self, callback: Callback) -> Report | None:
        """See `channels.twilio_call_status`."""
        if self._status is None:
            raise Forged("no reports are asked for")
        return self._status.read(callback)

    def explain(self, code: str) -> str | None:
        """See `channels.twilio_codes`."""
        return explain(code)

    def hear(self, callback: Callback) -> Pressed | None:
        """See `channels.twilio_call_status`."""
        if self._keypad is None:
            raise Forged("no key is asked for")
        return self._keypad.read(callback)

    def reply(self, lines: Sequence[tuple[str, str]], again: Pressed | None = None) -> Spoken:
        action = self._action(f"{again.delivery}.{again.attempt}") if again is not None else None
        return Spoken(twiml(lines, action).encode(), "application/xml")

    async def ask(self) -> str:
        return await self._account.ask()

    async def close(self) -> None:
        await self._account.close()

    def _form(self, message: Message) -> bytes:
        action = self._action(message.attempt_id) if message.link is not None else None
        said = twiml([(message.locale, line) for line in message.text.splitlines()], action)
        to = quote_plus(message.to, errors="replace").encode()
        form = self._caller + to + self._rest + quote_plus(said).encode()
        return form if self._callback is None else form + self._callback + message.attempt_id.encode()

    def _action(self, attempt: str) -> str | None:
        if self._keypad_url is None:
            return None
        return f"{self._keypad_url}{'&' if '?' in self._keypad_url else '?'}attempt={attempt}"
