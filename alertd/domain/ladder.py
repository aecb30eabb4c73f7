"""The ladder of an epoch for one family: while nobody answers, others are told, and told again (R7, R9).

Level-triggered like all planning: a step that has fallen due is owed to each of its addresses that was sent
nothing since. So a message that comes at that very moment stands for the step, and a late look sends one
message, not one for each step that was missed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alertd.domain.delivery import Owed, Reason
from alertd.domain.family import Address, AddressId, Caregiver, CaregiverId, Family
from alertd.domain.incident import Incident, Kind, Severity
from alertd.domain.knowledge import Knowledge, Known
from alertd.domain.people import audience, meet
from alertd.domain.policy import Ladder, Policy, Step
from alertd.domain.quiet import Person, sooner
from alertd.domain.targets import loud_targets
from alertd.domain.turn import Turn
from alertd.domain.watch import BY_PHONE, Duty, LadderState

ONLY_STEP = timedelta(minutes=10)
"""How long a ladder of one step waits for an answer; longer ones, as long as after the step before the last."""


@dataclass(slots=True)
class Climbed:
    """What the ladder owes now, how it stands, and when to look at it again."""

    owed: list[Owed] = field(default_factory=list)
    state: LadderState | None = None
    step: int = 0
    look_at: datetime | None = None


def ascent(duty: Duty, knowledge: Knowledge, now: datetime, touched: datetime) -> "Ascent | None":
    """The ladder of this epoch as it stands for a family that is touched since `touched`; None: there is none."""
    ladder = ladder_of(duty.incident, duty.policy)
    return Ascent(duty, knowledge, now, ladder, touched) if ladder is not None else None


def ladder_of(incident: Incident, policy: Policy) -> Ladder | None:
    """The ladder of an incident's epoch, while it lasts.

    It is that of the severity with which the epoch began, and a fall from that one ends it (R15).
    """
    if not policy.escalation.families:
        return None
    began = incident.began.facts.severity
    return policy.escalation.families.get(began) if incident.severity.rank >= began.rank else None


class Ascent:
    """One family on its way up a ladder."""

    def __init__(self, duty: Duty, knowledge: Knowledge, now: datetime, ladder: Ladder, touched: datetime) -> None:
        self._duty, self._knowledge, self._now, self._ladder = duty, knowledge, now, ladder
        # What another family was told on an address that both share may be older than this one's outage.
        self._began = _since(touched, knowledge.first_planned)
        self._tried = _since(touched, knowledge.first_tried)
        self._answered = _answered(duty, ladder, touched)
        self.asks = not self._answered and not self._over()

    def climb(self, turn: Turn, owed: Sequence[Owed]) -> Climbed:
        """What is owed beside `owed`, which the family is told anyway now."""
        began, tried = self._began, self._tried
        if self._answered:
            return Climbed(state=LadderState.ANSWERED)
        if began is None and not owed:
            return Climbed()
        climbed = Climbed(state=LadderState.CLIMBING)
        telling = {each.address for each in owed}
        told: set[str] = set()
        given_up: datetime | None = None  # when a step could reach nobody: the next one is due then
        end = self._end()
        for number, step in enumerate(self._ladder.steps, start=1):
            due = sooner((tried or self._now) + step.after if step.after else began or self._now, given_up)
            assert due is not None
            if due > self._now:
                climbed.look_at = sooner(climbed.look_at, due)
                return climbed
            climbed.step = number
            alive = False
            for person in self._people(step, number, turn.services, told):
                if not person.choice.channels:
                    alive = True  # they asked not to be told of this: nothing of theirs has failed
                    continue
                for address, known in self._targets(turn, person, step, number, telling):
                    alive = True
                    if address.id in telling:
                        continue
                    sent = _sent(known, number, due)
                    if sent and not self._again(address, known, turn.update):
                        continue
                    at = self._now if sent else self._when(known, step, due)
                    if at > self._now:
                        climbed.look_at = sooner(climbed.look_at, at)
                    elif end is None or at <= end:
                        self._owe(climbed, turn, person, address, step, number)
                        telling = telling | {each.address for each in climbed.owed}
            given_up = None if alive else due
        if self._knowledge.failed or not self._knowledge.loud:  # else the last step had nobody to tell, no more
            end = sooner(end, given_up)
        if end is not None and end > self._now:
            climbed.look_at = sooner(climbed.look_at, end)
        elif end is not None:
            climbed.state = LadderState.UNANSWERED if self._knowledge.loud else LadderState.UNREACHABLE
        return climbed

    def _when(self, known: Known, step: Step, due: datetime) -> datetime:
        """When an address is owed a step that has fallen due.

        Where the first message had not arrived by then, as long after its arrival as the step comes after the
        first try: nobody gets two at once from a provider that comes back.
        """
        wait = step.after or ONLY_STEP
        if known.untold:
            return self._now + wait
        late = known.arrived_at is not None and known.arrived_at >= due
        return known.arrived_at + wait if late and known.arrived_at is not None else due

    def _owe(
        self, climbed: Climbed, turn: Turn, person: Person, address: Address, step: Step, number: int
    ) -> None:
        """As loud as the message that it repeats: what may not be said now is said when they wake or come."""
        now = self._now
        if not step.after and person.caregiver.id in self._hear_everything():
            return  # the first message itself
        off, asleep = person.off_until(now), person.asleep_until(now)
        wakes = self._wakes()
        if off is not None or (asleep is not None and not wakes):
            # Whom this wakes hears it when they come on duty, asleep or not.
            climbed.look_at = sooner(climbed.look_at, off if wakes and off is not None else person.first_loud(now))
            return
        climbed.owed.append(
            turn.message(
                person,
                self._knowledge.of(person),
                address,
                Reason.LADDER,
                loud=address.channel != "email",
                asleep=asleep is not None,
                wakes=asleep is not None,
                step=number,
            )
        )

    def _people(self, step: Step, number: int, services: tuple[str, ...], told: set[str]) -> Iterator[Person]:
        """Whom a step tells, each once; `told` takes up everybody whom the steps so far have told."""
        family = self._duty.family
        ordered = sorted(family.caregivers, key=lambda caregiver: caregiver.order)
        always = audience(family, self._duty.policy)
        chosen: dict[str, Caregiver] = {}
        for word in step.tell:
            if word == "always":
                some = always
            elif word == "first":
                some = ordered[:1]
            elif word == "all":
                some = ordered
            elif word == "next":
                others = [c for c in ordered if c not in always and c.id not in told]
                some = self._next(others, number, services)
            else:
                some = [c for c in ordered if c.role == word]
            chosen |= {caregiver.id: caregiver for caregiver in some}
        told.update(chosen)
        for caregiver in chosen.values():
            yield meet(caregiver, self._duty, services)

    def _next(self, others: list[Caregiver], number: int, services: tuple[str, ...]) -> list[Caregiver]:
        """Who was told by this step already; else the first who can be told now; else who can be at all."""
        bit = 1 << number
        for caregiver in others:
            if any(self._knowledge.at(a.id).steps & bit for a in caregiver.addresses):
                return [caregiver]
        people = [p for p in (meet(c, self._duty, services) for c in others) if p.reachable]
        present = [p for p in people if p.off_until(self._now) is None]
        return [p.caregiver for p in (present or people)[:1]]

    def _targets(
        self, turn: Turn, person: Person, step: Step, number: int, telling: set[AddressId]
    ) -> Iterator[tuple[Address, Known]]:
        """The addresses that a step has for a person; those that failed have been taken off.

        Not those that are tried again now, `telling`: they may hear this time. Nor a floor address that only our
        own fault stopped, beside another that is left.
        """
        if step.via:
            chosen = [(a, Reason.LADDER) for a in person.usable if a.channel in step.via]
        else:
            floor = self._duty.policy.floor if self._duty.incident.severity is Severity.CRITICAL else ()
            chosen = loud_targets(person, self._knowledge, turn.update, Reason.LADDER, floor)
        stopped: list[tuple[Address, Known]] = []
        alive = False
        for address, reason in chosen:
            known = self._knowledge.at(address.id)
            if not _dead(known, number, again=address.id in telling):
                alive = True
                yield address, known
            elif reason is Reason.FLOOR and self._again(address, known, turn.update):
                stopped.append((address, known))
        if alive:
            yield from stopped

    def _again(self, address: Address, known: Known, update: int) -> bool:
        """Whether an address that lacks this update may be tried again, as only our own fault had stopped it."""
        return known.covered < update and self._knowledge.again(address.id, update)

    def _hear_everything(self) -> set[str]:
        return {caregiver.id for caregiver in audience(self._duty.family, self._duty.policy)}

    def _wakes(self) -> bool:
        """Whether the first message of the epoch wakes."""
        incident = self._duty.incident
        kinds = incident.tells(incident.began.number) | ({Kind.NOTICE} if incident.epoch == 1 else set())
        return bool(kinds & self._duty.policy.wakes.get(incident.severity, frozenset()))

    def _end(self) -> datetime | None:
        """When the time for an answer is over; None: nothing was tried yet."""
        steps, tried = self._ladder.steps, self._tried
        if tried is None or not steps:
            return None
        answer = steps[-1].after - steps[-2].after if len(steps) > 1 else ONLY_STEP
        return tried + steps[-1].after + (answer or ONLY_STEP)

    def _over(self) -> bool:
        end = self._end()
        return end is not None and end <= self._now


def enough(family: Family, policy: Policy, ladder: Ladder) -> set[CaregiverId]:
    """Whose answer is enough; where nobody has a role that is, those who hear every update. A call is too."""
    able = [c for c in family.caregivers if c.role in ladder.by] or audience(family, policy)
    return {BY_PHONE, *(caregiver.id for caregiver in able)}


def _answered(duty: Duty, ladder: Ladder, touched: datetime) -> bool:
    """Whether it is answered: what was said before the incident touched them anew is no answer to that.

    What was said in a later epoch, which was taken back, is one: they know.
    """
    if not duty.answers:
        return False
    able = enough(duty.family, duty.policy, ladder)
    epoch = duty.incident.epoch
    return any(a.epoch >= epoch and a.at >= touched and a.caregiver in able for a in duty.answers)


def _since(touched: datetime, at: datetime | None) -> datetime | None:
    return at if at is None or at > touched else touched


def _sent(known: Known, number: int, due: datetime) -> bool:
    """Whether an address was sent this step, or anything since it fell due."""
    bit = 1 << number
    return bool((known.steps | known.steps_failed) & bit) or (known.sent_at is not None and known.sent_at >= due)


def _dead(known: Known, number: int, *, again: bool) -> bool:
    """Whether what an address was sent for this step, or last and not `again` now, has failed there."""
    bit = 1 << number
    failed = bool(known.steps_failed & bit and not known.steps & bit)
    return failed or (known.failed > known.covered and not again)
