"""Whom an incident has reached, over HTTP, the lists of families to call, and that one of them was called."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.access import ReadsIncidents, WritesIncidents, who
from alertd.api.bodies import Body, DryRun, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.errors import errors
from alertd.api.examples import CALLED, REACH, answers
from alertd.api.find import find
from alertd.api.served import Here
from alertd.domain.family import FamilyId
from alertd.domain.silence import newest_to_tell
from alertd.domain.watch import LadderState
from alertd.records import Unanswered
from alertd.usecases.tell_by_phone import tell_by_phone

router = APIRouter(tags=["deliveries"])
Limit = Annotated[int, Query(ge=1, le=10_000, description="Of either list at most so many families.")]


class UnansweredView(BaseModel):
    """A family whose ladder has come to its end."""

    family: str
    step: int = Field(description="The last step of the ladder, from 1.")
    heard_at: datetime | None = Field(description="When a provider last took a message for them.")
    next_by: datetime | None = Field(
        description="By then they hear again: they go on being told over whatever works. Where there is no way to "
        "tell them: by when a person of yours has told them on the phone, else null."
    )

    @classmethod
    def of(cls, found: Unanswered) -> "UnansweredView":
        """From the store's."""
        return cls(family=found.family, step=found.step, heard_at=found.heard_at, next_by=found.next_by)


class ReachView(BaseModel):
    """Whom an incident has reached."""

    touched: int = Field(description="Families that it touches, or touched until its end.")
    heard: int = Field(description="Those for whom a provider took a message.")
    ladders: dict[str, int] = Field(description="Families by where the ladder of this epoch stands for them.")
    unreachable: list[UnansweredView] = Field(description="Nothing loud was accepted for them.")
    unanswered: list[UnansweredView] = Field(description="It was accepted, and nobody has answered.")
    untellable: list[UnansweredView] = Field(
        description="There is no way to tell them: no usable address is left, or all have opted out. "
        "Whom a person of yours has told by phone is back here once the time has come that they were told."
    )
    resting: dict[str, int] = Field(description="Families that are owed nothing now, by the reason.")


@router.get("/v1/incidents/{incident}/reach", responses=errors(404) | answers(200, REACH))
async def reach(incident: str, _key: ReadsIncidents, here: Here, limit: Limit = 100) -> ReachView:
    """Whom an incident has reached, and who has not answered."""
    async with here.deps.store.reading() as rows:
        found = await find(rows, incident)
        reached = await rows.reach(found.id, limit, here.deps.clock.now())
        told = await rows.progress(found.id, newest_to_tell(found).number)
    return ReachView(
        touched=reached.families,
        heard=reached.heard,
        ladders={state.value: reached.ladders.get(state, 0) for state in LadderState},
        unreachable=[UnansweredView.of(each) for each in reached.unreachable],
        unanswered=[UnansweredView.of(each) for each in reached.unanswered],
        untellable=[UnansweredView.of(each) for each in reached.untellable],
        resting=dict(told.resting),
    )


class ToldByPhone(BaseModel):
    """A person of yours has reached a family by phone, and told them how things stand."""

    model_config = ConfigDict(extra="forbid")

    family: str = Field(min_length=1, max_length=100, description="The family's id.")
    told_by_phone: Literal[True]


class ToldByPhoneDone(BaseModel):
    """What the family counts as told."""

    incident: int = Field(description="The incident's number.")
    family: str
    update: int = Field(description="They know everything up to this update.")
    next_by: datetime | None = Field(
        description="By then they hear again: say so on the phone. Null: they asked to be told nothing of this, "
        "and hear only if it gets worse or is over."
    )
    dry_run: bool


@router.post(
    "/v1/incidents/{incident}/reach",
    responses=errors(400, 404, 409, 413, 415) | answers(200, CALLED),
    openapi_extra=takes(ToldByPhone, {"family": "fam-1001", "told_by_phone": True}),
)
async def told(
    incident: str,
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[ToldByPhone], Depends(body_of(ToldByPhone))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> ToldByPhoneDone:
    """Keep that a family was told by phone: it counts as heard, told and answered, and its time begins anew."""
    async with here.deps.store.reading() as rows:
        number = (await find(rows, incident)).number
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, body.raw)
    done = await tell_by_phone(
        here.deps, number, FamilyId(body.said.family), who=who(key), dry_run=dry_run, repeat=repeat
    )
    return ToldByPhoneDone(
        incident=done.incident, family=done.family, update=done.update, next_by=done.next_by, dry_run=dry_run
    )
