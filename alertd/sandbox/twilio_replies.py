"""Replies as any phone: posted as Twilio posts them, signed, and answered by what the TwiML says.

https://www.twilio.com/docs/messaging/guides/webhook-request. A real number has its webhook in the console. Here it
is the URL of the phone's last StatusCallback, with `inbound` in place of its last word, on this machine only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4
from xml.etree import ElementTree as ET

import aiohttp
from aiohttp import web

from alertd.sandbox.http_answers import json_answer
from alertd.sandbox.log import Accepted
from alertd.sandbox.records import Records
from alertd.sandbox.settings import is_loopback
from alertd.sandbox.twilio_login import Login
from alertd.sandbox.twilio_requests import PATIENCE_S, signature

MOST_TEXT = 1600
"""Characters. https://www.twilio.com/docs/messaging/guides/webhook-request (Body)"""

MOST_KEPT = 200  # said by one phone, for its page
_MOST_ANSWER = 64 * 1024  # bytes, https://www.twilio.com/docs/api/errors/11750


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wrote from a phone, and what came of it."""

    seq: int  # of the newest message that the phone had then
    text: str
    answer: str  # "200", "403", "no answer"


class Replies:
    """Writes from the phones of this sandbox; what they said is kept for as long as it runs."""

    def __init__(self, records: Records, login: Login) -> None:
        self._records, self._login = records, login
        self._account_sid = login.account_sid
        self._said: dict[str, list[Said]] = {}

    def routes(self) -> list[web.RouteDef]:
        """What to serve, and where."""
        return [web.post("/inbox/sms/{to:.+}", self._write)]

    def said(self, to: str) -> Sequence[Said]:
        """What a phone has written, in order."""
        return tuple(self._said.get(to, ()))

    async def _write(self, request: web.Request) -> web.Response:
        """A form with `text`; 303 to the phone's page. A page of somebody else's may not write here."""
        origin = urlsplit(request.headers.get("Origin", ""))
        if origin.netloc and origin.netloc != request.host:
            return json_answer({"error": "another page may not write from these phones"}, 403)
        to, form = request.match_info["to"], await request.post()
        text = form.get("text", "")
        if not isinstance(text, str) or not text.strip() or len(text) > MOST_TEXT:
            return json_answer({"error": f"text: 1 to {MOST_TEXT} characters"}, 400)
        received = self._records.messages(channel="sms", to=to)
        url = next((each for each in map(_webhook, reversed(received)) if each is not None), None)
        if url is None:
            return json_answer(
                {"error": "nobody on this machine wrote to this phone and wants to hear of it"}, 409
            )
        answer = await self._post(url, to, text, received[-1])
        kept = self._said.setdefault(to, [])
        kept.append(Said(received[-1].seq, text, answer))
        del kept[:-MOST_KEPT]
        query = f"?{request.query_string}" if request.query_string else ""
        raise web.HTTPSeeOther(f"{request.rel_url.raw_path}{query}")

    async def _post(self, url: str, to: str, text: str, last: Accepted) -> str:
        form = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "Body": text,
            "From": to,
            "MessageSid": f"SM{uuid4().hex}",
            "NumMedia": "0",
            "To": last.sender or "",
        }
        headers = {
            "X-Twilio-Signature": signature(url, form, self._login.auth_token.encode()),
            "User-Agent": "TwilioProxy/1.1",
        }
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=form, headers=headers, allow_redirects=False) as response,
            ):
                status, body = response.status, await response.content.read(_MOST_ANSWER)
        except (aiohttp.ClientError, TimeoutError):
            return "no answer"
        if status == 200:
            for said in _messages(body):
                request = {"To": to, "From": last.sender, "Body": said, "InReplyTo": form["MessageSid"]}
                sid = f"SM{uuid4().hex}"
                await self._records.accept(
                    "sms", to, provider_id=sid, text=said, sender=last.sender, request=request
                )
        return str(status)


def _webhook(message: Accepted) -> str | None:
    url = message.request.get("StatusCallback")
    if not isinstance(url, str) or not is_loopback(urlsplit(url).hostname or ""):
        return None
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rpartition('/')[0]}/inbound", "", ""))


def _messages(body: bytes) -> list[str]:
    """What the TwiML says to write back; nothing where it is none."""
    if b"<!" in body:  # no entities, no document types: TwiML has neither
        return []
    try:
        root = ET.fromstring(body)  # noqa: S314  it has no entities, and comes from this machine
    except ET.ParseError:
        return []
    return [text for each in root.findall("Message") if (text := "".join(each.itertext()).strip())]
