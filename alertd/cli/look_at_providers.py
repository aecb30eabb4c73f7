"""What `alertd doctor` says of providers that the workers leave alone at this moment."""

import asyncio

from alertd import wiring
from alertd.cli.finding import Finding, Seen


def providers(seen: Seen) -> list[Finding]:
    """One for each; nothing where all are well, or the database does not answer, which is told already."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        found, now = asyncio.run(wiring.troubled_providers(seen.settings))
    except (SQLAlchemyError, OSError):
        return []
    mend = ("the provider's status page may say more", "alertd delivery list --state pending shows what waits")
    return [
        Finding(
            "wrong",
            f"channel {each.channel}",
            f"has failed for {(now - each.since).total_seconds():.0f} s ({each.code}): left alone, and tried "
            "again every half minute",
            mend,
        )
        for each in found
    ]
