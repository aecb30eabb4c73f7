"""Hand a batch over to the providers, and write what became of it."""

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import tenacity

from alertd import failpoints
from alertd.domain.breaker import Breaker, BreakerState
from alertd.domain.delivery import CRASHES, DeliveryState, Lane, backoff
from alertd.domain.incident import Incident, IncidentId, Severity
from alertd.domain.paging import CHANNEL, TEXTS
from alertd.domain.trial import TRIAL_FAMILY
from alertd.ports import Cause, Channel, Later, Misconfigured, Refused, Unknown, Warms
from alertd.ports.deps import Deps
from alertd.records import Claimed, Lease, Outcome
from alertd.usecases.elsewhere import Elsewhere, elsewhere
from alertd.usecases.message import message
from alertd.usecases.note_parked import note_parked
from alertd.usecases.providers import Noting
from alertd.usecases.purse import Purse
from alertd.usecases.tell_trouble import Trouble, tell_trouble
from alertd.usecases.told import Telling

_Known = tuple[tuple[int, int], Telling]  # (version, newest update) of an incident, and what tells of it
_Told = tuple[Mapping[IncidentId, Telling], Elsewhere]  # of a batch, and what fails beside what it says is over

LEASES_LOST = "leases_lost"
"""Counted by the database: outcomes of messages that another process had taken meanwhile."""

_REMEMBERED = 64  # incidents
_OUR_FAULT = ("misconfigured", "no adapter")
_FLUSH = 0.5  # seconds between two writes of outcomes while some of a batch still hang: most batches need one
_IN_HAND = 10  # messages that a process holds for each connection of a channel: three batches of pushes
_BATCH = 500  # so many more are taken at once, or half of what may be held if that is less
_AHEAD = 2.0  # seconds of a channel's rate that a process holds for a drain: what is more urgent waits no longer
_ENDLESS = 1_000_000.0  # messages: more than anybody holds
_LANDING = 0.05  # seconds between two looks at how quickly messages land
_CLOSED = BreakerState.CLOSED
_SPREAD_OUT = 3  # tries after which those held back wait no longer: nobody refused them, and it may be over soon
_REST = 1.0  # seconds that a connection rests whose message came too fast, unless the provider says for how long
_LONGEST_REST = 5.0
_TO_WRITE = timedelta(seconds=1)  # of a lease is kept for writing the outcome

_after_claim, _before_send = failpoints.at("after_claim"), failpoints.at("before_send")
_after_accept, _before_commit = failpoints.at("after_accept"), failpoints.at("before_commit")


@dataclass(slots=True)
class _Flight:
    """One batch on its way: by whose drain, by which right, and what is to be written of it."""

    drain: str
    lease: Lease
    outcomes: list[Outcome] = field(default_factory=list)
    untried: list[Claimed] = field(default_factory=list)


class Sender:
    """Composes and sends; keeps what one process may keep between batches."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._incidents: dict[IncidentId, _Known] = {}
        self.breakers = {name: Breaker() for name in deps.channels}
        # Bulkheads: a provider that hangs fills its own slots and its own share of what is in hand, no other's.
        self._noting = Noting(deps, self.breakers)
        self._slots = {name: asyncio.Semaphore(channel.at_once) for name, channel in deps.channels.items()}
        self._in_hand: Counter[str] = Counter()
        self._taken: Counter[tuple[str, str]] = Counter()  # of these, by channel and by the lane of the drain
        self._most = {name: channel.at_once * _IN_HAND for name, channel in deps.channels.items()}
        self._ahead = {name: self._paced(name) for name in deps.channels}
        # Of as many in hand there is room again: for a batch, or for half of what may be held if that is less.
        self._room_at = {name: most - min(_BATCH, most / 2) for name, most in self._most.items()}
        self._room_ahead_at = {name: most - min(_BATCH, most / 2) for name, most in self._ahead.items()}
        self._purses: dict[tuple[str, str], Purse] = {}  # by channel, and lane of the messages
        self._over: set[str] = set()  # lanes whose drain takes no more, and waits for no rate
        self._failed: dict[Trouble, str] = {}  # texts that failed, and are not noted yet
        self._reported: set[Trouble] = set()  # what responders were told of
        self._freed = asyncio.Event()

    async def warm(self) -> None:
        """Get ready for the first message; call when the process starts."""
        if self._deps.pace is not None:
            await self._deps.pace.warm()
        for channel in self._deps.channels.values():
            if isinstance(channel, Warms):
                await channel.warm()

    def room(self, lane: str = Lane.BULK) -> dict[str, int]:
        """How many more messages a drain of a lane may take in hand, by channel; only channels that have room."""
        return {
            name: int(min(self._most[name] - self._in_hand[name], self._ahead[name] - self._taken[name, lane]))
            for name in self._deps.channels
            if self._excess(name, lane) <= 0
        }

    def begin(self, lane: str) -> None:
        """A drain of this lane begins: what it takes in hand waits for the rate of its channel."""
        self._over.discard(lane)

    def end(self, lane: str) -> None:
        """It takes no more: what waits for a rate is put back untried, rather than hold up all that comes next."""
        self._over.add(lane)
        for purse in self._purses.values():
            purse.release(lane)

    def take_waited(self) -> dict[tuple[str, str], float]:
        """Seconds for which messages in hand waited for a rate, by channel and lane, since this was last asked."""
        waited = {key: purse.take_waited() for key, purse in self._purses.items()}
        return {key: seconds for key, seconds in waited.items() if seconds}

    def know(self, incident: Incident) -> None:
        """Remember an incident that was just read: a batch then asks only whether it has changed since."""
        self._remember(incident.id, (incident.version, incident.newest.number), incident)

    async def freed(self, channels: Collection[str], seconds: float, lane: str = Lane.BULK) -> None:
        """Wait until these channels have room again; not for one whose pace is too slow to have it so soon."""
        now = asyncio.get_running_loop().time
        until = now() + seconds
        waiting = {name: self._excess(name, lane) for name in channels if self._excess(name, lane) > 0}
        while waiting and now() < until:
            self._freed.clear()
            looked = now()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), min(_LANDING, until - now()))
            soon = (until - now()) / max(now() - looked, 0.001)
            left = {name: self._excess(name, lane) for name in waiting}
            waiting = {
                name: excess for name, excess in left.items() if 0 < excess <= (waiting[name] - excess) * soon
            }

    def _excess(self, channel: str, lane: str) -> float:
        """How many messages of a channel have to land before a drain of a lane has room for more."""
        if channel not in self._most:  # without an adapter everything is parked at once
            return 0.0
        return max(
            self._in_hand[channel] - self._room_at[channel],
            self._taken[channel, lane] - self._room_ahead_at[channel],
        )

    def _paced(self, channel: str) -> float:
        """How many messages of a channel a process may hold for one drain, for its rate."""
        deps = self._deps
        if deps.pace is None or not deps.pace.limits(channel):
            return _ENDLESS
        units = deps.units.get(channel)
        return max(int(deps.rates[channel] * _AHEAD / (units.most if units is not None else 1)), 1)

    async def hand_over(self, batch: Sequence[Claimed], lease: Lease, drain: str = Lane.BULK) -> int:
        """Send every delivery of a batch at once, or as its channel's rate allows; returns how many were accepted.

        `drain`: the lane of whoever took it in hand. Outcomes are written as they come, so that one hanging
        provider holds nothing back. What outlasts its lease, or waits for a rate when the drain ends, is put back
        untried.
        """
        if not batch:
            return 0
        if _after_claim is not None:
            _after_claim("")
        queues: dict[tuple[str, str], deque[Claimed]] = {}
        for delivery in batch:
            queues.setdefault((delivery.channel, delivery.lane), deque()).append(delivery)
        flight = _Flight(drain, lease)
        runners: set[asyncio.Task[None]] = set()
        accepted = 0
        for (channel, lane), queue in queues.items():
            self._in_hand[channel] += len(queue)
            self._taken[channel, drain] += len(queue)
            if purse := self._purse(channel, lane):
                purse.expect(len(queue))
        try:
            told = await self._load(batch)
            for key in queues:
                if purse := self._purses.get(key):
                    await purse.first_grant()
            runners = {
                asyncio.create_task(self._run(channel, lane, queue, told, flight))
                for (channel, lane), queue in queues.items()
                for _ in range(min(len(queue), self._at_once(channel)))
            }
            while runners or flight.outcomes or flight.untried:
                self._turn_breakers()
                if runners:
                    done, runners = await asyncio.wait(runners, timeout=_FLUSH)
                    for runner in done:
                        runner.result()
                written, flight.outcomes = flight.outcomes, []
                back, flight.untried = flight.untried, []
                accepted += await self._write(written, back, lease)
                await self._noting.note()
        finally:
            # Whatever happens here, nobody goes on sending what can no longer be written, nor keeps room for it.
            for (channel, lane), queue in queues.items():
                self._let_go(channel, drain, len(queue))
                if purse := self._purses.get((channel, lane)):
                    purse.behind -= len(queue)
                    purse.rest()
                queue.clear()
            if runners:
                await asyncio.wait(runners)
        return accepted

    def _at_once(self, channel: str) -> int:
        return self._deps.channels[channel].at_once if channel in self._deps.channels else 1

    def _let_go(self, channel: str, drain: str, count: int = 1) -> None:
        key = channel, drain
        held, taken = self._in_hand[channel], self._taken[key]
        self._in_hand[channel], self._taken[key] = held - count, taken - count
        at, ahead_at = self._room_at.get(channel, 0.0), self._room_ahead_at.get(channel, 0.0)
        if held > at >= held - count or taken > ahead_at >= taken - count:
            self._freed.set()

    def _purse(self, channel: str, lane: str) -> Purse | None:
        """None: this channel has no rate."""
        purse, deps = self._purses.get((channel, lane)), self._deps
        if purse is None and deps.pace is not None and deps.pace.limits(channel):
            purse = Purse(deps.pace, channel, lane, deps.units.get(channel), deps.log)
            self._purses[channel, lane] = purse
        return purse

    async def _run(self, channel: str, lane: str, queue: deque[Claimed], told: _Told, flight: _Flight) -> None:
        """Work a queue off in one slot of its channel; what the lease would not outlive is put back untried."""
        drain = flight.drain
        slots = self._slots.get(channel)
        if slots is None:
            flight.outcomes += [Outcome(each, DeliveryState.PARKED, "no adapter", final=True) for each in queue]
            self._let_go(channel, drain, len(queue))
            if none := self._purses.get((channel, lane)):
                none.behind -= len(queue)
            queue.clear()
            return
        purse, breaker = self._purses.get((channel, lane)), self.breakers[channel]
        clock = asyncio.get_running_loop().time
        left = (flight.lease.until - self._deps.clock.machine() - _TO_WRITE).total_seconds()
        last_call = clock() + left - self._deps.channels[channel].deadline
        async with slots:
            while queue:
                delivery = queue.popleft()
                outcome: Outcome | None = None
                payer: Purse | None = None
                try:
                    in_time = (now := clock()) <= last_call
                    if purse is not None:
                        purse.behind -= 1
                        if in_time and breaker.state is _CLOSED:  # else it is not asked, or by two messages only
                            payer = purse
                            if not purse.pays(now):
                                paid = await self._paid(slots, purse, last_call - now, drain)
                                in_time = paid and clock() <= last_call
                    if in_time:
                        outcome = await self._attempt(delivery, told, payer)
                        flight.outcomes.append(outcome)
                    else:
                        flight.untried.append(delivery)
                finally:
                    self._let_go(channel, drain)
                if outcome is not None and outcome.rest:
                    # In its slot: there are as many fewer at once, and as many again as the account takes.
                    await asyncio.sleep(min(outcome.rest, max(last_call - clock(), 0.0)))

    async def _paid(self, slots: asyncio.Semaphore, purse: Purse, seconds: float, drain: str) -> bool:
        """Wait for the rate without the slot: what is urgent may need it, and has a rate of its own."""
        slots.release()
        try:
            return await purse.paid(seconds, drain, self._over)
        finally:
            await slots.acquire()

    async def _write(self, outcomes: Sequence[Outcome], untried: Sequence[Claimed], lease: Lease) -> int:
        """Write outcomes, again and again while the lease holds: what is not written is sent twice."""
        if not outcomes and not untried:
            return 0
        deps = self._deps
        left = (lease.until - deps.clock.machine()).total_seconds()
        lost = 0
        parked = [
            (o.delivery.incident, o.delivery.family, o.delivery.channel, o.code or "")
            for o in outcomes
            if o.crashed and o.state is DeliveryState.PARKED
        ]
        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_delay(max(left, 0.0)),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=2.0),
            retry=tenacity.retry_if_exception_type(Exception),
            reraise=True,
            before_sleep=lambda state: deps.log.warning(
                "outcomes_not_written",
                error=type(state.outcome.exception()).__name__ if state.outcome else "",
                deliveries=len(outcomes),
                attempt=state.attempt_number,
            ),
        ):
            with attempt:
                async with deps.store.transaction() as rows:
                    if untried:
                        await rows.put_back(untried, lease)
                    lost = await rows.finish(outcomes, lease, deps.clock.now()) if outcomes else 0
                    if lost:
                        await rows.count(LEASES_LOST, lost)
                    if parked:
                        await note_parked(rows, parked, deps.clock.now())
                    if _before_commit is not None:
                        _before_commit("")
        if lost:
            deps.log.warning("leases_lost", deliveries=lost)
        await self._tell_responders(outcomes)
        held = Counter(outcome.delivery.channel for outcome in outcomes if outcome.held)
        for channel, count in sorted(held.items()):
            deps.log.info("held_back", channel=channel, deliveries=count)
        for outcome in outcomes:
            if outcome.state is not DeliveryState.ACCEPTED and not outcome.held:
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

    async def _tell_responders(self, outcomes: Sequence[Outcome]) -> None:
        """A channel that our own settings break, or a text that fails, once for each incident (R8, R14)."""
        broken = {
            (outcome.delivery.incident, f"{CHANNEL}{outcome.delivery.channel}"): outcome.code or ""
            for outcome in outcomes
            if outcome.state is DeliveryState.PARKED
            and (outcome.code or "").startswith(_OUR_FAULT)
            and outcome.delivery.family != TRIAL_FAMILY  # whoever tries a channel hears of it, and nobody else
        }
        texts, self._failed = self._failed, {}
        fresh = {key: code for key, code in (broken | texts).items() if key not in self._reported}
        # What could not be noted is told by the next message that is parked, or the next text that fails.
        if fresh and await tell_trouble(self._deps, fresh):
            self._reported.update(fresh)

    async def _attempt(self, delivery: Claimed, told: _Told, purse: Purse | None) -> Outcome:
        deps, (tellings, beside) = self._deps, told
        telling = tellings[delivery.incident]
        incident = telling.incident
        channel = deps.channels[delivery.channel]
        breaker = self.breakers[delivery.channel]
        if breaker.state is not _CLOSED and not breaker.lets_through(deps.clock.machine()):
            return self._held(delivery, incident, breaker)
        try:
            composed = message(deps, delivery, telling, beside)
            for failure in deps.take_failures():
                self._failed.setdefault((delivery.incident, TEXTS), failure)
            if purse is not None:
                purse.took(composed.text)
            if _before_send is not None:
                _before_send(delivery.family)
            receipt = await channel.send(composed)
            if _after_accept is not None:
                _after_accept(delivery.family)
        except Refused as error:
            self._answered(delivery.channel, breaker)
            return Outcome(delivery, DeliveryState.REFUSED, error.code, opted_out=error.opted_out, final=True)
        except Misconfigured as error:
            judged = breaker.broken if error.account else breaker.decline
            if judged(deps.clock.machine(), error.code):
                self._opened(delivery.channel, breaker)
            elif not error.account:
                self._answered(delivery.channel, breaker)
            deps.log.warning(
                "channel_misconfigured", channel=delivery.channel, code=error.code, detail=error.detail
            )
            return Outcome(delivery, DeliveryState.PARKED, f"misconfigured: {error.code}", final=True)
        except Later as error:
            if error.cause is Cause.STANDSTILL:
                breaker.unsure()
            elif error.cause is not Cause.PROVIDER:
                self._answered(delivery.channel, breaker)
            elif breaker.failure(deps.clock.machine(), error.code, error.retry_after):
                self._opened(delivery.channel, breaker)
            again = self._again(delivery, incident, error.code, error.retry_after)
            if error.cause is not Cause.PACE:
                return again
            asked = error.retry_after.total_seconds() if error.retry_after else _REST
            return replace(again, rest=min(asked, _LONGEST_REST))
        except Unknown as error:
            if breaker.failure(deps.clock.machine(), error.code):
                self._opened(delivery.channel, breaker)
            return self._unknown(delivery, incident, channel, error.code)
        except Exception as error:
            breaker.unsure()
            deps.log.warning(
                "channel_crashed", channel=delivery.channel, error=type(error).__name__, exc_info=True
            )
            code = f"crashed: {type(error).__name__}"
            if delivery.crashes + 1 >= CRASHES:
                return Outcome(delivery, DeliveryState.PARKED, code, crashed=True, final=True)
            return replace(self._again(delivery, incident, code, None), crashed=True)
        if breaker.state is _CLOSED:
            breaker.taken += 1  # without a call: this is where a million messages pass
        elif breaker.took():
            self._closed(delivery.channel)
        return Outcome(
            delivery,
            DeliveryState.ACCEPTED,
            provider_id=receipt.provider_id,
            accepted_at=deps.clock.now(),
            final=True,  # nothing of a reader is needed for what a receipt may say later
        )

    def _turn_breakers(self) -> None:
        now = self._deps.clock.machine()
        for breaker in self.breakers.values():
            breaker.turn(now)

    def _answered(self, channel: str, breaker: Breaker) -> None:
        """The provider was there, whatever it said of the one message."""
        if breaker.answer():
            self._closed(channel)

    def _closed(self, channel: str) -> None:
        self._deps.log.info("provider_back", channel=channel)
        self._reported = {each for each in self._reported if each[1] != f"{CHANNEL}{channel}"}

    def _opened(self, channel: str, breaker: Breaker) -> None:
        self._deps.log.warning("provider_down", channel=channel, code=breaker.code, ours=breaker.ours)

    def _held(self, delivery: Claimed, incident: Incident, breaker: Breaker) -> Outcome:
        """Answer in the provider's place while it is left alone: later, or over the next channel (decision 37)."""
        if breaker.ours and breaker.state is BreakerState.OPEN:  # else a few are just trying whether it is mended
            return Outcome(delivery, DeliveryState.PARKED, f"misconfigured: {breaker.code}", held=True, final=True)
        deps = self._deps
        now = deps.clock.machine()
        wait = backoff(min(delivery.attempt, _SPREAD_OUT), incident.severity, deps.spread())
        due_at = max(breaker.until or now, now) + wait
        return Outcome(delivery, DeliveryState.PENDING, f"held: {breaker.code}", due_at=due_at, held=True)

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

    async def _load(self, batch: Sequence[Claimed]) -> _Told:
        """The incidents of a batch, read again only when something about them has changed."""
        loaded: dict[IncidentId, Telling] = {}
        async with self._deps.store.reading() as rows:
            for incident_id in {delivery.incident for delivery in batch}:
                version = await rows.incident_version(incident_id)
                known = self._incidents.get(incident_id)
                if known is None or known[0] != version:
                    incident = await rows.incident(incident_id)
                    if incident is None:
                        raise LookupError(f"a delivery points to an incident that does not exist: {incident_id}")
                    known = self._remember(incident_id, version, incident)
                loaded[incident_id] = known[1]
            return loaded, await elsewhere(rows, batch, loaded)

    def _remember(self, incident_id: IncidentId, version: tuple[int, int], incident: Incident) -> _Known:
        known = self._incidents.get(incident_id)
        if known is None or known[0] != version:
            known = self._incidents[incident_id] = version, Telling(incident)
        while len(self._incidents) > _REMEMBERED:
            del self._incidents[next(iter(self._incidents))]
        return known
