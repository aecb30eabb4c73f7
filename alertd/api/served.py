"""What every route works with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from alertd.domain.service import Services
from alertd.ingest.alertmanager import BUILT_IN, Labels
from alertd.ports.deps import Deps


@dataclass(frozen=True, slots=True)
class Served:
    """The outside, as ports, and for the parsers the declared services and what labels of alerts mean."""

    deps: Deps
    services: Services
    labels: Labels = BUILT_IN


def _served(request: Request) -> Served:
    served: Served = request.app.state.served
    return served


Here = Annotated[Served, Depends(_served)]
"""In a route's signature: the deps and services of this app."""
