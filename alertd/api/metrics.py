"""`/metrics` for Prometheus: the state of the cluster as the database knows it, whichever API is asked."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError

from alertd.api.errors import RETRY_AFTER, answer, errors
from alertd.api.examples import METRICS
from alertd.api.exposition import render
from alertd.api.served import Here

router = APIRouter(tags=["health"])

_EXAMPLE = errors(503)[503]["content"]["application/json"]
_SCHEMA = {"$ref": "#/components/schemas/ErrorAnswer"}  # FastAPI would declare a model as text, as the metrics are
_UNAVAILABLE = {
    "description": errors(503)[503]["description"],
    "content": {"application/json": {**_EXAMPLE, "schema": _SCHEMA}},
}


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": METRICS}}}, 503: _UNAVAILABLE},
)
async def metrics(here: Here) -> Response:
    """The state of the whole cluster, for Prometheus; no key is needed, and no personal data is in it."""
    try:
        await here.security.write()
        text = await here.scrapes.text(here.deps, render)
    except (SQLAlchemyError, TimeoutError, OSError) as error:
        here.deps.log.warning("not_measured", error=type(error).__name__)
        retry = {"Retry-After": str(RETRY_AFTER)}
        return answer(503, "the database does not answer; alertd doctor says more", headers=retry)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
