"""What must be true of the model world, read from the rules, not from the planner's code.

Quiet hours come from `tests.oracle`, minute by minute; deadlines from what readers were really told.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from alertd.domain import preferences
from alertd.domain.audit import Case, Evidence, Excuse, Suspect, Tries
from alertd.domain.delivery import (
    ALL_CLEARS,
    ENDS,
    FAILED,
    VOID,
    DeliveryState,
    Framing,
    Owed,
    Reason,
    longest_backoff,
)
from alertd.domain.excuses import excuse_of
from alertd.domain.family import CHANNELS, Address, AddressId, AddressStatus, Caregiver
from alertd.domain.incident import Kind, Severity, State, Update
from alertd.domain.plan import plan
from alertd.domain.policy import Ladder, Step
from alertd.domain.watch import BY_PHONE, Duty, LadderState, Rest, Verdict
from tests import make, oracle

if TYPE_CHECKING:
    from tests.property.world import Row, World

SLACK = timedelta(seconds=10)
"""What planning, claiming and a provider's answer take in the model, with one fallback."""

DAY = timedelta(hours=24)

RESTS = frozenset({Rest.CLOSED, Rest.NOT_TOUCHED, Rest.NO_ADDRESS, Rest.MUTED, Rest.OPTED_OUT})
"""Rests in which nothing is looked at until something changes."""


@dataclass
class Word:
    """A promise given to one person: "you hear again by"."""

    caregiver: str
    by: datetime
    row: "Row"


class Judge:
    """Asked at every step of a world; raises AssertionError where a rule is broken."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.counts: Counter[str] = Counter()
        self.words: list[Word] = []
        self.disturbances: dict[str, datetime] = {}  # caregiver -> when their addresses or hours last changed
        self.changes: dict[str, list[datetime]] = {}  # ... every time
        self.outages: list[tuple[datetime, datetime]] = []
        self.last_number: dict[AddressId, int] = {}
        self.waited: frozenset[str] = frozenset()
        self.coming: frozenset[str] = frozenset()  # whom a ladder's step brings in by the verdict at hand
        self.over_at = world.now
        self.last_failure = world.now - timedelta(days=1)
        self.planned_at, self.planned_number, self.planned_newest = world.now, 0, 0
        self.saying = False  # what messages say is reckoned

    # --- the family, as the rules read it ------------------------------------------------------------

    def person(self, name: str) -> Caregiver | None:
        return next((c for c in self.world.family.caregivers if c.id == name), None)

    def usable(self, c: Caregiver) -> list[Address]:
        return [a for a in c.addresses if self.world.statuses.get(a.id, AddressStatus()).usable]

    def channels(self, c: Caregiver) -> tuple[str, ...]:
        world = self.world
        services = world.incident.scope.touching(world.family.services, world.family.region)
        found = preferences.choose(c, world.family, world.policy, services, world.incident.severity).channels
        if found or not any(r.told for r in self.rows(c.id)):
            return found
        # R15: whoever was told hears of a fall, though they asked to be told nothing of what it falls to.
        return preferences.choose(c, world.family, world.policy, services, self.quiet_severity()).channels

    def people(self) -> list[Caregiver]:
        """R7: the `always` roles hear every update, else the first, and whom a ladder has told; R12: who can."""
        ordered = sorted(self.world.family.caregivers, key=lambda c: c.order)
        always = [c for c in ordered if c.role in self.world.policy.always] or ordered[:1]
        told = [c for c in always if self.usable(c) and self.channels(c)]
        if not told and not any(self.usable(c) for c in always):
            told = [c for c in ordered if c not in always and self.usable(c) and self.channels(c)][:1]
        return [c for c in ordered if c in told or (self.joined(c.id) and self.usable(c) and self.channels(c))]

    def joined(self, name: str) -> bool:
        """Whether a ladder has told this person, and they hear every update since."""
        rows = self.rows(name)
        return name in self.coming or any((r.told or r.open) and r.owed.reason is Reason.LADDER for r in rows)

    def always_there(self) -> list[Caregiver]:
        """Those who hear every update whatever a ladder does."""
        ordered = sorted(self.world.family.caregivers, key=lambda c: c.order)
        return [c for c in ordered if c.role in self.world.policy.always] or ordered[:1]

    def ladder(self) -> Ladder | None:
        """R7, R15: that of the severity with which the epoch began, until a fall from it."""
        incident = self.world.incident
        began = next(u.facts.severity for u in self.standing() if u.epoch == incident.epoch)
        fell = incident.severity.rank < began.rank
        return None if fell else self.world.policy.escalation.families.get(began)

    def answered(self) -> bool:
        """R9: somebody of a sufficient role has answered in this epoch; where there is nobody, who hears everything."""
        ladder = self.ladder()
        if ladder is None:
            return False
        able = [c for c in self.world.family.caregivers if c.role in ladder.by] or self.always_there()
        epoch = self.world.incident.epoch
        since = (
            self.world.touched_since
        )  # what was said before the incident touched them anew is no answer to that
        return any(
            a.epoch >= epoch and a.at >= since and a.caregiver in {BY_PHONE, *(c.id for c in able)}
            for a in self.world.answers
        )

    def zone(self, c: Caregiver) -> str:
        return c.time_zone or self.world.family.time_zone

    def on_duty_text(self, c: Caregiver) -> str | None:
        said = [c.on_duty, *(d.on_duty for d in self.world.policy.defaults_of(c.role))]
        return next((text for text in said if text), None)

    def off(self, c: Caregiver, at: datetime) -> bool:
        return oracle.off_duty(self.on_duty_text(c), self.zone(c), at)

    def asleep(self, c: Caregiver, at: datetime) -> bool:
        return oracle.asleep(c.preferences.quiet_hours, self.zone(c), at)

    def soft(self, c: Caregiver, severity: Severity) -> bool:
        """R10: soft at once if there is a soft address and the policy's quiet window is a duration."""
        goes = self.world.policy.silence.quiet[severity] is not None
        return goes and any(a.channel in ("push", "email") for a in self.usable(c))

    def may(self, c: Caregiver, at: datetime, severity: Severity) -> bool:
        """By a holding, which wakes nobody."""
        present = not self.off(c, at) and (not self.asleep(c, at) or self.soft(c, severity))
        return present and not self.used_up(c, at)

    def holdings(self, c: Caregiver, channels: tuple[str, ...], *, sent: bool = True) -> dict[int, datetime]:
        """The holdings that were sent to a person over these, each with when it was planned; else those told."""
        mine = {a.id for a in c.addresses if a.channel in channels}
        return {
            r.owed.update: r.planned_at
            for r in self.rows(c.id)
            if (r.told or (r.open and sent))
            and r.owed.address in mine
            and r.owed.framing is Framing.HOLDING
            and r.owed.reason is not Reason.LADDER
        }

    def used_up(self, c: Caregiver, at: datetime) -> bool:
        """R3: whoever has only a phone number gets so many holdings in any 24 hours, and waits for the next."""
        if any(a.channel not in ("sms", "voice") for a in self.usable(c)):
            return False
        rules = self.world.policy.silence.holdings
        most = max(1, min(rules.loud, rules.sms_per_day)) if c.preferences.holdings == "few" else rules.sms_per_day
        day = at - DAY
        sent = self.holdings(c, ("sms", "voice"), sent=self.saying)
        return sum(planned > day for planned in sent.values()) >= most

    def first(self, people: list[Caregiver], at: datetime, severity: Severity) -> datetime | None:
        """The first moment at or after `at` at which anybody may be told; None = not within nine days."""
        if any(self.may(c, at, severity) for c in people):
            return at
        texts = [
            (text, self.zone(c)) for c in people for text in (c.preferences.quiet_hours, self.on_duty_text(c))
        ]
        moments = {edge for text, zone in texts for edge in oracle.edges(text, zone, at) if edge > at}
        days = [sent + DAY for c in people for sent in self.holdings(c, ("sms", "voice")).values()]
        moments |= {day for day in days if day > at}
        # Somebody whose day is over while they sleep is told when they wake up.
        moments |= {
            edge for day in days for text, zone in texts for edge in oracle.edges(text, zone, day) if edge > at
        }
        return next((m for m in sorted(moments) if any(self.may(c, m, severity) for c in people)), None)

    # --- what they were told -------------------------------------------------------------------------

    def rows(self, name: str) -> "list[Row]":
        """The deliveries on a caregiver's addresses since they were last told "not affected after all"."""
        c = self.person(name)
        ids = {a.id for a in c.addresses} if c else set()
        rows = [r for r in self.world.rows if r.owed.address in ids or (r.by_phone and r.owed.caregiver == name)]
        freed = [r.planned_at for r in rows if r.told and r.owed.framing is Framing.NOT_AFFECTED]
        return [r for r in rows if not freed or r.planned_at > max(freed)]

    def covered(self, name: str) -> int:
        return max((r.owed.update for r in self.rows(name) if r.told or r.open), default=0)

    def lacks(self, name: str) -> set[Kind]:
        """What this person lacks, by the kinds that a policy may wake for (R10, R15)."""
        covered = self.covered(name)
        if not covered:
            return {Kind.NOTICE}
        updates, family = self.world.incident.updates, self.world.family
        lacked: set[Kind] = set()
        for i, u in enumerate(updates):
            if u.number <= covered or u not in self.said_by_people():
                continue
            raised = u.facts.severity.rank > updates[i - 1].facts.severity.rank
            if u.kind not in (Kind.SEVERITY, Kind.SCOPE):
                lacked.add(u.kind)
            if raised:
                lacked.add(Kind.SEVERITY)
            was, fails = (
                set(each.facts.scope.touching(family.services, family.region)) for each in (updates[i - 1], u)
            )
            if fails - was:  # what concerns others wakes nobody here
                lacked.add(Kind.SCOPE)
        return lacked

    def wakes(self, name: str) -> bool:
        return bool(self.lacks(name) & self.world.policy.wakes.get(self.world.incident.severity, frozenset()))

    def told_rows(self) -> "list[Row]":
        """What the family was told since they were last told "not affected after all"."""
        told = [r for r in self.world.rows if r.told]
        freed = [r.planned_at for r in told if r.owed.framing is Framing.NOT_AFFECTED]
        return [r for r in told if not freed or r.planned_at > max(freed)]

    def binding_rows(self) -> "list[Row]":
        """... and since the incident last began to touch them: what those messages say binds us.

        An absence that nobody was to be told of leaves a promise standing that is not due yet.
        """
        since, reopened = self.world.touched_since, self.world.reopened_at
        freed = max(
            (r.planned_at for r in self.world.rows if r.owed.framing is Framing.NOT_AFFECTED), default=None
        )
        rows = [r for r in self.told_rows() if r.owed.framing not in ENDS]
        return [
            r
            for r in rows
            if r.planned_at >= since
            or (r.accepted_at is not None and r.accepted_at >= since)
            or (since != reopened and freed is None and r.owed.next_by is not None and r.owed.next_by >= since)
        ]

    def news(self) -> Update:
        updates, told = self.world.incident.updates, self.said_by_people()
        return told[-1] if told else next(u for u in reversed(updates) if u.kind is Kind.RECALL)

    def said_by_people(self) -> list[Update]:
        """What families were to be told and stands, oldest first; holdings and recalls are no news."""
        no_news = (Kind.HOLDING, Kind.RECALL)
        return [u for u in self.standing() if u.notify and u.kind not in no_news]

    def standing(self) -> list[Update]:
        """What was not taken back, nor what a taken back correction had corrected, nor a holding that repeats it."""
        updates = self.world.incident.updates
        gone = {u.references for u in updates if u.kind is Kind.RECALL}
        if not gone:
            return list(updates)
        for u in reversed(updates):  # newer ones correct older ones
            if u.number in gone and u.kind is Kind.CORRECTION:
                gone.add(u.references)
        standing, said = [], 1
        for u in updates:
            said = u.number if u.notify and u.kind is not Kind.HOLDING else said
            if said not in gone:
                standing.append(u)
        return standing

    def worst(self) -> Severity:
        """How bad this epoch was: what stands, and what the family has, or may have, although it was taken back."""
        epoch, standing = self.world.incident.epoch, self.standing()
        may = (DeliveryState.LEASED, DeliveryState.UNKNOWN)
        had = {r.owed.update for r in self.world.rows if r.told or r.maybe or r.state in may}
        had |= {a.told for a in self.world.answers}
        return max(
            (
                u.facts.severity
                for u in self.world.incident.updates
                if (u.epoch == epoch and u in standing)
                or (u.epoch >= epoch and u not in standing and u.number in had)
            ),
            key=lambda severity: severity.rank,
        )

    def received(self, name: str, correction: Update) -> bool:
        """Whether they have the words that a correction puts right, or may have."""
        wrong, updates = correction.references or 0, self.world.incident.updates
        after = next(u.number for u in updates if u.number > wrong and u.kind is not Kind.HOLDING and u.notify)
        may = (DeliveryState.LEASED, DeliveryState.UNKNOWN)
        mine = (r for r in self.rows_ever(name) if wrong <= r.owed.update < after)
        return any(r.told or r.maybe or r.state in may for r in mine)

    def news_for(self, name: str) -> int:
        """The newest news that this person is owed at once: not a correction of words that they never received."""
        covered, before, newest = self.covered(name), None, 0
        said = self.said_by_people()
        for u in self.world.incident.updates:
            if u in said:
                same = before is not None and replace(
                    u.facts, message=before.message, last_news_at=before.last_news_at
                ) == replace(before, title=u.facts.title)
                only_words = u.kind is Kind.CORRECTION and same and covered
                if not only_words or self.received(name, u):
                    newest = u.number
            if u.notify:
                before = u.facts
        return newest

    def newest(self) -> int:
        """R5: what is marked `notify: false` is nobody's to tell."""
        return next((u.number for u in reversed(self.world.incident.updates) if u.notify), 1)

    def quiet_severity(self) -> Severity:
        """R15: a fall is told by the quiet rules of the severity it leaves."""
        incident = self.world.incident
        told = max((r.owed.update for r in self.told_rows()), default=0)
        if not told or told >= self.news().number:
            return incident.severity
        left = next(u.facts.severity for u in reversed(incident.updates) if u.number <= told)
        return left if left.rank > incident.severity.rank else incident.severity

    def window(self, severity: Severity, state: State, *, asleep: bool) -> timedelta:
        rules = self.world.policy.silence
        length = rules.window[severity]
        if asleep:
            length = rules.quiet[severity] or length
        return length * (2 if state is State.MONITORING else 1)

    def promise(self) -> datetime | None:
        """The newest news' promise, while it is open (R2)."""
        news = self.news()
        closed = any(u.closes_promise for u in self.world.incident.updates if u.number > news.number)
        if news.promise is None or closed or news.promise <= self.world.now:
            return None
        return news.promise

    def next_by(self) -> datetime:
        """R2: what the family was told, brought nearer by new facts, put off while nobody may be told."""
        world = self.world
        first_notice = world.policy.first_notice
        rows = self.binding_rows()
        newest = max((r.owed.update for r in rows), default=0)
        by = min((r.owed.next_by for r in rows if r.owed.update == newest and r.owed.next_by), default=None)
        if by is not None:
            # R2, the promise itself: never longer than a window, unless nobody may be told.
            first_said = min(r.planned_at for r in rows if r.owed.update == newest)
            facts = next(u.facts for u in world.incident.updates if u.number == newest)
            windows = [self.window(facts.severity, facts.state, asleep=asleep) for asleep in (False, True)]
            by = min(by, max(first_said + max(windows), min(by, self.joined_at)))
        else:
            by = world.touched_since + first_notice[world.touched_severity]
        updates = world.incident.updates
        for i, u in enumerate(updates):
            if u.number <= newest or u.at <= world.touched_since or u not in self.said_by_people():
                continue
            if u.facts.severity.rank > updates[i - 1].facts.severity.rank:
                window = self.window(u.facts.severity, u.facts.state, asleep=False)
                by = min(by, u.at + (window if newest else first_notice[u.facts.severity]))
            if newest and u.promise and u is self.news():
                by = min(by, u.promise)
        return self.first(self.people(), by, self.quiet_severity()) or by

    def says(self) -> datetime:
        """R2: min(t + window, promise), when somebody may be told: what a message planned now names."""
        world, people = self.world, self.people()
        incident, now = world.incident, world.now
        present = [c for c in people if not self.off(c, now)]
        asleep = bool(present) and all(self.asleep(c, now) for c in present)
        by = now + self.window(incident.severity, incident.state, asleep=asleep)
        promise = self.promise()
        if promise is not None:
            by = min(by, promise)
        self.saying = True  # what is on its way counts for what is said, and for no deadline before it is there
        try:
            return self.first(people, by, incident.severity) or by
        finally:
            self.saying = False

    # --- called by the world --------------------------------------------------------------------------

    def disturbed(self, name: str) -> None:
        """Their addresses, hours or providers are not what they were."""
        self.disturbances[name] = self.last_failure = self.world.now
        self.changes.setdefault(name, []).append(self.world.now)

    @property
    def joined_at(self) -> datetime:
        """When the people of the family, their hours, or what they want to be told of last changed."""
        updates = self.world.incident.updates
        moved = [
            after.at
            for before, after in pairwise(updates)
            if (after.facts.severity, after.facts.scope) != (before.facts.severity, before.facts.scope)
        ]
        changed = [at for ats in self.changes.values() for at in ats]
        return max((*moved, *changed), default=self.world.script.start)

    def outage(self, until: datetime) -> None:
        self.outages.append((self.world.now, until))

    def over(self) -> None:
        """The incident ends now: whoever waits is to hear one word at wake-up."""
        self.waited, self.over_at = frozenset(self.world.watch.waiting), self.world.now

    def at_night(self, owed: Owed) -> tuple[bool, bool]:
        """Whether a message planned now deserves waking its reader, and whether it may be silent at night."""
        c = self.person(owed.caregiver)
        assert c is not None
        kinds = {
            Framing.RESOLUTION: Kind.RESOLUTION,
            Framing.CANCELLATION: Kind.CANCELLATION,
            Framing.NOT_AFFECTED: Kind.SCOPE,
        }
        soft = self.soft(c, self.quiet_severity())
        if owed.framing in kinds:
            epoch = self.world.incident.epoch
            woken = any(
                r.told and r.owed.loud and r.owed.in_quiet and r.owed.epoch >= epoch for r in self.rows(c.id)
            )
            worst = self.worst()
            wakes = self.world.policy.wakes.get(worst, frozenset())
            return woken and kinds[owed.framing] in wakes, self.soft(c, worst)
        if owed.reason is Reason.LADDER:  # as loud as the first message of the epoch
            updates = self.world.incident.updates
            began = next(u for u in self.standing() if u.epoch == self.world.incident.epoch)
            i = updates.index(began)
            kinds_then = {began.kind, Kind.NOTICE} if began.epoch == 1 else {began.kind}
            if i and updates[i].facts.severity.rank > updates[i - 1].facts.severity.rank:
                kinds_then.add(Kind.SEVERITY)
            wakes = self.world.policy.wakes.get(self.world.incident.severity, frozenset())
            return bool(kinds_then & wakes) or self.wakes(c.id), False
        if owed.reason is Reason.FLOOR and not self.wakes(c.id):
            covered = self.covered(c.id)  # the message that this one stands for
            roused = any(r.owed.loud and r.owed.in_quiet and r.owed.update == covered for r in self.rows(c.id))
            return roused, soft
        return self.wakes(c.id), soft and owed.framing is not Framing.WAS_DOWN

    def said_to(self, name: str) -> datetime:
        """What this person was last told they would hear by; before that, the family's deadline."""
        told = [r for r in self.rows(name) if r.told and r.owed.next_by is not None]
        newest = max(told, key=lambda r: (r.owed.update, r.planned_at), default=None)
        return (newest.owed.next_by if newest else None) or self.next_by()

    def always(self) -> None:
        """Before anything happens: nobody is left waiting, and looking again early finds nothing."""
        world = self.world
        if world.stopped:
            return
        if not world.fanouts and (world.watch.look_at is None or world.watch.look_at > world.now):
            idle = plan(world.duty(), world.now)
            open_ = world.touched and not world.incident.state.ended
            # Once it is over, what was still under way is found told by polling.
            polled = not open_ and any(r.changed_at >= self.planned_at for r in world.rows)
            # A number that came without a fan-out (another family's holding) may be taken at any time.
            fresh = world.incident.newest.number == self.planned_number
            soon = world.watch.look_at is not None and world.watch.look_at <= self.planned_at + world.duty().lease
            assert polled or soon or not fresh or not idle.owed, (
                "look_at overslept",
                idle.owed,
                world.watch.look_at,
            )
            if open_ and not soon:
                self.all_served()
        self.in_time()
        self.words_kept()

    def all_served(self) -> None:
        """R1, R10: whoever lacks news and may have it, has it or is about to; waking news also at night.

        About to: what is in flight may take back what they know, and is looked at within a lease.
        """
        world = self.world
        severity = self.quiet_severity()
        for c in self.people():
            news = self.news_for(c.id)
            if self.off(c, world.now) or self.covered(c.id) >= news:
                continue
            asleep = self.asleep(c, world.now)
            silent = asleep and not self.wakes(c.id)
            if silent and not self.soft(c, severity):
                continue
            failed = self.failed()
            left = [a for a in self.usable(c) if a.id not in failed and (not silent or a.channel != "sms")]
            assert not left, (c.id, "lacks", news, "and could have it over", left)

    def in_time(self) -> None:
        """At every instant `now <= next_by`, or a named excuse that is true."""
        world = self.world
        if world.incident.state.ended or not world.touched:
            return
        by = self.next_by()
        if world.now <= by + SLACK:
            self.counts["in time"] += 1
            return
        excuse = self.excuse()
        assert excuse, ("nobody heard by", by, "and it is", world.now)
        self.counts[f"late: {excuse}"] += 1
        due = world.watch.look_at is not None and world.watch.look_at <= world.now  # the auditor looks twice
        lands = any(r.open and r.planned_at >= world.now - SLACK for r in world.rows)
        # What our own fault stopped is no excuse, and the auditor may say so.
        ours = any(r.state is DeliveryState.PARKED and r.planned_at >= by for r in world.rows)
        if excuse == "our own fault":  # we wait as long as we may, and somebody hears of it
            assert self.audited(by) is not Excuse.UNDELIVERED, (
                "the auditor excuses us",
                by,
                world.watch,
                world.now,
            )
        elif excuse not in ("just changed", "under way") and not (world.fanouts or due or ours or lands):
            assert self.audited(by), ("the auditor accuses us of lying", excuse, by, world.watch, world.now)

    def audited(self, by: datetime) -> Excuse | None:
        """What the auditor says of it, from what the tables would hold: it may not raise a false alarm."""
        world, now, watch = self.world, self.world.now, self.world.watch
        case = Case(world.incident, world.policy, make.ALL_CHANNELS, (), now, now)
        suspect = Suspect(
            world.family.id, min(by, now), watch.look_at, watch.rest.value if watch.rest else None, watch.epoch
        )
        addresses = {}
        for a in (a for c in world.family.caregivers for a in c.addresses):
            status = world.statuses.get(a.id, AddressStatus(verified=a.verified))
            addresses[a.id] = (a.channel, status.usable, status.opted_out)
        backoff = longest_backoff(world.incident.severity)
        window = self.window(world.incident.severity, world.incident.state, asleep=False) + SLACK
        tried = [r for r in world.rows if r.attempts and r.due_at >= now - backoff - timedelta(seconds=30)]
        held = (DeliveryState.LEASED, DeliveryState.UNKNOWN)
        tries = Tries(
            under_way=any(r.open for r in world.rows),
            tried=any(r.state in (DeliveryState.PENDING, DeliveryState.SUPERSEDED) for r in tried)
            or any(r.state in held for r in world.rows),
            fresh=any(r.open and r.planned_at >= now - SLACK for r in world.rows),
            before=max((r.planned_at for r in world.rows if r.planned_at < now - SLACK), default=None),
            given_up=max(
                (
                    r.planned_at
                    for r in world.rows
                    if r.state in (DeliveryState.UNDELIVERED, DeliveryState.REFUSED)
                    and r.planned_at >= now - window
                ),
                default=None,
            ),
            stopped=max((r.planned_at for r in world.rows if r.state is DeliveryState.PARKED), default=None),
            capped=sum(
                r.told
                and r.owed.channel == "sms"
                and r.owed.framing is Framing.HOLDING
                and r.accepted_at is not None
                and r.accepted_at > now - timedelta(hours=24)
                for r in world.rows
            ),
        )
        told = (r for r in world.rows if r.owed.reason is Reason.LADDER and (r.told or r.open))
        joined = frozenset(r.owed.address for r in told if r.planned_at >= watch.touched_at)
        found = excuse_of(suspect, case, Evidence(world.family, addresses, joined, tries))
        self.counts[f"audited: {found}"] += 1
        return found

    def failed(self) -> set[AddressId]:
        """Where the newest update failed; a number that came without a fan-out changes nothing until looked at."""
        numbers = (self.newest(), self.planned_newest)
        return {r.owed.address for r in self.world.rows if self.stands(r) and r.owed.update in numbers}

    def stands(self, row: "Row") -> bool:
        """Decision 5: what our own fault stopped is tried again after a backoff: 60 s for critical, 5 min else."""
        if row.state is not DeliveryState.PARKED:
            return row.state in FAILED
        wait = 60 if self.world.incident.severity is Severity.CRITICAL else 300
        return self.world.now <= row.planned_at + timedelta(seconds=wait) + SLACK

    def given_up(self, row: "Row") -> bool:
        """R11: an all-clear that our own fault stops rests as long again as the end lies back, within 24 hours."""
        late = row.planned_at >= self.over_at + timedelta(hours=12)
        return row.state is DeliveryState.PARKED and row.owed.framing in ALL_CLEARS and late

    def excuse(self) -> str | None:
        world, now = self.world, self.world.now
        people, severity = self.people(), self.quiet_severity()
        if not people:
            return "nobody can be told"
        before = now - SLACK
        if not any(self.may(c, now, severity) and self.may(c, before, severity) for c in people):
            return "used up" if any(self.used_up(c, now) for c in people) else "quiet"
        if now <= max(world.upset_at, self.last_failure) + SLACK:
            return "just changed"
        if any(r.open and r.planned_at >= before for r in world.rows):
            return "under way"
        if any(r.open and r.attempts and r.due_at <= now + timedelta(seconds=61) for r in world.rows):
            return "provider"
        failed = self.failed()
        present = [c for c in people if self.may(c, now, severity) and self.may(c, before, severity)]
        last = max((r.planned_at for r in world.rows), default=world.now)
        window = self.window(world.incident.severity, world.incident.state, asleep=False)
        slept = {c.id for c in present if self.asleep(c, now) or self.asleep(c, before)}
        ways = [a for c in present for a in self.usable(c) if a.channel != "sms" or c.id not in slept]
        if all(a.id in failed for a in ways) and now <= last + window + SLACK:
            lost = [r for r in world.rows if r.state in FAILED]
            newest = max(lost, key=lambda r: (r.planned_at, r.state is not DeliveryState.PARKED), default=None)
            ours = newest is not None and newest.state is DeliveryState.PARKED
            return "our own fault" if ours else "all refused"
        return None

    def verdict(self, duty: Duty, v: Verdict) -> None:
        """What every verdict must be."""
        world, now = self.world, self.world.now
        self.planned_at, self.planned_number = now, world.incident.newest.number + v.holding
        self.planned_newest = self.planned_number if v.holding else self.newest()
        assert v.look_at is None or v.look_at > now, "look_at lies in the past"
        assert v.look_at is not None or v.rest in RESTS, "nothing is looked at, and nothing says why"
        addresses = [d.address for d in v.owed]
        assert len(addresses) == len(set(addresses)), "two messages for one address at once"
        keys = {(d.update, d.address, d.epoch, d.step) for d in v.owed}
        standing = {
            (r.owed.update, r.owed.address, r.owed.epoch, r.owed.step) for r in world.rows if r.state not in VOID
        }
        assert not keys & standing, "the store's unique key would refuse this"
        for d in v.owed:
            c = self.person(d.caregiver)
            assert c is not None
            assert d.address in {a.id for a in self.usable(c)}, "the address may not be used"
            assert (d.framing in ENDS) is (world.incident.state.ended or not world.touched)
        if world.incident.state.ended:
            self.ends(v)
        elif not world.touched:
            assert v.rest is Rest.NOT_TOUCHED
        elif not self.people():
            self.rests(v)
        else:
            self.coming = frozenset(d.caregiver for d in v.owed if d.reason is Reason.LADDER)
            self.speaks(duty, v)
            self.coming = frozenset()

    def ends(self, v: Verdict) -> None:
        for d in v.owed:
            rows = self.rows(d.caregiver)
            told = any(r.told or r.maybe for r in rows)
            again = any(r.state in FAILED and r.owed.framing in ALL_CLEARS for r in rows)
            waits = d.caregiver in self.world.watch.waiting
            assert d.framing in ALL_CLEARS
            assert told or again or waits, "an all-clear for somebody never told"
        for c in self.world.family.caregivers:
            self.wakes_as_said(c, [d for d in v.owed if d.caregiver == c.id])

    def wakes_as_said(self, c: Caregiver, owed: list[Owed]) -> None:
        """The end of the night's outage wakes exactly those whose last message said that it would."""
        now, incident = self.world.now, self.world.incident
        rows = [r for r in self.rows(c.id) if r.told and r.owed.framing not in ENDS and r.planned_at < now]
        if not rows or not self.asleep(c, now) or self.off(c, now):
            return
        last = max(rows, key=lambda r: r.planned_at)
        reader, opened = last.owed.reader, max(self.over_at, last.planned_at)
        trouble = any(r.planned_at >= last.planned_at and not r.told for r in self.rows_ever(c.id))
        changed = self.disturbances.get(c.id, self.world.script.start) >= last.planned_at
        ended = any(r.owed.framing in ENDS and r.planned_at >= last.planned_at for r in self.rows_ever(c.id))
        if not reader.quiet or trouble or changed or ended or last.owed.epoch != incident.epoch:
            return
        if reader.hears_by is None or now >= reader.hears_by or opened < last.planned_at:
            return
        woken = any(d.loud for d in owed)
        assert woken is reader.end_wakes, (c.id, "was told", reader.end_wakes, "and woken:", woken)
        self.counts["woken for the end, as said" if woken else "not woken for the end, as said"] += 1

    def rests(self, v: Verdict) -> None:
        family, statuses = self.world.family, self.world.statuses
        addresses = [a for c in family.caregivers for a in c.addresses]
        assert not v.owed
        if any(self.usable(c) for c in family.caregivers):
            assert v.rest is Rest.MUTED
        elif all(statuses[a.id].opted_out for a in addresses):
            assert v.rest is Rest.OPTED_OUT
        else:
            assert v.rest is Rest.NO_ADDRESS

    def speaks(self, duty: Duty, v: Verdict) -> None:
        world, now = self.world, self.world.now
        by = self.next_by()
        assert v.next_by is not None
        # A family that was never told of a time without the outage still has its older promise.
        old = [r.owed.next_by for r in self.told_rows() if r.owed.next_by and r.planned_at < world.touched_since]
        unaware = {self.first(self.people(), at, self.quiet_severity()) or at for at in old}
        if v.next_by not in unaware and not (by < v.next_by == now):
            assert abs(v.next_by - by) <= SLACK, ("the family's deadline", v.next_by, "should be", by)
        severity = self.quiet_severity()
        told = max((r.owed.update for r in self.binding_rows()), default=0)
        if v.rest in (Rest.QUIET, Rest.CAPPED):
            assert not any(self.may(c, now, severity) for c in self.people()), "at rest, but somebody may be told"
            self.counts[f"rests: {v.rest}"] += 1
        self.thins(v)
        newest = self.newest()
        assert v.update in (0, world.incident.newest.number + 1 if v.holding else newest)
        if v.holding:
            # A margin before the deadline; one more where somebody wakes up or joins just then.
            begin = self.first(self.people(), v.next_by - duty.margin, severity) or v.next_by
            assert now >= begin - duty.margin, "a holding before its time"
            lacks = any(
                self.covered(c.id) < newest or self.asleep(c, now - timedelta(seconds=1)) for c in self.people()
            )
            climbs = self.ladder() is not None and not self.answered()
            assert now >= begin or lacks or climbs, "a holding before its time, and everybody had the newest"
            failed = any(r.state in FAILED and r.owed.update == newest for r in world.rows)
            knew = told >= newest or any(r.owed.update >= newest for r in self.told_rows())
            stands = self.promise() is not None and told >= self.news().number
            assert knew or failed or stands, "a holding in place of news that was never tried"
        self.climbs(v)
        self.puts_right(v)
        # Told before an absence that nobody was told of: for them it is a repeat, and the clock has begun anew.
        ever = max((r.owed.update for r in self.told_rows()), default=0)
        for d in v.owed:
            assert d.next_by is not None
            if d.update <= told:
                assert d.next_by == max(v.next_by, now), "a repeat moved the clock (R4)"
            elif d.update <= ever:
                assert d.next_by in (max(v.next_by, now), self.says()), (d.next_by, "after an untold absence")
            elif not v.holding:
                assert d.next_by == self.says(), (d.next_by, "should be", self.says())

    def thins(self, v: Verdict) -> None:
        """R3: by day the third holding in a row is silent where it can be, and so many come by phone in a day."""
        rules = self.world.policy.silence.holdings
        for d in v.owed:
            c = self.person(d.caregiver)
            assert c is not None
            if d.framing is not Framing.HOLDING or d.reason is Reason.LADDER or self.asleep(c, self.world.now):
                continue
            wish = c.preferences.holdings
            before = [n for n in self.holdings(c, CHANNELS) if n > self.news().number and n != d.update]
            thin = wish == "few" or (wish is None and len(before) >= rules.loud)
            failed = self.failed()
            silent = [a for a in self.usable(c) if a.channel in ("push", "email") and a.id not in failed]
            assert not (thin and d.loud and silent), ("loud, and could be silent over", silent)
            assert thin or d.loud or d.channel in ("push", "email"), "silent before its time"
            self.counts["holdings, silent by day" if not d.loud else "holdings, loud by day"] += 1

    def puts_right(self, v: Verdict) -> None:
        """The word "correction" is for those who received the wrong update, and were not put right yet."""
        for d in v.owed:
            if d.framing is Framing.NOTICE:
                continue
            rows = [r for r in self.rows(d.caregiver) if r.told]
            told = max((r.owed.update for r in rows), default=0)
            awake = max((r.owed.update for r in rows if r.owed.loud or not r.owed.in_quiet), default=0)
            since = awake if d.framing is Framing.WAKE_UP else told
            later = [u for u in self.world.incident.updates if u.number > since and u.references is not None]
            wrong = [u for u in later if told and self.received(d.caregiver, u)]
            assert bool(d.reader.corrects) is bool(wrong), (d.caregiver, d.framing, "corrects", d.reader.corrects)
            self.counts["put right"] += bool(wrong)
            self.counts["not put right: never received it"] += bool(later and not wrong)

    def climbs(self, v: Verdict) -> None:
        """R7: a step is told in its time, to those it names, until somebody has answered."""
        ladder, now, epoch = self.ladder(), self.world.now, self.world.incident.epoch
        steps = [d for d in v.owed if d.reason is Reason.LADDER]
        if ladder is None or self.answered():
            assert not steps, "a ladder that is over"
            assert v.ladder is (LadderState.ANSWERED if ladder is not None else None)
            return
        since = self.world.touched_since
        tried = [
            max(r.tried_at, since)
            for r in self.world.rows
            if r.tried_at and r.owed.epoch >= epoch and r.owed.framing not in ENDS
        ]
        failed = bool(self.world.statuses) or any(r.state in FAILED for r in self.world.rows)
        for d in steps:
            number = (d.step + 2) % 32 - 3
            step = ladder.steps[number]
            in_time = step.after == timedelta(0) or (tried and now >= min(tried) + step.after)
            assert in_time or failed or self.reaches_nobody(ladder.steps[:number]), "too early"
            assert not step.via or d.channel in step.via
            c = self.person(d.caregiver)
            assert c is not None
            assert self.channels(c), "told by a ladder, and had asked not to be"
            self.counts["ladder steps"] += 1
        if v.ladder is not None:
            self.counts[f"ladder {v.ladder}"] += 1
        if v.ladder is LadderState.UNREACHABLE:
            loud = [r for r in self.world.rows if r.owed.epoch >= epoch and r.owed.loud and r.told]
            assert not [r for r in loud if r in self.rows(r.owed.caregiver)], (
                "unreachable, and something loud arrived"
            )

    def reaches_nobody(self, steps: Sequence[Step]) -> bool:
        """Whether one of these steps has nobody, or none of their addresses: the next one is due at once then."""
        others = [c for c in self.world.family.caregivers if c not in self.always_there() and self.channels(c)]
        nexts = sum("next" in step.tell for step in steps)
        return (
            nexts > len(others)
            or any(step.tell[0] not in ("always", "first", "all", "next") for step in steps)
            or any(
                step.via and not all(self.has(c, step.via) for c in self.world.family.caregivers) for step in steps
            )
        )

    def has(self, c: Caregiver, channels: tuple[str, ...]) -> bool:
        return any(a.channel in channels for a in c.addresses)

    def written(self, v: Verdict, again: Verdict, *, ended: bool) -> None:
        """Planning twice at one instant sends nothing new, and sleeps no longer."""
        assert not again.owed, ("planned twice, owed twice", again.owed)
        assert not again.holding
        over = self.world.incident.state.ended or not self.world.touched
        climbed = any(
            d.reason is Reason.LADDER for d in v.owed
        )  # whoever waited need not be looked after any more
        if v.look_at is not None and not over and not ended and not climbed:
            assert again.look_at is not None
            assert again.look_at <= v.look_at, ("the second look", again.look_at, "is later than", v.look_at)
        if v.holding and v.owed and self.people():
            assert v.owed[0].next_by == self.says(), ("a holding says", v.owed[0].next_by, "not", self.says())

    def handed_over(self, row: "Row") -> None:
        """At the very moment of a hand-over: on duty, awake or worth waking, newer than the last."""
        now, owed = self.world.now, row.owed
        c = self.person(owed.caregiver)
        if c is None:
            return
        last = self.last_number.get(owed.address, 0)
        assert owed.update >= last, ("numbers went down", last, owed.update)
        self.last_number[owed.address] = owed.update
        if owed.caregiver in self.disturbances and self.disturbances[owed.caregiver] >= row.planned_at:
            return  # their hours changed under a message that was on its way
        assert not self.off(c, now), "off duty means neither loud nor soft"
        if not self.asleep(c, now):
            self.counts["by day"] += 1
        elif owed.loud:
            assert row.wakes, (c.id, "was woken for nothing")
            self.counts["woken"] += 1
        else:
            assert row.soft or row.wakes, "silent at night where the policy waits"
            self.counts["soft at night"] += 1

    def accepted(self, row: "Row") -> None:
        """A promise was given."""
        if row.owed.reader.hears_by is not None and row.owed.framing not in ENDS:
            self.words.append(Word(row.owed.caregiver, row.owed.reader.hears_by, row))

    def words_kept(self) -> None:
        """Every "you hear again by" was kept, unless the incident, the person or a provider changed."""
        now = self.world.now
        ripe = [w for w in self.words if w.by + SLACK < now]
        if not ripe:
            return
        self.words = [w for w in self.words if w.by + SLACK >= now]
        for word in ripe:
            since = word.row.accepted_at
            if since is None or not word.row.told:
                continue  # taken back
            kept = any(
                r.handed_at is not None and r is not word.row and r.planned_at >= word.row.planned_at
                and r.handed_at <= word.by + SLACK
                for r in self.rows_ever(word.caregiver)
            )  # fmt: skip
            if kept:
                self.counts["words kept"] += 1
                continue
            excuse = self.word_excuse(word, since)
            assert excuse, (
                word.caregiver,
                "was promised a word by",
                word.by,
                "since",
                since,
                word.row.owed.update,
            )
            self.counts[f"words excused: {excuse}"] += 1

    def rows_ever(self, name: str) -> "list[Row]":
        return [r for r in self.world.rows if r.owed.caregiver == name]

    def word_excuse(self, word: Word, since: datetime) -> str | None:
        world = self.world
        if world.incident.state.ended or not world.touched or world.touched_since > since:
            return "over"
        if self.disturbances.get(word.caregiver, since) > since:
            return "changed"
        if word.caregiver not in {c.id for c in self.people()}:
            return "hears no more"
        if any(begin <= word.by + SLACK and end >= since for begin, end in self.outages):
            return "our outage"
        trouble = [r for r in self.rows_ever(word.caregiver) if r.planned_at >= since and not r.told]
        if trouble:
            return "provider"
        if not self.may(self.person(word.caregiver), word.by, self.quiet_severity()):  # type: ignore[arg-type]
            return "quiet rules changed"
        return None

    def finish(self) -> None:
        """Long after the end: everyone told has the all-clear, everyone who waited one word, others nothing."""
        world = self.world
        assert world.incident.state.ended
        assert not any(r.open for r in world.rows), "something is still under way"
        number = next(
            u.number for u in reversed(world.incident.updates) if u.kind in (Kind.RESOLUTION, Kind.CANCELLATION)
        )
        for c in world.family.caregivers:
            rows = self.rows(c.id)
            before = [
                r.planned_at for r in rows if r.told and r.owed.framing in ALL_CLEARS and r.owed.update < number
            ]
            told = any(
                (r.told or r.maybe) and r.owed.framing not in ENDS and (not before or r.planned_at > max(before))
                for r in rows
            )
            got = [r for r in rows if r.told and r.owed.framing in ALL_CLEARS and r.owed.update >= number]
            lost = self.disturbances.get(c.id, self.over_at) > self.over_at  # no address when it was time
            wanted = told or (c.id in self.waited and not lost)
            failed = {
                r.owed.address
                for r in world.rows
                if (self.stands(r) or self.given_up(r)) and r.owed.update >= number
            }
            reachable = [a for a in self.usable(c) if a.id not in failed]
            there = self.first([c], world.now - timedelta(days=2), Severity.MINOR) is not None
            if got:
                perhaps = any(r.handed_at and r.owed.framing not in ENDS for r in self.rows_ever(c.id))
                assert wanted or perhaps or c.id in self.waited, (c.id, "got an all-clear out of nothing")
                assert len({r.owed.update for r in got}) == 1
                self.counts["all-clears"] += 1
            elif wanted and reachable and there and self.disturbances.get(c.id, world.script.start) < world.now:
                waiting = c.id in world.watch.waiting
                assert waiting, (c.id, "was told and never got the all-clear")
        self.one_per_deadline()
        self.one_per_wake_up()

    def one_per_deadline(self) -> None:
        """No two messages for one `next_by`: nobody gets two holdings for the same word given to them.

        Another one is owed where the provider took the first back, whatever it says of it in the end.
        """
        seen: dict[tuple[AddressId, datetime], set[int]] = {}
        for r in self.world.rows:
            if r.told and not r.taken_back and r.owed.reason is Reason.SILENCE:
                seen.setdefault((r.owed.address, r.said_before), set()).add(r.owed.update)
        for key, numbers in seen.items():
            assert len(numbers) == 1, ("for one deadline", key, numbers)
        for one, other in pairwise(sorted((r for r in self.world.rows if r.told), key=_by_address)):
            if one.owed.address != other.owed.address or other.owed.framing is not Framing.HOLDING:
                continue
            if other.owed.reason is Reason.LADDER:
                continue  # "still down" for whoever has not answered
            apart = other.planned_at - one.planned_at
            promised = one.owed.next_by in {u.promise for u in self.world.incident.updates}
            assert promised or apart >= timedelta(seconds=60), ("a holding right after", one, other)

    def one_per_wake_up(self) -> None:
        """At most one loud message per wake-up and address; an import may wake somebody twice."""
        seen: dict[tuple[AddressId, datetime], list[Row]] = {}
        for r in sorted(self.world.rows, key=lambda r: r.planned_at):
            c = self.person(r.owed.caregiver)
            if c is None or not r.told or not r.owed.loud or r.owed.framing is not Framing.WAKE_UP:
                continue
            texts = (c.preferences.quiet_hours, self.on_duty_text(c))
            ends = [
                e for text in texts for e in oracle.edges(text, self.zone(c), r.planned_at) if e <= r.planned_at
            ]
            woken = seen.setdefault((r.owed.address, max(ends, default=self.world.script.start)), [])
            if woken:
                changes = [at for at in self.changes.get(c.id, []) if woken[-1].planned_at <= at <= r.planned_at]
                assert changes, ("woken up twice", woken[-1], r)
            woken.append(r)
        self.counts["wake-ups"] += len(seen)


def _by_address(row: "Row") -> tuple[str, datetime, int]:
    return str(row.owed.address), row.planned_at, row.owed.update
