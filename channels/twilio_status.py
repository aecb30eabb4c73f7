"""Twilio's later word on an SMS: what it means.

- Status callbacks: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
- Statuses: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
- Whether Twilio said it: `channels.twilio_signature`

What is said again, or late, changes nothing that it should not.
"""

import re
from collections.abc import Mapping

from alertd.domain.receipt import Word
from alertd.ports import Callback, Report
from channels.twilio_codes import CODES, Reaction
from channels.twilio_signature import Attempt, Signed, attempt_of

_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")

_TAKEN = ("accepted", "scheduled", "queued", "sending", "sent", "partially_delivered")
_WORDS: Mapping[str, Word] = {
    **dict.fromkeys(_TAKEN, Word.ACCEPTED),
    "delivered": Word.DELIVERED,
    "read": Word.READ,
    **dict.fromkeys(("undelivered", "failed", "canceled"), Word.UNDELIVERED),
}
_NEVER = {Reaction.REFUSED, Reaction.OPTED_OUT}
_PASSING = {Reaction.SLOWER, Reaction.LATER}
_OURS = {Reaction.MISCONFIGURED, Reaction.ACCOUNT, *_PASSING}
"""Not for the phone's sake: the same message may go there again, after a rest."""


class StatusCallback:
    """Reads what is sent to one URL of ours, in the name of one account; `tokens`: see `Signed`."""

    def __init__(self, url: str, *tokens: str) -> None:
        self._signed = Signed(url, *tokens)

    def read(self, callback: Callback) -> Report | None:
        """What Twilio says; None where it is about nothing that alertd sent, or a status that it does not know.

        Raises Forged unless Twilio signed it: for this URL, whatever name the request came by.
        """
        form = self._signed.read(callback)
        attempt = attempt_of(callback.query)
        return _report(attempt, form) if attempt is not None else None


def _report(attempt: Attempt, form: Mapping[str, str]) -> Report | None:
    sid = form.get("MessageSid", "")
    word = _WORDS.get(form.get("MessageStatus", ""))
    if word is None or not _MESSAGE_SID.fullmatch(sid):
        return None
    delivery, number = attempt.delivery, attempt.number
    if word is not Word.UNDELIVERED:
        return Report(delivery, number, word, sid)
    code = form.get("ErrorCode", "")
    if not code.isdecimal() or len(code) > 6:
        return Report(delivery, number, word, sid, form["MessageStatus"])
    reaction = CODES.get(int(code), (Reaction.AWAY, ""))[0]
    if reaction in _NEVER:
        return Report(delivery, number, Word.REFUSED, sid, code, opted_out=reaction is Reaction.OPTED_OUT)
    return Report(delivery, number, word, sid, code, ours=reaction in _OURS, passing=reaction in _PASSING)
