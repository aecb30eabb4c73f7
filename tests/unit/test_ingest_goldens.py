"""Documents as people send them, and what alertd makes of them: golden/<kind>/<name>.in.json and .out.json."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from alertd.domain.event import Told
from alertd.domain.incident import Severity
from alertd.domain.service import Services
from alertd.ingest import alertmanager, event, family
from alertd.ingest.alertmanager import Labels
from alertd.ingest.family_document import to_document

GOLDEN = Path(__file__).parent / "golden"
SERVICES = Services({"follow": {"en": "Follow"}, "share": {"en": "Share"}, "login": {"en": "Log-in"}})
REGIONS = Services(SERVICES.names, {"follow": ("us", "eu-west")})
LABELS = Labels(
    service={"share-backend": "share"}, region={"eu-west-1b": "eu-west"}, severity={"page": Severity.CRITICAL}
)
CAPTURED = Path(__file__).parents[1] / "data" / "alertmanager" / "webhook_v4_captured_0.25.jsonl"


def cases(kind: str) -> pytest.MarkDecorator:
    files = sorted((GOLDEN / kind).glob("*.in.json"))
    assert files
    return pytest.mark.parametrize("given", files, ids=[file.name.partition(".")[0] for file in files])


def expected(given: Path) -> object:
    return msgspec.json.decode(given.with_name(given.name.replace(".in.", ".out.")).read_bytes())


@cases("family")
def test_a_family_is_stored_in_one_normal_form(given: Path) -> None:
    read = family.parse(given.read_bytes(), SERVICES)

    assert to_document(read) == expected(given)


@cases("event")
def test_an_event_is_normalised(given: Path) -> None:
    read = event.parse(given.read_bytes(), SERVICES)

    assert msgspec.json.decode(msgspec.json.encode(read)) == expected(given)


def normal(told: Told) -> object:
    """What is read of an alert, to compare; without its own text and the digest of its name."""
    return msgspec.json.decode(msgspec.json.encode(replace(told, body="", digest=b"")))


@cases("alertmanager")
def test_a_group_of_alerts_is_normalised(given: Path) -> None:
    read = alertmanager.parse(msgspec.json.decode(given.read_bytes()), LABELS, REGIONS)

    assert [normal(told) for told in read] == expected(given)


def test_what_a_real_alertmanager_sent_is_read() -> None:
    read = [
        [normal(told) for told in alertmanager.parse(msgspec.json.decode(line), LABELS, REGIONS)]
        for line in CAPTURED.read_bytes().splitlines()
    ]

    assert read == msgspec.json.decode(CAPTURED.with_suffix(".out.json").read_bytes())
