"""A trial: one real message, marked as a test, by which somebody of ours finds out whether a channel works.

It belongs to an incident of its own that was over before it began, so that no rule about families, no responder
and no count of open incidents ever meets it.
"""

from datetime import datetime, timedelta

from alertd.domain.delivery import STEP_MESSAGE, DeliveryState, Framing, Owed, Reader, Reason
from alertd.domain.family import AddressId, FamilyId
from alertd.domain.incident import Facts, Incident, IncidentId, Kind, Reach, Scope, Severity, State, Update
from alertd.domain.policy import Policy

TRIAL_FAMILY = FamilyId("channel test")
"""In the place of a family; no family's id holds a blank."""

TRIAL_USEFUL = timedelta(minutes=5)
"""Real time after which nobody waits for a trial any more: it is tried no more, and the provider may drop it."""

TRIAL_KEPT = timedelta(hours=1)
"""Real time for which a trial can be looked at; then it is forgotten, with an address that nobody else has."""

_OVER = frozenset(
    {
        DeliveryState.DELIVERED,
        DeliveryState.READ,
        DeliveryState.REFUSED,
        DeliveryState.UNDELIVERED,
        DeliveryState.SUPERSEDED,
        DeliveryState.CANCELLED,
        DeliveryState.EXPIRED,
        DeliveryState.PARKED,
    }
)


def trial_incident(incident_id: IncidentId, number: int, service: str, policy: Policy, now: datetime) -> Incident:
    """What a trial's message is about, in the words of an exercise; `number` is below zero."""
    scope = Scope((Reach(service),))
    facts = Facts(
        title="",
        severity=Severity.CRITICAL,
        state=State.INVESTIGATING,
        scope=scope,
        since=now,
        last_news_at=now,
    )
    return Incident(
        id=incident_id,
        number=number,
        opened_at=now,
        state=State.CANCELLED,
        severity=facts.severity,
        scope=scope,
        epoch=1,
        policy=policy.name,
        updates=(Update(1, Kind.EXERCISE, now, facts, human_number=1, notify=False),),
        ended_at=now,
    )


def trial_owed(
    incident: Incident, address: AddressId, channel: str, to: str, *, locale: str, zone: str, stale_after: datetime
) -> Owed:
    """The one message of a trial; loud where the channel can be, as it is the loud ones that must work."""
    return Owed(
        family=TRIAL_FAMILY,
        caregiver=TRIAL_FAMILY,
        address=address,
        channel=channel,
        update=1,
        epoch=1,
        step=STEP_MESSAGE,
        framing=Framing.NOTICE,
        reason=Reason.TEST,
        loud=channel != "email",
        next_by=None,
        stale_after=stale_after,
        loud_until=None,
        # A time that no text names: without one, a test says that its end will be told.
        reader=Reader(to=to, locale=locale, zone=zone, services=incident.scope.services, hears_by=stale_after),
    )


def trial_over(state: DeliveryState, *, reports: bool) -> bool:
    """Whether nothing more is to be learnt; `reports`: its provider says later whether it arrived."""
    return state in _OVER or (state is DeliveryState.ACCEPTED and not reports)
