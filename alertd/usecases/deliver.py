"""Hand a batch over to the providers, and write what became of it."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alertd.domain.delivery import CRASHES, ENDS, DeliveryState, backoff
from alertd.domain.incident import Incident, IncidentId, Severity
from alertd.ports import Channel, Later, Message, Misconfigured, Refused, Saying, Unknown, Warms
from alertd.ports.deps import Deps
from alertd.records import Claimed, Lease, Outcome
from alertd.usecases.told import Telling

_REMEMBERED = 64  # incidents
_FLUSH = 0.25  # seconds between two writes of outcomes while some of a batch still hang
_ALL_CLEAR_USEFUL = timedelta(weeks=4)  # nothing follows it: as long as a provider keeps it at most
_LEAST_USEFUL = timedelta(seconds=60)
_BROKEN_PAUSE = timedelta(seconds=5)  # a wrong password tried for every message gets a mail server's ban
_TO_WRITE = timedelta(seconds=1)  # of a lease is kept for writing the outcome


class Sender:
    """Composes and sends; keeps what one process may keep between batches."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._incidents: dict[IncidentId, tuple[tuple[int, int], Telling]] = {}
        self._misconfigured: dict[str, tuple[datetime, str]] = {}  # until when, and why
        # Bulkheads: a provider that hangs fills its own slots and nobody else's.
        self._slots = {name: asyncio.Semaphore(channel.at_once) for name, channel in deps.channels.items()}

    async def warm(self) -> None:
        """Get ready for the first message; call when the process starts."""
        for channel in self._deps.channels.values():
            if isinstance(channel, Warms):
                await channel.warm()

    async def hand_over(self, batch: Sequence[Claimed], lease: Lease) -> int:
        """Send every delivery of a batch at once; returns how many were accepted.

        Outcomes are written as they come, so that one hanging provider holds nothing back.
        """
        if not batch:
            return 0
        incidents = await self._load({delivery.incident for delivery in batch})
        outcomes: list[Outcome] = []
        queues: dict[str, deque[Claimed]] = {}
        for delivery in batch:
            queues.setdefault(delivery.channel, deque()).append(delivery)
        runners = {
            asyncio.create_task(self._run(queue, slots, incidents, lease, outcomes))
            for channel, queue in queues.items()
            if (slots := self._slots.get(channel)) is not None
            for _ in range(min(len(queue), self._deps.channels[channel].at_once))
        }
        for channel, queue in queues.items():
            if channel not in self._slots:
                outcomes += [Outcome(d, DeliveryState.PARKED, "no adapter", final=True) for d in queue]
        accepted = 0
        while runners or outcomes:
            if runners:
                done, runners = await asyncio.wait(runners, timeout=_FLUSH)
                for runner in done:
                    runner.result()
            if outcomes:
                written, outcomes[:] = list(outcomes), []
                accepted += await self._write(written, lease)
        return accepted

    async def _run(
        self,
        queue: deque[Claimed],
        slots: asyncio.Semaphore,
        incidents: Mapping[IncidentId, Telling],
        lease: Lease,
        outcomes: list[Outcome],
    ) -> None:
        """Work a queue off in one slot of its channel; what the lease would not outlive is given back unused."""
        async with slots:
            while queue:
                delivery = queue.popleft()
                now = self._deps.clock.machine()
                call = timedelta(seconds=self._deps.channels[delivery.channel].deadline) + _TO_WRITE
                if lease.until - now < call:
                    outcomes.append(Outcome(delivery, DeliveryState.PENDING, "lease too short", due_at=now))
                else:
                    outcomes.append(await self._attempt(delivery, incidents[delivery.incident]))

    async def _write(self, outcomes: Sequence[Outcome], lease: Lease) -> int:
        deps = self._deps
        async with deps.store.transaction() as rows:
            lost = await rows.finish(outcomes, lease, deps.clock.now())
        if lost:
            deps.log.warning("leases_lost", deliveries=lost)
        for outcome in outcomes:
            if outcome.state is not DeliveryState.ACCEPTED:
                deps.log.info(
                    "not_accepted",
                    delivery=str(outcome.delivery.id),
                    family=outcome.delivery.family,
                    channel=outcome.delivery.channel,
                    state=outcome.state.value,
                    code=outcome.code,
                    attempt=outcome.delivery.attempt,
                )
        return sum(outcome.state is DeliveryState.ACCEPTED for outcome in outcomes)

    async def _attempt(self, delivery: Claimed, telling: Telling) -> Outcome:
        deps, incident = self._deps, telling.incident
        channel = deps.channels[delivery.channel]
        broken = self._misconfigured.get(delivery.channel)
        if broken is not None and deps.clock.machine() < broken[0]:
            return Outcome(delivery, DeliveryState.PARKED, f"misconfigured: {broken[1]}", final=True)
        try:
            message = self._message(delivery, telling)
            receipt = await channel.send(message)
        except Refused as error:
            return Outcome(delivery, DeliveryState.REFUSED, error.code, opted_out=error.opted_out, final=True)
        except Misconfigured as error:
            self._misconfigured[delivery.channel] = (deps.clock.machine() + _BROKEN_PAUSE, error.code)
            deps.log.warning(
                "channel_misconfigured", channel=delivery.channel, code=error.code, detail=error.detail
            )
            return Outcome(delivery, DeliveryState.PARKED, f"misconfigured: {error.code}", final=True)
        except Later as error:
            return self._again(delivery, incident, error.code, error.retry_after)
        except Unknown as error:
            return self._unknown(delivery, incident, channel, error.code)
        except Exception as error:
            deps.log.warning(
                "channel_crashed", channel=delivery.channel, error=type(error).__name__, exc_info=True
            )
            code = f"crashed: {type(error).__name__}"
            if delivery.crashes + 1 >= CRASHES:
                return Outcome(delivery, DeliveryState.PARKED, code, crashed=True, final=True)
            return replace(self._again(delivery, incident, code, None), crashed=True)
        return Outcome(
            delivery,
            DeliveryState.ACCEPTED,
            provider_id=receipt.provider_id,
            accepted_at=deps.clock.now(),
            final=not channel.has_callbacks,
        )

    def _again(self, delivery: Claimed, incident: Incident, code: str, retry_after: timedelta | None) -> Outcome:
        deps = self._deps
        wait = backoff(delivery.attempt, incident.severity, deps.spread(), retry_after)
        return Outcome(delivery, DeliveryState.PENDING, code, due_at=deps.clock.machine() + wait)

    def _unknown(self, delivery: Claimed, incident: Incident, channel: Channel, code: str) -> Outcome:
        deps = self._deps
        if channel.has_callbacks:
            critical = incident.severity is Severity.CRITICAL
            seconds = deps.timing.unknown_critical if critical else deps.timing.unknown
            wait = timedelta(seconds=seconds)
        else:
            wait = backoff(delivery.attempt, incident.severity, deps.spread())
        return Outcome(delivery, DeliveryState.UNKNOWN, code, due_at=deps.clock.machine() + wait)

    def _message(self, delivery: Claimed, telling: Telling) -> Message:
        deps, now = self._deps, self._deps.clock.now()
        incident = telling.incident
        facts = telling.facts(delivery.update, delivery.framing)
        content = deps.compose(
            Saying(
                channel=delivery.channel,
                framing=delivery.framing,
                update=facts.update,
                news_number=facts.news_number,
                references=facts.references,
                reader=delivery.reader,
                now=_whole_minute(now),
                ended_at=incident.ended_at,
                incident=incident.id,
            )
        )
        return Message(
            to=delivery.reader.to,
            title=content.title,
            text=content.text,
            html=content.html,
            locale=delivery.reader.locale,
            loud=delivery.loud,
            delivery=delivery.id,
            attempt=delivery.attempt,
            incident=incident.id,
            update=delivery.update,
            useful_for=self._useful_for(delivery, now),
            ends=delivery.framing in ENDS,
        )

    def _useful_for(self, delivery: Claimed, now: datetime) -> timedelta:
        """Until this reader hears again, which in quiet hours is later than their family does."""
        if delivery.next_by is None:
            return _ALL_CLEAR_USEFUL
        until = max(delivery.next_by, delivery.reader.hears_by or delivery.next_by)
        return max((until - now) / self._deps.clock.rate, _LEAST_USEFUL)

    async def _load(self, ids: set[IncidentId]) -> dict[IncidentId, Telling]:
        """The incidents of a batch, read again only when something about them has changed."""
        loaded: dict[IncidentId, Telling] = {}
        async with self._deps.store.reading() as rows:
            for incident_id in ids:
                version = await rows.incident_version(incident_id)
                known = self._incidents.get(incident_id)
                if known is None or known[0] != version:
                    incident = await rows.incident(incident_id)
                    if incident is None:
                        raise LookupError(f"a delivery points to an incident that does not exist: {incident_id}")
                    known = (version, Telling(incident))
                loaded[incident_id] = known[1]
                self._incidents[incident_id] = known
        while len(self._incidents) > _REMEMBERED:
            del self._incidents[next(iter(self._incidents))]
        return loaded


def _whole_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
