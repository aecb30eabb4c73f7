"""What `alertd doctor` says of API keys: which of them could pretend to be any machine."""

import asyncio

from alertd import wiring
from alertd.cli.finding import Finding, Seen
from alertd.usecases.keys import speaks_as_any_machine


def machine_keys(seen: Seen) -> list[Finding]:
    """Those of machines that are bound to no source; nothing where no database answers, which is told already."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        keys = asyncio.run(wiring.keys(seen.settings))
    except (SQLAlchemyError, OSError):
        return []
    return [
        Finding(
            "note",
            "api key",
            f"key {key.id} may speak as any source: who has it can end what another machine has opened",
            (
                "alertd key create --right event:write --source NAME makes one that may not; "
                f"then alertd key revoke {key.id}",
            ),
        )
        for key in keys
        if speaks_as_any_machine(key)
    ]
