"""Responders over HTTP: acknowledging an incident, and the link in a nudge or page."""

from datetime import UTC, datetime
from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.access import WritesIncidents, who
from alertd.api.bodies import Body, DryRun, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.errors import errors
from alertd.api.examples import ACKNOWLEDGED, answers
from alertd.api.find import find
from alertd.api.link_page import plain_page
from alertd.api.served import Here
from alertd.api.views import ComingView
from alertd.domain.errors import Conflict
from alertd.domain.incident import Incident
from alertd.domain.links import VALID_AFTER_END, Purpose
from alertd.domain.paging import Coming
from alertd.records import PageRow
from alertd.usecases.ack_incident import Acknowledged, ack_incident, whats_next
from alertd.usecases.link_keys import signed

router = APIRouter(tags=["incidents"])


class AckIncident(BaseModel):
    """Nothing needs to be said with it."""

    model_config = ConfigDict(extra="forbid")


class AckDone(BaseModel):
    """What an acknowledgement leaves as it is: the deadline, and who is told next if nobody publishes."""

    incident: int = Field(description="The incident's number.")
    post_by: datetime = Field(
        description="By when families are owed an update; an acknowledgement never moves it."
    )
    next: ComingView | None = Field(description="Who is nudged or paged next, unless somebody publishes.")
    dry_run: bool

    @classmethod
    def of(cls, done: Acknowledged, *, dry_run: bool) -> "AckDone":
        """From the use case's answer."""
        return cls(
            incident=done.incident,
            post_by=done.post_by,
            next=ComingView.of(done.next) if done.next is not None else None,
            dry_run=dry_run,
        )


@router.post(
    "/v1/incidents/{incident}/ack",
    responses=errors(400, 404, 409, 413, 415) | answers(200, ACKNOWLEDGED),
    openapi_extra=takes(AckIncident, {}, needed=False),
)
async def ack(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[AckIncident], Depends(body_of(AckIncident))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> AckDone:
    """Say that you know and are on it: each later nudge and page waits once, ten minutes; no deadline moves."""
    async with here.deps.store.reading() as rows:
        number = (await find(rows, incident)).number
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, body.raw)
    done = await ack_incident(here.deps, number, who=who(key), repeat=repeat, dry_run=dry_run)
    return AckDone.of(done, dry_run=dry_run)


# --- the link -------------------------------------------------------------------------------------

_ROLE = 50  # characters of a role that stand in the record of human acts


@router.get("/r/{token}", response_class=HTMLResponse, include_in_schema=False)
async def look(token: str, here: Here) -> HTMLResponse:
    """How the incident of a page stands, and one button. Looking changes nothing: mail scanners follow links."""
    found = await _found(here, token)
    if isinstance(found, HTMLResponse):
        return found
    _, incident, due, coming = found
    if incident.state.ended:
        return _page(200, incident, [_over(incident)])
    return _page(200, incident, _standing(incident, due, coming), button=True)


@router.post("/r/{token}", response_class=HTMLResponse, include_in_schema=False)
async def press(token: str, here: Here) -> HTMLResponse:
    """Acknowledge in the name of whoever was paged; pressing again changes nothing."""
    found = await _found(here, token)
    if isinstance(found, HTMLResponse):
        return found
    page, incident, _, _ = found
    try:
        done = await ack_incident(here.deps, incident.id, who=f"{page.who[:_ROLE]}, by link", page=page.id)
    except Conflict:
        return _page(200, incident, [_over(incident)])
    noted = ["Noted: you are on it. Each later nudge and page waits ten minutes, once."]
    return _page(200, incident, noted + _standing(incident, done.post_by, done.next))


_Found = tuple[PageRow, Incident, datetime, Coming | None]


async def _found(here: Here, token: str) -> _Found | HTMLResponse:
    """What a link is about, or the page that says why it is about nothing."""
    deps = here.deps
    async with deps.store.reading() as rows:
        page_id = await signed(rows, Purpose.PAGE, token)
        page = await rows.page(page_id) if page_id is not None else None
        incident = await rows.incident(page.incident) if page is not None else None
        if page is None or incident is None:
            deps.log.warning("link_forged", link="page", signed=page_id is not None)
            return _bare(
                403, "This link is not one of ours", "Perhaps it was cut off: copy all of it from the message."
            )
        now = deps.clock.now()
        if incident.ended_at is not None and now > incident.ended_at + VALID_AFTER_END:
            return _bare(410, "This link has expired", f"Incident {incident.number} is over.")
        due, coming = await whats_next(deps, rows, incident, now)
    return page, incident, due, coming


def _standing(incident: Incident, due: datetime, coming: Coming | None) -> list[str]:
    said = [f"Families are owed an update by {_utc(due)}. No acknowledgement moves that."]
    if coming is not None:
        verb = "paged" if coming.page else "nudged"
        said.append(f"{coming.who} is {verb} at {_utc(coming.at)}, unless somebody publishes.")
    return [*said, f'To publish: alertd incident update {incident.number} --message "..."']


def _over(incident: Incident) -> str:
    ended = f" since {_utc(incident.ended_at)}" if incident.ended_at else ""
    return f"It is {incident.state}{ended}. Nobody is paged for it any more."


def _page(status: int, incident: Incident, lines: list[str], *, button: bool = False) -> HTMLResponse:
    facts = incident.newest.facts
    head = f"{incident.severity}, {incident.state}, since {_utc(facts.since)}"
    body = [f"<p>{escape(line)}</p>" for line in (head, *lines)]
    if button:
        body.append('<form method="post"><button>I am on it</button></form>')
    return _html(status, f"Incident {incident.number}: {facts.title}", "".join(body))


def _bare(status: int, title: str, line: str) -> HTMLResponse:
    return _html(status, title, f"<p>{escape(line)}</p>")


def _html(status: int, title: str, body: str) -> HTMLResponse:
    heading = escape(title)
    return plain_page(status, heading, f"<h1>{heading}</h1>{body}")


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%a %d %b %H:%M} UTC"
