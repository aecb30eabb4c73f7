"""What responders were sent, for an incident's story: to whom by role, and never where."""

from collections.abc import Iterable, Iterator

from alertd.api.entry import Entry
from alertd.domain.delivery import TOLD, DeliveryState
from alertd.domain.paging import FAILING, ResponderLadder, trouble_words
from alertd.records import PageRow

_WHY = {
    ResponderLadder.OPENED: "a machine opened it",
    ResponderLadder.POST: "an update is due",
    ResponderLadder.NEWS: "families wait for news",
    ResponderLadder.POSTMORTEM: "families were promised to hear what happened",
}


def told_to_responders(pages: Iterable[PageRow]) -> Iterator[Entry]:
    """One entry for each nudge and page that went out, failed, or waits."""
    for page in pages:
        what = "page" if page.page else "nudge"
        subject = page.key.subject
        why = _WHY.get(page.key.ladder) or FAILING.get(subject)
        why = why or trouble_words(subject, over=page.key.ladder is ResponderLadder.OVER)
        said = _became(page, what)
        if said is not None:
            yield Entry(page.accepted_at or page.planned_at, what, f"{said}: {why}.", code=page.code)


def _became(page: PageRow, what: str) -> str | None:
    code = f" ({page.code})" if page.code else ""
    match page.state:
        case state if state in TOLD:
            return f"{'Paged' if page.page else 'Nudged'} {page.who}"
        case DeliveryState.CANCELLED:
            return None  # overtaken before it left
        case DeliveryState.UNDELIVERED | DeliveryState.REFUSED | DeliveryState.PARKED if page.provider_id:
            return f"The {what} to {page.who} was not delivered by the provider{code}"
        case DeliveryState.REFUSED | DeliveryState.PARKED:
            return f"The {what} to {page.who} could not be handed over{code}, so the next step was due"
    return f"The {what} to {page.who} is being handed over{code}"
