"""Twilio's later word on a call, and the key that was pressed in it.

- Status callbacks: https://www.twilio.com/docs/voice/api/call-resource#statuscallback
- Who answered: https://www.twilio.com/docs/voice/answering-machine-detection
- The key: https://www.twilio.com/docs/voice/twiml/gather#action
- Whether Twilio said it: `channels.twilio_signature`

A machine that took the message holds it, as a phone that is off holds an SMS: that is neither delivered nor taken
back, and never an answer (docs/decisions/0035-a-machine-holds-the-message-and-answers-nothing.md).
"""

import re
from collections.abc import Mapping

from alertd.domain.receipt import Word
from alertd.ports import Callback, Pressed, Report
from channels.twilio_codes import CODES, Reaction
from channels.twilio_signature import Signed, attempt_of

CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}")

_UNDER_WAY = ("queued", "initiated", "ringing", "in-progress")
_IN_VAIN = ("busy", "no-answer", "failed", "canceled")
_KEY = re.compile(r"[0-9*#]")
_SIP = re.compile(r"[3-6][0-9]{2}")
_OURS = {Reaction.MISCONFIGURED, Reaction.ACCOUNT}


class CallStatus:
    """Reads what is sent to one URL of ours about calls, in the name of one account; `tokens`: see `Signed`."""

    def __init__(self, url: str, *tokens: str) -> None:
        self._signed = Signed(url, *tokens)

    def read(self, callback: Callback) -> Report | None:
        """What became of a call; None where it is about none of ours, or a status that is not known.

        Raises Forged unless Twilio signed it.
        """
        form = self._signed.read(callback)
        attempt = attempt_of(callback.query)
        sid, status = form.get("CallSid", ""), form.get("CallStatus", "")
        if attempt is None or not CALL_SID.fullmatch(sid):
            return None
        word = _word(status, form.get("AnsweredBy", ""))
        if word is None:
            return None
        if word is not Word.UNDELIVERED:
            return Report(attempt.delivery, attempt.number, word, sid)
        code, ours = _why(status, form)
        return Report(attempt.delivery, attempt.number, word, sid, code, ours=ours)


class Keypad:
    """Reads which key was pressed in a call, as it is sent to one URL of ours; `tokens`: see `Signed`."""

    def __init__(self, url: str, *tokens: str) -> None:
        self._signed = Signed(url, *tokens)

    def read(self, callback: Callback) -> Pressed | None:
        """The key; None where it is about no call of ours. Raises Forged unless Twilio signed it."""
        form = self._signed.read(callback)
        attempt = attempt_of(callback.query)
        sid, key = form.get("CallSid", ""), form.get("Digits", "")
        if attempt is None or not CALL_SID.fullmatch(sid):
            return None
        return Pressed(
            attempt.delivery,
            attempt.number,
            sid,
            key if _KEY.fullmatch(key) else "",
            machine=_by_machine(form.get("AnsweredBy", "")),
        )


def _word(status: str, answered_by: str) -> Word | None:
    if status in _UNDER_WAY:
        return Word.ACCEPTED
    if status in _IN_VAIN:
        return Word.UNDELIVERED
    if status != "completed":
        return None
    if answered_by == "fax":
        return Word.UNDELIVERED
    return Word.ACCEPTED if _by_machine(answered_by) else Word.DELIVERED


def _by_machine(answered_by: str) -> bool:
    """`human`, `unknown`, and nothing said count as a person: Twilio is right in most calls, and not in all."""
    return answered_by == "fax" or answered_by.startswith("machine")


def _why(status: str, form: Mapping[str, str]) -> tuple[str, bool]:
    """The code to keep, and whether it is our own fault. No code of a call stops a number: networks fail too."""
    code = form.get("ErrorCode", "")
    if code.isdecimal() and len(code) <= 6 and int(code) in CODES:
        return code, CODES[int(code)][0] in _OURS
    if status == "completed":
        return "fax", False
    sip = form.get("SipResponseCode", "")
    return (f"{status} (SIP {sip})" if status == "failed" and _SIP.fullmatch(sip) else status), False
