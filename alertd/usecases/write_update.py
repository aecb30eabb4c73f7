"""Writes an update, the incident as it then is, and the cursors that carry it: one step of a transaction."""

from alertd.domain.delivery import Lane
from alertd.domain.incident import Incident, Kind
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.fan_out import cursors

URGENT_BELOW = 1000
"""First notices that touch fewer families take the urgent lane, all else the bulk lane."""


async def write_update(
    deps: Deps,
    rows: Rows,
    before: Incident,
    changed: Incident,
    *,
    who: str,
    families: int,
    what: str | None = None,
    **more: object,
) -> bool:
    """Write the newest update of `changed`, and have `families` told of it, unless it is not to be told.

    `what`: the act's name, if it is not the update's kind; `more` goes into its detail. False if somebody else
    wrote first: roll back.
    """
    update = changed.newest
    if not await rows.add_update(before.id, update) or not await rows.save_incident(changed):
        return False
    if update.notify:
        anew = _anew(before, changed) or changed.scope != before.scope
        await rows.add_fanout(
            cursors(deps, families),
            before.id,
            update.number,
            lane_of(before, changed, families),
            deps.clock.machine(),
            scope=changed.scope if anew else None,
        )
    detail: dict[str, object] = {"kind": update.kind.value, "update": update.number, "notify": update.notify}
    detail |= more
    await rows.add_act(deps.new_id(), update.at, who, what or update.kind.value, before.id, detail)
    return True


def lane_of(before: Incident, changed: Incident, families: int) -> str:
    """The lane of an update: of all updates only those that tell somebody anew carry first notices."""
    if _anew(before, changed) or not before.scope.covers(changed.scope):
        return lane_of_notices(families)
    return Lane.BULK.value


def _anew(before: Incident, changed: Incident) -> bool:
    """Whether it begins, or begins again, for everybody whom it touches; a post-mortem begins nothing."""
    return (before.held or before.state.ended) and changed.newest.kind is not Kind.POSTMORTEM


def lane_of_notices(families: int) -> str:
    """The lane of a cursor that carries first notices to so many families."""
    return (Lane.URGENT if families < URGENT_BELOW else Lane.BULK).value
