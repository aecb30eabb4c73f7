"""Outage events over HTTP."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.access import WritesEvents, refuse_other_source, who
from alertd.api.bodies import DryRun, IdempotencyKey, read_document, repeat_of, takes
from alertd.api.errors import errors
from alertd.api.examples import EVENT_REHEARSED, EVENT_TAKEN, answers
from alertd.api.served import Here
from alertd.api.views import PreviewView
from alertd.api.words import DEFAULT_LOCALE, Moment, Texts
from alertd.domain.incident import Severity
from alertd.ingest import event as event_format
from alertd.ingest.reading import Mistakes, Problem
from alertd.usecases.keys import may
from alertd.usecases.take_event import rehearse_event, take_event
from alertd.usecases.take_machine_events import take_machine_event

router = APIRouter(tags=["events"])

EXAMPLES: tuple[dict[str, Any], ...] = (
    {
        "source": "statusdesk",
        "id": "follow-2019-11-30-1",
        "alert": "follow-down",
        "service": "follow",
        "severity": "critical",
        "status": "firing",
        "title": "Follow is down",
        "message": {"en": "Followers get no readings.", "es": "Los seguidores no reciben lecturas."},
        "regions": ["us"],
        "detected_at": "2019-11-30T07:40:00Z",
    },
    {
        "source": "statusdesk",
        "id": "follow-2019-11-30-9",
        "alert": "follow-down",
        "service": "follow",
        "severity": "critical",
        "status": "resolved",
        "title": "Follow works again",
    },
)


class Event(BaseModel):
    """One telling by a source. `alert` names what fires or is resolved, `id` is this telling; never changed.

    Describes what `ingest.event` reads; a test holds the two together.
    """

    model_config = ConfigDict(extra="forbid")

    source: str
    id: str = Field(description="Unique within the source; the same again with another body is refused.")
    alert: str
    service: str
    severity: Severity
    status: Literal["firing", "resolved"]
    title: str
    message: Texts | None = None
    regions: list[str] | None = None
    detected_at: Moment | None = None


class EventTaken(BaseModel):
    """What became of an event."""

    did: str = Field(description="opened, updated, resolved, noted or duplicate", examples=["opened"])
    incident: int | None
    update: int | None = Field(description="The number, as readers see it, of the update that it made.")
    why: str | None = Field(
        None,
        description="Where the event asked for something that was not done: why, and the way out. Else left out.",
        examples=["incident 3 goes on: a person opened it, not an alert; to end it: alertd incident resolve 3"],
    )
    dry_run: bool = Field(default=False, description="true: nothing was done; left out otherwise.")
    preview: PreviewView | None = Field(default=None, description="Of a dry run: whom telling it would reach.")


@router.post(
    "/v1/events",
    status_code=202,
    response_model_exclude_defaults=True,
    responses=errors(400, 404, 409, 413, 415)
    | answers(202, EVENT_TAKEN)
    | answers(200, EVENT_REHEARSED, model=EventTaken, description="A dry run: what would become of it."),
    openapi_extra=takes(Event, *EXAMPLES),
)
async def take(
    key: WritesEvents,
    here: Here,
    request: Request,
    response: Response,
    document: Annotated[tuple[bytes, object], Depends(read_document)],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> EventTaken:
    """Take an outage event: it opens an incident, updates the one it belongs to, or resolves it.

    With a key that has `incident:write` too it is the act of a human. With one that has only `event:write` it is
    a machine's: what that may do by itself says the policy's `sources`; the rest is noted, with `why`. What a
    machine opens is `suspected`: families are told when a human confirms it, or once the policy's `confirm` has
    passed. A key that is bound to sources may name no other (403).
    200 for a dry run.
    """
    raw, value = document
    if not isinstance(value, dict):
        raise Mistakes([Problem("the event must be a set of keys and values")])
    event = event_format.parse(value, here.services, default_locale=DEFAULT_LOCALE)
    refuse_other_source(here.deps, key, event.source, field="source")
    repeat = repeat_of(key, idempotency_key, request, raw)
    if not may(key, "incident:write"):  # a machine: the policy says what its source may do by itself
        received = await take_machine_event(
            here.deps, event, raw, dry_run=dry_run, repeat=None if dry_run else repeat
        )
    elif dry_run:
        received = await rehearse_event(here.deps, event, raw, who=who(key))
    else:
        received = await take_event(here.deps, event, raw, who=who(key), repeat=repeat)
    taken = EventTaken(did=received.did, incident=received.incident, update=received.update, why=received.why)
    if not dry_run:
        return taken
    response.status_code = 200
    seen = PreviewView.of(received.preview) if received.preview else None
    return taken.model_copy(update={"dry_run": True, "preview": seen})
