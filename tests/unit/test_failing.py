"""What has failed for one family, and since when (R15)."""

import pytest

from alertd.domain.correction import worst_told
from alertd.domain.delivery import Framing
from alertd.domain.failing import failed_services, failing_since, told_failing, worst_since
from alertd.domain.incident import Incident, Kind, Scope, Severity
from tests import make

MINOR, MAJOR, CRITICAL = Severity.MINOR, Severity.MAJOR, Severity.CRITICAL
SHARE, BOTH, LOGIN = ("share",), ("follow", "share"), ("login",)
MIA = make.family(make.caregiver("mia", "sms"), services=("share",))


def told(*steps: tuple[Kind, float, tuple[str, ...]]) -> Incident:
    return make.history(*((kind, at, {"scope": make.scope(*services)}) for kind, at, services in steps))


@pytest.mark.parametrize(
    ("steps", "minute"),
    [
        ([(Kind.NOTICE, 0, SHARE), (Kind.PROGRESS, 10, SHARE)], None),
        ([(Kind.NOTICE, 0, SHARE), (Kind.SCOPE, 10, BOTH), (Kind.SCOPE, 20, SHARE)], None),
        ([(Kind.NOTICE, 0, LOGIN), (Kind.SCOPE, 10, BOTH), (Kind.PROGRESS, 20, BOTH)], 10),
        ([(Kind.NOTICE, 0, LOGIN), (Kind.SCOPE, 10, BOTH), (Kind.SCOPE, 20, SHARE)], 10),
        ([(Kind.NOTICE, 0, SHARE), (Kind.SCOPE, 10, LOGIN), (Kind.SCOPE, 20, SHARE)], 20),
        ([(Kind.NOTICE, 0, LOGIN), (Kind.SCOPE, 10, SHARE), (Kind.REOPENING, 30, SHARE)], None),
        ([(Kind.NOTICE, 0, SHARE), (Kind.SCOPE, 10, LOGIN)], None),
    ],
)
def test_it_is_the_update_from_which_on_it_always_touched_them(
    steps: list[tuple[Kind, float, tuple[str, ...]]], minute: float | None
) -> None:
    assert failing_since(told(*steps), MIA).grown == (None if minute is None else make.after(minute))


@pytest.mark.parametrize(
    ("steps", "services"),
    [
        ([(Kind.NOTICE, 0, BOTH)], SHARE),
        ([(Kind.NOTICE, 0, BOTH), (Kind.SCOPE, 10, LOGIN)], SHARE),
        ([(Kind.NOTICE, 0, LOGIN)], LOGIN),
    ],
)
def test_what_failed_for_them_last_is_named_and_nothing_that_they_do_not_use(
    steps: list[tuple[Kind, float, tuple[str, ...]]], services: tuple[str, ...]
) -> None:
    assert failed_services(told(*steps), MIA) == services


ANA = make.family(make.caregiver("ana", "sms"), services=BOTH)


@pytest.mark.parametrize(
    ("steps", "since"),
    [
        ([(Kind.NOTICE, 0, SHARE), (Kind.PROGRESS, 10, SHARE)], None),
        ([(Kind.NOTICE, 0, SHARE), (Kind.SCOPE, 10, (*SHARE, *LOGIN))], None),
        ([(Kind.NOTICE, 0, SHARE), (Kind.SCOPE, 10, BOTH), (Kind.PROGRESS, 20, BOTH)], 10),
        ([(Kind.NOTICE, 0, SHARE), (Kind.SCOPE, 10, ("follow",)), (Kind.SCOPE, 20, SHARE)], 20),
        ([(Kind.NOTICE, 0, LOGIN), (Kind.SCOPE, 10, BOTH)], None),
        ([(Kind.NOTICE, 0, SHARE), (Kind.SCOPE, 10, BOTH), (Kind.REOPENING, 30, BOTH)], None),
        ([(Kind.NOTICE, 0, BOTH), (Kind.SCOPE, 10, SHARE)], None),
        ([(Kind.NOTICE, 0, SHARE), (Kind.SCOPE, 10, BOTH), (Kind.SCOPE, 20, ("follow",))], 10),
        ([(Kind.NOTICE, 0, LOGIN), (Kind.SCOPE, 10, ())], None),
    ],
)
def test_since_when_all_of_it_fails_where_some_of_it_began_later(
    steps: list[tuple[Kind, float, tuple[str, ...]]], since: float | None
) -> None:
    assert failing_since(told(*steps), ANA).all == (make.after(since) if since is not None else None)


def test_what_was_told_as_failing_goes_by_what_they_heard() -> None:
    outage = told((Kind.NOTICE, 0, BOTH), (Kind.SCOPE, 10, SHARE))
    assert [told_failing(outage, ANA, number) for number in (0, 1, 2, 3)] == [(), BOTH, SHARE, SHARE]


def test_who_has_moved_away_reads_what_they_use_of_it() -> None:
    everywhere = make.history((Kind.NOTICE, 0, {"scope": make.scope(*BOTH, regions=("us",))}))
    assert (
        failed_services(everywhere, make.family(make.caregiver("mia", "sms"), services=SHARE, region="eu"))
        == SHARE
    )


EU, US = (make.scope(regions=(each,)) for each in ("eu", "us"))
WIDE = make.scope(regions=("us", "eu"))
EVA = make.family(make.caregiver("eva", "push"), region="eu")


def ups_and_downs(*steps: tuple[Severity, Scope]) -> Incident:
    return make.history(
        *(
            (Kind.PROGRESS if at else Kind.NOTICE, 10.0 * at, {"severity": severity, "scope": where})
            for at, (severity, where) in enumerate(steps)
        )
    )


@pytest.mark.parametrize(
    ("steps", "worst"),
    [
        ([(CRITICAL, WIDE), (MAJOR, WIDE)], CRITICAL),
        ([(CRITICAL, US), (MAJOR, US), (MAJOR, WIDE)], MAJOR),
        ([(CRITICAL, US), (MAJOR, WIDE), (MAJOR, EU), (MINOR, EU)], MAJOR),
        ([(MAJOR, WIDE), (CRITICAL, US), (MINOR, US), (MINOR, WIDE)], MINOR),
        ([(MAJOR, US)], MAJOR),
    ],
)
def test_how_bad_it_was_since_it_came_to_touch_them(steps: list[tuple[Severity, Scope]], worst: Severity) -> None:
    assert worst_since(ups_and_downs(*steps), EVA) is worst


def test_what_they_were_told_counts_and_that_it_left_them_says_nothing_of_how_bad_it_is() -> None:
    """An end is as loud as the word that it takes back; "not affected" bears the number of what others were told."""
    incident = ups_and_downs((MAJOR, WIDE), (CRITICAL, US), (MINOR, US), (MINOR, WIDE))
    push = make.own("eva", "push")
    left = make.telling(push, 2, 10, framing=Framing.NOT_AFFECTED, next_by=None)

    assert worst_told(make.duty(incident=incident, family=EVA, tellings=[left])) is MINOR
    assert worst_told(make.duty(incident=incident, family=EVA, tellings=[make.telling(push, 1, 0), left])) is MAJOR
