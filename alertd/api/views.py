"""What the API shows of incidents."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from alertd.domain.durations import spell_duration
from alertd.domain.incident import Incident, Kind, Scope, Update
from alertd.domain.paging import Coming
from alertd.domain.post_by import explain_by
from alertd.domain.silence import open_promise
from alertd.usecases.open_incident import Opened
from alertd.usecases.preview import Preview
from alertd.usecases.publish import Published
from alertd.usecases.recall import Recalled


class ReachView(BaseModel):
    """A failing service; no regions means everywhere."""

    service: str
    regions: list[str]


class UnpeopledView(BaseModel):
    """A region in which no family uses the service."""

    service: str
    region: str
    near: str | None = Field(None, description="A region that families have and that may have been meant.")


class PreviewView(BaseModel):
    """Whom a message reaches, over what, and how long handing it over takes."""

    families: int
    messages: dict[str, int] = Field(examples=[{"push": 312, "sms": 80}])
    seconds: float = Field(description="To hand all of it to the providers at the configured rates.")
    exact: bool = Field(description="false: extrapolated from the first 200 families.")
    window: str | None = Field(
        default=None,
        description="What families read for the next update, where the promise lies beyond it; else left out.",
        examples=["30m"],
    )
    unread: dict[str, int] | None = Field(
        default=None,
        description="Families that read a language which the message is not in, by language; else left out.",
        examples=[{"es": 12}],
    )
    scope: list[ReachView] | None = Field(None, description="What it is about: services, and regions.")
    leaving: int | None = Field(
        default=None,
        description="Families that it touches no more, and that are told so; else left out.",
        examples=[3],
    )
    cut: dict[str, int] | None = Field(
        default=None,
        description="Messages that have no room for all of your words, by channel (e-mails have); else left out.",
        examples=[{"sms": 80}],
    )
    unpeopled: list[UnpeopledView] | None = Field(
        default=None,
        description="Regions that it names and no family has: of a service that has no other, only families "
        "without a region are touched. Else left out.",
    )
    since: datetime | None = Field(
        None, description="When it began, where this tells it first and it was before now; else left out."
    )
    ago: float | None = Field(None, description="Seconds from `since` to now; else left out.", examples=[3600.0])

    @classmethod
    def of(cls, preview: Preview) -> "PreviewView":
        """From the use case's."""
        return cls(
            families=preview.families,
            messages=dict(preview.messages),
            seconds=preview.seconds,
            exact=preview.exact,
            window=spell_duration(preview.window) if preview.window else None,
            unread=dict(preview.unread) or None,
            scope=_scope(preview.scope) if preview.scope is not None else None,
            leaving=preview.leaving or None,
            cut=dict(preview.cut) or None,
            unpeopled=[UnpeopledView(**asdict(each)) for each in preview.unpeopled] or None,
            since=preview.since,
            ago=preview.ago or None,
        )


class CommandDone(BaseModel):
    """What a command did; with `dry_run`, what it would do."""

    incident: int = Field(description="The incident's number.")
    update: int = Field(description="The update's number, as readers see it.")
    state: str
    dry_run: bool
    preview: PreviewView
    confirmed: bool | None = Field(None, description="true: a machine had suspected it; else left out.")

    @classmethod
    def of(cls, done: Opened | Published) -> "CommandDone":
        """From a use case's answer."""
        return cls(
            incident=done.incident,
            update=done.update,
            state=done.state.value if isinstance(done, Published) else "investigating",
            dry_run=done.dry_run,
            preview=PreviewView.of(done.preview),
            confirmed=done.confirmed if isinstance(done, Opened) else None,
        )


class RecallDone(BaseModel):
    """What was taken back; with `dry_run`, what would be."""

    incident: int = Field(description="The incident's number.")
    update: int = Field(description="The number, as readers saw it, of the update that was taken back.")
    families: int = Field(description="That have it, or may have: who is to be put right.")
    messages: dict[str, int] = Field(description="That have left, or may have, by channel.")
    stopped: dict[str, int] = Field(description="That had not left, and do not leave any more, by channel.")
    first: bool = Field(description="true: families were told nothing before it.")
    dry_run: bool

    @classmethod
    def of(cls, done: Recalled) -> "RecallDone":
        """From the use case's answer."""
        return cls(
            incident=done.incident,
            update=done.update,
            families=done.families,
            messages=dict(done.messages),
            stopped=dict(done.stopped),
            first=done.first,
            dry_run=done.dry_run,
        )


class UpdateView(BaseModel):
    """One update: the facts that were true then."""

    number: int
    human_number: int | None = Field(description="As readers see it; none for what alertd or a machine wrote.")
    source: str | None = Field(description="The machine that wrote it; none: a person, or alertd itself.")
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
    recalls: int | None = Field(
        description="... of the update that it takes back: nobody is told of that any more."
    )

    @classmethod
    def of(cls, update: Update, incident: Incident) -> "UpdateView":
        """From the domain's."""
        facts = update.facts
        about = next((u.human_number for u in incident.updates if u.number == update.references), None)
        return cls(
            number=update.number,
            human_number=update.human_number,
            source=update.source,
            kind=update.kind.value,
            at=update.at,
            title=facts.title,
            severity=facts.severity.value,
            state=facts.state.value,
            scope=_scope(facts.scope),
            works=list(facts.works),
            do=list(facts.do),
            message=dict(facts.message),
            promise=update.promise,
            notify=update.notify,
            corrects=about if update.kind is not Kind.RECALL else None,
            recalls=about if update.kind is Kind.RECALL else None,
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
    last_news_at: datetime | None = Field(
        description="When a human last told families something; none: nobody has yet."
    )
    promise: datetime | None = Field(description="Next update by; none where nothing is promised any more.")
    postmortem_by: datetime | None = Field(
        description="By when families were promised, with the end, to hear what happened; none: not promised, "
        "or told."
    )
    exercise: bool = Field(description="true: a test; nothing is down, and every text says so.")
    held: bool = Field(description="true: a machine's suspicion, of which families are told nothing.")
    confirm_at: datetime | None = Field(
        description="When families are told of it without a human; none: only once somebody confirms it, or done."
    )
    resolve_at: datetime | None = Field(
        description="When it is resolved on a machine's word unless an alert fires again; none: not by itself."
    )

    @classmethod
    def of(cls, incident: Incident, now: datetime) -> "IncidentView":
        """From the domain's."""
        return cls(**_incident(incident, now))


class ComingView(BaseModel):
    """A nudge or page that falls due if nothing happens."""

    at: datetime
    who: str = Field(description="The role in the policy.", examples=["owner"])
    how: str = Field(description="nudge or page", examples=["page"])
    why: str = Field(
        description="opened (by a machine), post (an update is due), news (families wait for some), "
        "postmortem (they were promised to hear what happened), or trouble (something of ours is broken).",
        examples=["post"],
    )

    @classmethod
    def of(cls, coming: Coming) -> "ComingView":
        """From the planner's."""
        how = "page" if coming.page else "nudge"
        return cls(at=coming.at, who=coming.who, how=how, why=coming.ladder.value)


class RespondersView(BaseModel):
    """What our own side owes families: updates while it is open, then what happened if that was promised."""

    post_by: datetime = Field(description="By when families are owed an update by a person, or what happened.")
    next: ComingView | None = Field(description="Who is nudged or paged next, unless somebody publishes.")
    acknowledged_at: datetime | None = Field(description="When a responder last said that they are on it.")


class IncidentDetail(IncidentView):
    """An incident with all that was said."""

    updates: list[UpdateView]
    responders: RespondersView | None = Field(description="None once nobody owes anything any more.")

    @classmethod
    def of(cls, incident: Incident, now: datetime, responders: RespondersView | None = None) -> "IncidentDetail":
        """From the domain's."""
        return cls(
            **_incident(incident, now),
            updates=[UpdateView.of(u, incident) for u in incident.updates],
            responders=responders,
        )


class Incidents(BaseModel):
    """Newest first."""

    incidents: list[IncidentView]


def _scope(scope: Scope) -> list[ReachView]:
    return [ReachView(service=reach.service, regions=list(reach.regions)) for reach in scope.reaches]


def _incident(incident: Incident, now: datetime) -> dict[str, Any]:
    facts = incident.newest.facts
    return {
        "number": incident.number,
        "id": incident.id,
        "title": facts.title,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "scope": _scope(incident.scope),
        "policy": incident.policy,
        "since": facts.since,
        "opened_at": incident.opened_at,
        "ended_at": incident.ended_at,
        "last_news_at": incident.last_word.at if incident.last_word is not None else None,
        "promise": None if incident.state.ended else open_promise(incident, now),
        "postmortem_by": explain_by(incident),
        "exercise": incident.exercise,
        "held": incident.held,
        "confirm_at": incident.confirm_at,
        "resolve_at": incident.resolve_at,
    }
