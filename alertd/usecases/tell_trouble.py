"""Tell responders that something of ours fails while families are told all the same (R8, R14)."""

from collections.abc import Mapping

from alertd.domain.incident import IncidentId
from alertd.ports.deps import Deps

Trouble = tuple[IncidentId, str]
"""An incident, and what the trouble is about: responders hear of it once for each."""


async def tell_trouble(deps: Deps, found: Mapping[Trouble, str]) -> bool:
    """Note what fails, with the code or sentence that says how; False if that could not be written.

    Never raises: families come first, and what fails again is noted again.
    """
    try:
        async with deps.store.transaction() as rows:
            for (incident, subject), code in sorted(found.items()):
                await rows.add_trouble(incident, subject, code, deps.clock.now())
    except Exception as error:
        deps.log.warning("trouble_not_noted", error=type(error).__name__, exc_info=True)
        return False
    return True
