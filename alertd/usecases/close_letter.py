"""Somebody on our side has dealt with what a family wrote: it leaves the inbox."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alertd.domain.errors import NotFound
from alertd.ports.deps import Deps
from alertd.records import SIGNATURE
from alertd.usecases.repeat import Repeat, answered, keep


@dataclass(frozen=True, slots=True)
class Closed:
    """When that was first said, and by whom."""

    letter: UUID
    done_at: datetime
    done_by: str


async def close_letter(deps: Deps, letter: UUID, *, who: str, repeat: Repeat | None = None) -> Closed:
    """Keep that it is done; done again, the first time stands. Raises NotFound."""
    async with deps.store.transaction() as rows:
        before = await answered(rows, repeat, Closed)
        if before is not None:
            return before
        now = deps.clock.now()
        if await rows.close_letter(letter, who[:SIGNATURE], now):
            await rows.add_act(deps.new_id(), now, who, "letter done", None, {"letter": str(letter)})
        found = await rows.letter(letter)
        if found is None or found.done_at is None or found.done_by is None:
            raise NotFound(f"there is no message {letter} in the inbox; alertd inbox list shows them")
        closed = Closed(letter, found.done_at, found.done_by)
        await keep(rows, repeat, closed, now)
    return closed
