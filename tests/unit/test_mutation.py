"""The score of `make check-slow` is honest: what was not asked is not counted, and what no test runs has survived."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from mutmut.mutation.data import SourceFileMutationData

from tests import mutation
from tests.markdown import ROOT

PATH = Path("alertd/domain/rouse.py")


def mutant(name: str = "alertd.domain.rouse.x_end_wakes__mutmut_1", **changes: str) -> mutation.Mutant:
    values = {"function": "x_end_wakes", "hash": "abc", **changes}
    return mutation.Mutant(PATH, name, values["function"], values["hash"])


def known(exit_code: int | None, of: str = "abc") -> dict[Path, SourceFileMutationData]:
    data = SourceFileMutationData(path=PATH)
    data.exit_code_by_key = {mutant().name: exit_code}
    data.hash_by_function_name = {"x_end_wakes": of}
    return {PATH: data}


@pytest.mark.parametrize(
    ("exit_code", "kind"),
    [
        (1, "killed"),  # a test failed
        (36, "killed"),  # it never came to an end
        (-24, "killed"),  # ... nor within its processor time
        (0, "survived"),
        (33, "survived"),  # no test runs it
        (None, "not asked"),
        (2, "not asked"),  # somebody pressed ctrl-c
    ],
)
def test_what_a_run_says_of_a_change(exit_code: int | None, kind: str) -> None:
    assert mutation._kind(mutant().verdict(known(exit_code))) == kind


def test_a_verdict_holds_only_for_the_function_that_it_was_given_for() -> None:
    assert mutant(hash="new").verdict(known(1, of="old")) == "not checked"


def test_what_was_not_asked_is_not_counted() -> None:
    assert mutation._score(Counter({"killed": 3, "survived": 1, "not asked": 96})) == 75
    assert mutation._score(Counter({"not asked": 5})) is None


def test_every_change_of_a_file_has_a_name_of_its_own_and_the_same_on_each_run() -> None:
    path = ROOT / PATH
    names = [each.name for each in mutation.mutants(path)]
    assert len(set(names)) == len(names) > 50
    assert names == [each.name for each in mutation.mutants(path)]
    assert all(each.hash for each in mutation.mutants(path))


def test_the_files_asked_about_are_there() -> None:
    assert {path.stem for path in (ROOT / mutation.DOMAIN).glob("*.py")} > mutation.DUTIES


def test_all_that_the_plan_reaches_is_asked_about() -> None:
    """Also what is written tomorrow: found by Python itself, which imports the planner anew."""
    asked = [sys.executable, "-c", "import sys, alertd.domain.plan; print(*sys.modules)"]
    ran = subprocess.run(
        asked, check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    modules = {
        name.removeprefix("alertd.domain.") for name in ran.stdout.split() if name.startswith("alertd.domain.")
    }

    assert modules > {"plan", "end", "next_channel", "postmortem"}
    assert modules <= mutation.DUTIES


def test_a_sample_is_drawn_from_all_files_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    drawn = mutation.everything({"rouse", "carried", "downtime"})

    assert {each.path.stem for each in drawn} == {"rouse", "carried", "downtime"}
    assert [each.name for each in drawn if each.path == PATH] == [each.name for each in mutation.mutants(PATH)]
