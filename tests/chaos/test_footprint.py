"""The last minute is held against the first."""

from typing import Any

import pytest

from tests.chaos.footprint import ENOUGH, Footprint, Watching, grown


def looks(**more: Any) -> list[Footprint]:
    """One a second."""
    steady: dict[str, Any] = {
        "connections": 20,
        "pools": 4,
        "memories": {"api": 500.0},
        "whose": {"api: socket": 200},
    }
    return [Footprint(float(at), **{**steady, **more}) for at in range(60)]


def test_what_is_steady_does_not_grow() -> None:
    said, wrong = grown(looks(), looks())
    assert wrong == []
    assert said.startswith("500 MB of memory in the first minute, 500 in the last; 200 descriptors in")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"memories": {"api": 500.0, "sweeper": 51.0}}, "MB of memory"),
        ({"whose": {"api: socket": 221}}, "descriptors"),
        ({"connections": 23}, "connections"),
    ],
)
def test_a_tenth_more_is_too_much(more: dict[str, Any], what: str) -> None:
    _, [sentence] = grown(looks(), looks(**more))
    assert what in sentence


def test_less_than_a_tenth_more_or_less_than_before_is_well() -> None:
    assert grown(looks(), looks(memories={"api": 549.0}, whose={"api: socket": 219}, connections=10))[1] == []


def test_what_pools_keep_is_no_growth() -> None:
    assert grown(looks(connections=15), looks(connections=20))[1] == []
    assert grown(looks(connections=15), looks(connections=21))[1] != []


def test_a_moment_is_no_growth() -> None:
    assert grown(looks(), [*looks()[:40], *looks(whose={"api: socket": 900})[40:]])[1] == []


def test_what_was_hardly_seen_does_not_hold() -> None:
    assert grown(looks(), looks()[: ENOUGH - 1]) == (
        "",
        ["all of alertd was there 60 times in the first minute and 19 in the last"],
    )
    assert grown([], [])[1] != []


def test_it_says_whose_became_more() -> None:
    more = {"api: socket": 198, "worker-bulk: socket": 40, "api: pipe": 2}
    said, wrong = grown(looks(), looks(whose=more, memories={"api": 510.0, "sweeper": 30.0}))
    assert wrong == ["grew: 200 descriptors in the first minute, 240 in the last"]
    assert said.endswith("; sweeper +30 MB; api +10 MB; worker-bulk: socket +40; api: pipe +2")


def test_only_the_looks_between_two_moments_count() -> None:
    nobody: Any = None
    watching = Watching(nobody)
    watching.looks += looks()
    assert [look.at for look in watching.within(57.0, 90.0)] == [57.0, 58.0, 59.0]
