"""Families over HTTP: one by one, and out again."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from alertd.api.access import ReadsFamilies, WritesFamilies, who
from alertd.api.bodies import read_document, takes
from alertd.api.errors import errors
from alertd.api.examples import FAMILY_WRITTEN, answers
from alertd.api.family_body import EXAMPLE, FamilyBody
from alertd.api.served import Here, Served
from alertd.domain.errors import Conflict, Invalid, NotFound, quote
from alertd.domain.family import FamilyId
from alertd.ingest import family as family_format
from alertd.ingest.family_document import to_document
from alertd.ingest.reading import Mistakes, Problem
from alertd.records import Key
from alertd.usecases.put_families import delete_family, put_families

router = APIRouter(tags=["families"])


class FamilyWritten(BaseModel):
    """The family is stored; if an incident touches it, it is told now."""

    family: str


class Families(BaseModel):
    """A page of the export, in order of id."""

    families: list[dict[str, Any]]
    next: str | None  # pass it as `after` for the next page; none: this was the last one


@router.put(
    "/v1/families/{family}",
    responses=errors(400, 409, 413, 415) | answers(200, FAMILY_WRITTEN),
    openapi_extra=takes(FamilyBody, EXAMPLE),
)
async def put(
    family: str,
    key: WritesFamilies,
    here: Here,
    document: Annotated[tuple[bytes, object], Depends(read_document)],
) -> FamilyWritten:
    """Insert or replace a family. 409 where what is stored has a newer `updated_at`."""
    value = document[1]
    if not isinstance(value, dict):
        raise Mistakes([Problem("the family must be a set of keys and values")])
    parsed = family_format.parse(value, here.services, now=here.deps.clock.machine())
    if parsed.id != family:
        raise Invalid(f'is not the "{quote(family)}" of the path', field="id")
    taken = await put_families(here.deps, [parsed], who=who(key))
    if taken.stale:
        raise Conflict(
            f"family {parsed.id} is stored with a newer updated_at; read it, and send your change with a newer one"
        )
    return FamilyWritten(family=parsed.id)


@router.get(
    "/v1/families",
    responses=errors() | answers(200, {"families": [EXAMPLE], "next": None}),
)
async def export(
    key: ReadsFamilies,
    here: Here,
    after: Annotated[str, Query(description="The `next` of the page before.", max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> Families:
    """All families in order of id, a page at a time, in the form that an import takes."""
    async with here.deps.store.reading() as rows:
        found = await rows.families_after(after, limit)
    await _record(here, key, "read families", {"after": after, "families": len(found)})
    return Families(
        families=[to_document(each) for each in found], next=found[-1].id if len(found) == limit else None
    )


@router.get(
    "/v1/families/{family}",
    responses=errors(404) | answers(200, EXAMPLE),
)
async def show(family: str, key: ReadsFamilies, here: Here) -> dict[str, Any]:
    """One family, in the form that an import takes; of addresses that are not used it says since when, and why."""
    async with here.deps.store.reading() as rows:
        found = await rows.family(FamilyId(family))
        states = await rows.address_states(FamilyId(family))
    if found is None:
        raise NotFound(f'there is no family "{quote(family)}"')
    await _record(here, key, "read family", {"family": found.id})
    return to_document(found, states)


@router.delete("/v1/families/{family}", status_code=204, responses=errors(404), response_class=Response)
async def delete(family: str, key: WritesFamilies, here: Here) -> None:
    """Forget a family and its addresses; what keeps an opted-out address from being told stays."""
    await delete_family(here.deps, FamilyId(family), who=who(key))


async def _record(here: Served, key: Key, what: str, detail: dict[str, object]) -> None:
    """Who looked at contacts is kept."""
    deps = here.deps
    async with deps.store.transaction() as rows:
        await rows.add_act(deps.new_id(), deps.clock.now(), who(key), what, None, detail)
