"""What every route works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from alertd.api.scrape import Scrapes
from alertd.domain.policy import Policy
from alertd.domain.service import Services
from alertd.ingest.alertmanager import BUILT_IN, Labels
from alertd.ports.deps import Deps
from alertd.usecases.security import SecurityEvents
from alertd.usecases.take_receipt import Receipts

ReadPolicy = Callable[[bytes], Policy]
"""Reads the text of a policy file. Raises Mistakes with every line that is wrong."""

BODY_SECONDS = 5.0
"""For a body of up to 64 KB to come: anybody may begin one, and each that is waited for takes a connection."""


@dataclass(frozen=True, slots=True)
class Served:
    """The outside, as ports, and for the parsers the declared services and what labels of alerts mean."""

    deps: Deps
    services: Services
    read_policy: ReadPolicy
    labels: Labels = BUILT_IN
    body_seconds: float = BODY_SECONDS
    scrapes: Scrapes = field(default_factory=Scrapes)
    receipts: Receipts = field(init=False)
    security: SecurityEvents = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "receipts", Receipts(self.deps))
        object.__setattr__(self, "security", SecurityEvents(self.deps))


def _served(request: Request) -> Served:
    served: Served = request.app.state.served
    return served


Here = Annotated[Served, Depends(_served)]
"""In a route's signature: the deps and services of this app."""
