"""Families as a list over HTTP: over which channels each can be told, and who has nothing loud."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alertd.api.access import ReadsFamilies
from alertd.api.errors import errors
from alertd.api.examples import LISTED, answers
from alertd.api.served import Here
from alertd.ports.deps import Deps
from alertd.records import Floor, Listed

router = APIRouter(tags=["families"])


class ListedView(BaseModel):
    """A family, without its contacts."""

    family: str
    over: list[str] = Field(description="Channels over which somebody in it can be told; [] = nobody can.")

    @classmethod
    def of(cls, found: Listed) -> "ListedView":
        """From the store's."""
        return cls(family=found.family, over=list(found.over))


class FamilyList(BaseModel):
    """A page of families, in order of id."""

    families: list[ListedView]
    next: str | None = Field(description="Pass it as `after` for the next page; null: this was the last one.")


@router.get("/v1/families:list", responses=errors() | answers(200, LISTED))
async def list_(
    _key: ReadsFamilies,
    here: Here,
    no_loud_channel: Annotated[
        bool, Query(description="Only those in whom nobody has an address that works of the policy's floor.")
    ] = False,
    after: Annotated[str, Query(description="The `next` of the page before.", max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> FamilyList:
    """Families with the channels over which they can be told, without any contacts."""
    deps = here.deps
    lacking = _floors(deps) if no_loud_channel else None
    async with deps.store.reading() as rows:
        found = await rows.listed_families(after, limit, tuple(deps.channels), lacking)
    return FamilyList(
        families=[ListedView.of(each) for each in found], next=found[-1].family if len(found) == limit else None
    )


def _floors(deps: Deps) -> list[Floor]:
    """For which services which floor holds; a policy without one asks for nothing."""
    services: dict[tuple[str, ...], list[str]] = {}
    for service in sorted(deps.services):
        services.setdefault(deps.policy_for(service).floor, []).append(service)
    return [Floor(tuple(names), floor) for floor, names in services.items() if floor]
