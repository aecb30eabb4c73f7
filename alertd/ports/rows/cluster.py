"""Keys, heartbeats, counters and the clock that all parts share."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from alertd.domain.audit import Audit, Kept
from alertd.domain.downtime import Downtime
from alertd.domain.held_clock import Held
from alertd.domain.incident import IncidentId
from alertd.records import Census, Key, Lag, Provider, SigningKey


class ClusterRows(Protocol):
    """Within one transaction."""

    async def add_key(self, key: Key) -> None:
        """Store a key: its digest, never the secret."""

    async def key(self, key_id: str) -> Key | None:
        """A key by its public id."""

    async def keys(self) -> Sequence[Key]:
        """All keys, oldest first."""

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Refuse a key from now on; False if there is none to revoke."""

    async def answered(self, who: str, key: str) -> tuple[bytes, int, str] | None:
        """(digest of the body, status, response) of a command that was carried out before."""

    async def remember_answer(
        self, who: str, key: str, digest: bytes, status: int, response: str, at: datetime
    ) -> None:
        """Keep the answer of a command in the transaction that carried it out."""

    async def signing_key(self, at: datetime) -> bytes:
        """The 32 bytes that links are signed with, made at the first use; `at` is machine time."""

    async def signing_keys(self) -> Sequence[SigningKey]:
        """All whose links are taken, newest first: that one signs. None before the first use."""

    async def rotate_signing_key(self, at: datetime) -> None:
        """Sign with another one from now on; of two who do so at once one does it."""

    async def forget_signing_keys(self, before: int) -> int:
        """Take no links any more that were signed with keys older than that; returns how many keys are gone."""

    async def beat(self, name: str, at: datetime) -> None:
        """A part of the cluster got something done just now, machine time."""

    async def keep_downtime(self, machine_at: datetime, found: Downtime) -> None:
        """No sweep ran from `machine_at` on, for this stretch of story time; of two finders the first counts."""

    async def downtimes(self, since: datetime, sweeper: str) -> tuple[Sequence[Downtime], datetime | None]:
        """(our own that ended at or after a moment of story time, oldest first; that heartbeat, machine time)."""

    async def heartbeats(self) -> Mapping[str, datetime]:
        """When each part of the cluster last got something done, machine time."""

    async def forget_beats(self, prefix: str, before: datetime) -> None:
        """Drop heartbeats whose name begins so and that have not come since, in machine time."""

    async def unknown_schema(self) -> str | None:
        """The revision of the schema that every part must know, if this version does not; else None."""

    async def story_clock(self) -> tuple[datetime, datetime, float] | None:
        """(story time, machine time at that moment, rate) of the cluster, if it was ever set."""

    async def set_story_clock(self, story_at: datetime, machine_at: datetime, rate: float) -> None:
        """Set it once; a cluster's story never jumps."""

    async def move_story(self, machine_at: datetime, now: datetime) -> bool:
        """Let a story that has not begun by `now`, machine time, begin at another moment; False if it has."""

    async def held_clock(self) -> Held | None:
        """How far alertd's clock is ahead of the database's; None: that never went back."""

    async def hold_clock(self, before: Held | None, held: Held) -> bool:
        """Keep it in place of what it was before; False if another part has kept something else meanwhile."""

    async def note_providers(self, process: str, found: Sequence[Provider]) -> None:
        """What a process finds of channels' providers now, in place of what it found before."""

    async def providers(self) -> Sequence[Provider]:
        """What all processes have found, by channel; none of a process that has met no trouble."""

    async def unreported(
        self, incident_id: IncidentId, after: datetime, before: datetime, most: int
    ) -> Mapping[str, tuple[int, int, datetime | None]]:
        """Of the `most` messages of an incident that were last accepted between two moments of story time.

        By channel: how many, how many of them without a receipt, and when the oldest of those was accepted.
        """

    async def keep_lag(self, lag: Lag) -> None:
        """What was counted last of a channel."""

    async def lags(self) -> Sequence[Lag]:
        """What was last counted, by channel."""

    async def took_since(self, incident_id: IncidentId, channel: str, since: datetime) -> bool:
        """Whether a provider took a message of an incident that was tried after a moment of story time."""

    async def forget_providers(self, channel: str, before: datetime) -> None:
        """Forget what was last said of a channel before a moment of machine time."""

    async def keep_audit(self, answer: Audit) -> None:
        """Keep the newest audit; when one last passed, and when a ping was last taken, stay."""

    async def keep_ping(self, machine_at: datetime) -> None:
        """The dead man's switch took a ping."""

    async def last_audit(self) -> Kept | None:
        """The newest audit, if there was any."""

    async def keep_census(self, counted: Census) -> None:
        """Keep the newest census."""

    async def last_census(self) -> Census | None:
        """The newest census, if there was any."""

    async def count_slice(
        self, incident_id: IncidentId, position: str, limit: int
    ) -> tuple[Mapping[tuple[str, str, str], int], str | None]:
        """Deliveries of the next `limit` families behind `position`, by (channel, state, reason); where it ends.

        None: these were the last.
        """

    async def count_ladders(self, incident_id: IncidentId, position: str, end: str | None) -> Mapping[str, int]:
        """Families behind `position` up to `end` (None: all), by where their ladder stands."""

    async def count_pages(self) -> Mapping[tuple[str, str], int]:
        """Nudges and pages of open incidents by (nudge or page, state)."""

    async def count_open(self) -> Mapping[tuple[str, bool], int]:
        """Open incidents by (severity, whether families are not told of them yet)."""

    async def count(self, name: str, by: int = 1) -> None:
        """Add to a counter of the cluster."""

    async def counts(self) -> Mapping[str, int]:
        """Every counter that was ever counted."""
