"""Receipts: what a provider says later of an attempt, and what follows for its delivery. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from alertd.domain.delivery import OPEN, TOLD, VOID, DeliveryState, may_move


class Word(StrEnum):
    """What a provider says; each names the state that it stands for."""

    ACCEPTED = "accepted"  # it has the message
    DELIVERED = "delivered"  # it reached the phone or mailbox
    READ = "read"  # it was seen
    UNDELIVERED = "undelivered"  # given up; the address may be tried again
    REFUSED = "refused"  # never, at this address

    @property
    def good(self) -> bool:
        """Whether the family has heard."""
        return DeliveryState(self.value) in TOLD


@dataclass(frozen=True, slots=True)
class Standing:
    """A delivery, as far as a receipt needs to know it."""

    state: DeliveryState
    attempts: int  # tries so far
    provider_id: str | None  # the message that the state is about, once a provider took one
    maybe: bool = False  # it is known that it may have arrived


def follows(
    standing: Standing, word: Word, attempt: int, provider_id: str | None, *, ours: bool = False
) -> DeliveryState | None:
    """The state that a receipt moves a delivery to; None: it changes nothing.

    `ours`: the provider gave up through a fault of our own, which parks it, as where the provider says so at once.

    States move forward only, so doubled, late and reordered receipts change nothing. One delivery may have
    become several messages: after an unknown outcome it is sent again. That any of them arrived is true of the
    delivery; that one of them failed is true of it only while its state is about that one. What waits for its
    next try is not sent again once an earlier one arrived; where that failed, it is: it waits for it already.
    """
    if not 1 <= attempt <= standing.attempts:
        return None
    before, after = standing.state, DeliveryState.PARKED if ours else DeliveryState(word.value)
    if not word.good and not _is_about(standing, attempt, provider_id):
        return None
    if before is DeliveryState.PENDING and word is Word.UNDELIVERED:
        return None
    if may_move(before, after):
        return after
    # Whatever a provider says more of a message, it has taken it: also before we have written so ourselves.
    implied = (
        before in OPEN and may_move(before, DeliveryState.ACCEPTED) and may_move(DeliveryState.ACCEPTED, after)
    )
    return after if implied else None


def arrived_after_all(standing: Standing, word: Word, attempt: int) -> bool:
    """Whether it is news that a delivery arrived which something else has taken the place of.

    It stays as it is; but for the all-clear, what may have arrived counts as told (R11).
    """
    return standing.state in VOID and word.good and 1 <= attempt <= standing.attempts and not standing.maybe


def _is_about(standing: Standing, attempt: int, provider_id: str | None) -> bool:
    if standing.state in OPEN:
        return attempt == standing.attempts
    return standing.provider_id is None or standing.provider_id == provider_id
