"""One planning of one family while the outage lasts, and the messages it owes."""

from dataclasses import dataclass
from datetime import datetime

from alertd.domain import rouse
from alertd.domain.correction import corrected
from alertd.domain.delivery import STEP_MESSAGE, STEP_WAKE_UP, Ask, Change, Framing, Owed, Reader, Reason
from alertd.domain.family import Address
from alertd.domain.incident import Update
from alertd.domain.knowledge import NOTHING_KNOWN, Knowledge, Known
from alertd.domain.quiet import Person
from alertd.domain.watch import Duty


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

    def covered(self, address: Address) -> bool:
        """Whether this address has the update already, or is about to."""
        return self.knowledge.by_address.get(address.id, NOTHING_KNOWN).covered >= self.update

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
        duty, now = self.duty, self.now
        asleep_then = person.asleep_until(self.next_by) is not None
        quiet = asleep_then and rouse.worse_wakes(duty, person, self.services)
        framing = framing or self._framing(person, known, asleep=asleep, copy=copy)
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
            stale_after=now + (self.next_by - now) / 2 if self.next_by > now else None,
            loud_until=person.said_until(now, loud=loud, wakes=wakes),
            reader=Reader(
                to=address.to,
                locale=person.locale,
                zone=person.zone,
                services=self.services,
                hears_by=person.first_loud(self.next_by) if asleep_then else person.first_told(self.next_by),
                quiet=quiet,
                missed=self._missed(known) if framing is Framing.WAKE_UP else 0,
                change=self._change(known) if framing is Framing.UPDATE else Change.NONE,
                end_wakes=quiet
                and (known.woken or (asleep and wakes))
                and rouse.end_wakes(duty, person, self.services),
                asks=self._asks(known, reason),
                corrects=corrected(
                    duty, person, known, known.told_awake if framing is Framing.WAKE_UP else known.told
                ),
            ),
            in_quiet=asleep,
        )

    def _asks(self, known: Known, reason: Reason) -> Ask:
        if not self.asks:
            return Ask.NONE
        return Ask.REMIND if reason is Reason.LADDER and known.told else Ask.ANSWER

    def _framing(self, person: Person, known: Known, *, asleep: bool, copy: bool) -> Framing:
        if not known.told and not copy:
            return Framing.NOTICE
        slept = self.waited(person) or known.soft_in_quiet > known.covered_awake
        if copy or (slept and not asleep):
            return Framing.WAKE_UP
        return Framing.UPDATE if known.told < self.news.number else Framing.HOLDING

    def _change(self, known: Known) -> Change:
        """What is other than what this person was told last: facts are compared, whatever the update is called."""
        duty = self.duty
        updates = duty.incident.updates
        told = next((u.facts for u in reversed(updates) if u.number <= known.told), updates[0].facts)
        now = duty.incident.severity.rank - told.severity.rank
        if now:
            return Change.WORSE if now > 0 else Change.BETTER
        before = told.scope.touching(duty.family.services, duty.family.region)
        return Change.SCOPE if frozenset(before) != frozenset(self.services) else Change.NONE

    def _missed(self, known: Known) -> int:
        """Human updates since the last message that this person did not get silently in the night."""
        incident = self.duty.incident
        gone = incident.recalled
        return sum(
            u.human and u.notify and known.told_awake < u.number <= self.update and u.number not in gone
            for u in incident.updates
        )
