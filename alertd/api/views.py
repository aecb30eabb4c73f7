"""What the API shows of incidents and deliveries."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from alertd.domain.incident import Incident, Update
from alertd.domain.silence import open_promise
from alertd.records import DeliveryRow
from alertd.usecases.open_incident import Opened
from alertd.usecases.preview import Preview
from alertd.usecases.publish import Published


class ReachView(BaseModel):
    """A failing service; no regions means everywhere."""

    service: str
    regions: list[str]


class PreviewView(BaseModel):
    """Whom a message reaches, over what, and how long handing it over takes."""

    families: int
    messages: dict[str, int] = Field(examples=[{"push": 312, "sms": 80}])
    seconds: float = Field(description="To hand all of it to the providers at the configured rates.")
    exact: bool = Field(description="false: extrapolated from the first 200 families.")

    @classmethod
    def of(cls, preview: Preview) -> "PreviewView":
        """From the use case's."""
        return cls(
            families=preview.families,
            messages=dict(preview.messages),
            seconds=preview.seconds,
            exact=preview.exact,
        )


class CommandDone(BaseModel):
    """What a command did; with `dry_run`, what it would do."""

    incident: int = Field(description="The incident's number.")
    update: int = Field(description="The update's number, as readers see it.")
    state: str
    dry_run: bool
    preview: PreviewView

    @classmethod
    def of(cls, done: Opened | Published) -> "CommandDone":
        """From a use case's answer."""
        return cls(
            incident=done.incident,
            update=done.update,
            state=done.state.value if isinstance(done, Published) else "investigating",
            dry_run=done.dry_run,
            preview=PreviewView.of(done.preview),
        )


class UpdateView(BaseModel):
    """One update: the facts that were true then."""

    number: int
    human_number: int | None = Field(description="As readers see it; none for what alertd wrote itself.")
    kind: str
    at: datetime
    title: str
    severity: str
    state: str
    scope: list[ReachView]
    works: list[str]
    do: list[str]
    message: dict[str, str]
    promise: datetime | None
    notify: bool
    corrects: int | None = Field(description="The number, as readers saw it, of the update it corrects.")

    @classmethod
    def of(cls, update: Update, incident: Incident) -> "UpdateView":
        """From the domain's."""
        facts = update.facts
        corrected = next((u.human_number for u in incident.updates if u.number == update.references), None)
        return cls(
            number=update.number,
            human_number=update.human_number,
            kind=update.kind.value,
            at=update.at,
            title=facts.title,
            severity=facts.severity.value,
            state=facts.state.value,
            scope=[ReachView(service=r.service, regions=list(r.regions)) for r in facts.scope.reaches],
            works=list(facts.works),
            do=list(facts.do),
            message=dict(facts.message),
            promise=update.promise,
            notify=update.notify,
            corrects=corrected if update.references is not None else None,
        )


class IncidentView(BaseModel):
    """Where an incident stands."""

    number: int
    id: UUID
    title: str
    state: str
    severity: str
    scope: list[ReachView]
    policy: str
    since: datetime
    opened_at: datetime
    ended_at: datetime | None
    last_news_at: datetime = Field(description="When a human last told families something.")
    promise: datetime | None = Field(description="Next update by; none where nothing is promised any more.")

    @classmethod
    def of(cls, incident: Incident, now: datetime) -> "IncidentView":
        """From the domain's."""
        return cls(**_incident(incident, now))


class IncidentDetail(IncidentView):
    """An incident with all that was said."""

    updates: list[UpdateView]

    @classmethod
    def of(cls, incident: Incident, now: datetime) -> "IncidentDetail":
        """From the domain's."""
        return cls(**_incident(incident, now), updates=[UpdateView.of(u, incident) for u in incident.updates])


class Incidents(BaseModel):
    """Newest first."""

    incidents: list[IncidentView]


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


class ProgressView(BaseModel):
    """How far the telling has come."""

    touched: int = Field(description="Families that the incident touches now.")
    families: int = Field(description="Families that it touched so far and that were looked at.")
    heard: int = Field(description="Families that heard anything.")
    newest_told: int = Field(description="Families told the newest update.")
    next_by: datetime | None = Field(description="The earliest time by which some family must hear again.")
    resting: dict[str, int] = Field(description="Families that are owed nothing now, by reason.")
    deliveries: dict[str, dict[str, int]] = Field(description="Channel, state, number.")
    unheard: list["Unheard"] = Field(description="The first families that heard nothing yet.")


class Unheard(BaseModel):
    """A family that heard nothing yet, and the reason where there is one."""

    family: str
    rest: str | None


def _incident(incident: Incident, now: datetime) -> dict[str, object]:
    facts = incident.newest.facts
    return {
        "number": incident.number,
        "id": incident.id,
        "title": facts.title,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "scope": [ReachView(service=r.service, regions=list(r.regions)) for r in incident.scope.reaches],
        "policy": incident.policy,
        "since": facts.since,
        "opened_at": incident.opened_at,
        "ended_at": incident.ended_at,
        "last_news_at": incident.news.at,
        "promise": None if incident.state.ended else open_promise(incident, now),
    }
