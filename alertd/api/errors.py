"""Every error has one shape, says what is wrong and how to go on, and shows nothing of the inside."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from alertd.api.link_page import trouble_page
from alertd.api.mistakes import problems_of
from alertd.domain.errors import Conflict, Invalid, NotFound
from alertd.ingest.reading import Mistakes, Problem

RETRY_AFTER = 5  # seconds; a database that restarts is back within them

_WORDS = {
    400: ("malformed", "The body is not JSON, or not what this path reads at all."),
    401: ("unauthenticated", "No API key, or one that is unknown or revoked."),
    403: (
        "forbidden",
        "The key lacks the right, or may not speak as this source; of a provider's callback: it is not signed.",
    ),
    404: ("not_found", "What was named does not exist."),
    405: ("method_not_allowed", "This cannot be done here."),
    408: ("too_slow", "The body did not come in time."),
    409: ("conflict", "It contradicts what alertd already knows; `incident` says which one is meant."),
    410: ("expired", "What the link was about is over, or whoever it was sent to is no longer known here."),
    413: ("too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body is not declared as JSON."),
    422: ("invalid", "A value cannot be what it says it is; `problems` lists all that was found."),
    500: ("internal", "A mistake of alertd's own; its log tells more."),
    503: ("unavailable", "The database does not answer; try again after `Retry-After` seconds."),
}


_FOR_PEOPLE = ("/a/", "/p/", "/r/", "/u/")
"""Where the links in messages lead: whoever is there reads no JSON."""

_NO_DATABASE = (
    "the database does not answer or takes nothing: this was not done, or a part of a long list; asking again "
    "soon is safe, and alertd doctor says more"
)
_EXAMPLES: Mapping[int, dict[str, Any]] = {
    400: {"message": "the body is not JSON: line 1, column 12"},
    401: {"message": "this API key is unknown or was revoked; alertd key create makes one"},
    403: {"message": "key 1a2b3c4d lacks the right incident:write; alertd key create makes one"},
    404: {"message": 'there is no incident "8"; alertd incident list shows them'},
    405: {"message": "this method is not for this path; /docs shows what is"},
    408: {"message": "the body did not come within 5 seconds; send all of it at once"},
    409: {
        "message": "incident 7 (Follow is down) covers this already; update it with: alertd incident update 7",
        "incident": 7,
    },
    410: {"message": "this link is no longer valid; there is nothing to acknowledge any more"},
    413: {"message": "the body is larger than 1 MB"},
    415: {"message": "send the body with Content-Type: application/json"},
    422: {"message": 'is no parameter of POST /v1/incidents; did you mean "dry_run"?', "field": "dryrun"},
    500: {"message": "alertd failed at this; its log tells why. Nothing is lost, and asking again is safe"},
    503: {"message": _NO_DATABASE},
}


class ProblemView(BaseModel):
    """One mistake with its place."""

    message: str
    field: str | None = Field(None, examples=["caregivers[1].addresses[0].to"])
    line: int | None = None


class ErrorView(BaseModel):
    """What is wrong, and how to go on."""

    code: str = Field(examples=["invalid"])
    message: str = Field(examples=['"criticl" is not a severity; did you mean "critical"?'])
    field: str | None = Field(None, examples=["severity"])
    line: int | None = None
    incident: int | None = Field(None, description="The incident that stands in the way.")
    problems: list[ProblemView] | None = Field(None, description="All mistakes, where there are several.")


class ErrorAnswer(BaseModel):
    """The body of every answer that is no success."""

    error: ErrorView


class Denied(Exception):
    """The request is refused before it is looked into: status and one sentence."""

    def __init__(self, status: int, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: these statuses, and those that every protected route may answer with.

    What has a body that may be too large (413) has one that may not come.
    """
    late = {408} if 413 in statuses else set[int]()
    return {
        status: {
            "model": ErrorAnswer,
            "description": _WORDS[status][1],
            "content": {
                "application/json": {"example": {"error": {"code": _WORDS[status][0], **_EXAMPLES[status]}}}
            },
        }
        for status in sorted({*statuses, *late, 401, 403, 405, 422, 500, 503})
    }


def answer(
    status: int,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    field: str | None = None,
    line: int | None = None,
    incident: int | None = None,
    problems: tuple[Problem, ...] = (),
) -> JSONResponse:
    """An error as JSON."""
    code = _WORDS[status][0] if status in _WORDS else "refused"
    told: dict[str, object] = {"code": code, "message": message}
    told |= {k: v for k, v in (("field", field), ("line", line), ("incident", incident)) if v}
    if len(problems) > 1:
        told["problems"] = [
            {k: v for k, v in (("message", p.message), ("field", p.field), ("line", p.line)) if v}
            for p in problems
        ]
    return JSONResponse({"error": told}, status, headers=dict(headers or {}))


def each_of(error: Invalid) -> list[Problem]:
    """All that a use case found wrong, in its order."""
    return [Problem(each.message, each.field or "") for each in (error, *error.also)]


def install(app: FastAPI) -> None:
    """Turn every exception that may leave a route into an answer."""
    app.add_exception_handler(Denied, _denied)
    app.add_exception_handler(Invalid, _invalid)
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(Conflict, _conflict)
    app.add_exception_handler(RequestValidationError, _bad_parameters)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    for kind in (OperationalError, InterfaceError, InternalError, NoConnectionFree):
        app.add_exception_handler(kind, _no_database)
    app.add_exception_handler(Exception, _our_mistake)


def _answer(request: Request, status: int, message: str, **more: Any) -> Response:
    """As JSON; below the paths of links as a page, in every language."""
    if request.url.path.startswith(_FOR_PEOPLE):
        return trouble_page(status, more.get("headers"))
    return answer(status, message, **more)


async def _denied(request: Request, error: Exception) -> Response:
    assert isinstance(error, Denied)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if error.status in (408, 413):
        headers["Connection"] = "close"  # what is still on its way is not read
    if error.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER)
    return _answer(request, error.status, error.message, headers=headers, field=error.field)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, Invalid)
    problems = error.problems if isinstance(error, Mistakes) else tuple(each_of(error))
    return _answer(request, 422, error.message, field=error.field, line=error.line, problems=problems)


async def _not_found(request: Request, error: Exception) -> Response:
    return _answer(request, 404, str(error))


async def _conflict(request: Request, error: Exception) -> Response:
    assert isinstance(error, Conflict)
    return _answer(request, 409, str(error), incident=error.incident)


async def _bad_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # A parameter given several times is one parameter: its name, without a place in a list.
    found = [each | {"loc": tuple(p for p in each["loc"] if isinstance(p, str))} for each in error.errors()]
    return await _invalid(request, Mistakes(problems_of(found, skip=1)))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = {
        404: "there is nothing at this path; /docs shows what there is",
        405: "this method is not for this path; /docs shows what is",
    }.get(error.status_code, str(error.detail))
    return _answer(request, error.status_code, message, headers=error.headers)


async def _hung_up(request: Request, _error: Exception) -> Response:
    """Nobody reads it; without it the server would log a mistake of ours."""
    return _answer(request, 400, "the connection was closed before all of the body had come")


_LATER = frozenset({"25006", "25P03"})
"""Of Postgres's internal errors those that pass: nothing may be written, a session was idle for too long.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


async def _no_database(request: Request, error: Exception) -> Response:
    if isinstance(error, InternalError) and getattr(error.orig, "sqlstate", None) not in _LATER:
        raise error  # ours
    request.app.state.served.deps.log.warning("database_failed", error=type(error).__name__, exc_info=error)
    return _answer(request, 503, _NO_DATABASE, headers={"Retry-After": str(RETRY_AFTER)})


async def _our_mistake(request: Request, _error: Exception) -> Response:
    # The server logs the exception itself, masked; whoever asked gets nothing of it.
    return _answer(
        request, 500, "alertd failed at this; its log tells why. Nothing is lost, and asking again is safe"
    )
