"""Delivery states move forward only; late, repeated and reordered callbacks change nothing they shouldn't."""

from datetime import timedelta

import pytest

from alertd.domain.delivery import FAILED, OPEN, TOLD, VOID, DeliveryState, backoff, may_move
from alertd.domain.incident import Severity

(
    PENDING,
    LEASED,
    ACCEPTED,
    DELIVERED,
    READ,
    UNKNOWN,
    REFUSED,
    UNDELIVERED,
    SUPERSEDED,
    CANCELLED,
    EXPIRED,
    PARKED,
) = DeliveryState


@pytest.mark.parametrize(
    ("before", "after", "allowed", "because"),
    [
        (PENDING, LEASED, True, "a worker takes it"),
        (PENDING, ACCEPTED, True, "the word on an earlier try came after the wait for it was over"),
        (PENDING, DELIVERED, False, "it is accepted first"),
        (LEASED, ACCEPTED, True, "the provider took it"),
        (LEASED, PENDING, True, "later: the provider does not have it"),
        (LEASED, UNKNOWN, True, "the answer was lost, or the lease ran out"),
        (LEASED, REFUSED, True, "never, at this address"),
        (LEASED, UNDELIVERED, False, "only a provider that took it can give it up"),
        (UNKNOWN, ACCEPTED, True, "a callback came"),
        (UNKNOWN, DELIVERED, True, "a callback came late, and says more"),
        (UNKNOWN, PENDING, True, "no callback came: better twice than never"),
        (UNKNOWN, UNDELIVERED, True, "the provider had it and gave it up"),
        (ACCEPTED, DELIVERED, True, "it reached the phone"),
        (ACCEPTED, READ, True, "it was read before the receipt of its delivery came"),
        (ACCEPTED, UNDELIVERED, True, "the provider gave up"),
        (ACCEPTED, REFUSED, True, "the carrier says that the number is dead"),
        (ACCEPTED, PARKED, True, "the provider gave up through a fault of our own"),
        (ACCEPTED, PENDING, False, "what was accepted is not sent again"),
        (ACCEPTED, SUPERSEDED, False, "what was said is not unsaid"),
        (DELIVERED, READ, True, "they looked"),
        (DELIVERED, UNDELIVERED, False, "a late, reordered callback changes nothing"),
        (DELIVERED, PARKED, False, "never down"),
        (DELIVERED, ACCEPTED, False, "a repeated callback changes nothing"),
        (READ, DELIVERED, False, "states move forward only"),
        (UNDELIVERED, DELIVERED, True, "late truth"),
        (UNDELIVERED, ACCEPTED, False, "a reordered callback changes nothing"),
        (REFUSED, PENDING, False, "never means never"),
        (REFUSED, DELIVERED, False, "final"),
        (REFUSED, SUPERSEDED, True, "a person says that the provider was wrong"),
    ],
)
def test_which_state_may_follow(before, after, allowed, because):
    assert may_move(before, after) is allowed, because


@pytest.mark.parametrize("state", sorted(OPEN))
@pytest.mark.parametrize("end", [SUPERSEDED, CANCELLED, EXPIRED, PARKED])
def test_any_open_state_may_be_given_up(state, end):
    assert may_move(state, end)


@pytest.mark.parametrize("state", [READ, SUPERSEDED, CANCELLED, EXPIRED, PARKED])
def test_final_states_stay(state):
    assert not any(may_move(state, after) for after in DeliveryState)


def test_every_state_is_open_told_failed_or_void():
    assert frozenset(DeliveryState) == OPEN | TOLD | FAILED | VOID
    assert not OPEN & TOLD
    assert not (OPEN | TOLD) & (FAILED | VOID)


@pytest.mark.parametrize(
    ("attempt", "severity", "spread", "seconds", "because"),
    [
        (1, Severity.CRITICAL, 0.0, 0.5, "never at once"),
        (1, Severity.CRITICAL, 0.999999, 2, "the first wait is at most 2 s"),
        (2, Severity.CRITICAL, 0.999999, 4, "it doubles"),
        (50, Severity.CRITICAL, 0.999999, 60, "critical waits at most a minute"),
        (50, Severity.MAJOR, 0.999999, 300, "others at most five"),
        (50, Severity.MINOR, 0.0, 0.5, "full jitter: any moment up to the ceiling"),
    ],
)
def test_backoff(attempt, severity, spread, seconds, because):
    assert backoff(attempt, severity, spread).total_seconds() == pytest.approx(seconds, abs=0.01), because


def test_backoff_honours_the_provider_up_to_the_longest():
    """One answer may not silence a family for an hour: it is mostly back in seconds."""
    wait = timedelta(seconds=50)

    assert backoff(1, Severity.CRITICAL, 0.5, wait) == wait
    assert backoff(1, Severity.CRITICAL, 0.5, timedelta(hours=1)) == timedelta(seconds=60)
    assert backoff(1, Severity.MAJOR, 0.5, timedelta(hours=1)) == timedelta(minutes=5)
    assert backoff(9, Severity.MAJOR, 0.999999, timedelta(seconds=1)).total_seconds() == pytest.approx(
        300, abs=0.01
    )
