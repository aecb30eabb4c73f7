"""Incidents over HTTP: open, update, recall, resolve, cancel, reopen, look."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from alertd.api.access import ReadsIncidents, WritesIncidents, who
from alertd.api.bodies import Body, DryRun, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.commands import (
    END_EXAMPLES,
    OPEN_EXAMPLES,
    RECALL_EXAMPLES,
    REOPEN_EXAMPLES,
    RESOLVE_EXAMPLES,
    UPDATE_EXAMPLES,
    EndIncident,
    OpenIncident,
    PublishUpdate,
    RecallUpdate,
    ReopenIncident,
    ResolveIncident,
)
from alertd.api.errors import errors
from alertd.api.examples import (
    CANCELLED,
    INCIDENT_DETAIL,
    INCIDENTS,
    OPENED,
    PUBLISHED,
    RECALLED,
    REHEARSED,
    REOPENED,
    RESOLVED,
    answers,
)
from alertd.api.find import find
from alertd.api.opening import further
from alertd.api.served import Here, Served
from alertd.api.views import (
    ComingView,
    CommandDone,
    IncidentDetail,
    Incidents,
    IncidentView,
    RecallDone,
    RespondersView,
)
from alertd.domain.incident import Incident, State
from alertd.domain.post_by import explain_by
from alertd.ports.store import Rows
from alertd.records import Key
from alertd.usecases.ack_incident import whats_next
from alertd.usecases.open_incident import open_incident
from alertd.usecases.publish import News, publish
from alertd.usecases.recall import recall

router = APIRouter(tags=["incidents"])
Limit = Annotated[int, Query(ge=1, le=1000)]


def _command(
    status: int, example: dict[str, Any], also: dict[int | str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """What the routes of commands have in common."""
    return {
        "status_code": status,
        "response_model": CommandDone,
        "response_model_exclude_none": True,
        "responses": errors(400, 404, 409, 413, 415) | answers(status, example) | (also or {}),
    }


_DRY = answers(200, REHEARSED, model=CommandDone, description="A dry run: what it would do.")


@router.post(
    "/v1/incidents", **_command(201, OPENED, also=_DRY), openapi_extra=takes(OpenIncident, *OPEN_EXAMPLES)
)
async def open_(
    key: WritesIncidents,
    here: Here,
    request: Request,
    response: Response,
    body: Annotated[Body[OpenIncident], Depends(body_of(OpenIncident, further=further))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> CommandDone:
    """Open an incident; every family that it touches is told at once. 200 for a dry run."""
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, body.raw)
    opened = await open_incident(here.deps, body.said.opening(), who=who(key), dry_run=dry_run, repeat=repeat)
    response.status_code = 200 if dry_run else 201
    return CommandDone.of(opened)


@router.post(
    "/v1/incidents/{incident}/updates",
    **_command(200, PUBLISHED),
    openapi_extra=takes(PublishUpdate, *UPDATE_EXAMPLES),
)
async def update(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[PublishUpdate], Depends(body_of(PublishUpdate))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> CommandDone:
    """Tell news about an open incident, by its number or id."""
    return await _publish(here, key, request, incident, body.said.news(), body.raw, idempotency_key, dry_run)


@router.post(
    "/v1/incidents/{incident}/recall",
    responses=errors(400, 404, 409, 413, 415) | answers(200, RECALLED),
    openapi_extra=takes(RecallUpdate, *RECALL_EXAMPLES, needed=False),
)
async def recall_(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[RecallUpdate], Depends(body_of(RecallUpdate))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> RecallDone:
    """Stop what has not left yet of the newest update, and take it back: the facts from before it stand again.

    Nobody is told of that; who has it is put right by a correction, which goes to them alone.
    """
    async with here.deps.store.reading() as rows:
        number = (await find(rows, incident)).number
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, body.raw)
    wanted = body.said.update
    done = await recall(here.deps, number, who=who(key), update=wanted, dry_run=dry_run, repeat=repeat)
    return RecallDone.of(done)


@router.post(
    "/v1/incidents/{incident}/resolve",
    **_command(200, RESOLVED),
    openapi_extra=takes(ResolveIncident, *RESOLVE_EXAMPLES, needed=False),
)
async def resolve(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[ResolveIncident], Depends(body_of(ResolveIncident))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> CommandDone:
    """Say that it is over; everyone who was told is told so, and what you promise: what happened, by a time."""
    news = body.said.resolution()
    return await _publish(here, key, request, incident, news, body.raw, idempotency_key, dry_run)


@router.post(
    "/v1/incidents/{incident}/cancel",
    **_command(200, CANCELLED),
    openapi_extra=takes(EndIncident, *END_EXAMPLES, needed=False),
)
async def cancel(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[EndIncident], Depends(body_of(EndIncident))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> CommandDone:
    """Say that it was a false alarm; everyone who was told is told so."""
    news = body.said.news(State.CANCELLED)
    return await _publish(here, key, request, incident, news, body.raw, idempotency_key, dry_run)


@router.post(
    "/v1/incidents/{incident}/reopen",
    **_command(200, REOPENED),
    openapi_extra=takes(ReopenIncident, *REOPEN_EXAMPLES, needed=False),
)
async def reopen(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[ReopenIncident], Depends(body_of(ReopenIncident))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> CommandDone:
    """Say that it came back, within 24 hours of its end; every family that it touches is told, and asked, anew."""
    return await _publish(here, key, request, incident, body.said.news(), body.raw, idempotency_key, dry_run)


@router.get("/v1/incidents", responses=errors() | answers(200, INCIDENTS))
async def list_(
    _key: ReadsIncidents, here: Here, state: Literal["open", "all"] = "open", limit: Limit = 50
) -> Incidents:
    """Incidents, newest first."""
    async with here.deps.store.reading() as rows:
        found = await rows.incidents(open_only=state == "open", limit=limit)
    now = here.deps.clock.now()
    return Incidents(incidents=[IncidentView.of(each, now) for each in found])


@router.get("/v1/incidents/{incident}", responses=errors(404) | answers(200, INCIDENT_DETAIL))
async def show(incident: str, _key: ReadsIncidents, here: Here) -> IncidentDetail:
    """One incident with all its updates, by its number or id."""
    now = here.deps.clock.now()
    async with here.deps.store.reading() as rows:
        found = await find(rows, incident)
        return IncidentDetail.of(found, now, await _responders(here, rows, found, now))


async def _responders(here: Served, rows: Rows, incident: Incident, now: datetime) -> RespondersView | None:
    if incident.exercise or (incident.state.ended and explain_by(incident) is None):
        return None
    due, coming = await whats_next(here.deps, rows, incident, now)
    acknowledged = await rows.acknowledgements(incident.id)
    return RespondersView(
        post_by=due,
        next=ComingView.of(coming) if coming is not None else None,
        acknowledged_at=acknowledged[-1] if acknowledged else None,
    )


async def _publish(
    here: Served,
    key: Key,
    request: Request,
    which: str,
    news: News,
    raw: bytes,
    idempotency_key: str | None,
    dry_run: bool,
) -> CommandDone:
    async with here.deps.store.reading() as rows:
        number = (await find(rows, which)).number
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, raw)
    published = await publish(here.deps, number, news, who=who(key), dry_run=dry_run, repeat=repeat)
    return CommandDone.of(published)
