"""Alertmanager's webhook over HTTP."""

import asyncio
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from alertd.api.access import WritesEvents, refuse_other_source
from alertd.api.bodies import IdempotencyKey, read_document_of, repeat_of
from alertd.api.errors import Denied, errors
from alertd.api.examples import ALERTS_TAKEN, answers
from alertd.api.served import Here
from alertd.domain.errors import Conflict, Invalid
from alertd.ingest.alertmanager import parse
from alertd.usecases.repeat import answered, keep
from alertd.usecases.take_machine_events import take_machine_events

router = APIRouter(tags=["events"])
MOST_BYTES = 16 * 1024 * 1024
_SHOWN = 100
_TRY_AGAIN = {
    503: errors(503)[503]
    | {
        "description": "The database does not answer, or incidents change faster than alerts can join them. "
        "Try again after `Retry-After` seconds; what was taken already is then a duplicate."
    }
}

EXAMPLES: tuple[dict[str, Any], ...] = (
    {
        "version": "4",
        "status": "firing",
        "receiver": "alertd",
        "groupKey": '{}:{alertname="FollowDown"}',
        "truncatedAlerts": 0,
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "FollowDown", "service": "follow", "region": "us", "severity": "page"},
                "annotations": {"summary": "No readings for 5 minutes"},
                "startsAt": "2019-11-30T07:40:00.108164878Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "fingerprint": "e94c744ae3d44df8",
            }
        ],
    },
)


class Webhook(BaseModel):
    """What Alertmanager posts; keys that are not named here are passed over.

    Describes what `ingest.alertmanager` reads; a test holds the two together.
    """

    version: str = Field(description='"4".')
    status: str | None = Field(None, description="For alerts that have none of their own.")
    alerts: list[dict[str, Any]] = Field(
        description="`status`, `labels`, `annotations`, `startsAt`, `fingerprint` are read."
    )


class AlertTaken(BaseModel):
    """What became of one alert."""

    alert: str = Field(description="Its fingerprint.")
    status: str
    did: str = Field(description="opened, updated, resolved, noted or duplicate", examples=["opened"])
    incident: int | None
    why: str | None = Field(None, description="What was assumed, or why not more was done. Else left out.")


class AlertsTaken(BaseModel):
    """What became of a group."""

    did: dict[str, int] = Field(description="How many alerts were opened, updated, resolved, noted, duplicate.")
    alerts: list[AlertTaken] = Field(description=f"One by one, in the webhook's order: the first {_SHOWN}.")
    left_out: int = Field(description="How many alerts are not listed; they were taken all the same.")


async def _webhook(request: Request) -> tuple[bytes, object]:
    return await read_document_of(request, MOST_BYTES)


@router.post(
    "/v1/events/alertmanager",
    status_code=202,
    response_model=AlertsTaken,
    response_model_exclude_defaults=True,
    responses=errors(400, 409, 413, 415) | _TRY_AGAIN | answers(202, ALERTS_TAKEN),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Webhook"},
                    "examples": {"example_1": {"value": EXAMPLES[0]}},
                }
            },
        }
    },
)
async def take(
    key: WritesEvents,
    here: Here,
    request: Request,
    document: Annotated[tuple[bytes, object], Depends(_webhook)],
    idempotency_key: IdempotencyKey = None,
) -> Any:
    """Take a group of alerts from Alertmanager, version 4 of its webhook, at most 16 MB.

    Each alert is an event of the source that the settings name: what it may do by itself says the policy. What
    maps to nothing is kept and noted, and never spoils the others. Sent again, alerts are duplicates. A key that
    is bound to other sources is a wrong key (403). Where other routes answer 409 as an incident changes at this
    very moment, this one answers 503: Alertmanager sends again what is answered 5xx, and forgets what is answered
    4xx.
    """
    raw, value = document
    source = here.labels.source
    refuse_other_source(here.deps, key, source, which=", which the settings say Alertmanager is")
    repeat = repeat_of(key, idempotency_key, request, raw)
    async with here.deps.store.reading() as rows:
        before = await answered(rows, repeat, dict)
    if before is not None:
        return before
    try:
        # Ten thousand alerts take a while.
        told = await asyncio.to_thread(parse, value, here.labels, here.services)
    except Invalid as error:
        where = f"{error.field} " if error.field else "the body "
        raise Denied(400, f"{where}{error.message}", field=error.field) from None
    try:
        became = await take_machine_events(here.deps, source, told)
    except Conflict as error:  # it must be sent again
        raise Denied(503, str(error)) from None
    taken = AlertsTaken(
        did=dict(Counter(each.did for each in became)),
        alerts=[
            AlertTaken(
                alert=alert.alert, status=alert.status.value, did=each.did, incident=each.incident, why=each.why
            )
            for alert, each in zip(told[:_SHOWN], became, strict=False)
        ],
        left_out=max(0, len(told) - _SHOWN),
    )
    if repeat is not None:
        async with here.deps.store.transaction() as rows:
            await keep(rows, repeat, taken.model_dump(exclude_defaults=True), here.deps.clock.now())
    return taken
