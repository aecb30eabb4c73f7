"""An incident told from its beginning: what people did, what families were told, what went wrong."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alertd.api.entry import Entry, Told
from alertd.api.failures import failed
from alertd.api.paged import told_to_responders
from alertd.domain.delivery import Reason
from alertd.domain.incident import Incident, Kind, Update
from alertd.records import ACK, POLICY, RETRY, TOLD_BY_PHONE, FailedTry, PageRow

_ENDS = (".", "!", "?", '."', '!"', '?"')


@dataclass(slots=True)
class _Telling:
    states: dict[str, dict[str, int]] = field(default_factory=dict)
    last: datetime | None = None


def tell(
    incident: Incident,
    acts: Iterable[tuple[datetime, str, str, str]],
    by_update: Iterable[tuple[int, str, str, int, datetime | None]],
    failures: Iterable[FailedTry],
    pages: Iterable[PageRow] = (),
    detours: Iterable[tuple[int, str, int, datetime]] = (),
) -> list[Entry]:
    """All entries, oldest first."""
    tellings = _tellings(by_update)
    signed: dict[int, str] = {}
    entries: list[Entry] = []
    for at, who, what, detail in acts:
        said = json.loads(detail)
        number = said.get("update", 1 if what == "open" else None)
        if isinstance(number, int):
            signed[number] = who
        elif what == ACK:
            entries.append(Entry(at, what, f"Acknowledged by {who}; no deadline moves.", who=who))
        elif what == TOLD_BY_PHONE:
            text = f"Family {said['family']} was told by phone, says {who}."
            entries.append(Entry(at, "told_by_phone", text, who=who, families=(said["family"],)))
        elif what == RETRY:
            count = said["families"]
            whom = "1 family" if count == 1 else f"{count:,} families"
            entries.append(Entry(at, what, f"What was parked for {whom} is tried again, says {who}.", who=who))
        elif what == POLICY:
            entries.append(Entry(at, what, _policy(who, said), who=who))
        else:
            entries.append(Entry(at, what, _act(who, what, said.get("why")), who=who))
    entries += [
        _update(update, incident, signed.get(update.number), tellings.get(update.number, _Telling()))
        for update in incident.updates
    ]
    entries += failed(sorted(failures, key=lambda each: each.at), [update.at for update in incident.updates])
    entries += told_to_responders(pages)
    entries += [_detour(*detour) for detour in detours]
    return sorted(entries, key=lambda entry: entry.at)


def _detour(update: int, channel: str, families: int, at: datetime) -> Entry:
    whose = "1 family" if families == 1 else f"{families} families"
    text = f"What had been sent to {whose} was not taken in time: over {channel} too."
    return Entry(at, Reason.NOT_TAKEN.value, text, update=update, channel=channel)


def _policy(who: str, said: dict[str, Any]) -> str:
    """Which policy took the place of which, and the windows that are others."""
    windows = "; ".join(
        f"{key} {old or 'nothing'} -> {new or 'nothing'}" for key, (old, new) in said["windows"].items()
    )
    changed = windows or f"{', '.join(said['others'])} changed"
    return f"Policy {said['after']} took the place of {said['before']}, by {who}: {changed}."


def _act(who: str, what: str, why: str | None) -> str:
    """What somebody did that is no update; of a machine what it asked for, and why that was not done."""
    if why is None:
        return f"{what} by {who}"
    end = "" if why.endswith(_ENDS) else "."
    return f"{what.capitalize()} by {who}: {why}{end}"


def counts(told: Told) -> str:
    """`push 180 accepted, 3 refused; sms 80 accepted`."""
    return "; ".join(
        f"{channel} " + ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        for channel, states in sorted(told.items())
    )


def _tellings(by_update: Iterable[tuple[int, str, str, int, datetime | None]]) -> dict[int, _Telling]:
    tellings: dict[int, _Telling] = {}
    for number, channel, state, count, last in by_update:
        telling = tellings.setdefault(number, _Telling())
        telling.states.setdefault(channel, {})[state] = count
        if last is not None and (telling.last is None or last > telling.last):
            telling.last = last
    return tellings


def _update(update: Update, incident: Incident, who: str | None, telling: _Telling) -> Entry:
    told = counts(telling.states)
    parts = [_headline(update, incident, who)]
    parts += [f'"{text}"' for _, text in sorted(update.facts.message.items(), key=lambda m: m[0] != "en")][:1]
    if not update.notify:
        unheard = update.source is not None or update.facts.state.ended
        parts.append("Families are told nothing" if unheard else "For the record only: nobody is told")
    if told:
        parts.append(f"Told: {told}")
    return Entry(
        at=update.at,
        what=update.kind.value,
        text=" ".join(part if part.endswith(_ENDS) else f"{part}." for part in parts),
        who=who,
        update=update.number,
        human_number=update.human_number,
        promise=update.promise,
        told=telling.states,
        last_accepted_at=telling.last,
    )


def _headline(update: Update, incident: Incident, who: str | None) -> str:
    facts = update.facts
    if update.kind is Kind.HOLDING:
        closing = ", in place of the promised one" if update.closes_promise else ""
        return f"Holding update, written by alertd{closing}: no news yet"
    by = f" by {who}" if who else ""
    number = f"Update {update.human_number}" if update.human_number else "Update"
    match update.kind:
        case Kind.NOTICE if update.number > 1 and update.source is not None:
            return f"Nobody had confirmed it: families are told of what {update.source} suspects"
        case Kind.NOTICE if update.number > 1:
            return f"{number}{by}: confirmed: {facts.title} ({facts.severity}; {_scope(update)})"
        case Kind.NOTICE if update.source is not None:
            return f"Suspected{by}: {facts.title} ({facts.severity}; {_scope(update)})"
        case Kind.EXERCISE:
            return f"Exercise opened{by}: {facts.title} ({facts.severity}; {_scope(update)}); nothing is down"
        case Kind.NOTICE:
            return f"Opened{by}: {facts.title} ({facts.severity}; {_scope(update)})"
        case Kind.RESOLUTION if update.promise is not None:
            return f"{number}{by}: resolved; what happened is promised by {update.promise:%a %d %b %H:%M} UTC"
        case Kind.RESOLUTION:
            return f"{number}{by}: resolved"
        case Kind.POSTMORTEM:
            return f"{number}{by}: what happened"
        case Kind.REOPENING:
            return f"{number}{by}: it came back ({facts.severity}; {_scope(update)})"
        case Kind.CANCELLATION:
            return f"{number}{by}: cancelled, a false alarm"
        case Kind.SEVERITY:
            return f"{number}{by}: severity is now {facts.severity} ({facts.state})"
        case Kind.SCOPE:
            return f"{number}{by}: scope is now {_scope(update)} ({facts.state})"
        case Kind.RECALL:
            wrong = next((u.human_number for u in incident.updates if u.number == update.references), None)
            return f"Update {wrong} recalled{by}: what had not left does not leave; what was true before it stands"
        case Kind.CORRECTION:
            wrong = next((u.human_number for u in incident.updates if u.number == update.references), None)
            return f"{number}{by}: corrects update {wrong} ({facts.state})"
        case _:
            return f"{number}{by}: {facts.state}"


def _scope(update: Update) -> str:
    return ", ".join(
        f"{reach.service} in {'+'.join(reach.regions)}" if reach.regions else reach.service
        for reach in update.facts.scope.reaches
    )
