"""The inbox as pages: a card for each phone, app and mailbox, and what one of them received as it shows it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from alertd.sandbox.faults import Faults
from alertd.sandbox.log import Accepted, Channel, Told
from alertd.sandbox.records import Records
from alertd.sandbox.segments import segments
from alertd.sandbox.story_clock import machine_time
from alertd.sandbox.twilio_replies import MOST_TEXT, Replies, Said

PER_PAGE = 100
REFRESH_S = 3
WORTH_A_GAP = timedelta(minutes=1)
LABELS: dict[Channel, str] = {"sms": "SMS", "push": "Push", "email": "E-mail", "voice": "Calls", "page": "Pages"}
_UNASKED: dict[Channel, str] = {"sms": "delivered", "voice": "completed"}  # where nobody wants to know

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message with what its place in the row adds."""

    message: Accepted
    when: datetime  # story time, in the page's zone
    new_day: bool
    gap: str | None  # story time since the one before, if it is worth showing
    segments: int
    status: str  # of an SMS or call: what has become of it
    keys: list[Told]  # of a call: the keys that were pressed, and what was then said
    told: str  # the statuses that its sender was told, with what it answered


class InboxPages:
    """Renders pages from the records; times are story time in one zone (`?tz=` for another)."""

    def __init__(self, records: Records, faults: Faults, zone: str, replies: Replies) -> None:
        self._records, self._faults, self._zone, self._replies = records, faults, zone, replies
        self._templates = Environment(
            loader=PackageLoader("alertd.sandbox", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"links": _links, "short": _short, "path": lambda text: quote(text, safe="")}

    def index(self, query: Mapping[str, str]) -> str:
        """All who received something, the latest first; `?to=` and `?channel=` narrow it down."""
        zone, wanted = self._zone_of(query), query.get("to", "").strip()
        only = query.get("channel") if query.get("channel") in LABELS else None
        found = [
            (channel, to, heard)
            for channel, to, heard in self._records.addresses()
            if (only is None or channel == only) and wanted.casefold() in to.casefold()
        ]
        page = min(_number(query.get("page")), max(0, (len(found) - 1) // PER_PAGE))
        cards = [
            {"channel": channel, "to": to, "count": len(heard), "last": self._show(heard[-1], None, zone)}
            for channel, to, heard in islice(found, page * PER_PAGE, (page + 1) * PER_PAGE)
        ]
        return self._render(
            "index.html",
            query,
            default_refresh=True,
            cards=cards,
            found=len(found),
            first=page * PER_PAGE + 1,
            page=page,
            more=(page + 1) * PER_PAGE < len(found),
            to=wanted,
            only=only,
            stats=self._records.stats(),
            faults=self._faults.shown(),
        )

    def device(self, channel: Channel, to: str, query: Mapping[str, str]) -> str:
        """What one phone, app or mailbox received, in order."""
        zone = self._zone_of(query)
        messages = self._records.messages(channel=channel, to=to)
        before: Sequence[Accepted | None] = [None, *messages]
        shown = [self._show(message, previous, zone) for previous, message in pairwise(before) if message]
        said: dict[int, list[Said]] = {}
        for each in self._replies.said(to) if channel == "sms" else ():
            said.setdefault(each.seq, []).append(each)
        return self._render(
            "device.html",
            query,
            default_refresh=channel != "email",
            channel=channel,
            to=to,
            messages=shown,
            said=said,
            most_text=MOST_TEXT,
        )

    # --- inside -------------------------------------------------------------------------------------

    def _render(self, template: str, query: Mapping[str, str], *, default_refresh: bool, **values: object) -> str:
        refresh = query.get("refresh", "1" if default_refresh else "0") != "0"
        kept = {key: query[key] for key in ("tz", "to", "channel") if query.get(key)}
        zone = self._zone_of(query)
        return self._templates.get_template(template).render(
            labels=LABELS,
            refresh=REFRESH_S if refresh else None,
            toggle=f"?{urlencode({**kept, 'refresh': '0' if refresh else '1'})}",
            kept=kept,
            tz=query.get("tz", ""),
            zone=str(zone),
            now=self._records.clock.at(machine_time()).astimezone(zone),
            link=lambda **changes: _query(kept, changes),
            **values,
        )

    def _zone_of(self, query: Mapping[str, str]) -> ZoneInfo:
        try:
            return ZoneInfo(query.get("tz") or self._zone)
        except (KeyError, ValueError):  # shown by its name in the page's head
            return ZoneInfo(self._zone)

    def _show(self, message: Accepted, before: Accepted | None, zone: ZoneInfo) -> Shown:
        when = message.story_time.astimezone(zone)
        passed = None if before is None else message.story_time - before.story_time
        new_day = before is None or before.story_time.astimezone(zone).date() != when.date()
        return Shown(
            message=message,
            when=when,
            new_day=new_day,
            gap=_in_words(passed) if passed is not None and passed >= WORTH_A_GAP else None,
            segments=segments(message.text) if message.channel == "sms" else 1,
            status=_joined(*self._records.status(message.provider_id, _UNASKED[message.channel]))
            if message.channel in _UNASKED
            else "",
            keys=[line for line in self._records.callbacks(message.provider_id) if line.said is not None],
            told=", ".join(map(_told, self._records.callbacks(message.provider_id))),
        )


def _joined(status: str, error_code: int | None) -> str:
    return status if error_code is None else f"{status} {error_code}"


def _told(line: Told) -> str:
    if line.said:
        return f"{line.status}, and heard: {line.said}"
    forged = "forged " if line.forged else ""
    return f"{forged}{_joined(line.status, line.error_code)} → {line.answer or 'no answer'}"


def _query(kept: Mapping[str, str], changes: Mapping[str, object]) -> str:
    merged = {**kept, **{key: str(value) for key, value in changes.items()}}
    return f"?{urlencode({key: value for key, value in merged.items() if value})}"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _in_words(passed: timedelta) -> str:
    minutes = round(passed.total_seconds() / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return f"{' '.join(part for part in parts if part)} later"


def _short(address: str) -> str:
    """Long registration tokens by their two ends."""
    return address if len(address) <= 40 else f"{address[:20]}…{address[-12:]}"


def _links(text: str) -> Markup:
    """The text, escaped, with its web addresses as links."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        url = found.group()
        parts += [escape(text[end : found.start()])]
        parts += [Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, url)]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])
