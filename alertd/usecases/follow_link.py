"""Follows a link of ours back to the people it was sent to, and to the outage that it was about."""

from dataclasses import dataclass
from datetime import datetime

from alertd.domain import links
from alertd.domain.errors import AlertdError
from alertd.domain.family import Caregiver, CaregiverId, Family, FamilyId
from alertd.domain.incident import Incident
from alertd.domain.ladder import enough, ladder_of
from alertd.domain.policy import Policy
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Linked


class Forged(AlertdError):
    """A link that we did not make."""


class Expired(AlertdError):
    """A link whose time is over, or whose family is gone."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The people a link was sent to, and how things stand."""

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
        """Everybody in a family whose answer ends the ladder that this link is about; empty: none climbs."""
        ladder = ladder_of(self.incident, self.policy)
        if ladder is None or self.older:
            return set()
        family = next(each for each in self.families if each.id == family_id)
        return enough(family, self.policy, ladder)


async def follow(deps: Deps, rows: Rows, purpose: links.Purpose, token: str) -> Reached:
    """The people and the outage behind a token made for a purpose. Raises Forged, Expired."""
    delivery = links.read(deps.links.secret, purpose, token) if deps.links is not None else None
    if delivery is None:
        # A security event: somebody tries links, or one was cut on its way.
        deps.log.warning("link_forged", link=purpose.value.decode())
        raise Forged("this is no link of ours")
    linked = await rows.linked(delivery)
    incident = await rows.incident(linked.incident) if linked is not None else None
    if linked is None or incident is None or _over(incident, deps.clock.now()):
        raise Expired("this link is no longer valid")
    families = [await rows.family(each) for each in linked.families]
    known = tuple(family for family in families if family is not None)
    reached = Reached(linked, incident, await rows.policy_of(incident.id), known)
    if not reached.holders:
        raise Expired("this link is no longer valid")
    return reached


def _over(incident: Incident, now: datetime) -> bool:
    return incident.ended_at is not None and now > incident.ended_at + links.VALID_AFTER_END
