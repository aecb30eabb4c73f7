"""Try a channel: one real message to one address, marked as a test, by the way that every message goes."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from alertd.domain.delivery import DeliveryState, Lane
from alertd.domain.errors import Conflict, Invalid, NotFound
from alertd.domain.family import AddressId
from alertd.domain.incident import IncidentId
from alertd.domain.trial import TRIAL_KEPT, TRIAL_USEFUL, trial_incident, trial_over, trial_owed
from alertd.ports import Explains
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Known, TrialRow
from alertd.usecases.repeat import Repeat, answered, keep


@dataclass(frozen=True, slots=True)
class Trial:
    """What somebody wants to try; `to` is normalised."""

    channel: str
    to: str
    locale: str = "en"
    zone: str = "UTC"
    service: str | None = None  # that the test is said to be about; None: the first that is declared


@dataclass(frozen=True, slots=True)
class Begun:
    """A trial that a worker may take now."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Standing:
    """How a trial stands, and what there is to say of it."""

    row: TrialRow
    seconds: float  # real time since it began
    over: bool  # nothing more is to be learnt
    reports: bool  # its provider says later whether it arrived
    means: str | None  # the provider's code, in words
    way_out: str | None  # what to do, where something is wrong


async def try_channel(deps: Deps, trial: Trial, *, who: str, repeat: Repeat | None = None) -> Begun:
    """Write the message, as if a family were owed it; workers do the rest. What happened is told by `look`.

    Raises Invalid for a channel, locale or service that is not there, Conflict for an address not to be used.
    """
    service = _checked(deps, trial)
    now = deps.clock.now()
    policy = deps.policy_for(service)
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()
        before = await answered(rows, repeat, Begun)
        if before is not None:
            return before
        await rows.forget_trials(now - TRIAL_KEPT * deps.clock.rate)
        address = await _address(deps, rows, trial)
        number = await rows.next_trial_number()
        incident = trial_incident(IncidentId(deps.new_id()), number, service, policy, now)
        owed = trial_owed(
            incident,
            address,
            trial.channel,
            trial.to,
            locale=trial.locale,
            zone=trial.zone,
            stale_after=now + TRIAL_USEFUL * deps.clock.rate,
        )
        begun = Begun(deps.new_id())
        await rows.add_trial(incident, policy, begun.id, owed, deps.clock.machine())
        await rows.add_act(deps.new_id(), now, who, "test channel", None, {"channel": trial.channel})
        await keep(rows, repeat, begun, now)
    deps.log.info("channel_test", channel=trial.channel, delivery=str(begun.id))
    deps.doorbell.ring(Lane.URGENT.value)
    return begun


async def look(deps: Deps, trial_id: UUID) -> Standing:
    """How a trial stands now. Raises NotFound for one that there is not, or not any more."""
    async with deps.store.reading() as rows:
        row = await rows.trial(trial_id)
    if row is None:
        raise NotFound("there is no such test, or it began more than an hour ago and was forgotten")
    channel = deps.channels.get(row.channel)
    reports = channel is not None and channel.has_callbacks
    code = (row.code or "").removeprefix("misconfigured: ")
    means = channel.explain(code) if code and isinstance(channel, Explains) else None
    seconds = (deps.clock.now() - row.planned_at).total_seconds() / deps.clock.rate
    return Standing(row, seconds, trial_over(row.state, reports=reports), reports, means, _way_out(row, seconds))


async def forget_trials(deps: Deps) -> int:
    """Forget the trials of more than an hour ago, and addresses that are here for their sake alone; how many."""
    before = deps.clock.now() - TRIAL_KEPT * deps.clock.rate
    async with deps.store.reading() as rows:
        if not await rows.any_trial(before):
            return 0
    async with deps.store.transaction() as rows:
        return await rows.forget_trials(before)


def _checked(deps: Deps, trial: Trial) -> str:
    """The service that the test is said to be about. Raises Invalid."""
    if trial.channel not in deps.channels:
        raise Invalid(
            f'"{trial.channel}" is no channel of this alertd; there are {_list(deps.channels)}', field="channel"
        )
    if trial.locale not in deps.locales:
        raise Invalid(f'there are no texts in "{trial.locale}"; there are {_list(deps.locales)}', field="locale")
    service = trial.service or next(iter(deps.services))
    if service not in deps.services:
        raise Invalid(f'"{service}" is no service; there are {_list(deps.services)}', field="service")
    return service


async def _address(deps: Deps, rows: Rows, trial: Trial) -> AddressId:
    known = await rows.known_address(trial.channel, trial.to)
    if known is None:
        address = AddressId(deps.new_id())
        await rows.add_address(address, trial.channel, trial.to)
        return address
    if (why := _forbidden(known)) is not None:
        raise Conflict(why)
    return known.id


def _forbidden(known: Known) -> str | None:
    if known.opted_out:
        return (
            "whoever has this address has opted out: nothing is sent there, tests neither; they must opt in again"
        )
    if known.suspended:
        code = f" ({known.code})" if known.code else ""
        return (
            f"this address is suspended, as its provider refused it for good{code}: families need another one, "
            "unless the provider was wrong; then alertd family unsuspend lifts it"
        )
    return None


def _way_out(row: TrialRow, seconds: float) -> str | None:
    code = row.code or ""
    match row.state:
        case DeliveryState.REFUSED:
            return (
                "no message will ever reach this address: correct it; where families have it, it is suspended now"
            )
        case DeliveryState.UNDELIVERED:
            return "the provider gave up: see that the phone is on and has reception, and test again"
        case DeliveryState.PARKED if code.startswith(("misconfigured", "no adapter")):
            return "our own settings or account are wrong, not the address: alertd doctor says what to mend"
        case DeliveryState.PARKED if code.isdecimal():
            return "a full queue, or an error inside the provider: test again in a minute"
        case DeliveryState.PARKED:
            return "alertd itself failed at it; the worker's log says why"
        case DeliveryState.SUPERSEDED | DeliveryState.EXPIRED | DeliveryState.CANCELLED:
            return "nobody took it in time: alertd doctor says what answers, and what does not"
        case DeliveryState.PENDING if row.attempts == 0 and seconds > _SOON:
            return "no worker has taken it yet: alertd doctor says whether any runs"
        case DeliveryState.PENDING | DeliveryState.UNKNOWN if row.attempts:
            return "alertd tries again by itself; alertd doctor asks the provider"
    return None


_SOON = 5.0  # seconds within which somebody takes what is urgent, sweeper included


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
