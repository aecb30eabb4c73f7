"""What the API shows of deliveries, one by one and as progress."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from alertd.records import DeliveryRow, DeliveryStory


class DeliveryView(BaseModel):
    """One message to one address, masked."""

    id: UUID
    update: int
    family: str
    caregiver: str
    channel: str
    to: str = Field(examples=["+1***0123"])
    framing: str
    reason: str
    loud: bool
    state: str
    attempts: int
    planned_at: datetime
    accepted_at: datetime | None
    next_by: datetime | None = Field(description="When the message says that they hear again.")
    code: str | None = Field(description="The provider's last word, or ours.")

    @classmethod
    def of(cls, row: DeliveryRow) -> "DeliveryView":
        """From the store's."""
        return cls(
            id=row.id,
            update=row.update,
            family=row.family,
            caregiver=row.caregiver,
            channel=row.channel,
            to=row.to,
            framing=row.framing.value,
            reason=row.reason.value,
            loud=row.loud,
            state=row.state.value,
            attempts=row.attempts,
            planned_at=row.planned_at,
            accepted_at=row.accepted_at,
            next_by=row.next_by,
            code=row.code,
        )


class Deliveries(BaseModel):
    """Newest first."""

    deliveries: list[DeliveryView]


class TryView(BaseModel):
    """One hand-over that the provider did not simply take, or what it said later."""

    number: int
    at: datetime
    outcome: str = Field(examples=["later"])
    code: str | None


class DeliveryStoryView(DeliveryView):
    """One message, and its tries."""

    incident: int = Field(description="Its number; 0: somebody tried a channel.")
    tries: list[TryView] = Field(description="Oldest first; one that was simply taken is none of them.")
    provider_id: str | None = Field(description="What the provider calls it, to be looked up there.")
    maybe: bool = Field(description="A try whose outcome nobody knows may have arrived.")
    next_try: datetime | None = Field(
        description="When it is tried next, or taken from a process that says nothing; none when it is over."
    )
    serves: list[str] = Field(description="Further families that have this address, and are told with it.")

    @classmethod
    def telling(cls, story: DeliveryStory) -> "DeliveryStoryView":
        """From the store's."""
        tries = [TryView(number=t.number, at=t.at, outcome=t.outcome, code=t.code) for t in story.tries]
        return cls(
            **DeliveryView.of(story.delivery).model_dump(),
            incident=story.incident,
            tries=tries,
            provider_id=story.provider_id,
            maybe=story.maybe,
            next_try=story.next_try,
            serves=list(story.serves),
        )


class ProgressView(BaseModel):
    """How far the telling has come."""

    touched: int = Field(
        description="Families that the incident touches; once it has ended, all that it touched. Whoever was told "
        "and is deleted stays among them."
    )
    families: int = Field(description="Families that it touched so far and that were looked at.")
    heard: int = Field(description="Those of the touched that heard anything.")
    newest_told: int = Field(description="Families told the newest update that is not for the record only.")
    next_by: datetime | None = Field(
        description="The earliest time by which some family must hear again; none once it has ended."
    )
    resting: dict[str, int] = Field(description="Families that are owed nothing now, by reason.")
    ladders: dict[str, int] = Field(description="Families by where the ladder of this epoch stands for them.")
    deliveries: dict[str, dict[str, int]] = Field(description="Channel, state, number.")
    unheard: list["Unheard"] = Field(description="The first families that heard nothing yet.")


class Unheard(BaseModel):
    """A family that heard nothing yet, and the reason where there is one."""

    family: str
    rest: str | None
