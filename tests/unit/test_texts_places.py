"""Problems of the texts are told with the file and the line to open."""

import shutil
from dataclasses import dataclass
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


def problems(folder: Path, *, thorough: bool = True) -> list[Problem]:
    texts = load(folder, NAMES, lambda _failure: None)
    return [*texts.broken, *placed(folder, texts.check(thorough=thorough))]


def change(path: Path, old: str, new: str) -> int:
    """Put `new` for the first `old`; the line of it."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@dataclass(frozen=True)
class Broken:
    """Templates with a mistake of each kind; the line of each, and all that was found."""

    missing: int
    failing: int
    layout: int
    page: int
    unreadable: int
    found: list[Problem]
    at_a_start: list[Problem]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    """Looked at once: to compose everything takes seconds."""
    folder = Path(shutil.copytree(shipped_config() / "templates", tmp_path_factory.mktemp("broken") / "templates"))
    es, en = folder / "es" / "phrases.yaml", folder / "en" / "phrases.yaml"
    return Broken(
        missing=change(es, "  soon:", "  sooner:"),
        failing=change(en, 'bad:\n  critical: "You get', 'bad:\n  critical: "{{ you.get }}'),
        layout=change(folder / "sms.txt", "{{ prefix }}", "{{ nobody_knows_this }}"),
        page=change(es, "  last_done:", "  last_donee:"),
        unreadable=change(en, 'late: "', 'late: "{% if %}'),
        found=problems(folder),
        at_a_start=problems(folder, thorough=False),
    )


def test_a_key_that_one_language_lacks_is_told_where_it_belongs_and_where_it_is_never_said(broken: Broken) -> None:
    for line, section, lacking, never in (
        (broken.missing, "next", "soon", "sooner"),
        (broken.page, "opt_out", "last_done", "last_donee"),
    ):
        [unsaid] = [p for p in broken.found if p.field == f"{section}.{never}" and "never said" in p.message]
        assert (unsaid.file, unsaid.line) == ("es/phrases.yaml", line)
        lacked = [p for p in broken.found if p.field == f"{section}.{lacking}" and "is missing" in p.message]
        assert [p.file for p in lacked] == ["es/phrases.yaml"]
        assert "add it to es/phrases.yaml" in lacked[0].message
        assert lacked[0].line is not None
        assert lacked[0].line < line  # of the section under which it is missing


def test_a_sentence_that_fails_is_told_once_with_its_line(broken: Broken) -> None:
    told = [p for p in broken.found if "'you' is undefined" in p.message]
    assert [(p.file, p.line, p.field) for p in told] == [("en/phrases.yaml", broken.failing + 1, "bad.critical")]
    assert "more)" in told[0].message


def test_a_layout_that_fails_is_told_with_its_own_line(broken: Broken) -> None:
    told = [p for p in broken.found if "nobody_knows_this" in p.message]
    assert [(p.file, p.line) for p in told] == [("sms.txt", broken.layout)]


def test_a_sentence_that_is_no_template_is_told_once_with_its_line(broken: Broken) -> None:
    told = [p for p in broken.found if p.field == "late"]
    assert [(p.file, p.line) for p in told] == [("en/phrases.yaml", broken.unreadable)]
    assert told[0].message.startswith("cannot be read: Expected an expression")
    assert "more)" not in told[0].message


def test_a_page_that_fails_is_told_with_the_line_of_its_section(broken: Broken) -> None:
    [told] = [p for p in broken.found if "Missing: opt_out.last_done" in p.message]
    assert (told.file, told.field) == ("es/phrases.yaml", "opt_out.last_done")
    assert told.message.startswith("Missing: ")


def test_a_start_finds_the_same_places_but_for_lengths_and_what_is_never_said(broken: Broken) -> None:
    def places(found: list[Problem]) -> set[tuple[str | None, int | None, str]]:
        return {(p.file, p.line, p.field) for p in found if "never said" not in p.message and p.line}

    assert places(broken.at_a_start) == places(broken.found)
    assert not any("never said" in p.message for p in broken.at_a_start)


def test_a_file_that_cannot_be_read_is_told_with_the_line_that_is_wrong(folder: Path) -> None:
    line = change(folder / "es" / "phrases.yaml", "headline:", "\theadline:")

    found = problems(folder)

    assert [(p.file, p.line) for p in found if "not YAML" in p.message] == [("es/phrases.yaml", line)]
    assert len(found) == 1  # what can be read is in order
