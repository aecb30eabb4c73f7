"""One bad file per mistake, and beside it what alertd says: `line: field: message`, one problem a line."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from alertd import policy_file, settings
from alertd.ingest.reading import Mistakes, Problem
from alertd.texts.catalogue import environment
from alertd.texts.catalogue_file import FILE, read_catalogue

BAD = Path(__file__).parent / "bad"

SERVICES = "services:\n  follow: {names: {en: Follow}}\n  login: {names: {en: Log-in}}\n"
LOGIN = "policy: a-login\nservices: [login]\n"


def said(problems: Iterable[Problem], file: Path) -> str:
    """The problems as the .txt file beside a bad one spells them; all must be about `file`."""
    text = ""
    for problem in problems:
        assert problem.file == str(file)
        text += f"{problem.line}: " if problem.line else ""
        text += f"{problem.field}: " if problem.field else ""
        text += problem.message + "\n"
    return text


def cases(kind: str) -> pytest.MarkDecorator:
    files = sorted((BAD / kind).glob("*.yaml"))
    assert files
    return pytest.mark.parametrize("bad", files, ids=[file.stem for file in files])


@cases("policies")
def test_a_bad_policy_is_refused_with_line_field_and_way_out(bad: Path, tmp_path: Path) -> None:
    (tmp_path / "services.yaml").write_text(SERVICES)
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "a-login.yaml").write_text(LOGIN)
    (policies / "default.yaml").write_text("policy: default\n")
    (policies / "bad.yaml").write_bytes(bad.read_bytes())

    problems = policy_file.check(tmp_path)

    assert said(problems, policies / "bad.yaml") == bad.with_suffix(".txt").read_text()
    with pytest.raises(Mistakes) as refused:
        policy_file.load_policies(tmp_path)
    assert list(refused.value.problems) == problems


@cases("services")
def test_bad_services_are_refused_with_line_field_and_way_out(bad: Path, tmp_path: Path) -> None:
    file = tmp_path / "services.yaml"
    file.write_bytes(bad.read_bytes())

    with pytest.raises(Mistakes) as refused:
        policy_file.load_services(file)

    assert said(refused.value.problems, file) == bad.with_suffix(".txt").read_text()


@cases("settings")
def test_bad_settings_are_refused_with_line_field_and_way_out_but_never_their_value(
    bad: Path, tmp_path: Path
) -> None:
    file = tmp_path / "alertd.yaml"
    file.write_bytes(bad.read_bytes())

    with pytest.raises(Mistakes) as refused:
        settings.load({"HOME": str(tmp_path)}, tmp_path)

    assert said(refused.value.problems, file) == bad.with_suffix(".txt").read_text()
    assert "hunter2" not in str(refused.value)


@cases("texts")
def test_bad_texts_are_refused_with_line_field_and_way_out(bad: Path, tmp_path: Path) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / FILE).write_bytes(bad.read_bytes())

    with pytest.raises(Mistakes) as refused:
        read_catalogue(folder, environment())

    assert said(refused.value.problems, Path("en", FILE)) == bad.with_suffix(".txt").read_text()


def test_every_expectation_has_its_bad_file() -> None:
    assert {file.with_suffix("") for file in BAD.rglob("*.txt")} == {
        file.with_suffix("") for file in BAD.rglob("*.yaml")
    }
