"""How far the telling has come, and every single message of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from alertd.api.access import ReadsIncidents
from alertd.api.delivery_views import Deliveries, DeliveryView, ProgressView, Unheard
from alertd.api.errors import errors
from alertd.api.examples import DELIVERIES, PROGRESS, answers
from alertd.api.find import find
from alertd.api.served import Here
from alertd.domain.delivery import DeliveryState
from alertd.domain.silence import newest_to_tell
from alertd.domain.watch import LadderState

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
        touched = await rows.count_touched(found.scope)
        reached = await rows.reach(found.id, 0, here.deps.clock.now())
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
