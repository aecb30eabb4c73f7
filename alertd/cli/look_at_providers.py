"""What `alertd doctor` says of providers that the workers leave alone at this moment."""

import asyncio
from datetime import datetime

from alertd import wiring
from alertd.cli.finding import Finding, Seen
from alertd.records import Lag


def providers(seen: Seen) -> list[Finding]:
    """One for each; nothing where all are well, or the database does not answer, which is told already."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        found, now = asyncio.run(wiring.troubled_providers(seen.settings))
        lags, _ = asyncio.run(wiring.silent_providers(seen.settings))
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
    ] + [_silent(lag, now) for lag in lags]


def _silent(lag: Lag, now: datetime) -> Finding:
    since = f"{(now - lag.since).total_seconds():.0f} s" if lag.since is not None else ""
    return Finding(
        "wrong",
        f"receipts of {lag.channel}",
        f"for {since} now of nearly all that it took nothing was reported ({lag.missing} of {lag.taken} messages "
        "of ten minutes): they may all have arrived, or none",
        (
            "the provider's own console says whether they were delivered",
            "where they were, its reports do not reach you: can it POST to ALERTD_PUBLIC_URL, through your proxy?",
            "where they were not, tell families another way; their next channels are used when nobody answers",
        ),
    )
