"""The page that stops e-mails: every page in every language says what it means, and has one button, whatever fails."""

import shutil
from pathlib import Path

import pytest

from alertd.ports import OptOutSaying
from alertd.texts import load
from alertd.texts.opt_out import sayings
from tests.unit.texts_story import NAMES, TEMPLATES, refuse

LOCALES = ("en", "es", "en-GB", "tlh")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("broken", [False, True], ids=["as it is", "with a broken template"])
def test_each_page_has_one_button_and_says_when_it_is_the_last_way(
    locale: str, broken: bool, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    if broken:
        (folder / "opt_out.html").write_text("{{ nobody_knows_this }}")
    failures: list[str] = []
    compose = load(folder, NAMES, failures.append).opt_out
    for saying in sayings(locale):
        page = compose(saying).html or ""
        assert page.count("<button") == page.count('<form method="post"') == 1
        assert ('action="?again=true"' in page) is saying.opted_out
        last = ("only way" in page or "no way" in page) if locale != "es" else ("forma de avisarle" in page)
        assert last is (not saying.ways), page
        assert f'<html lang="{"es" if locale == "es" else "en"}">' in page
    assert any("opt_out" in failure for failure in failures) is broken


def test_pages_differ_where_what_they_mean_differs() -> None:
    compose = load(TEMPLATES, NAMES, refuse).opt_out
    for locale in ("en", "es"):
        pages = {compose(saying).html for saying in sayings(locale)}
        assert len(pages) == 8  # where a way is left, it does not matter whether others can be told


def test_ways_are_listed_as_people_say_them() -> None:
    compose = load(TEMPLATES, NAMES, refuse).opt_out
    said = compose(OptOutSaying("es", False, ("push", "sms"), False)).html or ""
    assert "Todavía podemos avisarle en la app y por SMS." in said
