"""A person has mended what our own fault had stopped: it is tried again at once, not after its rest.

Decision 5 has the rest. What is owed then the planner says, so whoever has heard otherwise is told nothing twice.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from alertd.domain.errors import NotFound
from alertd.domain.paging import MESSAGES
from alertd.ports.deps import Deps
from alertd.records import RETRY
from alertd.usecases.repeat import Repeat, answered, keep


@dataclass(frozen=True, slots=True)
class Retried:
    """How many families lack what was parked: each is planned anew, and told that."""

    incident: int
    families: int


async def retry_parked(
    deps: Deps, which: int | UUID, *, who: str, dry_run: bool = False, repeat: Repeat | None = None
) -> Retried:
    """Try again what was parked of an incident, also where it has ended and the all-clear had been given up.

    Raises NotFound for an incident that there is not.
    """
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
        before = await answered(rows, repeat, Retried)
        if before is not None:
            return before
        incident = await rows.incident(which)
        if incident is None or incident.trial:
            raise NotFound(f"there is no incident {which}; alertd incident list shows them")
        parked = await rows.parked(incident.id)
        families = parked.families
        done = Retried(incident.number, len(families))
        if dry_run:
            return done
        now = deps.clock.now()
        if families:
            # No clock but the planner's: by another one, what is stopped again might count as planned before.
            mended = replace(incident, retried_at=parked.newest, version=incident.version + 1)
            saved = await rows.save_incident(mended)
            assert saved, "an incident was changed although none could be"
            await rows.plan_anew(incident.id, families, now)
            await rows.add_act(deps.new_id(), now, who, RETRY, incident.id, {"families": len(families)})
        await rows.end_trouble(incident.id, MESSAGES, now)  # if another crashes, that is told too
        await keep(rows, repeat, done, now)
    if families:
        deps.log.info("parked_retried", incident=done.incident, families=done.families)
        deps.doorbell.ring("bulk")
    return done
