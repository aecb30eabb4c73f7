"""What `alertd doctor` says of API keys: which of them could pretend to be any machine."""

import asyncio

from alertd import wiring
from alertd.cli.finding import Finding, Seen
from alertd.cli.look_at_database import there
from alertd.usecases.keys import speaks_as_any_machine


def machine_keys(seen: Seen) -> list[Finding]:
    """Those of machines that are bound to no source; nothing where no database answers, which is told already."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    if not there(make_url(seen.settings.database_url.get_secret_value())):
        return []
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
