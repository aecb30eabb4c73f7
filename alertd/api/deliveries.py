"""How far the telling has come, and every single message of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.access import ReadsIncidents, WritesIncidents, who
from alertd.api.bodies import Body, DryRun, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.delivery_views import Deliveries, DeliveryStoryView, DeliveryView, ProgressView, Unheard
from alertd.api.errors import errors
from alertd.api.examples import DELIVERIES, DELIVERY, PROGRESS, RETRIED, answers
from alertd.api.find import find
from alertd.api.served import Here
from alertd.domain.delivery import DeliveryState
from alertd.domain.errors import NotFound
from alertd.domain.silence import newest_to_tell
from alertd.domain.watch import LadderState, Rest
from alertd.usecases.retry_parked import retry_parked

router = APIRouter(tags=["deliveries"])
Limit = Annotated[int, Query(ge=1, le=1000)]
States = Annotated[list[DeliveryState], Query(description="Only those in these states.")]


@router.get("/v1/incidents/{incident}/progress", responses=errors(404) | answers(200, PROGRESS))
async def progress(incident: str, _key: ReadsIncidents, here: Here, limit: Limit = 20) -> ProgressView:
    """How far the telling has come; `limit` bounds the families listed as unheard."""
    async with here.deps.store.reading() as rows:
        found = await find(rows, incident)
        told = await rows.progress(found.id, newest_to_tell(found).number)
        unheard = await rows.unheard(found.id, limit)
        reached = await rows.reach(found.id, 0, here.deps.clock.now())
        touched = reached.families  # of these `heard` counts, so no more can have heard than are touched
        if not found.state.ended:  # ... and those that no cursor has come by yet
            let_go = told.resting.get(Rest.NOT_TOUCHED.value, 0)
            touched = await rows.count_concerned(found.id, found.scope) - let_go
    return ProgressView(
        touched=touched,
        families=told.families,
        heard=told.heard,
        newest_told=told.newest_told,
        next_by=None if found.state.ended or found.exercise else told.next_by,  # the clock of silence has stopped
        resting=dict(told.resting),
        ladders={state.value: reached.ladders.get(state, 0) for state in LadderState},
        deliveries={channel: dict(states) for channel, states in told.deliveries.items()},
        unheard=[Unheard(family=family, rest=rest) for family, rest in unheard],
    )


@router.get("/v1/incidents/{incident}/deliveries", responses=errors(404) | answers(200, DELIVERIES))
async def of_incident(
    incident: str,
    _key: ReadsIncidents,
    here: Here,
    state: States = [],  # noqa: B006  FastAPI copies it
    family: str | None = None,
    limit: Limit = 100,
) -> Deliveries:
    """Messages of one incident, newest first, addresses masked."""
    async with here.deps.store.reading() as rows:
        found = await find(rows, incident)
        listed = await rows.deliveries(found.id, family_id=family, states=state, limit=limit)
    return Deliveries(deliveries=[DeliveryView.of(row) for row in listed])


class Retry(BaseModel):
    """What had parked the messages of an incident is mended."""

    model_config = ConfigDict(extra="forbid")


class RetriedView(BaseModel):
    """How many families are told again what they lack."""

    incident: int = Field(description="The incident's number.")
    families: int = Field(description="That lack a message which was parked; 0: nothing was done.")
    dry_run: bool


@router.post(
    "/v1/incidents/{incident}/deliveries/retry",
    responses=errors(400, 404, 409, 413, 415) | answers(200, RETRIED),
    openapi_extra=takes(Retry, {}, needed=False),
)
async def retry(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[Retry], Depends(body_of(Retry))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> RetriedView:
    """Try again at once what our own fault had stopped, once it is mended; also an all-clear that was given up."""
    async with here.deps.store.reading() as rows:
        number = (await find(rows, incident)).number
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, body.raw)
    done = await retry_parked(here.deps, number, who=who(key), dry_run=dry_run, repeat=repeat)
    return RetriedView(incident=done.incident, families=done.families, dry_run=dry_run)


@router.get("/v1/deliveries", responses=errors() | answers(200, DELIVERIES))
async def of_all(
    _key: ReadsIncidents,
    here: Here,
    state: States = [],  # noqa: B006
    family: str | None = None,
    limit: Limit = 100,
) -> Deliveries:
    """Messages of all incidents, newest first, addresses masked."""
    async with here.deps.store.reading() as rows:
        listed = await rows.deliveries(None, family_id=family, states=state, limit=limit)
    return Deliveries(deliveries=[DeliveryView.of(row) for row in listed])


@router.get("/v1/deliveries/{delivery}", responses=errors(404) | answers(200, DELIVERY))
async def one(delivery: UUID, _key: ReadsIncidents, here: Here) -> DeliveryStoryView:
    """One message: to whom, why, what it promised, and every try that the provider did not simply take."""
    async with here.deps.store.reading() as rows:
        story = await rows.delivery_story(delivery)
    if story is None:
        raise NotFound(f"there is no delivery {delivery}; alertd delivery list shows them")
    return DeliveryStoryView.telling(story)
