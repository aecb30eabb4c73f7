"""Take a receipt of a nudge or page: what a provider says later of an SMS to a responder (R8)."""

from alertd.domain.receipt import follows
from alertd.ports import Report
from alertd.ports.deps import Deps


async def take_page_receipt(deps: Deps, report: Report) -> bool:
    """Write a provider's later word on a page; False if it is about none, or about a try that never was.

    What came to nothing is a page that failed: the next step is due at once, and the sweeper finds it due.
    """
    async with deps.store.reading() as rows:
        page = await rows.page(report.delivery)
    if page is None or report.attempt > page.attempts:
        return False
    if follows(page.standing, report.word, report.attempt, report.provider_id, ours=report.ours) is None:
        return True  # known already: nobody waits for the right to write nothing
    async with deps.store.transaction() as rows:
        moved = await rows.take_page_receipt(report, deps.clock.now())
        incident = await rows.incident(moved.incident) if moved is not None else None
    if moved is not None and incident is not None and not report.word.good:
        deps.log.warning(
            "page_not_delivered",
            incident=incident.number,
            who=moved.who,
            state=moved.state.value,
            code=moved.code,
            attempt=report.attempt,
        )
    return True
