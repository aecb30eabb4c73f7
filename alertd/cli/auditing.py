"""What `alertd doctor` says of the auditor and of the switch outside that hears from it."""

import asyncio
from datetime import datetime

from alertd import wiring
from alertd.cli.finding import Finding, Seen
from alertd.domain.audit import Audit, Kept
from alertd.ports.deps import Timing
from alertd.settings import Settings
from alertd.usecases.audit import overdue

_EVERY = Timing().audit


def auditor(seen: Seen) -> list[Finding]:
    """The newest audit, and the last ping; nothing where the database does not answer, which is told already."""
    from sqlalchemy.exc import SQLAlchemyError

    settings = seen.settings
    try:
        kept, now = asyncio.run(wiring.last_audit(settings))
    except (SQLAlchemyError, OSError):
        return []
    return [_audited(kept, now), _pinged(settings, kept, now)]


def _audited(kept: Kept | None, now: datetime) -> Finding:
    if kept is None:
        text = f"has not asked yet whether every family is accounted for; a sweeper asks every {_EVERY:.0f} s"
        return Finding("note", "auditor", text, ("alertd up runs a sweeper, or alertd sweeper",))
    audit, ago = kept.audit, f"{(now - kept.audit.machine_at).total_seconds():.0f} s ago"
    if overdue(audit.machine_at, now, _EVERY):
        text = f"asked last {ago}: nobody would notice a family that is forgotten"
        return Finding("wrong", "auditor", text, ("start a sweeper: alertd up, or alertd sweeper",))
    if audit.failed is not None:
        mend = ("the sweeper's log has the whole error, under audit_failed",)
        return Finding("wrong", "auditor", f"could not ask {ago} ({audit.failed})", mend)
    if audit.unaccounted:
        text = f"{audit.missing} of {audit.families} families are unaccounted for, {ago}; they are planned anew"
        return Finding("wrong", "auditor", text, tuple(_named(audit)))
    excused = sum(audit.excuses.values())
    why = f", {excused} of them with an excuse ({', '.join(audit.excuses)})" if excused else ""
    return Finding("ok", "auditor", f"{ago} {_families(audit.families)} accounted for{why}")


def _families(number: int) -> str:
    match number:
        case 0:
            return "nobody was touched, and so everybody was"
        case 1:
            return "the one family that is touched was"
        case _:
            return f"all of {number} families were"


def _named(audit: Audit) -> list[str]:
    return [
        f"incident {each.incident}: alertd family show {each.families[0]}"
        + (f", and {each.count - 1} more" if each.count > 1 else "")
        for each in audit.unaccounted
    ]


def _pinged(settings: Settings, kept: Kept | None, now: datetime) -> Finding:
    what = "dead man"
    if settings.dead_man.url is None:
        text = "no switch outside is set: if all of alertd is down, nobody hears of it"
        mend = ("set ALERTD_DEAD_MAN__URL to a URL whose owner raises an alarm when it is not asked",)
        return Finding("note", what, text, mend)
    withheld = kept.audit.withheld if kept is not None else ()
    if withheld:
        return Finding("wrong", what, "no ping is sent", tuple(f"it is withheld by: {name}" for name in withheld))
    if kept is None or kept.pinged_at is None:
        mend = ("if that stays so, the sweeper's log says why: ping_failed, or ping_withheld",)
        return Finding("note", what, "is set, and has not taken a ping yet", mend)
    ago = (now - kept.pinged_at).total_seconds()
    if ago > 3 * settings.dead_man.every_seconds:
        mend = ("the sweeper's log says why: ping_failed, or ping_withheld",)
        return Finding("note", what, f"took its last ping {ago:.0f} s ago", mend)
    return Finding("ok", what, f"took a ping {ago:.0f} s ago")
