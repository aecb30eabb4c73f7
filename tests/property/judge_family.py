"""The family of the model world, as the rules read it: who can be told, when, and over what."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from alertd.domain import preferences
from alertd.domain.delivery import OVER, Framing, Reason
from alertd.domain.family import Address, AddressId, AddressStatus, Caregiver
from alertd.domain.incident import Kind, Severity, Update
from alertd.domain.policy import Ladder
from alertd.domain.watch import BY_PHONE
from tests import oracle

if TYPE_CHECKING:
    from tests.property.world import Row, World

SLACK = timedelta(seconds=10)
"""What planning, claiming and a provider's answer take in the model, with one fallback."""

DAY = timedelta(hours=24)


@dataclass
class Word:
    """A promise given to one person: "you hear again by"."""

    caregiver: str
    by: datetime
    row: "Row"


class FamilyJudge:
    """What the other judges ask about people; nothing is asserted here."""

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

    def person(self, name: str) -> Caregiver | None:
        return next((c for c in self.world.family.caregivers if c.id == name), None)

    def usable(self, c: Caregiver) -> list[Address]:
        return [a for a in c.addresses if self.world.statuses.get(a.id, AddressStatus()).usable]

    def channels(self, c: Caregiver) -> tuple[str, ...]:
        world = self.world
        services = world.incident.scope.touching(world.family.services, world.family.region)
        found = preferences.choose(c, world.family, world.policy, services, world.incident.severity).channels
        last = self.told_last(c)
        if found or last is None or last.facts.state.ended:
            return found
        # R15: whoever was told hears of a fall, and of what works again, though they asked to be told nothing of the rest.
        failed = last.facts.scope.touching(world.family.services, world.family.region)
        severity = self.severity_for(c)
        if severity is world.incident.severity and set(failed) <= set(services):
            return found
        return preferences.choose(c, world.family, world.policy, failed or services, severity).channels

    def stays(self, c: Caregiver) -> bool:
        """Whether somebody who hears of a fall wants to hear of what it falls to."""
        world = self.world
        services = world.incident.scope.touching(world.family.services, world.family.region)
        return bool(preferences.choose(c, world.family, world.policy, services, world.incident.severity).channels)

    def people(self) -> list[Caregiver]:
        """R7: the `always` roles hear every update, else the first, and whom a ladder has told; R12: who can."""
        ordered = sorted(self.world.family.caregivers, key=lambda c: c.order)
        always = [c for c in ordered if c.role in self.world.policy.always] or ordered[:1]
        told = [c for c in always if self.usable(c) and self.channels(c)]
        if not told and not any(self.usable(c) for c in always):
            told = [c for c in ordered if c not in always and self.usable(c) and self.channels(c)][:1]
        return [c for c in ordered if c in told or (self.joined(c.id) and self.usable(c) and self.channels(c))]

    def joined(self, name: str) -> bool:
        """Whether a ladder has told this person, or they stood in: they hear every update since."""
        rows = self.rows(name)
        if name in self.coming or any((r.told or r.open) and r.owed.reason is Reason.LADDER for r in rows):
            return True
        told = [r for r in rows if r.told and not r.by_phone]
        return bool(told) and max(told, key=_newest).owed.framing not in OVER

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

    def soft(self, c: Caregiver, severity: Severity | None = None) -> bool:
        """R10: soft at once if there is a soft address and the policy's quiet window is a duration.

        By the rules of a severity, else of the one that binds for this person.
        """
        goes = self.world.policy.silence.quiet[severity or self.severity_for(c)] is not None
        return goes and any(a.channel in ("push", "email") for a in self.usable(c))

    def may(self, c: Caregiver, at: datetime, severity: Severity | None = None) -> bool:
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
        return self.spent(c, at, sent=self.saying)

    def spent(self, c: Caregiver, at: datetime, *, sent: bool = True) -> bool:
        """R3: whether a person has had a day's holdings by phone; `sent`: those on their way count."""
        rules = self.world.policy.silence.holdings
        most = max(1, min(rules.loud, rules.sms_per_day)) if c.preferences.holdings == "few" else rules.sms_per_day
        day = at - DAY
        return sum(planned > day for planned in self.holdings(c, ("sms", "voice"), sent=sent).values()) >= most

    def first(self, people: list[Caregiver], at: datetime, severity: Severity | None = None) -> datetime | None:
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

    def rows(self, name: str) -> "list[Row]":
        """The deliveries on a caregiver's addresses since they were last told "not affected after all"."""
        c = self.person(name)
        ids = {a.id for a in c.addresses} if c else set()
        rows = [r for r in self.world.rows if r.owed.address in ids or (r.by_phone and r.owed.caregiver == name)]
        freed = [r.planned_at for r in rows if r.told and r.owed.framing is Framing.NOT_AFFECTED]
        return [r for r in rows if not freed or r.planned_at > max(freed)]

    def told_rows(self) -> "list[Row]":
        """What the family was told since they were last told "not affected after all"."""
        told = [r for r in self.world.rows if r.told]
        freed = [r.planned_at for r in told if r.owed.framing is Framing.NOT_AFFECTED]
        return [r for r in told if not freed or r.planned_at > max(freed)]

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

    def told_last(self, c: Caregiver) -> Update | None:
        """The newest update that a person was told, as it stood under its number."""
        told = max((r.owed.update for r in self.rows(c.id) if r.told), default=0)
        return next((u for u in reversed(self.world.incident.updates) if u.number <= told), None) if told else None

    def severity_for(self, c: Caregiver) -> Severity:
        """R15: a fall is told by the quiet rules of the severity it leaves, to each who was told that one."""
        severity, last = self.world.incident.severity, self.told_last(c)
        if last is None or last.facts.state.ended or last.facts.severity.rank <= severity.rank:
            return severity
        return last.facts.severity


def _newest(row: "Row") -> tuple[int, datetime]:
    return row.owed.update, row.planned_at
