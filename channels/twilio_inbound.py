"""What people reply to an SMS, as Twilio tells of it, and TwiML to answer them with.

- Webhook: https://www.twilio.com/docs/messaging/guides/webhook-request
- TwiML: https://www.twilio.com/docs/messaging/twiml
- Advanced Opt-Out (`OptOutType`): https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out

The answer is the body of our own HTTP answer: Twilio sends it to whoever wrote.
"""

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from alertd.domain.reply import Meaning
from alertd.ports import Callback, Spoken
from alertd.ports.inbound import Heard
from channels.sendable import sendable, shortened
from channels.twilio_signature import Signed

BODY_LIMIT = 1600
"""Characters of an answer. Source: the second URL above (Message)."""

_MOST_TEXT = 4000
"""Characters that are kept of what somebody wrote: more than Twilio takes (1,600)."""

_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")  # E.164; short codes and names never signed up for anything
_COUNT = re.compile(r"[0-9]{1,2}")
_MOST_MEDIA = 10
"""Of one message. Source: the first URL above (NumMedia)."""

_MEDIA_TYPE = "text/xml"
_UNWRITABLE = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML 1.0 has no way to write
_HANDLED = {"STOP": Meaning.STOP, "START": Meaning.START, "HELP": Meaning.HELP}


class InboundMessages:
    """Reads what is sent to one URL of ours, in the name of one account; `tokens`: see `Signed`."""

    def __init__(self, url: str, *tokens: str) -> None:
        self._signed = Signed(url, *tokens)

    def read(self, callback: Callback) -> Heard | None:
        """What somebody wrote; None where it names no message, or no telephone number.

        Raises Forged unless Twilio signed it: for this URL, whatever name the request came by.
        """
        return _heard(self._signed.read(callback))


def _heard(form: Mapping[str, str]) -> Heard | None:
    sid, sender = form.get("MessageSid", ""), form.get("From", "")
    if not _MESSAGE_SID.fullmatch(sid) or not _NUMBER.fullmatch(sender):
        return None
    return Heard(
        id=sid,
        sender=sender,
        text=form.get("Body", "").replace("\x00", "")[:_MOST_TEXT],
        handled=_HANDLED.get(form.get("OptOutType", "").upper()),
        beside=_beside(form),
    )


def _beside(form: Mapping[str, str]) -> str:
    """What came with the words of an MMS, in words: "2 pictures"."""
    told = form.get("NumMedia", "")
    count = min(int(told), _MOST_MEDIA) if _COUNT.fullmatch(told) else 0
    kinds = {form.get(f"MediaContentType{at}", "").partition("/")[0] for at in range(count)}
    word = "picture" if kinds == {"image"} else "file"
    return f"{count} {word}{'s' if count > 1 else ''}" if count else ""


def twiml(text: str | None) -> Spoken:
    """One message to whoever wrote, or none."""
    said = ""
    if text:
        said = f"<Message>{escape(shortened(_UNWRITABLE.sub('', sendable(text)), BODY_LIMIT))}</Message>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response>{said}</Response>'
    return Spoken(body.encode(), _MEDIA_TYPE)
