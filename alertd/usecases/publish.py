"""Publish an update, resolve or cancel: writes rows; claim and planner read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alertd.domain.durations import spell_duration
from alertd.domain.errors import Conflict, Invalid, NotFound
from alertd.domain.incident import Facts, Incident, Kind, Reach, Severity, State, Update
from alertd.domain.policy import Policy
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases import wording
from alertd.usecases.preview import Preview, preview
from alertd.usecases.repeat import Repeat, answered, keep
from alertd.usecases.write_update import lane_of, write_update

_TRIES = 5  # a holding may take the number meanwhile; each try reads anew


@dataclass(frozen=True, slots=True)
class News:
    """What a human says about an open incident; None and empty leave things as they are."""

    message: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    state: State | None = None
    severity: Severity | None = None
    add_scope: tuple[Reach, ...] = ()
    remove_scope: tuple[Reach, ...] = ()
    works: tuple[str, ...] | None = None
    do: tuple[str, ...] | None = None
    next_by: datetime | None = None
    next_in: timedelta | None = None
    corrects: int | None = None  # the number that readers saw
    notify: bool = True
    reopens: bool = False  # it came back: the incident has ended, and goes on
    since: datetime | None = None  # ... when it came back, if earlier than now
    postmortem_by: datetime | None = None  # it is over: they are told by then what happened


REOPENS = timedelta(hours=24)
"""So long after its end an incident goes on if it comes back; later it is a new one (design.md section 2)."""


@dataclass(frozen=True, slots=True)
class Published:
    """The update's number as readers see it, and what telling it takes."""

    incident: int
    update: int
    state: State
    preview: Preview
    dry_run: bool = False


async def publish(
    deps: Deps, number: int, news: News, *, who: str, dry_run: bool = False, repeat: Repeat | None = None
) -> Published:
    """Publish an update of an open incident. Raises Invalid, NotFound, Conflict; then nothing has changed."""
    for _ in range(_TRIES):
        async with deps.store.transaction() as rows:
            await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
            before = await answered(rows, repeat, Published)
            if before is not None:
                return before
            added = await add_update(deps, rows, number, news, who=who, dry_run=dry_run)
            if added is not None and not dry_run:
                await keep(rows, repeat, added[0], deps.clock.now())
        if added is not None:
            published, lane = added
            if not dry_run:
                deps.log.info("update_published", incident=number, update=published.update, state=published.state)
                deps.doorbell.ring(lane)
            return published
    raise Conflict("this incident changes faster than this update could be written; try again")


async def add_update(
    deps: Deps, rows: Rows, number: int, news: News, *, who: str, dry_run: bool = False
) -> tuple[Published, str] | None:
    """Write an update within a transaction; returns it and the lane to ring, None if its number was taken."""
    await rows.lock_incidents()
    if not dry_run:
        await rows.lock_cursors(number)  # before anything is read or written: see alertd.store.locks
    incident = await rows.incident(number)
    if incident is None:
        raise NotFound(f"there is no incident {number}; alertd incident list shows them")
    now = deps.clock.now()
    await _may_go_on(rows, incident, news, now)
    policy = await rows.policy_of(incident.id)
    changed, update = compose_update(deps, incident, policy, news, now)
    seen = await preview(deps, rows, changed, policy, now)
    if changed.scope != incident.scope and not seen.families:
        names = ", ".join(changed.scope.services)
        field = "remove_scope" if news.remove_scope else "add_scope"
        raise Invalid(
            f"it would touch nobody: no family uses {names} there; resolve or cancel it instead", field=field
        )
    published = Published(number, update.human_number or 0, changed.state, seen, dry_run)
    lane = lane_of(incident, changed, seen.families)
    if not dry_run and not await write_update(deps, rows, incident, changed, who=who, families=seen.families):
        return None
    return published, lane


async def _may_go_on(rows: Rows, incident: Incident, news: News, now: datetime) -> None:
    """Whether an update may be told of an incident as it stands. Raises Conflict."""
    number = incident.number
    if incident.exercise and incident.state.ended:
        raise Conflict(
            f"incident {number} was an exercise, and is over; open another: alertd incident open --exercise",
            incident=number,
        )
    if incident.exercise and not (news.state is not None and news.state.ended):
        raise Conflict(
            f"incident {number} is an exercise: it is told once, and its end: alertd incident resolve {number}",
            incident=number,
        )
    if not news.reopens:
        if incident.state.ended:
            raise Conflict(
                f"incident {number} is {incident.state}; if it came back: alertd incident reopen {number}, "
                "else open a new one",
                incident=number,
            )
        return
    if incident.ended_at is None:
        raise Conflict(f"incident {number} is {incident.state}, not ended; update it", incident=number)
    if now > incident.ended_at + REOPENS:
        raise Conflict(
            f"incident {number} ended more than {spell_duration(REOPENS)} ago; "
            "open a new one: alertd incident open",
            incident=number,
        )
    for other in await rows.incidents(open_only=True, limit=1000):
        if not other.exercise and other.scope.overlaps(incident.scope):
            raise Conflict(
                f"incident {other.number} ({other.newest.facts.title}) is about this now; update it with: "
                f"alertd incident update {other.number}",
                incident=other.number,
            )


def compose_update(
    deps: Deps, incident: Incident, policy: Policy, news: News, now: datetime
) -> tuple[Incident, Update]:
    """The incident after the update, and the update itself. Raises Invalid.

    A person's word makes of a machine's suspicion an incident that is investigated, and told (R0).
    """
    last = incident.facts_so_far
    suspected = incident.state is State.SUSPECTED and news.notify
    scope = wording.changed_scope(deps, incident.scope, news.add_scope, news.remove_scope)
    severity = news.severity or incident.severity
    raised = severity.rank > incident.severity.rank
    wording.began(news.since, now)
    facts = Facts(
        title=wording.title(news.title) if news.title else last.title,
        severity=severity,
        state=news.state or (State.INVESTIGATING if suspected else incident.state),
        scope=scope,
        since=(news.since or now) if news.reopens else last.since,
        works=wording.lines(news.works, "works", deps.phrases) if news.works is not None else last.works,
        do=last.do if news.do is None and (last.do or not raised) else wording.advice(deps, news.do, severity),
        message=wording.message(deps, news.message),
        last_news_at=now if news.notify else last.last_news_at,  # what nobody was told is no news
    )
    promise = None
    if not facts.state.ended:
        promise = wording.promise(policy, severity, now, news.next_by, news.next_in)
    elif news.next_in or news.next_by:
        raise Invalid("an incident that has ended promises nothing more", field="next_in")
    elif news.postmortem_by is not None:
        promise = wording.postmortem_promise(incident, facts.state, now, news.postmortem_by)
    if not news.notify:
        wording.for_the_record(incident, facts, promise)
    kind, references = _kind(incident, facts, news)
    unheard = incident.held and facts.state.ended  # it ends before anybody was told of it
    # A title is for our own people: for families it is no news.
    title = last.title if news.notify else facts.title
    unsaid = replace(facts, message=last.message, last_news_at=None, title=title)
    if not facts.message and promise is None and unsaid == replace(last, last_news_at=None):
        raise Invalid(
            "says nothing new; give a message, a state, a severity, a scope or a promise", field="message"
        )
    anew = news.reopens or incident.asks_anew(severity, now)
    update = Update(
        number=incident.newest.number + 1,
        kind=kind,
        at=now,
        facts=facts,
        promise=promise,
        notify=news.notify and not unheard,
        human_number=incident.next_human_number,
        references=references,
        epoch=incident.next_epoch if anew else incident.epoch,
    )
    changed = replace(
        incident,
        state=facts.state,
        severity=severity,
        scope=scope,
        epoch=update.epoch,
        updates=(*incident.updates, update),
        version=incident.version + 1,
        ended_at=now if facts.state.ended else None,
        held=incident.held and not update.notify,
        confirm_at=None if news.notify else incident.confirm_at,
        resolve_at=None if news.notify else incident.resolve_at,  # whoever writes now knows what machines say
    )
    return changed, update


def _kind(incident: Incident, facts: Facts, news: News) -> tuple[Kind, int | None]:
    if news.reopens:
        return Kind.REOPENING, None
    if news.corrects is not None:
        return Kind.CORRECTION, _wrong(incident, news.corrects, notify=news.notify)
    if facts.state is State.RESOLVED:
        return Kind.RESOLUTION, None
    if facts.state is State.CANCELLED:
        return Kind.CANCELLATION, None
    if incident.held and news.notify:
        return Kind.NOTICE, None
    if facts.severity is not incident.severity:
        return Kind.SEVERITY, None
    if facts.scope != incident.scope:
        return Kind.SCOPE, None
    return Kind.PROGRESS, None


def _wrong(incident: Incident, number: int, *, notify: bool) -> int:
    """The number of the update that readers saw under `number`. Raises Invalid for one that nobody was told."""
    if not notify:
        raise Invalid(
            "a correction is told to whoever was told the wrong update; leave out one of both", field="notify"
        )
    told = {u.human_number: u for u in incident.updates if u.human_number is not None}
    wrong = told.get(number)
    if wrong is None:
        known = ", ".join(str(n) for n, u in told.items() if u.notify)
        raise Invalid(f"there is no update {number} to correct; families were told {known}", field="corrects")
    if not wrong.notify:
        raise Invalid(
            f"update {number} was for the record only: nobody was told of it; publish what is right as news",
            field="corrects",
        )
    return wrong.number
