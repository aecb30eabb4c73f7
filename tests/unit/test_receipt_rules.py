"""What a receipt does to a delivery: a sentence per row."""

import pytest

from alertd.domain.delivery import OPEN, TOLD, VOID, DeliveryState, may_move
from alertd.domain.receipt import Standing, Word, arrived_after_all, follows

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
    ("before", "word", "after", "because"),
    [
        (LEASED, Word.ACCEPTED, ACCEPTED, "the receipt was quicker than our own commit"),
        (LEASED, Word.DELIVERED, DELIVERED, "much quicker"),
        (LEASED, Word.UNDELIVERED, UNDELIVERED, "and it says that nobody got it"),
        (LEASED, Word.REFUSED, REFUSED, "or ever will"),
        (UNKNOWN, Word.ACCEPTED, ACCEPTED, "the provider has it: nothing is sent again"),
        (UNKNOWN, Word.DELIVERED, DELIVERED, "they have it: nothing is sent again"),
        (UNKNOWN, Word.UNDELIVERED, UNDELIVERED, "the provider had it, and gave it up"),
        (UNKNOWN, Word.REFUSED, REFUSED, "the provider had it, and the number is dead"),
        (PENDING, Word.ACCEPTED, ACCEPTED, "it waits for its second try, which nobody needs any more"),
        (PENDING, Word.DELIVERED, DELIVERED, "nor now"),
        (PENDING, Word.UNDELIVERED, None, "it is about to be sent again as it is"),
        (PENDING, Word.REFUSED, REFUSED, "which would be refused again"),
        (ACCEPTED, Word.ACCEPTED, None, "that is known"),
        (ACCEPTED, Word.DELIVERED, DELIVERED, "it reached the phone"),
        (ACCEPTED, Word.READ, READ, "it was read before the word that it had been delivered came"),
        (ACCEPTED, Word.UNDELIVERED, UNDELIVERED, "an acceptance is taken back"),
        (ACCEPTED, Word.REFUSED, REFUSED, "and so is the address"),
        (DELIVERED, Word.ACCEPTED, None, "reordered: `sent` came after `delivered`"),
        (DELIVERED, Word.DELIVERED, None, "doubled"),
        (DELIVERED, Word.UNDELIVERED, None, "never down"),
        (DELIVERED, Word.REFUSED, None, "never down"),
        (DELIVERED, Word.READ, READ, "they looked"),
        (READ, Word.DELIVERED, None, "never down"),
        (UNDELIVERED, Word.DELIVERED, DELIVERED, "late truth"),
        (UNDELIVERED, Word.ACCEPTED, None, "reordered"),
        (UNDELIVERED, Word.UNDELIVERED, None, "doubled"),
        (REFUSED, Word.DELIVERED, None, "final"),
        (SUPERSEDED, Word.DELIVERED, None, "something newer took its place"),
        (PARKED, Word.DELIVERED, None, "another address was used"),
    ],
)
def test_what_a_receipt_of_the_only_try_does(before, word, after, because):
    standing = Standing(before, attempts=1, provider_id="SM1" if before in TOLD | {UNDELIVERED, REFUSED} else None)

    assert follows(standing, word, 1, "SM1") is after, because


@pytest.mark.parametrize(
    ("before", "attempt", "after", "because"),
    [
        (LEASED, 2, PARKED, "quicker than our own commit"),
        (UNKNOWN, 2, PARKED, "the provider had it; another address is used, and this one is tried again later"),
        (PENDING, 2, None, "it is about to be sent again as it is"),
        (ACCEPTED, 2, PARKED, "an acceptance is taken back, and the address is as good as before"),
        (ACCEPTED, 1, None, "only a copy was stopped"),
        (LEASED, 1, None, "the second try is under way, and will have its own word"),
        (DELIVERED, 2, None, "never down"),
        (READ, 2, None, "never down"),
        (UNDELIVERED, 2, None, "that is known; whose fault it was makes no difference any more"),
        (REFUSED, 2, None, "final"),
        (PARKED, 2, None, "doubled"),
    ],
)
def test_what_a_receipt_does_that_says_that_it_was_our_own_fault(before, attempt, after, because):
    standing = Standing(before, attempts=2, provider_id="SM2" if before in TOLD | {UNDELIVERED, PARKED} else None)

    assert follows(standing, Word.UNDELIVERED, attempt, f"SM{attempt}", ours=True) is after, because


@pytest.mark.parametrize(
    ("before", "stands_on", "word", "after", "because"),
    [
        (LEASED, None, Word.ACCEPTED, ACCEPTED, "the first try arrived while the second is under way"),
        (LEASED, None, Word.UNDELIVERED, None, "the second try is under way, and will have its own word"),
        (UNKNOWN, None, Word.DELIVERED, DELIVERED, "whatever became of the second, the first arrived"),
        (UNKNOWN, None, Word.REFUSED, None, "the second is waited for"),
        (PENDING, None, Word.DELIVERED, DELIVERED, "there is no third"),
        (ACCEPTED, "SM2", Word.DELIVERED, DELIVERED, "the second was accepted, the first is there"),
        (ACCEPTED, "SM2", Word.UNDELIVERED, None, "only the first was lost"),
        (ACCEPTED, "SM2", Word.REFUSED, None, "only the first was lost"),
        (ACCEPTED, "SM1", Word.UNDELIVERED, UNDELIVERED, "the first was all that was known to be taken"),
        (UNDELIVERED, "SM2", Word.DELIVERED, DELIVERED, "the second was lost, the first is there"),
    ],
)
def test_what_a_receipt_of_an_older_try_does(before, stands_on, word, after, because):
    standing = Standing(before, attempts=2, provider_id=stands_on)

    assert follows(standing, word, 1, "SM1") is after, because


def test_another_message_of_the_same_try_may_prove_that_it_arrived_and_nothing_else():
    standing = Standing(ACCEPTED, attempts=1, provider_id="SM1")

    assert follows(standing, Word.DELIVERED, 1, "SM9") is DELIVERED
    assert follows(standing, Word.UNDELIVERED, 1, "SM9") is None


@pytest.mark.parametrize("attempt", [-1, 0, 3])
@pytest.mark.parametrize("word", Word)
def test_a_try_that_never_was_changes_nothing(attempt, word):
    for state in DeliveryState:
        standing = Standing(state, attempts=2, provider_id=None)
        assert follows(standing, word, attempt, "SM1") is None
        assert not arrived_after_all(standing, word, attempt)


@pytest.mark.parametrize("word", Word)
def test_no_receipt_goes_back_and_none_does_anything_twice(word):
    for state in DeliveryState:
        after = follows(Standing(state, attempts=1, provider_id=None), word, 1, "SM1")
        if after is None:
            continue
        assert may_move(state, after) or (state in OPEN and may_move(ACCEPTED, after))
        assert follows(Standing(after, attempts=1, provider_id="SM1"), word, 1, "SM1") is None


def test_what_was_replaced_and_arrived_after_all_counts_for_the_all_clear():
    for state in DeliveryState:
        for word in Word:
            news = arrived_after_all(Standing(state, attempts=1, provider_id=None), word, 1)
            assert news is (state in VOID and word in (Word.ACCEPTED, Word.DELIVERED, Word.READ))
            assert not arrived_after_all(Standing(state, 1, None, maybe=True), word, 1)
