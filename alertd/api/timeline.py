"""The timeline of an incident over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alertd.api.access import ReadsIncidents
from alertd.api.entry import Entry
from alertd.api.errors import errors
from alertd.api.examples import TIMELINE, answers
from alertd.api.find import find
from alertd.api.served import Here
from alertd.api.story import tell
from alertd.api.views import IncidentView

router = APIRouter(tags=["incidents"])


class EntryView(BaseModel):
    """One thing that happened."""

    at: datetime
    what: str = Field(
        description="An update's kind (notice, progress, holding, ...), or refused, undelivered, parked; "
        "of a machine also proposed (it may not do that by itself) and resolving; what responders got and did: "
        "nudge, page, ack; told_by_phone: a person of yours has reached a family; and policy, where another "
        "took its place.",
        examples=["refused"],
    )
    text: str = Field(
        examples=[
            "push address of family fam-7 refused by the provider (UNREGISTERED); "
            "address suspended, told over sms instead"
        ]
    )
    who: str | None = Field(None, description="The key that did it.")
    update: int | None = None
    human_number: int | None = Field(None, description="The update's number as readers see it.")
    promise: datetime | None = None
    told: dict[str, dict[str, int]] | None = Field(None, description="Channel, state, number of deliveries.")
    last_accepted_at: datetime | None = None
    channel: str | None = None
    code: str | None = None
    families: list[str] = []

    @classmethod
    def of(cls, entry: Entry) -> "EntryView":
        """From the story's."""
        told = (
            {channel: dict(states) for channel, states in entry.told.items()} if entry.told is not None else None
        )
        return cls(
            at=entry.at,
            what=entry.what,
            text=entry.text,
            who=entry.who,
            update=entry.update,
            human_number=entry.human_number,
            promise=entry.promise,
            told=told,
            last_accepted_at=entry.last_accepted_at,
            channel=entry.channel,
            code=entry.code,
            families=list(entry.families),
        )


class Timeline(BaseModel):
    """Everything that happened in one incident, oldest first."""

    incident: IncidentView
    entries: list[EntryView]
    more_failures: bool = Field(description="Older failures were left out; /deliveries lists all.")


@router.get("/v1/incidents/{incident}/timeline", responses=errors(404) | answers(200, TIMELINE))
async def timeline(
    incident: str,
    _key: ReadsIncidents,
    here: Here,
    failures: Annotated[int, Query(ge=0, le=10_000, description="How many failures to tell of.")] = 1000,
) -> Timeline:
    """Acts of humans and machines, updates with what was delivered of them, refusals, holdings, as one story."""
    async with here.deps.store.reading() as rows:
        found = await find(rows, incident)
        failed = await rows.failures(found.id, failures + 1)
        entries = tell(
            found,
            await rows.acts(found.id),
            await rows.by_update(found.id),
            failed[:failures],
            await rows.pages(found.id),
            await rows.detours(found.id),
        )
    return Timeline(
        incident=IncidentView.of(found, here.deps.clock.now()),
        entries=[EntryView.of(entry) for entry in entries],
        more_failures=len(failed) > failures,
    )
