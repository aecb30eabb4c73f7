"""What families read, in full. Read the golden files as a parent would at 3 a.m.: they are the specification.

After a wanted change: `ALERTD_GOLDENS=write pytest tests/unit/test_texts_goldens.py`, and read the difference.
"""

import os
from pathlib import Path

import pytest

from alertd.texts import Composer
from alertd.texts.segments import measure
from tests.unit.texts_story import CASES, PAGES, Case, composer

GOLDEN = Path(__file__).parent / "golden" / "texts"
HTML = ("notice", "update_correction", "resolution")
"""Cases whose HTML is kept too; the others have the same parts."""


@pytest.fixture(scope="module")
def compose() -> Composer:
    return composer()


def drawn(compose: Composer, case: Case, locale: str) -> str:
    sms = compose(case.told("sms", locale)).text
    size = measure(sms)
    push, email = compose(case.told("push", locale)), compose(case.told("email", locale))
    console, call = compose(case.told("console", locale)).text, compose(case.told("voice", locale)).text
    return (
        f"== sms ({size.segments} x {size.alphabet}, {size.units})\n{sms}\n\n"
        f"== push ({len(push.title)}, {len(push.text)})\n{push.title}\n{push.text}\n\n"
        f"== email\nSubject: {email.title}\n\n{email.text}\n"
        f"== console\n{console}\n"
        f"== call ({len(call)})\n{call}\n"
    )


def compare(path: Path, text: str) -> None:
    if os.environ.get("ALERTD_GOLDENS") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_families_read(compose: Composer, case: Case, locale: str) -> None:
    compare(GOLDEN / locale / f"{case.name}.txt", drawn(compose, case, locale))


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("case", [c for c in CASES if c.name in HTML], ids=lambda case: case.name)
def test_families_see(compose: Composer, case: Case, locale: str) -> None:
    html = compose(case.told("email", locale)).html
    assert html is not None
    compare(GOLDEN / locale / f"{case.name}.html", html)


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("case", PAGES, ids=lambda case: case.name)
def test_a_link_leads_to(compose: Composer, case: Case, locale: str) -> None:
    html = compose(case.told("page", locale)).html
    assert html is not None
    assert "<script" not in html
    compare(GOLDEN / locale / f"{case.name}.html", html)


def test_no_golden_is_left_over() -> None:
    names = {case.name for case in (*CASES, *PAGES)}
    kept = {(path.parent.name, path.stem) for path in GOLDEN.glob("*/*")}
    assert kept == {(locale, name) for locale in ("en", "es") for name in names}
