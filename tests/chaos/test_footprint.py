"""The last minute is held against the first after the warm-up."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.footprint import Footprint, grown

MB = 1_000_000


def looks(seconds: int = 300, **in_the_last: Any) -> list[Footprint]:
    """One a second. It begins small, and is steady after the warm-up; but for the last minute."""
    steady = Footprint(0.0, 500 * MB, 20, {"api: socket": 200})
    return [
        replace(
            steady,
            at=float(at),
            **({"memory": 100 * MB} if at < 60 else in_the_last if at >= seconds - 60 else {}),
        )
        for at in range(seconds)
    ]


def test_what_is_steady_after_the_warm_up_does_not_grow() -> None:
    said, wrong = grown(looks())
    assert wrong == []
    assert said.startswith("500 MB of memory in the first minute, 500 in the last; 200 descriptors in")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"memory": 551 * MB}, "MB of memory"),
        ({"whose": {"api: socket": 221}}, "descriptors"),
        ({"connections": 23}, "connections"),
    ],
)
def test_a_tenth_more_is_too_much(more: dict[str, Any], what: str) -> None:
    _, [sentence] = grown(looks(**more))
    assert what in sentence


def test_less_than_a_tenth_more_or_less_than_before_is_well() -> None:
    assert grown(looks(memory=549 * MB, whose={"api: socket": 219}, connections=10))[1] == []


def test_a_moment_is_no_growth() -> None:
    spike = looks()
    spike[-20:] = [replace(look, whose={"api: socket": 900}) for look in spike[-20:]]
    assert grown(spike)[1] == []


def test_of_a_few_minutes_nothing_can_be_said() -> None:
    assert grown(looks(seconds=170, memory=900 * MB)) == ("too short to say whether anything grows", [])
    assert grown([])[1] == []


def test_it_says_whose_descriptors_became_more() -> None:
    more = {"api: socket": 198, "worker-bulk: socket": 40, "api: pipe": 2}
    said, wrong = grown(looks(whose=more))
    assert wrong == ["grew: 200 descriptors in the first minute, 240 in the last"]
    assert said.endswith("; worker-bulk: socket +40; api: pipe +2")
