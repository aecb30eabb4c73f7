"""Another policy for an open incident over HTTP: what changes for whom, and the change."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.access import WritesIncidents, who
from alertd.api.bodies import Body, DryRun, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.errors import errors
from alertd.api.examples import POLICY_CHANGED, answers
from alertd.api.find import find
from alertd.api.served import Here
from alertd.usecases.change_policy import PolicyChanged, change_policy

router = APIRouter(tags=["incidents"])


class ChangePolicy(BaseModel):
    """A policy as it stands in its file."""

    model_config = ConfigDict(extra="forbid")

    policy: str = Field(
        min_length=1, max_length=256 * 1024, description="The YAML of a policy file; mistakes name its lines."
    )


class ChangeView(BaseModel):
    """One length of time that is another; empty: the policy says nothing of it."""

    key: str = Field(examples=["silence.window.critical"])
    before: str = Field(examples=["2h"])
    after: str = Field(examples=["30m"])


class PolicyChangedView(BaseModel):
    """What changes for whom; with `dry_run`, what would."""

    incident: int = Field(description="The incident's number.")
    before: str = Field(description="The name of the policy until now.")
    after: str
    families: int = Field(description="Those that the incident touches.")
    sooner: int = Field(description="Of them those who hear sooner than they were told.")
    later: int = Field(
        description="... later than so far: not than they were told, unless it says `wait` in quiet hours."
    )
    windows: list[ChangeView]
    others: list[str] = Field(description="Other keys that say something else.", examples=[["floor"]])
    messages_before: dict[str, int] = Field(description="Channel, messages: if there were news now.")
    messages_after: dict[str, int] = Field(description="The same under the new policy.")
    exact: bool = Field(description="false: extrapolated from the first 200 families.")
    dry_run: bool
    unset: list[str] = Field(
        description="Responders whom it would page and the settings lack: the next in line is paged instead."
    )

    @classmethod
    def of(cls, changed: PolicyChanged) -> "PolicyChangedView":
        """From the use case's answer."""
        return cls(
            incident=changed.incident,
            before=changed.before,
            after=changed.after,
            families=changed.families,
            sooner=changed.sooner,
            later=changed.later,
            windows=[ChangeView(key=w.key, before=w.before, after=w.after) for w in changed.windows],
            others=list(changed.others),
            messages_before=dict(changed.messages_before),
            messages_after=dict(changed.messages_after),
            exact=changed.exact,
            dry_run=changed.dry_run,
            unset=list(changed.unset),
        )


_EXAMPLE = {"policy": "policy: follow\nservices: [follow, share]\nsilence: {window: {critical: 20m}}\n"}


@router.post(
    "/v1/incidents/{incident}/policy",
    responses=errors(400, 404, 409, 413, 415) | answers(200, POLICY_CHANGED),
    openapi_extra=takes(ChangePolicy, _EXAMPLE),
)
async def change(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[ChangePolicy], Depends(body_of(ChangePolicy))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> PolicyChangedView:
    """Give an open incident another policy: shorter windows at once, longer from each family's next message."""
    async with here.deps.store.reading() as rows:
        number = (await find(rows, incident)).number
    policy = here.read_policy(body.said.policy.encode())
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, body.raw)
    changed = await change_policy(here.deps, number, policy, who=who(key), dry_run=dry_run, repeat=repeat)
    return PolicyChangedView.of(changed)
