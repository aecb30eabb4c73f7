"""The command line of families: shown, imported, exported."""

import json
from pathlib import Path

from alertd.ingest.family_document import to_document
from alertd.ports import Refused
from tests import make
from tests.listening import Daemon, Shell, alertd, listening
from tests.unit.test_cli_incidents import OPEN, families

__all__ = ["alertd", "families", "listening"]


def test_a_family_is_shown_with_why_an_address_is_not_used(alertd: Shell, families: Daemon) -> None:
    """Since when, with the provider's code; and who said stop."""
    families.channel("sms").fail(make.own("mia", "sms").to, Refused("21211"))
    families.channel("push").fail(make.own("mia", "push").to, Refused("21610", opted_out=True))
    assert alertd(*OPEN) == 0
    families.run(families.served.work())
    assert alertd("family", "show", "fam-1") == 0
    assert "(suspended 4 Nov 2026, 21211)" in alertd.out
    assert "(opted out 4 Nov 2026)" in alertd.out


def lines(*numbers: int) -> bytes:
    """Families as lines of a file."""
    documents = [to_document(make.family(make.caregiver(f"c{n}", "push"), id=f"fam-{n:05}")) for n in numbers]
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def test_an_import_names_the_broken_line(alertd: Shell, listening: Daemon, tmp_path: Path) -> None:
    """1, because somebody has to look; the good ones are in."""
    file = tmp_path / "families.jsonl"
    file.write_bytes(lines(1) + b'{"id": 5}\n' + lines(3))
    assert alertd("family", "import", str(file)) == 1
    assert alertd.out.splitlines()[:3] == [
        "2 families written.",
        "1 line has mistakes, and nothing of that was written:",
        "  line 2: updated_at: is missing",
    ]
    file.write_bytes(lines(1, 3))
    assert alertd.json("family", "import", str(file)) == {"families": 2, "stale": 0, "failed": 0, "failures": []}
    file.write_bytes(b"")
    assert alertd("family", "import", str(file)) == 1
    assert "holds no family" in alertd.err
    assert alertd("family", "import", str(tmp_path / "nothing")) == 1


def test_a_file_that_is_sent_in_pieces_keeps_its_line_numbers(
    alertd: Shell, listening: Daemon, tmp_path: Path
) -> None:
    """Line 4,711 is line 4,711, in whichever piece it travels; an endless line costs one line."""
    padding = b" " * 3000 + b"\n"  # blank lines make the file large and the test quick
    file = tmp_path / "families.jsonl"
    file.write_bytes(
        lines(1) + padding * 4709 + b"{\n" + lines(2) + b'{"id": "' + b"x" * 3_000_000 + b'"}\n' + lines(3)
    )
    assert file.stat().st_size > 16 * 1024 * 1024
    assert alertd("family", "import", str(file), "-o", "json") == 1
    answer = json.loads(alertd.out)
    assert (answer["families"], answer["failed"]) == (3, 2)
    assert [failure["line"] for failure in answer["failures"]] == [4711, 4713]


def test_export_is_import(alertd: Shell, listening: Daemon, tmp_path: Path) -> None:
    """What comes out goes in again, all of it."""
    file = tmp_path / "families.jsonl"
    file.write_bytes(lines(*range(1, 621)))
    assert alertd("family", "import", str(file)) == 0
    assert alertd("family", "export") == 0
    assert len(alertd.out.splitlines()) == 620
    assert [json.loads(line) for line in alertd.out.splitlines()] == [
        json.loads(line) for line in file.read_text().splitlines()
    ]


def test_show_a_family(alertd: Shell, families: Daemon) -> None:
    """Who is told, where, and when not."""
    careful = make.caregiver("mia", "sms", preferences=make.preferences(quiet_hours="22:00-06:30", minor=()))
    families.run(families.served.families(make.family(careful, id="fam-9")))
    assert alertd("family", "show", "fam-9") == 0
    assert "1. Mia, parent" in alertd.out
    assert make.own("mia", "sms").to in alertd.out
    assert "quiet hours: 22:00-06:30" in alertd.out
    assert "minor: nothing" in alertd.out
    assert alertd("family", "show", "nobody") == 1
    assert alertd.err == 'alertd: there is no family "nobody".\n'
