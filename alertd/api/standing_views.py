"""What the API shows of how a family stands in an incident: what they know, what comes next, and why."""

from datetime import datetime

from pydantic import BaseModel, Field

from alertd.domain.delivery import Owed
from alertd.masking import mask_address
from alertd.records import DeliveryRow
from alertd.usecases.explain_family import Due, Knows, Standing


class KnowsView(BaseModel):
    """What one caregiver has been told."""

    caregiver: str
    update: int = Field(description="The newest update; 0 = nothing.")
    awake: int = Field(description="The newest one that was not told silently in quiet hours.")
    waits: bool = Field(description="Something waits until they wake up or come on duty.")

    @classmethod
    def of(cls, knows: Knows) -> "KnowsView":
        """From the use case's."""
        return cls(caregiver=knows.caregiver, update=knows.update, awake=knows.awake, waits=knows.waits)


class MessageView(BaseModel):
    """A message that was sent, or is being sent."""

    at: datetime
    update: int
    caregiver: str
    channel: str
    to: str
    state: str
    reason: str
    framing: str
    loud: bool

    @classmethod
    def of(cls, row: DeliveryRow) -> "MessageView":
        """From the store's."""
        return cls(
            at=row.accepted_at or row.planned_at,
            update=row.update,
            caregiver=row.caregiver,
            channel=row.channel,
            to=row.to,
            state=row.state.value,
            reason=row.reason.value,
            framing=row.framing.value,
            loud=row.loud,
        )


class OwedView(BaseModel):
    """A message that is owed."""

    at: datetime
    caregiver: str
    channel: str
    to: str
    reason: str
    framing: str
    loud: bool

    @classmethod
    def of(cls, owed: Owed, at: datetime) -> "OwedView":
        """From the planner's."""
        return cls(
            at=at,
            caregiver=owed.caregiver,
            channel=owed.channel,
            to=mask_address(owed.channel, owed.reader.to),
            reason=owed.reason.value,
            framing=owed.framing.value,
            loud=owed.loud,
        )


class StandingView(BaseModel):
    """How the family stands in one incident."""

    incident: int
    title: str
    state: str
    severity: str
    services: list[str] = Field(description="Those of theirs that fail; [] = it does not touch them.")
    touched_at: datetime
    held: bool = Field(description="A suspicion that families are not told of yet.")
    heard_at: datetime | None
    told_by_phone_at: datetime | None = Field(description="When a person of yours last told them by phone.")
    next_by: datetime | None = Field(
        description="By then they hear again; null = they are owed nothing by a time."
    )
    due: Due | None = Field(description="Why by then.")
    rest: str | None = Field(description="Why nothing is owed now.")
    ladder: str | None
    step: int
    knows: list[KnowsView]
    messages: list[MessageView] = Field(description="At most 20, newest first.")
    owed: list[OwedView] = Field(description="What is owed at this moment and not on its way yet.")
    next: list[OwedView] = Field(description="What comes next, if nobody does anything.")

    @classmethod
    def of(cls, standing: Standing, now: datetime) -> "StandingView":
        """From the use case's."""
        incident, watch, foreseen = standing.incident, standing.watch, standing.foreseen
        owed = foreseen.now.owed if foreseen is not None else ()
        coming = foreseen.next.owed if foreseen is not None and foreseen.next is not None else ()
        at = foreseen.at if foreseen is not None and foreseen.at is not None else now
        return cls(
            incident=incident.number,
            title=incident.newest.facts.title,
            state=incident.state.value,
            severity=incident.severity.value,
            services=list(standing.services),
            touched_at=watch.touched_at,
            held=not standing.told,
            heard_at=watch.heard_at,
            told_by_phone_at=standing.by_phone_at,
            next_by=standing.next_by,
            due=standing.due,
            rest=standing.rest.value if standing.rest is not None else None,
            ladder=watch.ladder.value if watch.ladder is not None else None,
            step=watch.step,
            knows=[KnowsView.of(each) for each in standing.knows],
            messages=[MessageView.of(each) for each in standing.messages],
            owed=[OwedView.of(each, now) for each in owed],
            next=[OwedView.of(each, at) for each in coming],
        )
