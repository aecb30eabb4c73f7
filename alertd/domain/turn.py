"""One planning of one family while the outage lasts, and the messages it owes."""

from dataclasses import dataclass, replace
from datetime import datetime

from alertd.domain import rouse
from alertd.domain.correction import corrected
from alertd.domain.delivery import STEP_MESSAGE, STEP_WAKE_UP, Ask, Change, Framing, Owed, Reader, Reason
from alertd.domain.failing import Since, failing_since, told_failing
from alertd.domain.family import Address
from alertd.domain.incident import Facts, Kind, Update
from alertd.domain.knowledge import Knowledge, Known
from alertd.domain.quiet import Person
from alertd.domain.watch import Duty

# Python 3.11 takes a tenth of a microsecond to find a member of an enum: what each message asks for is found once.
_NOTICE, _UPDATE, _HOLDING, _WAKE_UP = Framing.NOTICE, Framing.UPDATE, Framing.HOLDING, Framing.WAKE_UP
_UNCHANGED, _ASKS_NOTHING, _REOPENING = Change.NONE, Ask.NONE, Kind.REOPENING


@dataclass(slots=True)
class Turn:
    """What is shared by all messages of one planning."""

    duty: Duty
    now: datetime
    services: tuple[str, ...]
    knowledge: Knowledge
    update: int  # the number that messages planned now carry
    next_by: datetime  # what they say
    news: Update
    asks: bool = False  # an answer is waited for
    late: bool = False  # no sweep ran when it was due: an outage of our own (R13)
    deadline: datetime | None = None  # by when the family is to hear; None: by no time
    touched: datetime | None = None  # since when the incident touches them
    failing: Since | None = None  # since when what fails for the family does, once somebody has asked
    last: "_Voice | None" = None  # a person's addresses come one after the other, and mostly hear the same

    @property
    def stale_after(self) -> datetime | None:
        """When a message of this turn is planned anew if it still waits: half of its time is over."""
        return self.now + (self.next_by - self.now) / 2 if self.next_by > self.now else None

    def covered(self, address: Address) -> bool:
        """Whether this address has the update already, or is about to."""
        return self.knowledge.at(address.id).covered >= self.update

    def waited(self, person: Person) -> bool:
        """Whether something was waiting for this person's wake-up or duty."""
        return person.caregiver.id in self.duty.watch.waiting

    def message(
        self,
        person: Person,
        known: Known,
        address: Address,
        reason: Reason,
        *,
        loud: bool,
        asleep: bool,
        wakes: bool,
        copy: bool = False,
        framing: Framing | None = None,
        step: int = STEP_MESSAGE,
    ) -> Owed:
        """The delivery of this turn's update to one address.

        `copy`: the loud one after silent ones; `framing`: in the words of a message that this one stands for;
        `step`: of the ladder, from 1.
        """
        duty = self.duty
        framing = framing or self.framing(person, known, asleep=asleep, copy=copy)
        voice = self.last
        if (
            voice is None
            or voice.person is not person
            or voice.known is not known
            or voice.framing is not framing
            or voice.rouses is not (asleep and wakes)
        ):
            voice = self.last = self._voice(person, known, framing, rouses=asleep and wakes)
        return Owed(
            family=duty.family.id,
            caregiver=person.caregiver.id,
            address=address.id,
            channel=address.channel,
            update=self.update,
            epoch=duty.incident.epoch,
            step=self.knowledge.step(person, STEP_WAKE_UP if copy else step),
            framing=framing,
            reason=reason,
            loud=loud,
            next_by=self.next_by,
            stale_after=voice.stale_after,
            loud_until=person.said_until(self.now, loud=loud, wakes=wakes),
            reader=Reader(
                to=address.to,
                locale=person.locale,
                zone=person.zone,
                services=self.services,
                hears_by=voice.hears_by,
                quiet=voice.quiet,
                missed=voice.missed,
                since=voice.since,
                change=voice.change,
                end_wakes=voice.end_wakes,
                asks=self._asks(reason),
                released=voice.released,
                late=self.late,
                corrects=voice.corrects,
                all_since=voice.all_since,
            ),
            in_quiet=asleep,
        )

    def _voice(self, person: Person, known: Known, framing: Framing, *, rouses: bool) -> "_Voice":
        """What the words to a person depend on; `rouses`: the message wakes them."""
        asleep_then = self._asleep_then(person)
        quiet = asleep_then and not self.asks and rouse.worse_wakes(self.duty, person, self.services)
        if person.last_word:
            hears_by = None  # until it gets worse again, or ends
        elif asleep_then:
            hears_by = person.first_loud(self.next_by)
        else:
            hears_by = self._told_then(person, framing)
        failing = self.failing = self.failing or failing_since(self.duty.incident, self.duty.family)
        return _Voice(
            person,
            known,
            framing,
            rouses,
            self.stale_after,
            hears_by,
            quiet,
            self._missed(known) if framing is _WAKE_UP else 0,
            failing.grown,
            self._change(known, framing),
            quiet and (known.woken or rouses) and rouse.end_wakes(self.duty, person, self.services),
            corrected(self.duty, person, known, known.told_awake if framing is _WAKE_UP else known.told),
            self._released(known, framing),
            failing.all,
        )

    def _asleep_then(self, person: Person) -> bool:
        """Whether they sleep at `next_by`, or it was put off until they wake."""
        if person.asleep_until(self.next_by) is not None:
            return True
        asleep = person.asleep_until(self.now)
        return asleep is not None and self.next_by <= asleep

    def _told_then(self, person: Person, framing: Framing) -> datetime | None:
        """When they hear again who are awake at `next_by`: later, where this holding is the last of their day."""
        holds = framing is _HOLDING and person.held_after is not None
        then = replace(person, held_until=person.held_after) if holds else person
        return then.first_told(self.next_by)

    def _asks(self, reason: Reason) -> Ask:
        if not self.asks:
            return _ASKS_NOTHING
        return Ask.REMIND if reason is Reason.LADDER else Ask.ANSWER  # also whoever hears of it for the first time

    def holds_back(self, person: Person) -> bool:
        """Whether what this turn says to a person is a holding that uses up those of their day (R3)."""
        if person.held_after is None or person.off_until(self.now) is not None:
            return False
        asleep = person.asleep_until(self.now) is not None
        known = self.knowledge.of(person)
        return not asleep and self.framing(person, known, asleep=asleep) is Framing.HOLDING

    def framing(self, person: Person, known: Known, *, asleep: bool, copy: bool = False) -> Framing:
        """In which words this turn's update is told to a person; `copy`: as the loud one after silent ones."""
        if not known.told and not copy:
            return _NOTICE
        slept = self.waited(person) or known.soft_in_quiet > known.covered_awake
        if copy or (slept and not asleep):
            return _WAKE_UP
        return _UPDATE if known.told < self.news.number else _HOLDING

    def _change(self, known: Known, framing: Framing) -> Change:
        """What is other than what this person was told last: facts are compared, whatever the update is called."""
        if framing is _NOTICE:
            back = self.news.kind is _REOPENING and self.duty.incident.relapsed  # what came back was told before
            return Change.AGAIN if back else _UNCHANGED
        if not known.told or framing not in (_UPDATE, _WAKE_UP):
            return _UNCHANGED
        number = known.told_awake or known.told if framing is _WAKE_UP else known.told
        told = self.duty.incident.upto(number).facts
        if told.state.ended:  # it works, they were told: nothing is worse or better than that
            return Change.AGAIN if self.duty.incident.relapsed else Change.ANEW
        if framing is _WAKE_UP:
            return _UNCHANGED
        now = self.duty.incident.severity.rank - told.severity.rank
        if now:
            return Change.WORSE if now > 0 else Change.BETTER
        failed, fails = frozenset(self._failed(told)), frozenset(self.services)
        if failed == fails:
            return _UNCHANGED
        return Change.FEWER if fails < failed else Change.SCOPE

    def _released(self, known: Known, framing: Framing) -> tuple[str, ...]:
        """Services that failed for this person when they were last told, and do not fail now (R15).

        At wake-up, also what they were told silently in the night that it works.
        """
        if not known.told:
            return ()
        incident, family = self.duty.incident, self.duty.family
        failed = told_failing(incident, family, known.told)
        if framing is _WAKE_UP and 0 < known.told_awake < known.told:
            failed = tuple(dict.fromkeys(told_failing(incident, family, known.told_awake) + failed))
        return tuple([service for service in failed if service not in self.services])

    def _failed(self, facts: Facts) -> tuple[str, ...]:
        return facts.scope.touching(self.duty.family.services, self.duty.family.region)

    def _missed(self, known: Known) -> int:
        """Human updates since the last message that this person did not get silently in the night."""
        incident = self.duty.incident
        gone = incident.recalled
        return sum(
            u.human and u.notify and known.told_awake < u.number <= self.update and u.number not in gone
            for u in incident.updates
            if u.kind is not Kind.POSTMORTEM
        )


@dataclass(slots=True)
class _Voice:
    """What all messages of a turn to one person in the same words have in common."""

    person: Person
    known: Known
    framing: Framing
    rouses: bool
    stale_after: datetime | None
    hears_by: datetime | None
    quiet: bool
    missed: int
    since: datetime | None
    change: Change
    end_wakes: bool
    corrects: int
    released: tuple[str, ...]
    all_since: datetime | None
