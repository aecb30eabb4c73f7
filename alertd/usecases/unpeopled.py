"""Regions that an incident names and no family has: it touches only families that never said where they are."""

from dataclasses import dataclass
from difflib import get_close_matches

from alertd.domain.incident import Scope
from alertd.ports.store import Rows

_ALIKE = 0.8  # "us-wset" and "us-west"; "us-east" is another place


@dataclass(frozen=True, slots=True)
class Unpeopled:
    """A region of a scope in which no family uses the service."""

    service: str
    region: str
    near: str | None = None  # one that families have, and that may have been meant


async def unpeopled(rows: Rows, scope: Scope) -> tuple[Unpeopled, ...]:
    """In the order of the scope. Where no region is named nothing is asked."""
    placed = [reach for reach in scope.reaches if reach.regions]
    if not placed:
        return ()
    regions = await rows.regions_of(sorted({reach.service for reach in placed}))
    found = []
    for reach in placed:
        known = regions.get(reach.service, frozenset())
        for region in reach.regions:
            if not any(own == region or own.startswith(region + "-") for own in known):
                near = get_close_matches(region, sorted(known), n=1, cutoff=_ALIKE)
                found.append(Unpeopled(reach.service, region, near[0] if near else None))
    return tuple(found)
