import json
from pathlib import Path
from typing import Any

import pytest

from alertd.domain.incident import Reach, Scope
from alertd.domain.service import Services
from alertd.ingest.event import parse
from alertd.ingest.reading import Mistakes

SERVICES = Services({"follow": {"en": "Follow"}, "share": {"en": "Share"}}, {"follow": ("us", "eu-west")})
FIRING = json.loads((Path(__file__).parent / "golden" / "event" / "firing.in.json").read_bytes())


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"serverity": "minor"}, 'serverity: is not known here; did you mean "severity"?'),
        ({"severity": "blocker"}, 'severity: "blocker" is not a severity; known: critical, major, minor'),
        ({"severity": 1}, "severity: must be a text, not a number"),
        ({"status": "open"}, 'status: "open" is not a status; known: firing, resolved'),
        ({"service": "folow"}, 'service: "folow" is not a declared service; did you mean "follow"?'),
        ({"id": ""}, "id: must not be empty"),
        ({"id": None}, "id: is needed and may not be null"),
        ({"alert": "x" * 201}, "alert: has 201 characters; at most 200 are taken"),
        ({"title": "a\r\nb"}, "title: holds a line break or control character"),
        ({"title": "a\u202eb"}, "title: holds a line break or control character"),
        ({"message": ["x"]}, 'message: must be a text, or texts by locale such as {"en": "...", "es": "..."}'),
        (
            {"message": {"english": "x"}},
            'message.english: "english" is no locale; write for example "en" or "es-MX"',
        ),
        ({"message": {"en": ""}}, "message.en: must not be empty"),
        ({"message": "x" * 2001}, "message: has 2001 characters; at most 2000 are taken"),
        ({"regions": "us"}, "regions: must be a list, not a text"),
        ({"regions": ["us", "ue"]}, 'regions[1]: "ue" is no region of follow; known: us, eu-west'),
        (
            {"detected_at": "2019-11-29 23:40"},
            'detected_at: "2019-11-29 23:40" does not say in which zone; write for example "2026-11-01T00:00:00Z"',
        ),
        (
            {"detected_at": 1575099600},
            "detected_at: must be a text, not a number",
        ),
    ],
)
def test_one_mistake_is_told_with_its_field_and_the_way_out(patch: dict[str, Any], expected: str) -> None:
    with pytest.raises(Mistakes) as refused:
        parse(FIRING | patch, SERVICES)

    assert [str(problem) for problem in refused.value.problems] == [expected]
    assert refused.value.field == expected.partition(":")[0]


def test_every_missing_key_is_told() -> None:
    with pytest.raises(Mistakes) as refused:
        parse(b"{}", SERVICES)

    told = {problem.field for problem in refused.value.problems}
    assert told == {"source", "id", "alert", "service", "severity", "status", "title"}


def test_too_much_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(Mistakes, match="is larger than 64 KB"):
        parse(b"{" * 70_000, SERVICES)


def test_a_message_without_locale_is_in_the_default_one() -> None:
    event = parse(FIRING | {"message": "Sin datos."}, SERVICES, default_locale="es")

    assert event.message == {"es": "Sin datos."}


def test_an_emoji_newer_than_this_python_passes() -> None:
    assert parse(FIRING | {"title": "down \U0001fae9"}, SERVICES).title == "down \U0001fae9"


@pytest.mark.parametrize("zero", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00"])
def test_a_programs_zero_is_no_beginning(zero: str) -> None:
    """Go, and whoever converts a missing time: families would read it, and Los Angeles cannot even show year 1."""
    assert parse(FIRING | {"detected_at": zero}, SERVICES).detected_at is None


def test_regions_are_kept_as_the_scope() -> None:
    event = parse(FIRING | {"regions": ["us-west", "eu"]}, SERVICES)

    assert event.scope == Scope((Reach("follow", ("us-west", "eu")),))
