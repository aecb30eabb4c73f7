"""What the family of the model world was told, and what follows from that by the rules."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from alertd.domain.delivery import DEAD, ENDS, DeliveryState, Framing, Owed, Reason
from alertd.domain.incident import Kind, Severity, State, Update
from tests.property.judge_family import FamilyJudge

if TYPE_CHECKING:
    from tests.property.world import Row


class ToldJudge(FamilyJudge):
    """Deadlines, news and severities, from what readers were really told; nothing is asserted here."""

    def covered(self, name: str) -> int:
        return max((r.owed.update for r in self.rows(name) if r.told or r.open), default=0)

    def knows(self, name: str) -> int:
        """The newest update that a provider took for this person."""
        return max((r.owed.update for r in self.rows(name) if r.told), default=0)

    def knows_awake(self, name: str) -> int:
        """The newest of these that they did not sleep through."""
        awake = (r for r in self.rows(name) if r.told and (r.owed.loud or not r.owed.in_quiet))
        return max((r.owed.update for r in awake), default=0)

    def lacks(self, name: str, *, but: bool = False) -> set[Kind]:
        """What this person lacks, by the kinds that a policy may wake for (R10, R15); `but`: also what is on its way."""
        covered = self.knows(name) if but else self.covered(name)
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
        # What got worse again after it was better for a time of which they never heard is no news to them.
        told, now = (u.facts for u in (self.world.incident.upto(covered), updates[-1]))
        if now.severity.rank <= told.severity.rank:
            lacked.discard(Kind.SEVERITY)
        had, have = (set(each.scope.touching(family.services, family.region)) for each in (told, now))
        if have <= had:
            lacked.discard(Kind.SCOPE)
        return lacked

    def wakes(self, name: str, *, but: bool = False) -> bool:
        return bool(
            self.lacks(name, but=but) & self.world.policy.wakes.get(self.world.incident.severity, frozenset())
        )

    def binding_rows(self) -> "list[Row]":
        """... and since the incident last began to touch them: what those messages say binds us.

        An absence of which nobody is told leaves a promise standing that is not due yet, also where the word of it was
        taken back, or overtaken, before anybody took it.
        """
        since, reopened = self.world.touched_since, self.world.reopened_at
        released = (r for r in self.world.rows if r.owed.framing is Framing.NOT_AFFECTED)
        freed = any(r.state not in DEAD for r in released)
        rows = [r for r in self.told_rows() if r.owed.framing not in ENDS]
        return [
            r
            for r in rows
            if r.planned_at >= since
            or (r.accepted_at is not None and r.accepted_at >= since)
            or (since != reopened and not freed and r.owed.next_by is not None and r.owed.next_by >= since)
        ]

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
        updates, said = world.incident.updates, self.said_by_people()
        for i, u in enumerate(updates):
            if u.number <= newest or u.at <= world.touched_since or u not in said:
                continue
            if u.facts.severity.rank > updates[i - 1].facts.severity.rank:
                window = self.window(u.facts.severity, u.facts.state, asleep=False)
                by = min(by, u.at + (window if newest else first_notice[u.facts.severity]))
            if newest and u.promise and u is self.news():
                by = min(by, u.promise)
        return self.first(self.people(), by) or by

    def says(self) -> datetime:
        """R2: min(t + window, promise), when somebody may be told: what a message planned now names."""
        world, people = self.world, self.people()
        incident, now = world.incident, world.now
        people = [
            c for c in people if self.stays(c)
        ]  # whoever hears of a fall for the last time hears no next one
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

    def rows_ever(self, name: str) -> "list[Row]":
        return [r for r in self.world.rows if r.owed.caregiver == name]

    def said_to(self, name: str) -> datetime:
        """What this person was last told they would hear by; before that, and after an end, the family's deadline."""
        told = [r for r in self.rows(name) if r.told]
        newest = max(told, key=lambda r: (r.owed.update, r.planned_at), default=None)
        return (newest.owed.next_by if newest else None) or self.next_by()

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

    def at_night(self, owed: Owed) -> tuple[bool, bool]:
        """Whether a message planned now deserves waking its reader, and whether it may be silent at night."""
        c = self.person(owed.caregiver)
        assert c is not None
        kinds = {
            Framing.RESOLUTION: Kind.RESOLUTION,
            Framing.CANCELLATION: Kind.CANCELLATION,
            Framing.NOT_AFFECTED: Kind.SCOPE,
        }
        soft = self.soft(c)
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
        roused = self.wakes(c.id, but=owed.reason is Reason.NOT_TAKEN)
        return roused, soft and owed.framing is not Framing.WAS_DOWN
