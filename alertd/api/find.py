"""The incident that a path names."""

from uuid import UUID

from alertd.domain.errors import NotFound, quote
from alertd.domain.incident import Incident
from alertd.ports.store import Rows


async def find(rows: Rows, which: str) -> Incident:
    """The incident of this number or id. Raises NotFound."""
    name = _name(which)
    found = await rows.incident(name) if name is not None else None
    if found is None:
        raise NotFound(f'there is no incident "{quote(which)}"; alertd incident list shows them')
    return found


def _name(which: str) -> int | UUID | None:
    if which.isascii() and which.isdigit() and len(which) < 10:
        return int(which)
    try:
        return UUID(which)
    except ValueError:
        return None
