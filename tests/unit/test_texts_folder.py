"""What nobody would read in a templates folder is told before it goes live, and so are languages without texts."""

import shutil
from pathlib import Path

import pytest

from alertd.config_folder import templates_folder
from alertd.policy_file import unspoken_names
from alertd.settings import shipped_config
from alertd.texts.folder import LAYOUTS, check_folder, spoken_locales


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_config() / "templates", tmp_path / "templates"))


def told(folder: Path) -> list[str]:
    return [str(problem) for problem in check_folder(folder)]


def test_the_shipped_folder_is_in_order_and_holds_every_layout(folder: Path) -> None:
    assert told(folder) == []
    assert {path.name for path in folder.iterdir() if path.is_file()} == set(LAYOUTS)
    assert spoken_locales(folder) == {"en", "es"}


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("es/phrases.yaml", "es/phrase.yaml", 'es/phrase.yaml: is not read; did you mean "phrases.yaml"?'),
        ("es/replies.yaml", "es/reply.yaml", 'es/reply.yaml: is not read; did you mean "replies.yaml"?'),
        ("sms.txt", "smss.txt", 'smss.txt: is not read; did you mean "sms.txt"?'),
        ("email.html", "en/e-mail.html", 'en/e-mail.html: is not read; did you mean "email.html"?'),
        ("es", "es_mx", 'es_mx: is not read; did you mean "es-MX"?'),
        ("es", "ES", 'ES: is not read; did you mean "es"?'),
        ("es/replies.yaml", "replies.yaml", "replies.yaml: is not read here; move it into a language's folder"),
        ("es", "spanish", 'spanish: is not read: "spanish" is no locale; name it for example "en" or "es-MX"'),
    ],
)
def test_a_misnamed_file_or_language_is_told_once_with_the_name_that_was_meant(
    folder: Path, right: str, wrong: str, said: str
) -> None:
    (folder / right).rename(folder / wrong)
    [only] = told(folder)
    assert only.startswith(said)


def test_a_language_without_words_is_told(folder: Path) -> None:
    (folder / "fr").mkdir()
    shutil.copy(folder / "sms.txt", folder / "fr")
    [only] = told(folder)
    assert only.startswith("fr/phrases.yaml: does not exist: ")


def test_layouts_of_a_language_and_what_layouts_take_in_are_read(folder: Path) -> None:
    shutil.copy(folder / "sms.txt", folder / "es")
    (folder / "footer.txt").write_text("Goodbye")
    (folder / "en" / "head.txt").write_text("Hello")
    assert len(told(folder)) == 2
    (folder / "es" / "sms.txt").write_text('{% include "footer.txt" %}{% include "en/head.txt" %}')
    assert told(folder) == []


def test_what_editors_and_mounts_leave_behind_is_no_mistake(folder: Path) -> None:
    (folder / "sms.txt~").touch()
    (folder / "page.html.orig").touch()
    (folder / "en" / "phrases.yaml.dpkg-old").touch()
    (folder / "en" / ".phrases.yaml.swp").touch()
    (folder / "..data").mkdir()
    assert told(folder) == []


def test_what_cannot_be_meant_as_a_text_stops_no_start(folder: Path) -> None:
    (folder / "README.md").write_text("ours")
    (folder / "lost+found").mkdir()
    (folder / "en" / "notes.md").write_text("mine")
    assert told(folder) == []
    (folder / "greetings.txt").write_text("Hello")
    [said] = told(folder)
    assert said.startswith("greetings.txt: is not read; known: ")


def test_a_language_of_names_that_no_text_is_written_in_is_told_where_it_first_stands(folder: Path) -> None:
    services = folder.parent / "services.yaml"
    services.write_text(
        "services:\n"
        "  follow: {names: {en: Follow, es-MX: Seguimiento}}\n"
        "  share:\n    names:\n      en: Share\n      sp: Compartir\n"
        "  login: {names: {en: Log-in, sp: Acceso}}\n"
    )
    [only] = unspoken_names(services, spoken_locales(folder))
    assert (only.line, only.field) == (6, "services.share.names.sp")
    assert only.message == '"sp" has no folder in templates/; known: en, es'
    (folder / "es").rename(folder / "spa")
    (folder / "spa" / "phrases.yaml").unlink()
    assert [each.message for each in unspoken_names(services, spoken_locales(folder))] == [
        '"es-MX" has no folder in templates/; known: en, spa',
        '"sp" has no folder in templates/; did you mean "spa"?',
    ]


def test_a_config_folder_without_templates_speaks_the_shipped_languages(tmp_path: Path) -> None:
    (tmp_path / "services.yaml").write_text("services: {follow: {names: {en: Follow, es: Seguimiento}}}\n")
    assert unspoken_names(tmp_path / "services.yaml", spoken_locales(templates_folder(tmp_path))) == []
