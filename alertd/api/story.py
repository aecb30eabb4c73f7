"""An incident told from its beginning: what people did, what families were told, what went wrong."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alertd.domain.incident import Incident, Kind, Update

Told = Mapping[str, Mapping[str, int]]
"""channel -> state of deliveries -> number"""

_ENDS = (".", "!", "?", '."', '!"', '?"')
_FEW = 5  # failures of one sort between two updates that are told one by one


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, readable as text."""

    at: datetime
    what: str  # an update's kind, a human act, or what a provider did: refused, undelivered, parked
    text: str
    who: str | None = None
    update: int | None = None
    human_number: int | None = None
    promise: datetime | None = None
    told: Told | None = None  # by deliveries of this update
    last_accepted_at: datetime | None = None
    channel: str | None = None
    code: str | None = None
    families: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that failed for good."""

    at: datetime
    family: str
    channel: str
    outcome: str
    code: str | None


@dataclass(slots=True)
class _Telling:
    states: dict[str, dict[str, int]] = field(default_factory=dict)
    last: datetime | None = None


def tell(
    incident: Incident,
    acts: Iterable[tuple[datetime, str, str, str]],
    by_update: Iterable[tuple[int, str, str, int, datetime | None]],
    failures: Iterable[Failure],
) -> list[Entry]:
    """All entries, oldest first."""
    tellings = _tellings(by_update)
    signed: dict[int, str] = {}
    entries: list[Entry] = []
    for at, who, what, detail in acts:
        number = 1 if what == "open" else json.loads(detail).get("update")
        if isinstance(number, int):
            signed[number] = who
        else:
            entries.append(Entry(at, what, f"{what} by {who}", who=who))
    entries += [
        _update(update, incident, signed.get(update.number), tellings.get(update.number, _Telling()))
        for update in incident.updates
    ]
    entries += _failures(sorted(failures, key=lambda each: each.at), [update.at for update in incident.updates])
    return sorted(entries, key=lambda entry: entry.at)


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
        parts.append("For the record only: nobody is told")
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
        case Kind.NOTICE:
            return f"Opened{by}: {facts.title} ({facts.severity}; {_scope(update)})"
        case Kind.RESOLUTION:
            return f"{number}{by}: resolved"
        case Kind.CANCELLATION:
            return f"{number}{by}: cancelled, a false alarm"
        case Kind.SEVERITY:
            return f"{number}{by}: severity is now {facts.severity} ({facts.state})"
        case Kind.SCOPE:
            return f"{number}{by}: scope is now {_scope(update)} ({facts.state})"
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


def _failures(failures: Sequence[Failure], updates: Sequence[datetime]) -> list[Entry]:
    """One entry each; many of one sort between two updates are one entry."""
    groups: dict[tuple[str, str, str | None, int], list[Failure]] = {}
    for each in failures:
        stretch = sum(at <= each.at for at in updates)
        groups.setdefault((each.channel, each.outcome, each.code, stretch), []).append(each)
    entries: list[Entry] = []
    for group in groups.values():
        if len(group) <= _FEW:
            entries += [_failure([each]) for each in group]
        else:
            entries.append(_failure(group))
    return entries


def _failure(group: Sequence[Failure]) -> Entry:
    first = group[0]
    families = tuple(dict.fromkeys(each.family for each in group))
    code = f" ({first.code})" if first.code else ""
    whose = f"family {families[0]}" if len(group) == 1 else f"{len(families)} families"
    match first.outcome:
        case "refused":
            what = "address" if len(group) == 1 else "addresses"
            then = "address suspended, next one used" if len(group) == 1 else "addresses suspended, next ones used"
            text = f"{first.channel} {what} of {whose} refused by the provider{code}; {then}"
        case "parked":
            text = (
                f"{first.channel} to {whose} not sent{code}: our own fault, see alertd doctor; next address used"
            )
        case _:
            text = f"{first.channel} to {whose} not delivered by the provider{code}; next address used"
    return Entry(first.at, first.outcome, text, channel=first.channel, code=first.code, families=families)
