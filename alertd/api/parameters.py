"""Query parameters: one that a route does not declare is refused, for it may have been a misspelt dry_run."""

from collections import Counter

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from alertd.domain.errors import quote
from alertd.ingest.reading import Mistakes, Problem, hint


def refuse_undeclared(request: Request) -> None:
    """Raises Mistakes that names every parameter this route does not know, and every one given twice for once."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    if not given:
        return
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = {
        field.alias: field for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)
    }
    problems = [
        Problem(f"is no parameter of {request.method} {route.path_format}{hint(name, known)}", quote(name))
        for name in given
        if name not in known
    ]
    problems += [
        Problem("is given more than once", name)
        for name, count in given.items()
        if count > 1 and name in known and not isinstance(known[name].get_default(), list)
    ]
    if problems:
        raise Mistakes(problems)
