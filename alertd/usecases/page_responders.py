"""Send the nudges and pages that are due: claimed, sent outside any transaction, each outcome written at once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from alertd.domain.delivery import DeliveryState, backoff
from alertd.domain.incident import IncidentId
from alertd.domain.links import Purpose, sign
from alertd.domain.paging import Responding
from alertd.domain.policy import Policy
from alertd.domain.post_by import last_news, post_by, words
from alertd.domain.responders import still_due
from alertd.ports import ChannelError, Later, Message, Misconfigured, OnCall, PageSaying, Refused, Unknown
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Lease, PageOutcome, PageRow
from alertd.usecases.fan_out import new_lease
from alertd.usecases.plan_responders import plan_responders, responding

_AT_ONCE = 10  # pages in hand: all are sent side by side, so that none outlives the lease in a queue
_ROUNDS = 20  # of planning and paging, before the caller is asked whether to go on
_USEFUL = timedelta(hours=1)  # real time; then somebody else has been paged for long


async def tend_responders(deps: Deps, stop: Callable[[], bool] = lambda: False) -> int:
    """Plan and page until nothing is due, or `stop`; returns how many nudges and pages were handed over."""
    told = 0
    for _ in range(_ROUNDS):
        planned = await plan_responders(deps)
        taken, accepted = await page_responders(deps)
        told += accepted
        if (not planned and not taken) or stop():
            break
    return told


async def page_responders(deps: Deps) -> tuple[int, int]:
    """Claim what is to be sent and send it; returns (how many were taken, how many were handed over)."""
    lease = new_lease(deps)
    async with deps.store.transaction() as rows:
        claimed = await rows.claim_pages(deps.clock.machine(), lease, _AT_ONCE)
        secret = await rows.signing_key(deps.clock.machine()) if claimed else b""
    if not claimed:
        return 0, 0
    duties: dict[IncidentId, _Duty] = {}
    async with deps.store.reading() as rows:
        for page in claimed:
            if page.incident not in duties:
                duties[page.incident] = await _duty(deps, rows, page.incident)
    outcomes = await asyncio.gather(*(_tell(deps, page, duties[page.incident], secret, lease) for page in claimed))
    return len(claimed), sum(outcome.state is DeliveryState.ACCEPTED for outcome in outcomes)


class _Duty:
    """What the words of an incident's pages need, read once for all of them."""

    def __init__(self, duty: Responding, families: int, codes: dict[str, str]) -> None:
        self.duty, self.families, self.codes = duty, families, codes

    @property
    def policy(self) -> Policy:
        return self.duty.policy


async def _duty(deps: Deps, rows: Rows, incident_id: IncidentId) -> _Duty:
    incident = await rows.incident(incident_id)
    if incident is None:
        raise LookupError(f"a page points to an incident that does not exist: {incident_id}")
    return _Duty(
        await responding(deps, rows, incident),
        await rows.count_touched(incident.scope),
        {subject: code for subject, (_, code) in (await rows.troubles(incident_id)).items()},
    )


async def _tell(deps: Deps, page: PageRow, duty: _Duty, secret: bytes, lease: Lease) -> PageOutcome:
    """Send one page and write what became of it."""
    outcome = await _attempt(deps, page, duty, secret)
    async with deps.store.transaction() as rows:
        kept = await rows.finish_page(outcome, lease, deps.clock.now())
    if not kept:
        deps.log.warning("leases_lost", pages=1)
    if outcome.state is not DeliveryState.ACCEPTED:
        deps.log.warning(
            "page_not_accepted",
            incident=duty.duty.incident.number,
            who=page.who,
            state=outcome.state.value,
            code=outcome.code,
            attempt=page.attempts,
        )
    return outcome


async def _attempt(deps: Deps, page: PageRow, duty: _Duty, secret: bytes) -> PageOutcome:
    if not still_due(duty.duty, page.key):
        return PageOutcome(page, DeliveryState.CANCELLED)
    name = duty.policy.responders.get(page.who, page.who)
    on_call = deps.on_call
    responder = on_call.responders.get(name) if on_call is not None else None
    if on_call is None or responder is None:
        return PageOutcome(page, DeliveryState.PARKED, f"not set: {name}")
    pager = on_call.pagers.get(responder.channel)
    if pager is None:
        return PageOutcome(page, DeliveryState.PARKED, f"no pager: {responder.channel}")
    try:
        receipt = await pager.send(_message(deps, on_call, page, duty, responder.to, responder.zone, secret))
    except Refused as error:
        return PageOutcome(page, DeliveryState.REFUSED, error.code)
    except Misconfigured as error:
        return PageOutcome(page, DeliveryState.PARKED, f"misconfigured: {error.code}")
    except Unknown as error:
        return _again(deps, page, duty, DeliveryState.UNKNOWN, error)
    except Later as error:
        return _again(deps, page, duty, DeliveryState.PENDING, error)
    except Exception as error:
        deps.log.warning("channel_crashed", channel=responder.channel, error=type(error).__name__, exc_info=True)
        return _again(deps, page, duty, DeliveryState.PENDING, Later(f"crashed: {type(error).__name__}"))
    return PageOutcome(page, DeliveryState.ACCEPTED, provider_id=receipt.provider_id)


def _again(deps: Deps, page: PageRow, duty: _Duty, state: DeliveryState, error: ChannelError) -> PageOutcome:
    retry_after = error.retry_after if isinstance(error, Later) else None
    wait = backoff(page.attempts, duty.duty.incident.severity, deps.spread(), retry_after)
    return PageOutcome(page, state, error.code, due_at=deps.clock.machine() + wait)


def _message(
    deps: Deps, on_call: OnCall, page: PageRow, duty: _Duty, to: str, zone: str | None, secret: bytes
) -> Message:
    incident = duty.duty.incident
    said = words(incident)
    content = on_call.compose(
        PageSaying(
            incident=incident,
            ladder=page.key.ladder,
            page=page.page,
            now=deps.clock.now(),
            post_by=post_by(incident, duty.policy),
            families=duty.families,
            word_at=said[-1].at if said else None,
            news_at=last_news(incident),
            zone=zone,
            subject=page.key.subject,
            code=duty.codes.get(page.key.subject, ""),
            link=f"{on_call.public_url}/r/{sign(secret, Purpose.PAGE, page.id)}",
        )
    )
    return Message(
        to=to,
        title=content.title,
        text=content.text,
        html=None,
        locale="en",
        loud=page.page,
        delivery=page.id,
        attempt=page.attempts,
        incident=incident.id,
        update=page.update,
        useful_for=_USEFUL,
    )
