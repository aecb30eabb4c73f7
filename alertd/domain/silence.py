"""When a family hears again: windows, promises, margins (R2)."""

from datetime import datetime, timedelta

from alertd.domain.incident import Incident, Kind, Severity, State, Update
from alertd.domain.knowledge import Knowledge
from alertd.domain.policy import Policy
from alertd.domain.quiet import Person, all_asleep, first_told
from alertd.domain.watch import Duty, Rest

_MONITORING, _NOT_TOUCHED, _POSTMORTEM = State.MONITORING, Rest.NOT_TOUCHED, Kind.POSTMORTEM
# ... as Python 3.11 is slow to find them.

FIRST_MARGIN = timedelta(seconds=60)
"""The margin before there are any hand-overs to measure."""


def newest_to_tell(incident: Incident) -> Update:
    """The newest update that families may be told: not one that is marked `notify: false` (R5).

    Nor a post-mortem, which goes beside the end (`alertd.domain.postmortem`).
    """
    for update in reversed(incident.updates):
        if update.notify and update.kind is not _POSTMORTEM:
            return update
    return incident.updates[0]


def window(policy: Policy, severity: Severity, state: State, *, asleep: bool) -> timedelta:
    """How long a family may go without hearing from us; twice as long in monitoring.

    `asleep`: everyone who can be told is in quiet hours; a policy that waits there keeps the window by day,
    which then reaches to the first moment somebody may be told.
    """
    silence = policy.silence
    quiet = silence.quiet.get(severity) if asleep else None
    length = quiet if quiet is not None else silence.window[severity]
    return 2 * length if state is _MONITORING else length


def margin(measured: timedelta | None, policy: Policy, severity: Severity, floor: timedelta) -> timedelta:
    """How long before a deadline we must begin: at least `floor`, at most a quarter of the window."""
    wanted = max(measured if measured is not None else FIRST_MARGIN, floor)
    return min(wanted, longest_margin(policy, severity))


def longest_margin(policy: Policy, severity: Severity) -> timedelta:
    """No margin is longer, whatever a machine needs: a quarter of the window."""
    return policy.silence.window[severity] / 4


def patience(duty: Duty) -> timedelta:
    """How long what is in flight is left alone: a lease, but no longer than a margin may be.

    A story told quickly has leases of many hours, and nobody's deadline may pass within one.
    """
    return min(duty.lease, longest_margin(duty.policy, duty.incident.severity))


def open_promise(incident: Incident, at: datetime) -> datetime | None:
    """The newest news' promise, while it lies after `at` and nothing has closed it."""
    news = incident.news
    if news.promise is None or news.promise <= at:
        return None
    closed = any(update.closes_promise for update in incident.updates if update.number > news.number)
    return None if closed else news.promise


def next_by(duty: Duty, people: list[Person], now: datetime, *, closes_promise: bool) -> datetime:
    """The moment that a message planned now names: min(now + window, promise), when somebody may be told."""
    incident = duty.incident
    length = window(duty.policy, incident.severity, incident.state, asleep=all_asleep(people, now))
    moment = now + length
    promise = None if closes_promise else open_promise(incident, now)
    if promise is not None:
        moment = min(moment, promise)
    return first_told(people, moment) or moment


def closes_promise(incident: Incident, now: datetime, margin: timedelta) -> bool:
    """Whether a holding written now stands for the update that was promised."""
    promise = open_promise(incident, now - margin)
    return promise is not None and now >= promise - margin


def touched_at(duty: Duty, now: datetime) -> datetime:
    """When the incident began to touch the family; after a time in which it did not, when it did so again.

    That is the family's own change, which made the watch due, or the update whose fan-out reaches it.
    """
    watch, newest = duty.watch, duty.incident.newest
    if watch.rest is not _NOT_TOUCHED:
        return watch.touched_at
    if watch.look_at is not None and watch.look_at <= now:  # else it waits for the end of what is in flight
        return watch.look_at
    return newest.at if newest.kind is Kind.SCOPE else now


def deadline(duty: Duty, now: datetime, knowledge: Knowledge, touched: datetime) -> datetime:
    """The family's `next_by` as promised and as new facts bring it nearer; they never push it later.

    Before the first acceptance it is when the incident began to touch them, or was reopened, plus
    `first_notice` (R1). A promise that fell due while the incident did not touch them binds no more. One that was
    put off because nobody could be told is due when its window is over, or now if that is later: somebody may
    have joined. So this is to be put off once more.
    """
    policy, incident = duty.policy, duty.incident
    heard = knowledge.next_by is not None and knowledge.next_by >= touched
    if heard and knowledge.next_by is not None and knowledge.said_at is not None:
        over = knowledge.said_at + _longest(policy, incident.upto(knowledge.told))
        if policy.since is not None and knowledge.said_at <= policy.since:
            over = max(over, policy.since + longest_margin(policy, incident.severity))
        standing = min(knowledge.next_by, max(over, now))
    else:
        planned = duty.watch.touched_at == touched
        standing = _first_notice(duty, touched, _severity_at(incident, touched), planned=planned)
    for update, before in _untold(incident, touched, knowledge.told):
        severity = update.facts.severity
        if update.kind is Kind.REOPENING:
            planned = duty.watch.epoch >= update.epoch
            heard, standing = False, _first_notice(duty, update.at, severity, planned=planned)
        elif severity.rank > before.facts.severity.rank:
            length = _by_day(policy, update) if heard else policy.first_notice[severity]
            standing = min(standing, update.at + length)
        if heard and update.promise is not None and update is incident.news:
            standing = min(standing, update.promise)
    return standing


def _first_notice(duty: Duty, at: datetime, severity: Severity, *, planned: bool) -> datetime:
    """By when a family hears that the incident touches them since `at`.

    A policy that has changed since only brings that nearer. `planned`: the watch's `next_by` was, after `at`.
    """
    policy = duty.policy
    standing = at + policy.first_notice[severity]
    if policy.since is None or at >= policy.since:
        return standing
    standing = max(standing, policy.since + longest_margin(policy, severity))
    return min(standing, duty.watch.next_by) if planned else standing


def shortened(
    duty: Duty, people: list[Person], knowledge: Knowledge, standing: datetime, touched: datetime
) -> datetime:
    """The deadline under a policy that has changed since the family was last told: never later than it stood.

    A shorter window binds at once, for what was said before too; but nobody is late the moment it changes: there
    is a quarter of the window, the longest margin, to tell them (decision 26). A longer one holds from the next
    message on.
    """
    policy, incident, said = duty.policy, duty.incident, knowledge.said_at
    if policy.since is None or said is None or said > policy.since:
        return standing
    if knowledge.next_by is None or knowledge.next_by < touched:
        return standing  # what was said binds no more
    if any(update.kind is Kind.REOPENING for update, _ in _untold(incident, touched, knowledge.told)):
        return standing
    facts = incident.upto(knowledge.told).facts
    length = window(policy, facts.severity, facts.state, asleep=all_asleep(people, said))
    return min(standing, max(said + length, policy.since + longest_margin(policy, facts.severity)))


def put_off(duty: Duty, now: datetime, knowledge: Knowledge) -> bool:
    """Whether the deadline is now because nobody could be told when the window was over: it moves on with time."""
    if knowledge.next_by is None or knowledge.said_at is None:
        return False
    return knowledge.said_at + _longest(duty.policy, duty.incident.upto(knowledge.told)) <= now < knowledge.next_by


def _longest(policy: Policy, update: Update) -> timedelta:
    """The longest window, by day or in quiet hours, of a message that told this update."""
    severity, state = update.facts.severity, update.facts.state
    return max(window(policy, severity, state, asleep=asleep) for asleep in (False, True))


def _by_day(policy: Policy, update: Update) -> timedelta:
    return window(policy, update.facts.severity, update.facts.state, asleep=False)


def _severity_at(incident: Incident, at: datetime) -> Severity:
    updates = incident.updates
    return next((u.facts.severity for u in reversed(updates) if u.at <= at), updates[0].facts.severity)


def _untold(incident: Incident, touched: datetime, told: int) -> list[tuple[Update, Update]]:
    """Human updates that nobody in the family was told, oldest first, each with the update before it."""
    untold: list[tuple[Update, Update]] = []
    updates = incident.updates
    for i in range(len(updates) - 1, 0, -1):
        update = updates[i]
        if update.number <= told or update.at <= touched:
            break
        if update.human and update.notify and update.number not in incident.recalled:
            untold.append((update, updates[i - 1]))
    untold.reverse()
    return untold
