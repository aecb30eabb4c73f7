"""What every route works with."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from alertd.api.scrape import Scrapes
from alertd.domain.service import Services
from alertd.ports.deps import Deps


@dataclass(frozen=True, slots=True)
class Served:
    """The outside, as ports, and the declared services for the parsers."""

    deps: Deps
    services: Services
    scrapes: Scrapes = field(default_factory=Scrapes)


def _served(request: Request) -> Served:
    served: Served = request.app.state.served
    return served


Here = Annotated[Served, Depends(_served)]
"""In a route's signature: the deps and services of this app."""
