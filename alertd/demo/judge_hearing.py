"""Whether one family heard in time while an outage touched it: first, of each change, and in between."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from alertd.demo import spans
from alertd.demo.course import Change, Stretch, Touch
from alertd.demo.household import Household, Person
from alertd.demo.judge_words import services_of, severity_of
from alertd.demo.verdict import Fault, Judgement, Rules, Wait, spell
from alertd.sandbox.log import Accepted


class Hearing:
    """One family and one touch; `heard`: its messages while that lasted, in order."""

    def __init__(
        self, family: Household, stretch: Stretch, touch: Touch, rules: Rules, heard: Sequence[Accepted]
    ) -> None:
        self._family, self._stretch, self._touch, self._rules = family, stretch, touch, rules
        self._heard = heard
        self._told = [m.story_time for m in heard]
        moments = stretch.during(touch.begins, touch.over)
        times = [touch.begins, *(each.at for each in moments[1:]), touch.over]
        self._hears = spans.union(
            *(
                spans.within(family.awake if rules.levels[each.severity].quiet is None else family.may_hear, a, b)
                for each, (a, b) in zip(moments, pairwise(times), strict=True)
            )
        )
        """When somebody may be told: in quiet hours only of what the policy does not let wait."""

    def faults(self) -> Iterator[Fault]:
        """What came too late, or not at all."""
        if not self._told:
            waits = not self._rules.levels[self._touch.severity].wakes and not self._touch.changes
            if not waits or self._counted(self._touch.begins, self._touch.over) > self._limit(
                self._touch.severity
            ):
                yield self._fault("first notice", "heard nothing while the outage lasted")
            return
        yield from self._first_notice()
        yield from self._silence()
        yield from self._promises()
        for change in self._touch.changes:
            yield from self._change(change)
            if change.what == "raise":
                yield from self._asleep(change)

    def measure(self, found: Judgement) -> None:
        """Add how long this family waited, and for what, to what is reported."""
        for wait in self._waits():
            longest = found.longest
            if longest is None or wait.counted - wait.allowed > longest.counted - longest.allowed:
                found.longest = wait
        if not self._told:
            return
        found.promises += sum(kept for _, kept in self._promised())
        anew = found.told_anew if self._stretch.number > 1 else found.first_notices
        (found.grown if self._touch.grown else anew).append(self._first)
        for change in self._touch.changes:
            told = self._told_of(change)
            if told is None:
                continue
            if change.what == "raise":
                found.raised.append(max(told - change.at, timedelta()))
                found.woken += sum(self._woken(person, change) for person in self._sleepers(change))
            found.more += change.what == "more"
            found.less += change.what == "less"

    # --- the first word -------------------------------------------------------------------------

    @property
    def _first(self) -> timedelta:
        return self._delay(self._touch.begins, self._touch.severity, self._told[0])

    def _first_notice(self) -> Iterator[Fault]:
        if self._first > self._limit(self._touch.severity):
            since = " of it touching them" if self._touch.grown else ""
            yield self._fault("first notice", f"first heard after {spell(self._first)}{since}")

    def _delay(self, since: datetime, severity: str, until: datetime) -> timedelta:
        """How long they waited: what wakes may be told at any hour, all else only while somebody is awake."""
        return (
            max(until - since, timedelta()) if self._rules.levels[severity].wakes else self._counted(since, until)
        )

    def _limit(self, severity: str) -> timedelta:
        return self._rules.levels[severity].first_notice + self._rules.slack

    def _counted(self, start: datetime, end: datetime) -> timedelta:
        return spans.length(spans.within(self._hears, start, end))

    # --- what changed for them --------------------------------------------------------------------

    def _change(self, change: Change) -> Iterator[Fault]:
        if change.at + self._limit(change.severity) >= self._touch.over:
            return  # over so soon that its end was the next word
        told = self._told_of(change) or self._touch.over
        rouses = change.what != "less"
        waited = self._delay(change.at, change.severity, told) if rouses else self._counted(change.at, told)
        if waited > self._limit(change.severity):
            what = {"raise": "that it got worse", "more": "that more fails", "less": "that less fails"}[
                change.what
            ]
            yield self._fault("change", f"did not hear within {spell(waited)} {what}, at {change.at:%a %H:%M} UTC")

    def _told_of(self, change: Change) -> datetime | None:
        """When a family first read what holds since a change."""
        names, since = self._rules.names, change.at - self._rules.skew
        for m in self._heard:
            fits = severity_of(m) in (change.severity, None)
            if m.story_time >= since and fits and (not names or services_of(m, names) == change.services):
                return m.story_time
        return None

    def _asleep(self, change: Change) -> Iterator[Fault]:
        """Whoever slept through what was no reason to wake them is woken by what is."""
        if change.at + self._limit(change.severity) >= self._touch.over:
            return
        for person in self._sleepers(change):
            if not self._woken(person, change):
                yield self._fault("change", f"{person.id} slept on when it got worse, at {change.at:%a %H:%M} UTC")

    def _sleepers(self, change: Change) -> list[Person]:
        """Who is asleep at a change that wakes, and has a phone that lives."""
        if not self._rules.levels[change.severity].wakes:
            return []
        return [
            person
            for person in self._family.people
            if spans.at(person.duty, change.at)
            and not spans.at(person.awake, change.at)
            and any(channel == "sms" for channel, _ in person.addresses)
        ]

    def _woken(self, person: Person, change: Change) -> bool:
        since, until = change.at - self._rules.skew, change.at + self._limit(change.severity)
        phones = {to for channel, to in person.addresses if channel == "sms"}
        return any(m.channel == "sms" and m.to in phones and since <= m.story_time <= until for m in self._heard)

    # --- in between -------------------------------------------------------------------------------

    def _silence(self) -> Iterator[Fault]:
        for wait in self._waits():
            if wait.counted > wait.allowed + self._rules.slack:
                waited = f"heard nothing for {spell(wait.counted)} from {wait.start:%a %H:%M} UTC"
                yield self._fault("silence", waited)

    def _waits(self) -> Iterator[Wait]:
        for start, end in pairwise([*self._told, self._touch.over]):
            counted = self._counted(start, end)
            yield Wait(self._family.id, start, end, counted, self._allowed(start, end))

    def _allowed(self, start: datetime, end: datetime) -> timedelta:
        """The window of what held when they last heard."""
        moment, rules = self._stretch.at(start), self._rules
        level = rules.levels[moment.severity]
        by_night = level.quiet is not None and bool(spans.within(self._family.night, start - rules.slack, end))
        allowed = max(level.window, level.quiet or level.window) if by_night else level.window
        watched = any(each.watching and each.at <= start for each in self._stretch.moments)
        return 2 * allowed if watched else allowed

    def _promises(self) -> Iterator[Fault]:
        for due, kept in self._promised():
            if not kept:
                yield self._fault("promise", f"was promised news by {due:%a %H:%M} UTC and got none")

    def _promised(self) -> Iterator[tuple[datetime, bool]]:
        """Each promise that bound us, and whether it was kept."""
        over = self._touch.over
        for moment in self._stretch.moments:
            due = moment.promised
            if due is None or due >= over or moment.at < self._touch.begins:
                continue
            heard = next((at for at in self._told if at >= moment.at), None)
            binding = spans.first_in(self._hears, due)
            if heard is None or heard >= due or binding is None or binding >= over:
                continue
            by = binding + self._rules.slack
            if any(heard < at <= by for at in self._told):
                yield due, True
            elif by < over:
                yield due, False

    def _fault(self, rule: str, what: str) -> Fault:
        return Fault(rule, self._family.id, what)
