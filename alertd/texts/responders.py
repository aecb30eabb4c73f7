"""What responders read: plain English, in one place, short enough for an SMS or two.

Says why they are told, by when to publish, what families hear otherwise, and the command to run.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from alertd.domain.audit import UNACCOUNTED
from alertd.domain.durations import spell_duration
from alertd.domain.paging import MESSAGES, PLANS, RECEIPTS, TEXTS, ResponderLadder, trouble_words
from alertd.domain.post_by import beginning, explain_by
from alertd.ports import Content, PageSaying
from alertd.records import ASKS_FOR_MORE, Ignored
from alertd.texts.clean import clean

_NAMED, _WHYS = 3, 2  # of alerts, and of reasons; the log and the database have all
_CODE = 160  # characters
_TOLD_ONCE = (ResponderLadder.POSTMORTEM, ResponderLadder.OVER)  # there is nothing to hold
_AGAIN = {True: "What waited for it goes out now.", False: "What it takes is known to arrive."}


def compose_page(saying: PageSaying) -> Content:
    """Title and text of a nudge or page."""
    incident = saying.incident
    facts = incident.newest.facts
    what = f"Incident {incident.number} ({incident.severity}, {incident.state}): {clean(facts.title)}."
    parts = [what, _touched(saying), *_why(saying), *_how(saying)]
    if saying.link and saying.ladder not in _TOLD_ONCE:
        parts.append(f"Acknowledge: {saying.link}")
    return Content(title=_title(saying), text=" ".join(part for part in parts if part))


def compose_ignored(found: Sequence[Ignored], now: datetime, zone: str | None) -> Content:
    """What machines told in vain; `found` is not empty, oldest first."""
    count = sum(each.count for each in found)
    alerts = f"{count:,} {'alert' if count == 1 else 'alerts'}"
    names = list(dict.fromkeys(clean(name) for each in found for name in each.alerts))
    named = ", ".join(f'"{name}"' for name in names[:_NAMED]) + (", ..." if count > len(names[:_NAMED]) else "")
    whys = list(dict.fromkeys(clean(each.why) for each in found))
    sources = ", ".join(sorted({clean(each.source) for each in found}))
    first = _wall(found[0].at, now, "UTC") + (f" ({_wall(found[0].at, now, zone)})" if zone else "")
    asking = [each.reason == ASKS_FOR_MORE for each in found]
    asks = f"{'asks' if count == 1 else 'ask'} for more"
    did = f"{asks} than alertd does" if all(asking) else "opened no incident"
    if any(asking) and not all(asking):
        did = f"opened no incident, or {asks} than alertd does"
    parts = [
        f"{alerts} of {sources} {did} since {first}: {named}.",
        f"Why: {'; '.join(whys[:_WHYS])}{'; ...' if len(whys) > _WHYS else ''}.",
        "Each is named once a day.",
    ]
    if not all(asking):
        parts.append("If families are affected: alertd incident open")
    return Content(title=f"Nudge: {alerts} {asks if all(asking) else 'ignored'}", text=" ".join(parts))


def _title(saying: PageSaying) -> str:
    mark = "PAGE" if saying.page else "Nudge"
    number = saying.incident.number
    match saying.ladder:
        case ResponderLadder.OPENED:
            return f"{mark}: incident {number} was opened by a machine"
        case ResponderLadder.POSTMORTEM:
            return f"{mark}: families are owed what happened in incident {number} by {_explain_by(saying)}"
        case ResponderLadder.NEWS:
            return f"{mark}: families in incident {number} wait for news"
        case ResponderLadder.TROUBLE | ResponderLadder.OVER:
            over = saying.ladder is ResponderLadder.OVER
            return f"{mark}: {trouble_words(saying.subject, over=over)} in incident {number}"
    return f"{mark}: incident {number} needs an update by {_time(saying, saying.post_by)}"


def _touched(saying: PageSaying) -> str:
    return f"{saying.families:,} {'family' if saying.families == 1 else 'families'} touched."


def _why(saying: PageSaying) -> list[str]:
    incident = saying.incident
    match saying.ladder:
        case ResponderLadder.TROUBLE if saying.subject == UNACCOUNTED:
            return [f"Not told by the time we said, and nothing explains it: {clean(saying.code)}."]
        case ResponderLadder.TROUBLE if saying.subject == TEXTS:
            return [f"Families read plain built-in words or another language: {_short(saying.code)}."]
        case ResponderLadder.TROUBLE if saying.subject == PLANS:
            return [f"Told without their own preferences and hours: {_short(saying.code)}."]
        case ResponderLadder.TROUBLE if saying.subject == MESSAGES:
            return [f"Given up ({_short(saying.code)}), and sent over their next channel if they have one."]
        case ResponderLadder.OVER:
            return [f"{_upper(trouble_words(saying.subject, over=True))}. {_AGAIN[_is_channel(saying)]}"]
        case ResponderLadder.TROUBLE if saying.subject.startswith(RECEIPTS):
            return [f"{saying.code}: they may all have arrived, or none of them."]
        case ResponderLadder.TROUBLE if not _is_channel(saying):
            return [f"{saying.subject}: {clean(saying.code)}."]
        case ResponderLadder.TROUBLE:
            return [
                f"{saying.subject} fails ({saying.code}): families are told over other channels, or not at all."
            ]
        case ResponderLadder.POSTMORTEM if saying.page:
            promised = f"Families were told that it is over, and promised what happened by {_explain_by(saying)}"
            return [f"{promised}: publish now.", "Nobody is paged for it again."]
        case ResponderLadder.POSTMORTEM:
            return [f"Families were told that it is over, and promised what happened by {_explain_by(saying)}."]
        case ResponderLadder.OPENED:
            began = beginning(incident)
            source = clean(began.source or "a machine")
            return [
                f"Opened by {source} at {_time(saying, began.at)}, and no person has spoken yet.",
                _held(saying) or f"Publish by {_time(saying, saying.post_by)}, {_else(saying)}",
            ]
        case ResponderLadder.NEWS:
            waited = timedelta(minutes=(saying.now - saying.news_at) // timedelta(minutes=1))
            since = f"Families have had no news by a person since {_time(saying, saying.news_at)}"
            return [f"{since} ({spell_duration(waited)}).", f"Publish by {_time(saying, saying.post_by)}."]
    since = f"No update since {_time(saying, saying.word_at)}." if saying.word_at else "No person has spoken yet."
    if saying.now >= saying.post_by:
        late = f"The update was due by {_time(saying, saying.post_by)}: publish now."
        return [since, late, _held(saying) or "Families are told that there is no news."]
    return [since, f"Publish by {_time(saying, saying.post_by)}, {_else(saying)}"]


def _else(saying: PageSaying) -> str:
    return _held(saying) or "else families are told then that there is no news."


def _held(saying: PageSaying) -> str:
    """What becomes of a suspicion that families were not told of yet."""
    incident = saying.incident
    if not incident.held:
        return ""
    if incident.confirm_at is None:
        return "Families are told nothing until a person confirms it."
    return f"Families are told of it at {_time(saying, incident.confirm_at)} unless somebody acts."


def _first(named: str) -> str:
    """The first family of those that a code names."""
    return clean(named).split(" ")[0].rstrip(",:")


def _short(code: str) -> str:
    text = clean(code).rstrip(".")
    return text if len(text) <= _CODE else f"{text[: _CODE - 3].rstrip()}..."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_channel(saying: PageSaying) -> bool:
    return saying.subject.startswith("channel ")


def _how(saying: PageSaying) -> list[str]:
    number = saying.incident.number
    if saying.ladder is ResponderLadder.OVER:
        return []
    if saying.ladder is ResponderLadder.TROUBLE and saying.subject == UNACCOUNTED:
        show = f"alertd family show {_first(saying.code)}"
        return [f"They are planned anew. Run: {show}", "Then, where alertd runs: alertd doctor"]
    if saying.ladder is ResponderLadder.TROUBLE and saying.subject == TEXTS:
        return ["Run where alertd runs: alertd policy check"]
    if saying.ladder is ResponderLadder.TROUBLE and saying.subject == PLANS:
        return [f"Run: alertd family show {_first(saying.code)}"]
    if saying.ladder is ResponderLadder.TROUBLE and saying.subject == MESSAGES:
        return ["Run: alertd delivery list --state parked", f"Once mended: alertd delivery retry {number}"]
    if saying.ladder is ResponderLadder.TROUBLE:
        return ["Run where alertd runs: alertd doctor"]
    if saying.ladder is ResponderLadder.POSTMORTEM:
        return [f'Run: alertd incident postmortem {number} --message "..."']
    run = [f'Run: alertd incident update {number} --message "..."']
    if saying.ladder is ResponderLadder.OPENED:
        run.append(f"False alarm: alertd incident cancel {number}")
    return run


def _explain_by(saying: PageSaying) -> str:
    moment = explain_by(saying.incident)
    return _time(saying, moment) if moment is not None else "a time"  # published since: it is not sent


def _time(saying: PageSaying, moment: datetime) -> str:
    """A moment in UTC, and in the responder's zone if the settings name one; with its day unless that is today."""
    told = _wall(moment, saying.now, "UTC")
    return f"{told} ({_wall(moment, saying.now, saying.zone)})" if saying.zone else told


def _wall(moment: datetime, now: datetime, zone: str) -> str:
    where = UTC if zone == "UTC" else ZoneInfo(zone)
    local = moment.astimezone(where)
    day = "" if local.date() == now.astimezone(where).date() else f"{local:%a} "
    return f"{day}{local:%H:%M} {local.tzname()}"
