"""The ladder for responders: whom to nudge or page now, and when to look again (R8). Pure.

Level-triggered like the planner for families: it compares what is owed with what was sent, so planning twice
owes nothing twice, and after a standstill each person is paged once, not once for every step missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alertd.domain.delivery import TOLD, DeliveryState
from alertd.domain.paging import (
    CHANNEL,
    MESSAGES,
    NUDGED,
    RECEIPTS,
    Coming,
    Orders,
    OwedPage,
    Paged,
    PageKey,
    ResponderLadder,
    Responding,
)
from alertd.domain.policy import Policy, ResponderStep
from alertd.domain.post_by import beginning, explain_by, last_news, news_by, post_by, unattended, words

HOLD = timedelta(minutes=10)
"""How long an acknowledgement holds each later step, once (R8)."""

AGAIN = timedelta(minutes=10)
"""How often the last step repeats where the policy does not say: a ladder that ends is silence."""


AHEAD = timedelta(days=1)
"""So long before it is due somebody is nudged to say what happened; of a shorter promise, half of it: to find a
cause and agree on the words takes a working day, not the minutes of an update."""


_NUDGED_INSTEAD = -1
"""The repeat under which somebody is nudged in place of somebody else: it takes nothing of their own page."""


@dataclass(frozen=True, slots=True)
class _Step:
    who: str
    page: bool
    at: datetime | None  # None: only in place of somebody who could not be reached
    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """One ladder from one instant on."""

    ladder: ResponderLadder
    base: datetime
    began: datetime  # acknowledgements before it were about something else
    steps: tuple[_Step, ...]
    subject: str = ""
    once: bool = False  # repeated only until one of its pages could be handed over

    def key(self, step: int, repeat: int) -> PageKey:
        return PageKey(self.ladder, self.base, step, repeat, self.subject)

    def owns(self, key: PageKey) -> bool:
        return (key.ladder, key.base, key.subject) == (self.ladder, self.base, self.subject)


def plan_pages(duty: Responding, now: datetime) -> Orders:
    """Compare who should know with who was told; `now` is story time."""
    owed: list[OwedPage] = []
    coming: list[Coming] = []
    runs = list(_runs(duty))
    before = {p.key for p in duty.paged}
    # What was taken back reached nobody: it is owed again where a recall brings its deadline back.
    stands = [p for p in duty.paged if p.state is not DeliveryState.CANCELLED or _outdone(p.key, before)]
    for run in runs:
        sent = {(p.key.step, p.key.repeat): p for p in stands if run.owns(p.key)}
        held = min((at for at in duty.acknowledged if at >= run.began), default=None)
        owed += _owed(run, sent, held, now)
        coming += _coming(run, sent, held, now)
    known = before | {o.key for o in owed}
    return Orders(
        owed=tuple(owed),
        stale=tuple(p.key for p in duty.paged if p.waits and not _current(p.key, runs, known)),
        coming=tuple(sorted(coming, key=lambda each: each.at)),
    )


def still_due(duty: Responding, key: PageKey) -> bool:
    """Whether a page that was owed when it was planned is still worth sending."""
    return _current(key, list(_runs(duty)), {p.key for p in duty.paged})


def _current(key: PageKey, runs: Sequence[_Run], known: set[PageKey]) -> bool:
    return not _outdone(key, known) and any(run.owns(key) for run in runs)


def _outdone(key: PageKey, known: set[PageKey]) -> bool:
    """Whether the same person was due the same once more since."""
    return any(
        (k.ladder, k.base, k.subject, k.step) == (key.ladder, key.base, key.subject, key.step)
        and k.repeat > key.repeat
        for k in known
    )


def _runs(duty: Responding) -> Iterator[_Run]:
    incident, policy = duty.incident, duty.policy
    if incident.state.ended or incident.exercise:  # of an exercise nobody owes an update
        # Families may believe for ever that it is down, and no other page tells anybody.
        yield from (run for run in _troubles(duty) if run.subject == MESSAGES or run.subject.startswith(CHANNEL))
        yield from _over(duty)
        yield from _explaining(duty)
        return
    said = words(incident)
    spoken = said[-1].at if said else beginning(incident).at
    if unattended(incident):
        began = beginning(incident).at
        yield _Run(ResponderLadder.OPENED, began, began, _chain(policy, began), once=True)
    due = post_by(incident, policy)
    yield _Run(ResponderLadder.POST, due, spoken, _steps(policy.escalation.post, due - duty.margin))
    late = news_by(incident, policy)
    if late is not None:
        yield _Run(ResponderLadder.NEWS, late, last_news(incident), _steps(policy.escalation.news, late))
    yield from _troubles(duty)
    yield from _over(duty)


def _explaining(duty: Responding) -> Iterator[_Run]:
    """Who owes what happened: nudged once before it is due, and paged once when it is missed, not all night."""
    due, resolution = explain_by(duty.incident), duty.incident.resolution
    who = _who(duty.policy)
    if due is None or resolution is None or not who:
        return
    ahead = min(AHEAD, (due - resolution.at) / 2)
    others = [_Step(name, True, None) for name in who[1:]]
    steps = (_Step(who[0], False, due - ahead), _Step(who[0], True, due), *others)
    yield _Run(ResponderLadder.POSTMORTEM, due, resolution.at, steps)


def _troubles(duty: Responding) -> Iterator[_Run]:
    for subject, since in duty.trouble.items():
        steps = _chain(duty.policy, since, page=subject not in NUDGED)
        yield _Run(ResponderLadder.TROUBLE, since, since, steps, subject, once=True)


def _over(duty: Responding) -> Iterator[_Run]:
    """Whoever was told that a channel fails, or reports nothing, is told once that it is well again."""
    who = _who(duty.policy)
    for over in duty.over:
        if over.subject in duty.trouble or not over.subject.startswith((CHANNEL, RECEIPTS)):
            continue  # it fails again
        about = (ResponderLadder.TROUBLE, over.since, over.subject)
        told = [
            p.key.step
            for p in duty.paged
            if p.state in TOLD and (p.key.ladder, p.key.base, p.key.subject) == about
        ]
        steps = tuple(_Step(who[i], False, over.at) for i in sorted(set(told)) if i < len(who))
        if steps:
            yield _Run(ResponderLadder.OVER, over.at, over.at, steps, over.subject)


def _steps(steps: Sequence[ResponderStep], around: datetime) -> tuple[_Step, ...]:
    last = len(steps) - 1
    return tuple(
        _Step(s.who, s.page, around + s.offset, s.repeat or (AGAIN if i == last and s.page else None))
        for i, s in enumerate(steps)
    )


def _chain(policy: Policy, at: datetime, *, page: bool = True) -> tuple[_Step, ...]:
    """Whom the policy pages, in its order: the first at once, each next one if that fails."""
    # Only the first has a time of its own.
    return tuple(_Step(who, page, None if i else at, None if i else AGAIN) for i, who in enumerate(_who(policy)))


def _who(policy: Policy) -> list[str]:
    """Whom the policy pages, in its order."""
    return list(dict.fromkeys(s.who for s in (*policy.escalation.post, *policy.escalation.news) if s.page))


_Sent = Mapping[tuple[int, int], Paged]


def _owed(run: _Run, sent: _Sent, held: datetime | None, now: datetime) -> list[OwedPage]:
    due: dict[tuple[int, int], None] = {}
    for i, step in enumerate(run.steps):
        k = _latest(step, held, now)
        if k is None or (i, k) in sent or (run.once and _settled(sent)):
            continue
        if not step.page and (_overtaken(run, held, now) or _time(step, 0, held) < run.began):
            continue  # to nudge now would tell them late, or before anything could be late
        due[i, k] = None
    for (i, k), instead in _replaced(run, sent, held, now):
        if _after(run, i, k, held) <= now:
            due[instead] = None
    return [OwedPage(run.key(i, k), run.steps[i].who, run.steps[i].page and k >= 0) for i, k in due]


def _settled(sent: _Sent) -> bool:
    return any(not paged.failed for paged in sent.values())


def _overtaken(run: _Run, held: datetime | None, now: datetime) -> bool:
    return any(step.page and _latest(step, held, now) is not None for step in run.steps)


def _replaced(
    run: _Run, sent: _Sent, held: datetime | None, now: datetime
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """What could not be handed over, each with what is due in its place."""
    for (i, k), paged in sent.items():
        if not paged.failed:
            continue
        if any(j == i and later > k and not newer.failed for (j, later), newer in sent.items()):
            continue  # a late word on an old page: they have been told since
        nudge = k == _NUDGED_INSTEAD or not run.steps[i].page
        if nudge and _overtaken(run, held, now):
            continue  # somebody is paged now
        instead = _instead(run, sent, i, k)
        if instead is not None:
            yield (i, k), instead


def _after(run: _Run, step: int, repeat: int, held: datetime | None) -> datetime:
    """When somebody is due in place of a page: at once, unless an acknowledgement since it fell due holds that."""
    due = (run.steps[step].at or run.base) + max(repeat, 0) * (run.steps[step].again or timedelta(0))
    return held + HOLD if held is not None and held >= due else due


def _instead(run: _Run, sent: _Sent, failed: int, repeat: int) -> tuple[int, int] | None:
    """The step in place of one that could not be handed over; None: somebody is told already, or nobody can be.

    The steps after it, then those before it: whoever can be reached must know. In place of a nudge somebody else
    is nudged.
    """
    count, tried = len(run.steps), {run.steps[failed].who}
    nudges = not any(step.page for step in run.steps)  # then whoever comes next is nudged at their own step
    if not run.steps[failed].page and not nudges:
        repeat = _NUDGED_INSTEAD
    for j in (*range(failed + 1, count), *range(failed)):
        step, told = run.steps[j], sent.get((j, repeat))
        if told is not None and not told.failed:
            return None
        if told is None and (step.page or nudges) and step.who not in tried:
            return j, repeat
        if told is not None:
            tried.add(step.who)
    return None


def _coming(run: _Run, sent: _Sent, held: datetime | None, now: datetime) -> Iterator[Coming]:
    if run.once and sent and _settled(sent):
        return
    for i, step in enumerate(run.steps):
        if step.at is None:
            continue
        k = _latest(step, held, now)
        following = 0 if k is None else k + 1
        if (following and step.again is None) or (not step.page and _time(step, 0, held) < run.began):
            continue
        while (i, following) in sent and step.again is not None:
            following += 1  # it was sent early, in place of somebody else
        if (i, following) not in sent and not (run.once and not sent):
            yield Coming(_time(step, following, held), step.who, step.page, run.ladder)
    for (i, k), (j, repeat) in _replaced(run, sent, held, now):
        at = _after(run, i, k, held)
        if at > now:
            yield Coming(at, run.steps[j].who, run.steps[j].page and repeat >= 0, run.ladder)


def _time(step: _Step, repeat: int, held: datetime | None) -> datetime:
    """When a repeat of a step falls due; an acknowledgement before that moment holds it."""
    assert step.at is not None
    at = step.at + repeat * (step.again or timedelta(0))
    return at + HOLD if held is not None and held < at else at


def _latest(step: _Step, held: datetime | None, now: datetime) -> int | None:
    """The newest repeat of a step that is due; None before the first."""
    if step.at is None:
        return None
    if step.again is None:
        return 0 if _time(step, 0, held) <= now else None
    found = None
    # Those that fell due before the acknowledgement, and those that it held.
    for until in (now,) if held is None else (min(now, held), now - HOLD):
        k = (until - step.at) // step.again
        if k >= 0 and _time(step, k, held) <= now:
            found = k if found is None else max(found, k)
    return found
