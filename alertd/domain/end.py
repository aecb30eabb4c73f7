"""What one person is sent when it ends for them: what they were told, or one word where they slept (R11)."""

from dataclasses import dataclass
from datetime import datetime

from alertd.domain.delivery import OVER, STEP_MESSAGE, Change, Framing, Owed, Reader, Reason
from alertd.domain.failing import Slept, failing_since, left_by_list, slept_through, worst_since
from alertd.domain.family import Address
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.knowledge import STEP_NOT_AFFECTED, Knowledge, Known
from alertd.domain.next_channel import listed_first, when_over
from alertd.domain.people import soft
from alertd.domain.quiet import Person
from alertd.domain.silence import newest_to_tell
from alertd.domain.targets import left, loud_targets, soft_targets, told_targets
from alertd.domain.watch import Duty, Rest


@dataclass(frozen=True, slots=True)
class End:
    """One way for a family's outage to end."""

    framing: Framing
    kind: Kind  # the kind that the policy's `wakes` must list
    reason: Reason
    rest: Rest
    first: int = 1  # messages of an earlier end, with a lower number, do not count
    worst: Severity = Severity.CRITICAL  # the end is as loud as the outage was, however mild it was at last
    late: bool = False  # told after the moment that was promised, as alertd itself was down (R13)


@dataclass(frozen=True, slots=True)
class Listener:
    """One person for whom it ends, what they know, and what they are to be told is over."""

    duty: Duty
    now: datetime
    person: Person
    knowledge: Knowledge
    known: Known
    services: tuple[str, ...]
    end: End
    told: bool  # they were told of it; else they slept through it

    def tell(self) -> tuple[list[Owed], datetime | None]:
        """The deliveries for this person, or when they may hear."""
        person, knowledge, reason = self.person, self.knowledge, self.end.reason
        off, asleep = person.off_until(self.now), person.asleep_until(self.now)
        if off is not None:
            return [], off
        update = newest_to_tell(self.duty.incident).number
        loud = asleep is None or self._wakes()
        if not loud and not self._softly():
            return [], asleep
        if not loud:
            targets = soft_targets(person, knowledge, update, reason)
        elif person.choice.channels:
            targets = loud_targets(person, knowledge, update, reason, self._floor(asleep))
        else:
            targets = told_targets(person, knowledge, update, reason)
        at_night = asleep is not None
        deliveries = [self._owed(a, why, loud=loud, at_night=at_night) for a, why in targets]
        return deliveries, asleep if at_night and not deliveries else None

    def over_next(self) -> tuple[list[Owed], datetime | None]:
        """What is on its way and nobody takes, over the next channel when its time has come; or when to look."""
        person, known = self.person, self.known
        off, asleep = person.off_until(self.now), person.asleep_until(self.now)
        if off is not None or known.flying_at is None:
            return [], off
        number = newest_to_tell(self.duty.incident).number
        ways = [a for a in left(person, self.knowledge, number) if not _has(self.knowledge.at(a.id), self.end)]
        wakes = asleep is not None and self._wakes()
        loud = asleep is None or wakes
        if not loud:
            ways = soft(ways, person.choice.channels) if self._softly() else []
        if not ways:
            return [], asleep if not loud else None
        at = when_over(self.duty, self.now, person, known, known.flying_at, wakes=wakes)
        if at > self.now:
            return [], at
        address = listed_first(person, ways, self._floor(asleep) if loud else ())
        return [self._owed(address, Reason.NOT_TAKEN, loud=loud, at_night=asleep is not None)], None

    def _wakes(self) -> bool:
        """Whether it may be loud in their quiet hours: what woke them is as loud at its end."""
        return self.known.woken and self.end.kind in self.duty.policy.wakes.get(self.end.worst, frozenset())

    def _softly(self) -> bool:
        """Whether they may hear in silence at night: whoever slept through it gets one word in the morning."""
        return self.told and self.person.soft_at_night

    def _floor(self, asleep: datetime | None) -> tuple[str, ...]:
        critical = asleep is not None and self.end.worst is Severity.CRITICAL
        return self.duty.policy.floor if critical else ()

    def _owed(self, address: Address, reason: Reason, *, loud: bool, at_night: bool) -> Owed:
        duty, person = self.duty, self.person
        framing = self.end.framing if self.told else Framing.WAS_DOWN
        since, worst, change = self._what(framing)
        if change is Change.AGAIN and framing is Framing.CANCELLATION and self._heard_what_was_real():
            framing = Framing.RESOLUTION  # of its coming back, which was wrong, they know nothing
        loud = loud and address.channel != "email"
        step = STEP_NOT_AFFECTED if framing is Framing.NOT_AFFECTED else STEP_MESSAGE
        return Owed(
            family=duty.family.id,
            caregiver=person.caregiver.id,
            address=address.id,
            channel=address.channel,
            update=newest_to_tell(duty.incident).number,
            epoch=duty.incident.epoch,
            step=self.knowledge.step(person, step),
            framing=framing,
            reason=reason,
            loud=loud,
            next_by=None,
            stale_after=None,
            loud_until=person.said_until(self.now, loud=loud, wakes=at_night),
            reader=Reader(
                to=address.to,
                locale=person.locale,
                zone=person.zone,
                services=self.services,
                since=since,
                change=change,
                by_list=framing is Framing.NOT_AFFECTED
                and left_by_list(duty.incident, duty.family, max(self.known.told, self.known.maybe)),
                worst=worst,
                late=self.end.late and self.told,  # whoever slept waited for no word
            ),
            in_quiet=at_night,
        )

    def _heard_what_was_real(self) -> bool:
        """Whether all that they were told came before it was said to be back."""
        back = max(u.number for u in self.duty.incident.updates if u.kind is Kind.REOPENING)
        return max(self.known.told, self.known.maybe) < back

    def _what(self, framing: Framing) -> tuple[datetime | None, Severity | None, Change]:
        """Since when it failed for them, how bad it was where they slept, and what became of its coming back."""
        incident, family = self.duty.incident, self.duty.family
        since = failing_since(incident, family).grown
        if self.told:
            false = framing is Framing.CANCELLATION and incident.relapsed
            return since, None, Change.AGAIN if false else Change.NONE
        slept: Slept | None = None
        if incident.relapsed:
            ended = self.known.told if self.known.framing in OVER else 0
            slept = slept_through(incident, family, self.duty.watch.touched_at, ended)
        if slept is None:
            return since, worst_since(incident, family), Change.NONE
        return slept.since, slept.worst, Change.AGAIN if incident.state is State.CANCELLED else Change.NONE


def _has(known: Known, end: End) -> bool:
    """Whether this end is on its way to an address, or was told there."""
    return known.ending >= end.first or (known.framing in OVER and known.told >= end.first)
