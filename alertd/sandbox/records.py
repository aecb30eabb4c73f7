"""What the stand-ins accepted and refused: on disk first, then in memory for the inbox."""

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec

from alertd.sandbox import log
from alertd.sandbox.group_commit import GroupCommit, Sync, sync_to_disk
from alertd.sandbox.log import CHANNELS, Accepted, Channel, Refusal, Told
from alertd.sandbox.story_clock import StoryClock, instant, machine_time

_encode = msgspec.json.Encoder().encode
_seq = attrgetter("seq")


class Records:
    """The three logs of one data folder, and an index of them; what earlier runs left there is read first.

    Nothing is in the index before it is on disk. `clock` may be exchanged while running: lines keep the story
    time they were written with.
    """

    def __init__(self, folder: Path, clock: StoryClock, *, sync: Sync = sync_to_disk) -> None:
        self.clock = clock
        self.path = folder / log.ACCEPTED
        self._accepted_log = GroupCommit[Accepted](self.path, _encode, self._index, sync)
        self._refused_log = GroupCommit[Refusal](folder / log.REFUSED, _encode, self._index_refused, sync)
        # Nobody counts on these lines before they are told of them: they need not be on disk.
        self._callback_log = GroupCommit[Told](
            folder / log.CALLBACKS, _encode, self._index_told, lambda _file: None
        )
        self._accepted: list[Accepted] = []
        self._refused: list[Refusal] = []
        self._by_address: dict[tuple[Channel, str], list[Accepted]] = {}  # the latest hearer comes last
        self._by_provider_id: dict[str, Accepted] = {}
        self._told: list[Told] = []
        self._told_of: dict[str, list[Told]] = {}  # by the message's provider id
        self._status: dict[str, tuple[str, int | None]] = {}
        self._outcomes: dict[str, Counter[str]] = {channel: Counter() for channel in CHANNELS}
        self._changed = asyncio.Event()
        self._index(list(log.read_accepted(folder)))
        self._index_refused(list(log.read_refused(folder)))
        self._index_told(list(log.read_callbacks(folder)))
        self._next_told = self._told[-1].seq + 1 if self._told else 1
        self._next_accepted = self.last_seq + 1
        self._next_refused = self._refused[-1].seq + 1 if self._refused else 1

    # --- writing ------------------------------------------------------------------------------------

    async def accept(
        self,
        channel: Channel,
        to: str,
        *,
        provider_id: str,
        text: str,
        request: dict[str, Any],
        sender: str | None = None,
        title: str | None = None,
        html: str | None = None,
        priority: Literal["high", "normal"] | None = None,
        reference: str | None = None,
        fault: str | None = None,
    ) -> Accepted:
        """Keep an accepted message; it is on disk when this returns. Raises OSError when it cannot be kept."""
        at = machine_time()
        accepted = Accepted(
            seq=self._next_accepted, at=at, time=instant(at), story_time=self.clock.at(at), channel=channel, to=to,
            sender=sender, title=title, text=text, html=html, priority=priority, reference=reference,
            provider_id=provider_id, fault=fault, request=request,
        )  # fmt: skip
        self._next_accepted += 1
        await self._accepted_log.append(accepted)
        return accepted

    async def refuse(
        self,
        channel: Channel,
        to: str | None,
        outcome: str,
        *,
        code: str = "",
        detail: str = "",
        request: dict[str, Any] | None = None,
    ) -> None:
        """Keep a request that was not accepted, before its answer. Raises OSError when it cannot be kept."""
        at = machine_time()
        refusal = Refusal(
            seq=self._next_refused, at=at, time=instant(at), story_time=self.clock.at(at), channel=channel, to=to,
            outcome=outcome, code=code, detail=detail, request=request or {},
        )  # fmt: skip
        self._next_refused += 1
        await self._refused_log.append(refusal)

    def set_status(self, provider_id: str, status: str, error_code: int | None = None) -> None:
        """What became of a message, whoever is told."""
        self._status[provider_id] = status, error_code

    async def told(
        self,
        message: Accepted,
        status: str,
        error_code: int | None,
        *,
        answer: int | None,
        forged: bool,
        said: str | None = None,
    ) -> None:
        """Keep what a sender was told of a message, and what it answered. Raises OSError if it cannot be kept."""
        at = machine_time()
        line = Told(
            seq=self._next_told, at=at, time=instant(at), story_time=self.clock.at(at),
            provider_id=message.provider_id, reference=message.reference, status=status, error_code=error_code,
            forged=forged, answer=answer, said=said,
        )  # fmt: skip
        self._next_told += 1
        await self._callback_log.append(line)

    async def close(self) -> None:
        """Wait for what is under way and close the files."""
        await self._accepted_log.close()
        await self._callback_log.close()
        await self._refused_log.close()

    # --- reading ------------------------------------------------------------------------------------

    @property
    def last_seq(self) -> int:
        """`seq` of the newest accepted message; 0 before there is one."""
        return self._accepted[-1].seq if self._accepted else 0

    @property
    def commits(self) -> int:
        """How many times the log of accepted messages was synced in this run."""
        return self._accepted_log.batches

    def messages(
        self,
        *,
        channel: Channel | None = None,
        to: str | None = None,
        after_seq: int = 0,
        limit: int | None = None,
    ) -> list[Accepted]:
        """Accepted messages in order of `seq`."""
        source: Sequence[Accepted]
        if channel is not None and to is not None:
            source = self._by_address.get((channel, to), [])
        else:
            source = self._accepted
        found: Iterable[Accepted] = islice(source, bisect_right(source, after_seq, key=_seq), None)
        found = (a for a in found if (channel is None or a.channel == channel) and (to is None or a.to == to))
        return list(islice(found, limit))

    def refusals(self) -> list[Refusal]:
        """Everything that was not accepted, in order."""
        return list(self._refused)

    def callbacks(self, provider_id: str | None = None) -> list[Told]:
        """What senders were told, in order; of one message, or of all."""
        return list(self._told if provider_id is None else self._told_of.get(provider_id, ()))

    def status(self, provider_id: str, unasked: str = "delivered") -> tuple[str, int | None]:
        """What has become of an SMS or call so far, and the error code; `unasked` where nobody wants to know."""
        return self._status.get(provider_id, (unasked, None))

    def by_provider_id(self, provider_id: str) -> Accepted | None:
        """The message we gave this id to; for a mail to several mailboxes the last of them."""
        return self._by_provider_id.get(provider_id)

    def addresses(self) -> Iterable[tuple[Channel, str, Sequence[Accepted]]]:
        """Phones, apps and mailboxes that heard something, the latest hearer first."""
        return ((channel, to, heard) for (channel, to), heard in reversed(self._by_address.items()))

    def stats(self) -> dict[str, Any]:
        """Counts per channel: accepted, by the fault they were accepted under, and refused by outcome."""
        channels = {}
        for channel in CHANNELS:
            counts = self._outcomes[channel]
            refused = {k: n for k, n in sorted(counts.items()) if not k.startswith("accepted")}
            under = {k.removeprefix("accepted:"): n for k, n in counts.items() if k.startswith("accepted:")}
            channels[channel] = {
                "accepted": counts["accepted"],
                "accepted_under_fault": under,
                "refused": refused,
                "addresses": sum(1 for c, _ in self._by_address if c == channel),
            }
        now = machine_time()
        return {
            "channels": channels,
            "last_seq": self.last_seq,
            "commits": self.commits,
            "time": instant(now),
            "story_time": self.clock.at(now),
        }

    async def wait_until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `true()` holds, asking after each change; False if it does not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not true():
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    # --- index --------------------------------------------------------------------------------------

    def _index(self, batch: Sequence[Accepted]) -> None:
        for accepted in batch:
            self._accepted.append(accepted)
            key = (accepted.channel, accepted.to)
            heard = self._by_address.pop(key, [])  # put back at the end: the latest hearer comes last
            heard.append(accepted)
            self._by_address[key] = heard
            self._by_provider_id[accepted.provider_id] = accepted
            counts = self._outcomes[accepted.channel]
            counts["accepted"] += 1
            if accepted.fault is not None:
                counts[f"accepted:{accepted.fault}"] += 1
        self._tell()

    def _index_refused(self, batch: Sequence[Refusal]) -> None:
        for refusal in batch:
            self._refused.append(refusal)
            self._outcomes[refusal.channel][refusal.outcome] += 1
        self._tell()

    def _index_told(self, batch: Sequence[Told]) -> None:
        for line in batch:
            self._told.append(line)
            self._told_of.setdefault(line.provider_id, []).append(line)
            if line.status in ("undelivered", "no-answer", "busy", "failed") and not line.forged:
                self._status[line.provider_id] = line.status, line.error_code
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
