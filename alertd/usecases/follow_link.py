"""Follows a link of ours back to the people it was sent to, and to the outage that it was about."""

from datetime import datetime
from uuid import UUID

from alertd.domain import links
from alertd.domain.errors import AlertdError
from alertd.domain.incident import Incident
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.link_keys import signed
from alertd.usecases.reached import Reached


class Forged(AlertdError):
    """A link that we did not make."""


class Expired(AlertdError):
    """A link or a call whose time is over, or whose family is gone."""


async def follow(deps: Deps, rows: Rows, purpose: links.Purpose, token: str) -> Reached:
    """The people and the outage behind a token made for a purpose. Raises Forged, Expired."""
    return await reach(deps, rows, await named(deps, rows, purpose, token))


async def named(deps: Deps, rows: Rows, purpose: links.Purpose, token: str) -> UUID:
    """The delivery that a token was made for. Raises Forged."""
    delivery = await signed(rows, purpose, token) if deps.links is not None else None
    if delivery is None:
        # A security event: somebody tries links, or one was cut on its way.
        deps.log.warning("link_forged", link=purpose.value.decode())
        raise Forged("this is no link of ours")
    return delivery


async def reach(deps: Deps, rows: Rows, delivery: UUID) -> Reached:
    """The people that a delivery was sent to, and the outage that it was about. Raises Expired."""
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
