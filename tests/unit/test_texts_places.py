"""Problems of the texts are told with the file and the line to open."""

import shutil
from pathlib import Path

import pytest

from alertd.ingest.reading import Problem
from alertd.settings import shipped_config
from alertd.texts import load
from alertd.texts.places import placed

NAMES = {"follow": {"en": "Follow", "es": "Seguimiento"}, "share": {"en": "Share", "es": "Compartir"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_config() / "templates", tmp_path / "templates"))


def problems(folder: Path) -> list[Problem]:
    return placed(folder, load(folder, NAMES, lambda _failure: None).check())


def change(path: Path, old: str, new: str) -> int:
    """Put `new` for the first `old`; the line of it."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_a_key_that_one_language_lacks_is_told_where_it_belongs_and_where_it_is_never_said(folder: Path) -> None:
    line = change(folder / "es" / "phrases.yaml", "  soon:", "  sooner:")

    found = problems(folder)

    never = [p for p in found if "never said" in p.message]
    assert [(p.file, p.line, p.field) for p in never] == [("es/phrases.yaml", line, "next.sooner")]
    missing = [p for p in found if p.field == "next.soon" and "is missing" in p.message]
    assert [p.file for p in missing] == ["es/phrases.yaml"]
    assert "add it to es/phrases.yaml" in missing[0].message
    assert missing[0].line is not None
    assert missing[0].line < line  # of `next`, under which it is missing


def test_a_sentence_that_fails_is_told_once_with_its_line(folder: Path) -> None:
    line = change(folder / "en" / "phrases.yaml", 'bad:\n  critical: "You get', 'bad:\n  critical: "{{ you.get }}')

    found = problems(folder)

    told = [p for p in found if "'you' is undefined" in p.message]
    assert [(p.file, p.line, p.field) for p in told] == [("en/phrases.yaml", line + 1, "bad.critical")], found
    assert "more)" in told[0].message


def test_a_layout_that_fails_is_told_with_its_own_line(folder: Path) -> None:
    line = change(folder / "sms.txt", "{{ prefix }}", "{{ nobody_knows_this }}")

    told = [p for p in problems(folder) if "nobody_knows_this" in p.message]

    assert [(p.file, p.line) for p in told] == [("sms.txt", line)]


def test_a_file_that_cannot_be_read_is_told_with_the_line_that_is_wrong(folder: Path) -> None:
    line = change(folder / "es" / "phrases.yaml", "headline:", "\theadline:")

    found = problems(folder)

    assert [(p.file, p.line) for p in found if "not YAML" in p.message] == [("es/phrases.yaml", line)]


def test_texts_in_order_have_no_problems(folder: Path) -> None:
    assert problems(folder) == []
