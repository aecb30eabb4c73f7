"""Take a receipt: what a provider says later of a message, and what follows from it."""

import tenacity

from alertd.domain.delivery import Lane
from alertd.domain.errors import NotFound
from alertd.domain.receipt import arrived_after_all, follows
from alertd.ports import Callback, Forged, Receives, Report
from alertd.ports.deps import Deps
from alertd.ports.store import Moved
from alertd.records import Received

_TRIES = 5  # where somebody else writes the same delivery each time; its states only move forward, and are few


async def take_callback(deps: Deps, provider: str, callback: Callback) -> None:
    """A provider's own request. What is true and concerns nothing of ours changes nothing, and is no error.

    Raises NotFound where no channel has this provider, Forged where the provider has not signed it.
    """
    for channel in deps.channels.values():
        if isinstance(channel, Receives) and channel.provider == provider:
            try:
                report = channel.receive(callback)
            except Forged as error:
                deps.log.warning("callback_forged", provider=provider, why=error.why)
                raise
            if report is None:
                deps.log.info("callback_unknown", provider=provider, why="nothing that alertd sent, or waits for")
            else:
                await take_receipt(deps, channel.name, report)
            return
    raise NotFound(f"no channel of this alertd has a provider {provider!r} that reports")


async def take_receipt(deps: Deps, channel: str, report: Report) -> Received | None:
    """Write a provider's later word on an attempt; None: it changes nothing, whatever it says.

    Most say what is known already, so it is read first: nobody waits for the right to write nothing.
    """
    async with deps.store.reading() as rows:
        standing = await rows.standing(report.delivery, channel)
    if standing is None or report.attempt > standing.attempts:
        deps.log.info("callback_unknown", provider=channel, why="a try that alertd does not know")
        return None
    if report.ours:
        deps.log.warning("channel_misconfigured", channel=channel, code=report.code, detail="said by a receipt")
    if not arrived_after_all(standing, report.word, report.attempt) and not follows(
        standing, report.word, report.attempt, report.provider_id
    ):
        return None
    received: Received | None = None
    async for again in tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(_TRIES), retry=tenacity.retry_if_exception_type(Moved), reraise=True
    ):
        with again:
            async with deps.store.transaction() as rows:
                received = await rows.take_receipt(report, deps.clock.now())
    if received is not None and not report.word.good:
        deps.log.info(
            "not_delivered",
            delivery=str(report.delivery),
            family=received.family,
            channel=channel,
            state=report.word.value,
            code=report.code,
            attempt=report.attempt,
        )
    if received is not None and received.due:
        deps.doorbell.ring(Lane.URGENT.value)
    return received
