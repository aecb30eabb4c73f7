"""What happened, over HTTP: told once to those who were told that it is over."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from alertd.api.access import WritesIncidents, who
from alertd.api.bodies import Body, DryRun, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.commands import POSTMORTEM_EXAMPLES, PublishPostmortem
from alertd.api.errors import errors
from alertd.api.examples import TOLD_WHY, answers
from alertd.api.find import find
from alertd.api.served import Here
from alertd.api.views import CommandDone
from alertd.usecases.publish_postmortem import publish_postmortem

router = APIRouter(tags=["incidents"])


@router.post(
    "/v1/incidents/{incident}/postmortem",
    response_model_exclude_none=True,
    responses=errors(400, 404, 409, 413, 415) | answers(200, TOLD_WHY),
    openapi_extra=takes(PublishPostmortem, *POSTMORTEM_EXAMPLES),
)
async def postmortem(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[PublishPostmortem], Depends(body_of(PublishPostmortem))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> CommandDone:
    """Say what happened, once it is resolved: told once, waking nobody, to everyone who was told the end.

    `preview.families`: how many have been told the end.
    """
    async with here.deps.store.reading() as rows:
        number = (await find(rows, incident)).number
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, body.raw)
    done = await publish_postmortem(
        here.deps, number, body.said.message, who=who(key), dry_run=dry_run, repeat=repeat
    )
    return CommandDone.of(done)
