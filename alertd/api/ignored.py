"""What machines told in vain, over HTTP, and whether responders have heard of it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alertd.api.access import ReadsIncidents
from alertd.api.errors import errors
from alertd.api.examples import IGNORED, answers
from alertd.api.served import Here
from alertd.records import Ignored
from alertd.usecases.tell_ignored import TOLD

router = APIRouter(tags=["events"])
Limit = Annotated[int, Query(ge=1, le=1000)]


class IgnoredView(BaseModel):
    """Alerts of one source that were ignored together, for one reason."""

    at: datetime
    source: str
    reason: str = Field(description="unmapped, touches nobody, may not open, or asks for more")
    why: str = Field(description="Of the first one, with the way out.")
    alerts: list[str] = Field(description="What fires, in the source's words: the first ten.")
    count: int = Field(description="How many alerts.")
    told: str | None = Field(description="The responder's role who has heard of it; none: nobody yet.")

    @classmethod
    def of(cls, said: Ignored) -> "IgnoredView":
        """From the store's."""
        return cls(
            at=said.at,
            source=said.source,
            reason=said.reason,
            why=said.why,
            alerts=list(said.alerts),
            count=said.count,
            told=said.told,
        )


class IgnoredEvents(BaseModel):
    """Newest first."""

    ignored: list[IgnoredView]


@router.get("/v1/events/ignored", responses=errors() | answers(200, IGNORED))
async def ignored(_key: ReadsIncidents, here: Here, limit: Limit = 50) -> IgnoredEvents:
    """What machines told in vain, newest first; an alert is not named again while it goes on firing."""
    async with here.deps.store.reading() as rows:
        found = await rows.newest_ignored(limit, TOLD)
    return IgnoredEvents(ignored=[IgnoredView.of(each) for each in found])
