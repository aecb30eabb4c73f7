"""The people that a question was sent to: they say that they know, by link or by reply (R9)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from alertd.domain.family import Caregiver, CaregiverId, Family, FamilyId
from alertd.domain.incident import Incident
from alertd.domain.ladder import enough, ladder_of
from alertd.domain.policy import Policy
from alertd.domain.watch import LadderState, Watch
from alertd.ports import Page
from alertd.ports.store import Rows
from alertd.records import Linked


@dataclass(frozen=True, slots=True)
class Reached:
    """The people a message was sent to, and how things stand."""

    linked: Linked
    incident: Incident
    policy: Policy
    families: tuple[Family, ...]  # the one that it was for first

    @property
    def holders(self) -> list[tuple[FamilyId, Caregiver]]:
        """Everybody who has the address that it was sent to."""
        return [
            (family.id, caregiver)
            for family in self.families
            for caregiver in family.caregivers
            if any(a.id == self.linked.address for a in caregiver.addresses)
        ]

    @property
    def older(self) -> bool:
        """Whether it has got worse since, and they are asked anew; not where just that was recalled."""
        return self.linked.epoch < self.incident.epoch

    def able(self, family_id: FamilyId) -> set[CaregiverId]:
        """Everybody in a family whose answer ends the ladder that this message is about; empty: none climbs."""
        ladder = ladder_of(self.incident, self.policy)
        if ladder is None or self.older:
            return set()
        family = next(each for each in self.families if each.id == family_id)
        return enough(family, self.policy, ladder)


async def keep_answers(rows: Rows, reached: Reached, now: datetime) -> list[tuple[FamilyId, CaregiverId]]:
    """Keep that they know; returns those who had not said so before.

    An answer of a sufficient role ends the ladder of its family in its epoch, and nothing else. After the end of
    an incident an answer is none.
    """
    linked = reached.linked
    if reached.incident.state.ended:
        return []
    await rows.lock_duties(linked.incident, linked.families)
    who = [(family, caregiver.id) for family, caregiver in reached.holders]
    fresh = await rows.add_answers(linked, who, now)
    ended = sorted({family for family, caregiver in fresh if caregiver in reached.able(family)})
    if ended:
        await rows.end_ladders(linked.incident, ended, now)
    return fresh


async def who_answered(rows: Rows, reached: Reached, family_id: FamilyId, since: datetime) -> set[CaregiverId]:
    """Everybody in a family who has said that they know, in the epoch that the message is about or later."""
    epoch = min(reached.linked.epoch, reached.incident.epoch)
    answers = await rows.answers(reached.incident.id, family_id)
    return {each.caregiver for each in answers if each.epoch >= epoch and each.at >= since}


def which(
    reached: Reached,
    answered: Collection[CaregiverId],
    family: FamilyId,
    caregiver: Caregiver,
    watch: Watch | None,
) -> Page:
    """What there is to say to one of them: asked, thanked, or that it is over."""
    incident = reached.incident
    if incident.state.ended:
        return Page.OVER
    if reached.older:
        return Page.OLDER
    able = reached.able(family)
    waited_for = bool(able) and able.isdisjoint(answered)
    if caregiver.id in answered:
        return Page.NOTED if waited_for else Page.THANKS
    over = watch is not None and watch.epoch == incident.epoch and watch.ladder in _OVER
    return Page.ASK if waited_for and not over else Page.ASK_NO_MORE


_OVER = frozenset(LadderState) - {LadderState.CLIMBING}
