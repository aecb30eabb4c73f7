"""The key that links are signed with: another one signs from a moment on, and those before it count as well.

Nothing waits for all parts to know the new one: whoever reads a link asks the database for every key that counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from alertd.domain.errors import Conflict
from alertd.domain.links import Purpose, read
from alertd.ports.deps import Deps
from alertd.ports.store import Rows

_ASK_AGAIN = timedelta(seconds=5)  # machine time: as often as a part beats
SPREADS = timedelta(minutes=1)
"""Machine time after which every part signs with the newest key, one that is busy or asks seldom too."""

ROTATE = "rotate link key"
FORGET = "forget link keys"


@dataclass(frozen=True, slots=True)
class Counting:
    """A key whose links are taken; the newest one signs."""

    number: int
    made_at: datetime  # machine time


async def signed(rows: Rows, purpose: Purpose, token: str) -> UUID | None:
    """What a token names, whichever of our keys it was signed with; None: it is none of ours."""
    found = (read(key.secret, purpose, token) for key in await rows.signing_keys())
    return next((named for named in found if named is not None), None)


async def rotate(deps: Deps, *, who: str = "operator") -> Counting:
    """Sign with a new key from now on; links that were sent stay valid. Returns the newest."""
    async with deps.store.transaction() as rows:
        await rows.rotate_signing_key(deps.clock.machine())
        newest = (await rows.signing_keys())[0]
        await rows.add_act(deps.new_id(), deps.clock.now(), who, ROTATE, None, {"key": newest.id})
    return Counting(newest.id, newest.created_at)


async def forget(deps: Deps, *, who: str = "operator") -> int:
    """Take no links any more but those of the newest key; returns how many keys are gone.

    Raises Conflict while a part may still sign with the one before it, and where there is none before it.
    """
    async with deps.store.transaction() as rows:
        keys = await rows.signing_keys()
        if len(keys) < 2:
            raise Conflict("all links are signed with one key; alertd link rotate makes another")
        left = keys[0].created_at + SPREADS - deps.clock.machine()
        if left > timedelta():
            raise Conflict(
                "messages that leave now may still be signed with the key before the newest; "
                f"wait {left.total_seconds():.0f} seconds"
            )
        gone = await rows.forget_signing_keys(keys[0].id)
        await rows.add_act(deps.new_id(), deps.clock.now(), who, FORGET, None, {"keys": gone})
    return gone


class FreshKey:
    """Of one process that signs; ask before each piece of work."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._asked_at = deps.clock.machine()

    async def look(self) -> None:
        """Ask the database every few seconds, and sign with the newest key."""
        links, now = self._deps.links, self._deps.clock.machine()
        if links is None or now - self._asked_at < _ASK_AGAIN:
            return
        async with self._deps.store.reading() as rows:
            keys = await rows.signing_keys()
        self._asked_at = now
        if keys:
            links.secret = keys[0].secret
