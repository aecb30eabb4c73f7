"""Whom an incident has reached, over HTTP, and the two lists of families that have not answered."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alertd.api.access import ReadsIncidents
from alertd.api.errors import errors
from alertd.api.examples import REACH, answers
from alertd.api.find import find
from alertd.api.served import Here
from alertd.domain.watch import LadderState
from alertd.records import Unanswered

router = APIRouter(tags=["deliveries"])
Limit = Annotated[int, Query(ge=1, le=10_000, description="Of either list at most so many families.")]


class UnansweredView(BaseModel):
    """A family whose ladder has come to its end."""

    family: str
    step: int = Field(description="The last step of the ladder, from 1.")
    heard_at: datetime | None = Field(description="When a provider last took a message for them.")
    next_by: datetime = Field(description="By then they hear again: they go on being told over whatever works.")

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
        description="There is no way to tell them: no usable address is left, or all have opted out."
    )
    resting: dict[str, int] = Field(description="Families that are owed nothing now, by the reason.")


@router.get("/v1/incidents/{incident}/reach", responses=errors(404) | answers(200, REACH))
async def reach(incident: str, _key: ReadsIncidents, here: Here, limit: Limit = 100) -> ReachView:
    """Whom an incident has reached, and who has not answered."""
    async with here.deps.store.reading() as rows:
        found = await find(rows, incident)
        reached = await rows.reach(found.id, limit)
        told = await rows.progress(found.id, found.newest.number)
    return ReachView(
        touched=reached.families,
        heard=reached.heard,
        ladders={state.value: reached.ladders.get(state, 0) for state in LadderState},
        unreachable=[UnansweredView.of(each) for each in reached.unreachable],
        unanswered=[UnansweredView.of(each) for each in reached.unanswered],
        untellable=[UnansweredView.of(each) for each in reached.untellable],
        resting=dict(told.resting),
    )
