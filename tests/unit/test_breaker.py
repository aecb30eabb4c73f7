"""When a provider is worth asking: what opens a breaker, what does not, and how it finds back."""

from datetime import UTC, datetime, timedelta

import pytest

from alertd.domain.breaker import (
    ENOUGH,
    ENOUGH_DECLINED,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PROBES,
    WINDOW,
    Breaker,
    BreakerState,
)

T0 = datetime(2026, 11, 4, 20, 0, tzinfo=UTC)
CLOSED, HALF_OPEN, OPEN = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def opened() -> Breaker:
    breaker = Breaker()
    assert [breaker.failure(T0, "http_503") for _ in range(ENOUGH)] == [False] * (ENOUGH - 1) + [True]
    return breaker


def declined(breaker: Breaker, times: int, at: datetime = T0) -> list[bool]:
    """So many messages meet a fault of ours, as a sender tells it; for each, whether that has opened it."""
    found = []
    for _ in range(times):
        found.append(breaker.decline(at, "21608"))
        if not found[-1]:
            breaker.answer()
    return found


def concluded() -> Breaker:
    breaker = Breaker()
    assert declined(breaker, ENOUGH_DECLINED) == [False] * (ENOUGH_DECLINED - 1) + [True]
    return breaker


def test_it_opens_on_half_of_the_tries() -> None:
    breaker = opened()
    assert (breaker.state, breaker.code, breaker.ours, breaker.until) == (
        OPEN,
        "http_503",
        False,
        T0 + FIRST_PAUSE,
    )
    assert not breaker.lets_through(after(4.9))


def test_a_few_failures_among_many_open_nothing() -> None:
    breaker = Breaker()
    for _ in range(100):
        for _ in range(3):
            assert not breaker.took()
        assert not breaker.failure(T0, "timeout")
    assert breaker.state is CLOSED
    assert breaker.share(T0) == pytest.approx(0.25, abs=0.01)


def test_failures_long_apart_open_nothing() -> None:
    breaker = Breaker()
    for n in range(50):
        assert not breaker.failure(after(n * WINDOW.total_seconds() / 3), "timeout")
    assert breaker.state is CLOSED


def test_what_was_taken_long_ago_hides_no_failure() -> None:
    breaker = Breaker()
    breaker.failure(T0, "timeout")
    for _ in range(10_000):
        breaker.took()
    later = after(60)
    assert [breaker.failure(later, "timeout") for _ in range(ENOUGH)][-1]


def test_after_the_pause_only_probes_pass() -> None:
    breaker = opened()
    assert [breaker.lets_through(after(5)) for _ in range(10)] == [True] * PROBES + [False] * (10 - PROBES)
    assert breaker.state is HALF_OPEN


def test_one_probe_that_is_taken_closes_it_and_forgets() -> None:
    breaker = opened()
    breaker.lets_through(after(5))
    assert breaker.took()
    assert (breaker.state, breaker.code, breaker.until) == (CLOSED, "", None)
    assert not breaker.failure(after(5), "http_503"), "one more failure is not enough again"


def test_each_probe_that_fails_doubles_the_pause_up_to_the_longest() -> None:
    breaker, at, pauses = opened(), T0, []
    for _ in range(5):
        assert breaker.until is not None
        pauses.append(breaker.until - at)
        at = breaker.until
        breaker.lets_through(at)
        assert breaker.failure(at, "http_503")
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_a_late_failure_of_what_set_out_before_lengthens_nothing() -> None:
    breaker = opened()
    assert not breaker.failure(after(3), "timeout")
    assert breaker.until == T0 + FIRST_PAUSE


def test_a_late_answer_to_what_set_out_before_closes_nothing() -> None:
    breaker = opened()
    assert not breaker.took()
    assert breaker.state is OPEN


def test_the_provider_says_how_long_to_wait() -> None:
    breaker = Breaker()
    for seconds in (2, 20, None, 3, 1):
        breaker.failure(T0, "http_503", timedelta(seconds=seconds) if seconds else None)
    assert breaker.until == after(20)


def test_no_provider_says_for_too_long() -> None:
    breaker = Breaker()
    for _ in range(ENOUGH):
        breaker.failure(T0, "http_503", timedelta(hours=1))
    assert breaker.until == T0 + LONGEST_PAUSE


def test_a_wrong_account_opens_it_at_once() -> None:
    breaker = Breaker()
    assert breaker.broken(T0, "20003")
    assert (breaker.state, breaker.ours, breaker.code) == (OPEN, True, "20003")
    assert not breaker.broken(after(1), "20003"), "those that were under way open nothing anew"
    breaker.lets_through(after(5))
    assert breaker.broken(after(5), "20003")
    assert breaker.until == after(5) + 2 * FIRST_PAUSE


def test_an_account_that_is_mended_may_meet_a_provider_that_is_down() -> None:
    breaker = Breaker()
    breaker.broken(T0, "20003")
    breaker.lets_through(after(5))
    breaker.failure(after(5), "http_503")
    assert not breaker.ours


def test_a_probe_that_our_own_code_lost_is_not_waited_for() -> None:
    breaker = opened()
    for _ in range(20):
        assert breaker.lets_through(after(5))
        breaker.lets_through(after(5))
        breaker.lets_through(after(5))
        breaker.unsure()
        breaker.unsure()


# --- a fault of ours that may be about the one message ----------------------------------------------


def test_an_account_that_nobodys_message_passes_opens_it_whatever_the_provider_calls_it():
    breaker = concluded()
    assert (breaker.state, breaker.ours, breaker.code) == (OPEN, True, "21608")
    assert breaker.until == T0 + FIRST_PAUSE
    assert declined(breaker, 10, after(1)) == [False] * 10, "those that were under way open nothing anew"
    assert breaker.until == T0 + FIRST_PAUSE


def test_one_that_is_accepted_shows_that_the_account_works():
    breaker = Breaker()
    declined(breaker, ENOUGH_DECLINED - 1)
    breaker.took()
    assert not any(declined(breaker, 1000, after(1)))
    assert breaker.state is CLOSED
    assert breaker.share(after(1)) == 0.0, "the provider answered each"


def test_what_was_accepted_in_the_half_before_still_shows_it():
    breaker = Breaker()
    breaker.turn(T0)
    breaker.took()
    assert not any(declined(breaker, ENOUGH_DECLINED, after(9)))
    assert declined(breaker, ENOUGH_DECLINED, after(10)) == [True, False, False, False, False]


def test_what_was_accepted_long_ago_shows_nothing():
    breaker = Breaker()
    breaker.turn(T0)
    for _ in range(1000):
        breaker.took()
    assert any(declined(breaker, ENOUGH_DECLINED, after(WINDOW.total_seconds())))


def test_refusals_are_no_fault_of_ours_and_a_few_of_ours_among_them_open_nothing():
    breaker = Breaker()
    for _ in range(1000):
        breaker.answer()
    assert not any(declined(breaker, ENOUGH_DECLINED - 1))
    for _ in range(1000):
        breaker.answer()
    assert breaker.state is CLOSED


def test_those_long_apart_open_nothing():
    breaker = Breaker()
    for n in range(50):
        assert declined(breaker, 1, after(n * WINDOW.total_seconds() / 3)) == [False]
    assert breaker.state is CLOSED


def test_while_none_is_accepted_each_probe_lengthens_the_pause():
    breaker = concluded()
    assert breaker.lets_through(after(5))
    assert declined(breaker, 1, after(5)) == [True]
    assert (breaker.state, breaker.ours, breaker.until) == (OPEN, True, after(5) + 2 * FIRST_PAUSE)


def test_a_probe_that_is_refused_says_nothing_of_the_account_and_another_may_try():
    breaker = concluded()
    for _ in range(10):
        assert breaker.lets_through(after(5))
        assert not breaker.answer()
    assert breaker.state is HALF_OPEN
    breaker.lets_through(after(5))
    assert breaker.took()
    assert (breaker.state, breaker.ours) == (CLOSED, False)
    assert not any(declined(breaker, ENOUGH_DECLINED, after(6))), "one was accepted a moment ago"


def test_one_that_set_out_before_and_is_accepted_closes_what_was_only_concluded():
    breaker = concluded()
    assert breaker.took()
    assert breaker.state is CLOSED


def test_one_that_is_accepted_late_closes_nothing_that_the_provider_said_itself():
    breaker = Breaker()
    breaker.broken(T0, "20003")
    assert not breaker.took()
    assert breaker.state is OPEN


def test_whoever_declines_one_message_is_there_again():
    """It was down, or our password was wrong: now it answers, if only for this one."""
    for breaker in (opened(), Breaker()):
        breaker.broken(T0, "20003")
        breaker.lets_through(after(5))
        assert not breaker.decline(after(5), "21608")
        assert breaker.answer()
        assert breaker.state is CLOSED


def test_what_it_asked_for_hours_ago_counts_no_more():
    """One answer among thousands that pass, and another fault on the same evening."""
    breaker = Breaker()
    breaker.failure(T0, "http_503", timedelta(seconds=30))
    for _ in range(1000):
        breaker.took()
    later = T0 + timedelta(hours=3)
    assert [breaker.failure(later, "http_500") for _ in range(ENOUGH)][-1]
    assert breaker.until == later + FIRST_PAUSE


def test_what_it_asked_for_within_the_window_is_waited_for():
    breaker = Breaker()
    breaker.failure(T0, "http_503", timedelta(seconds=20))
    assert [breaker.failure(after(6), "http_500") for _ in range(ENOUGH - 1)][-1]
    assert breaker.until == after(26)
