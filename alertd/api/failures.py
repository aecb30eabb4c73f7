"""What went wrong in an incident, and what the family heard instead: never more than is known."""

from collections.abc import Sequence
from datetime import datetime

from alertd.api.entry import Entry
from alertd.domain.delivery import TOLD, DeliveryState
from alertd.records import FailedTry, Followed

_FEW = 5  # failures of one sort between two updates that are told one by one


def failed(failures: Sequence[FailedTry], updates: Sequence[datetime]) -> list[Entry]:
    """One entry each; many of one sort between two updates are one entry."""
    groups: dict[tuple[str, str, str | None, bool, bool, int], list[FailedTry]] = {}
    for each in failures:
        stretch = sum(at <= each.at for at in updates)
        sort = (each.channel, each.outcome, each.code, each.opted_out, each.taken, stretch)
        groups.setdefault(sort, []).append(each)
    entries: list[Entry] = []
    for group in groups.values():
        if len(group) <= _FEW:
            entries += [_entry([each]) for each in group]
        else:
            entries.append(_entry(group))
    return entries


def _entry(group: Sequence[FailedTry]) -> Entry:
    first = group[0]
    families = tuple(dict.fromkeys(each.family for each in group))
    code = f" ({first.code})" if first.code else ""
    whose = f"family {families[0]}" if len(families) == 1 else f"{len(families)} families"
    then = _then(first) if len(group) == 1 else _thens(group)
    match first.outcome:
        case "refused":
            what = "address" if len(group) == 1 else "addresses"
            end = "opted out" if first.opted_out else "suspended"
            text = f"{first.channel} {what} of {whose} refused by the provider{code}; {what} {end}, {then}"
        case "parked":
            what = "not delivered" if first.taken else "not sent"
            text = f"{first.channel} to {whose} {what}{code}: our own fault, see alertd doctor; {then}"
        case _:
            text = f"{first.channel} to {whose} not delivered by the provider{code}; {then}"
    return Entry(first.at, first.outcome, text, channel=first.channel, code=first.code, families=families)


def _then(each: FailedTry) -> str:
    """What this caregiver got instead, else another of the family, else that nobody heard."""
    own = [after for after in each.followed if after.caregiver == each.caregiver]
    told = _told(own, each.update)
    if told:
        return told
    trying = sorted(
        {after.channel for after in own if after.state in (DeliveryState.PENDING, DeliveryState.LEASED)}
    )
    if trying:
        return f"{' and '.join(trying)} is being tried instead"
    unsure = sorted({after.channel for after in own if after.state is DeliveryState.UNKNOWN})
    if unsure:
        return f"{' and '.join(unsure)} may have reached them"
    if _told(each.followed, each.update):
        return "no other address; another caregiver of the family was told"
    return "no other address: not told"


def _told(followed: Sequence[Followed], update: int) -> str:
    taken = [after for after in followed if after.state in TOLD]
    at_once = sorted({after.channel for after in taken if after.update == update})
    if at_once:
        return f"told over {' and '.join(at_once)} instead"
    later = sorted({after.channel for after in taken})
    return f"told over {' and '.join(later)} with a later update" if later else ""


def _thens(group: Sequence[FailedTry]) -> str:
    silent = {each.family for each in group if not _told(each.followed, each.update)}
    heard = len({each.family for each in group}) - len(silent)
    parts = [f"{heard} told over other addresses"] if heard else []
    parts += [f"{len(silent)} not told"] if silent else []
    return ", ".join(parts)
