"""Take a receipt: what a provider says later of a message, and what follows from it."""

import asyncio
from dataclasses import replace

import tenacity

from alertd.domain.delivery import TOLD, DeliveryState, Lane
from alertd.domain.errors import NotFound
from alertd.domain.paging import CHANNEL
from alertd.domain.receipt import arrived_after_all, follows
from alertd.domain.trial import TRIAL_FAMILY
from alertd.ports import Callback, Forged, Receives, Report
from alertd.ports.deps import Deps
from alertd.ports.store import Moved
from alertd.records import Received
from alertd.usecases.take_page_receipt import take_page_receipt
from alertd.usecases.tell_trouble import Trouble, tell_trouble

CALLBACK_UNKNOWN = "callback_unknown"
"""A security event: signed, and about nothing that alertd sent, or still knows of."""

_TRIES = 5  # where somebody else writes the same delivery each time; its states only move forward, and are few
_GATHER = 0.02  # seconds; a provider that reports is in no hurry


class Receipts:
    """Takes receipts in one process. What only says "delivered" is written by as many at a time as have come.

    Each of those by itself costs a sync to disk, and on SQLite the turn of the workers that send: 14 ms for each
    message on a busy machine, measured, while families wait.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._gathered: list[Report] = []
        self._round: asyncio.Task[set[int]] | None = None  # the write that takes them all
        self._turn = asyncio.Lock()
        self._reported: set[Trouble] = set()  # what responders were told of

    async def take_callback(self, provider: str, callback: Callback) -> bool:
        """A provider's own request. What is true and concerns nothing of ours changes nothing, and is no error.

        Returns whether it is about something that alertd sent; said again, or late, it still is.
        Raises NotFound where no channel has this provider, Forged where the provider has not signed it.
        """
        log = self._deps.log
        # SMS and calls may have one provider; each knows its own, and all know what the provider has signed.
        asked = [c for c in self._deps.channels.values() if isinstance(c, Receives) and c.provider == provider]
        if not asked:
            raise NotFound(f"no channel of this alertd has a provider {provider!r} that reports")
        for channel in asked:
            try:
                report = channel.receive(callback)
            except Forged as error:
                log.warning("callback_forged", provider=provider, why=error.why)
                raise
            if report is not None:
                return await self.take(channel.name, report)
        log.info(CALLBACK_UNKNOWN, provider=provider, why="nothing that alertd sent, or waits for")
        return False

    async def take(self, channel: str, report: Report) -> bool:
        """Write a provider's later word on an attempt over this channel; False: alertd knows no such attempt.

        Most say what is known already, so it is read first: nobody waits for the right to write nothing.
        """
        deps, code = self._deps, report.code
        if report.ours and not report.passing:  # kept in the words for what a provider does not even take
            report = replace(report, code=f"misconfigured: {code}")
        async with deps.store.reading() as rows:
            standing = await rows.standing(report.delivery, channel)
        if standing is None and await take_page_receipt(deps, report):
            return True
        if standing is None or report.attempt > standing.attempts:
            deps.log.info(CALLBACK_UNKNOWN, provider=channel, why="a try that alertd does not know")
            return False
        if report.ours and not report.passing:
            deps.log.warning("channel_misconfigured", channel=channel, code=code, detail="said by a receipt")
        after = follows(standing, report.word, report.attempt, report.provider_id, ours=report.ours)
        if after is None and not arrived_after_all(standing, report.word, report.attempt):
            return True
        if standing.state in TOLD and after in TOLD and await self._advance(report):
            return True
        received = await self._take(report)
        if received is not None:
            await self._follow(channel, report, received)
        return True

    async def _follow(self, channel: str, report: Report, received: Received) -> None:
        """What is known now makes others due, and may be our own fault."""
        deps = self._deps
        if not report.word.good and received.after is not None:
            deps.log.info(
                "not_delivered",
                delivery=str(report.delivery),
                family=received.family,
                channel=channel,
                state=received.after.value,
                code=report.code,
                attempt=report.attempt,
            )
        if received.due:
            deps.doorbell.ring(Lane.URGENT.value)
        if received.after is DeliveryState.PARKED and not report.passing and received.family != TRIAL_FAMILY:
            await self._tell_responders((received.incident, f"{CHANNEL}{channel}"), report.code or "")

    async def _tell_responders(self, trouble: Trouble, code: str) -> None:
        """A channel that our own account, sender or text breaks, once for each incident (R8)."""
        if trouble not in self._reported and await tell_trouble(self._deps, {trouble: code}):
            self._reported.add(trouble)  # else it is told by the next word of this kind

    async def _take(self, report: Report) -> Received | None:
        received: Received | None = None
        async for again in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(_TRIES), retry=tenacity.retry_if_exception_type(Moved), reraise=True
        ):
            with again:
                async with self._deps.store.transaction() as rows:
                    received = await rows.take_receipt(report, self._deps.clock.now())
        return received

    async def _advance(self, report: Report) -> bool:
        """Write it with all that comes meanwhile; False: it says more than that."""
        self._gathered.append(report)
        if self._round is None:
            self._round = asyncio.create_task(self._write())
        more = await asyncio.shield(self._round)  # the others wait for it too
        return id(report) not in more

    async def _write(self) -> set[int]:
        await asyncio.sleep(_GATHER)
        async with self._turn:
            batch, self._gathered, self._round = self._gathered, [], None
            async with self._deps.store.transaction() as rows:
                return {id(report) for report in await rows.advance(batch)}
