"""What is wrong with an opening beside its shape: both are told at once."""

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import Request
from pydantic import ValidationError

from alertd.api.bodies import root_of
from alertd.api.commands import OpenIncident
from alertd.api.errors import each_of
from alertd.api.served import Served
from alertd.domain.errors import Invalid
from alertd.domain.incident import Severity
from alertd.ingest.reading import Problem
from alertd.usecases.open_incident import read_opening

_JUDGED_BY = {
    "regions": {"services"},
    "next_in": {"services", "severity", "next_by"},
    "next_by": {"services", "severity", "next_in"},
}
"""What a field is judged by: where that is a stand-in, nothing true can be said of it."""


def further(request: Request, document: Mapping[str, Any], unread: Collection[str]) -> list[Problem]:
    """What else is wrong with an opening whose `unread` fields have no value; stand-ins take their place."""
    served: Served = request.app.state.served
    deps = served.deps
    stand_ins = {"services": list(deps.services)[:1], "severity": Severity.MAJOR.value, "title": "?"}
    kept = {name: document[name] for name in OpenIncident.model_fields if name in document and name not in unread}
    try:
        opening = OpenIncident.model_validate(stand_ins | kept).opening()
        read_opening(deps, opening, deps.clock.now())
    except ValidationError:
        return []
    except Invalid as error:
        return [
            problem
            for problem in each_of(error)
            if (root := root_of(problem.field)) not in unread and not _JUDGED_BY.get(root, set()) & set(unread)
        ]
    return []
