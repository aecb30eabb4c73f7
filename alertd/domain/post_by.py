"""When the people on our side owe families the next update, and the next news (R8). Pure."""

from datetime import datetime

from alertd.domain.incident import Facts, Incident, Kind, Update
from alertd.domain.policy import Policy
from alertd.domain.silence import longest_margin, window

_NO_WORD = frozenset({Kind.EXERCISE, Kind.POSTMORTEM})
"""What people write that answers nobody who waits: an exercise moves nothing, and a post-mortem comes after."""


def beginning(incident: Incident) -> Update:
    """The update with which this outage began, or began anew: the last reopening, else the first update."""
    return next((u for u in reversed(incident.updates) if u.kind is Kind.REOPENING), incident.updates[0])


def words(incident: Incident) -> list[Update]:
    """What people have told families since the beginning, oldest first.

    Notes for the record are no words, nor is what was taken back; and what a machine says relieves nobody.
    """
    first, gone = beginning(incident).number, incident.recalled
    return [
        u
        for u in incident.updates
        if u.number >= first and u.by_person and u.notify and u.kind not in _NO_WORD and u.number not in gone
    ]


def unattended(incident: Incident) -> bool:
    """Whether a machine has opened it, or reopened it, and no person has told families anything since."""
    return beginning(incident).source is not None and not words(incident)


def post_by(incident: Incident, policy: Policy) -> datetime:
    """By when somebody owes the next update: what the newest word promised, else its time and the window by day.

    Before anybody spoke the window counts from the beginning. A holding that closes a promise for families
    leaves it as it is: they were told that there is no news, and that relieves nobody. A machine that raises
    the severity brings it nearer, never pushes it later.
    """
    said = words(incident)
    start = said[-1] if said else beginning(incident)
    due = (said[-1].promise if said else None) or _window_after(start, policy)
    worst, gone = start.facts.severity.rank, incident.recalled
    for update in incident.updates:
        rank = update.facts.severity.rank
        if (
            update.number > start.number
            and update.human
            and update.notify
            and rank > worst
            and update.number not in gone
        ):
            worst = rank
            due = min(due, _window_after(update, policy))
    return due


def explain_by(incident: Incident) -> datetime | None:
    """By when families that were told the end were promised to hear what happened; None: not owed, or told."""
    resolution = incident.resolution
    if resolution is None or not resolution.notify or incident.postmortem is not None:
        return None
    return resolution.promise


def news_by(incident: Incident, policy: Policy) -> datetime | None:
    """By when families are owed news by a person; None where the policy sets no limit for this severity."""
    longest = policy.silence.news.get(incident.severity)
    return last_news(incident) + longest if longest is not None else None


def last_news(incident: Incident) -> datetime:
    """When a person last told families news (R4); before anybody did, when it began."""
    said = words(incident)
    at = beginning(incident).at
    for i, update in enumerate(said):
        if i == 0 or is_news(update.facts, [before.facts for before in said[:i]]):
            at = update.at
    return at


def is_news(facts: Facts, before: list[Facts]) -> bool:
    """Whether facts change something, or are put into words that really differ; a new promise alone is no news."""
    last = before[-1]
    changed = (
        facts.state is not last.state
        or facts.severity is not last.severity
        or facts.scope != last.scope
        or facts.works != last.works
        or facts.do != last.do
    )
    spoken = _plain(facts)
    return changed or bool(spoken - {text for each in before for text in _plain(each)})


def _plain(facts: Facts) -> set[str]:
    """The sentences without what makes no difference: case, spacing and punctuation."""
    kept = ("".join(c if c.isalnum() else " " for c in text.casefold()) for text in facts.message.values())
    return {" ".join(text.split()) for text in kept} - {""}


def _window_after(update: Update, policy: Policy) -> datetime:
    """Where the policy has changed since, a quarter of the window after that at the earliest (decision 26)."""
    severity = update.facts.severity
    due = update.at + window(policy, severity, update.facts.state, asleep=False)
    if policy.since is None or update.at >= policy.since:
        return due
    return max(due, policy.since + longest_margin(policy, severity))
