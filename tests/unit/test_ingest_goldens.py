"""Documents as people send them, and what alertd makes of them: golden/<kind>/<name>.in.json and .out.json."""

from pathlib import Path

import msgspec
import pytest

from alertd.domain.service import Services
from alertd.ingest import event, family
from alertd.ingest.family_document import to_document

GOLDEN = Path(__file__).parent / "golden"
SERVICES = Services({"follow": {"en": "Follow"}, "share": {"en": "Share"}, "login": {"en": "Log-in"}})


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
