"""Why a family is told as it is, over HTTP."""

from fastapi import APIRouter

from alertd.api.access import ReadsFamilies, who
from alertd.api.errors import errors
from alertd.api.examples import EXPLAINED, answers
from alertd.api.explain_views import FamilyExplainedView
from alertd.api.served import Here
from alertd.domain.family import FamilyId
from alertd.usecases.explain_family import explain_family

router = APIRouter(tags=["families"])


@router.get("/v1/families/{family}/explain", responses=errors(404) | answers(200, EXPLAINED))
async def explain(family: str, key: ReadsFamilies, here: Here) -> FamilyExplainedView:
    """Who is told over what, by which rule, and how the family stands in what is open. Addresses are masked."""
    deps = here.deps
    found = await explain_family(deps, FamilyId(family))
    async with deps.store.transaction() as rows:  # who looked at contacts is kept
        act: dict[str, object] = {"family": found.family.id}
        await rows.add_act(deps.new_id(), deps.clock.now(), who(key), "explain family", None, act)
    return FamilyExplainedView.of(found, deps.clock.now())
