"""Changes the planner in every way that mutmut knows, and says which changes no test notices.

    python -m tests.mutation [--file plan --file speak] [--sample 200 --seed 7] [--minutes 30] [--again]

Results are kept in `mutants/` (ignored by git; `make clean` removes it): what was killed stays so until its function
changes, so a run that was stopped, or ran out of `--minutes`, goes on where it was. `--again` asks anew about those
that had survived, after a test was written. Code outside functions, and functions with a decorator (properties,
`lru_cache`), is not mutated: mutmut cannot. Exit 1 when less than `--at-least` per cent were killed, or nothing was.
"""

import ast
import os
import random
import re
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import get_mutant_name

from tests.markdown import ROOT

DOMAIN = Path("alertd") / "domain"
BESIDE = frozenset(
    ["audit_people", "excuses", "machine", "post_by", "receipt", "responders", "suspicion"],
)
"""Duties that no plan for a family reaches: the auditor's, those towards machines, responders and providers."""


def reached(names: Iterable[str]) -> frozenset[str]:
    """These files of the domain, and all of it that they import, and so on."""
    found: set[str] = set()
    new = set(names)
    while new:
        found |= new
        new = {each for name in new for each in _imported(ROOT / DOMAIN / f"{name}.py")} - found
    return frozenset(found)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == _PACKAGE:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_PACKAGE}."):
            yield (node.module or "").removeprefix(f"{_PACKAGE}.")


_PACKAGE = ".".join(DOMAIN.parts)
DUTIES = reached(["plan", *BESIDE])
"""The files asked about unless `--file` names others: the plan and its duties, found by what they import."""
NOTICED = ("killed", "timeout", "segfault", "suspicious", "caught by type check")
"""What counts as killed. A change that no test runs ("no tests") does not."""
_GRACE = 60  # seconds for mutmut to stop its workers


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function."""

    path: Path  # of the file, from the root of the project
    name: str  # as mutmut calls it
    function: str  # as mutmut calls it, without the module
    hash: str  # of the function that it changes

    def verdict(self, known: "Mapping[Path, SourceFileMutationData]") -> str:
        """What came of it, if its function is still the one that was asked about; else "not checked"."""
        data = known[self.path]
        if data.hash_by_function_name.get(self.function) != self.hash:
            return status_by_exit_code[None]
        return status_by_exit_code[data.exit_code_by_key.get(self.name)]


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    made = mutate_file_contents(str(path), path.read_text(encoding="utf-8"))
    for name in made.mutant_names:
        function = name.partition("__mutmut_")[0]
        yield Mutant(path, get_mutant_name(path, name), function, made.hash_by_function_name.get(function, ""))


def everything(names: Collection[str]) -> list[Mutant]:
    """Every mutant of these files of the domain, always in the same order."""
    return [mutant for name in sorted(names) for mutant in mutants(DOMAIN / f"{name}.py")]


def results(paths: set[Path]) -> dict[Path, SourceFileMutationData]:
    """What former runs have found."""
    found = {}
    for path in paths:
        data = SourceFileMutationData(path=path)
        data.load()
        found[path] = data
    return found


def ask(names: list[str], seconds: float | None, workers: int) -> bool:
    """Let mutmut try these; whether it came to the end. It keeps every verdict at once."""
    began = time.monotonic()
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(workers), *names]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        said, _ = process.communicate(timeout=seconds)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        print(f"stopped after {time.monotonic() - began:.0f} s; the same command goes on from here")
        return False
    if process.returncode:
        raise SystemExit(f"mutmut failed:\n{_plain(said)[-4000:]}")
    print(f"mutmut took {time.monotonic() - began:.0f} s for {len(names)} mutants")
    return True


def report(chosen: list[Mutant], at_least: float) -> bool:
    """Print each file's score, and every survivor; whether enough were killed."""
    known = results({mutant.path for mutant in chosen})
    by_file: dict[Path, Counter[str]] = {}
    alive: list[tuple[Mutant, str]] = []
    for mutant in chosen:
        verdict = mutant.verdict(known)
        by_file.setdefault(mutant.path, Counter())[_kind(verdict)] += 1
        if _kind(verdict) == "survived":
            alive.append((mutant, verdict))
    for mutant, verdict in alive:
        print(f"\n{mutant.name}: {verdict}")
        diff = get_diff_for_mutant(mutant.name, path=mutant.path).splitlines()[2:]
        print("\n".join(line for line in diff if line[:1] in "+-"))
    print(f"\n{'file':<24}{'mutants':>9}{'killed':>9}{'survived':>10}{'not asked':>11}{'score':>9}")
    for path, counts in sorted(by_file.items()):
        print(_row(path.name, counts))
    total = sum(by_file.values(), Counter())
    print(_row("all", total))
    score = _score(total)
    enough = score is not None and score >= at_least
    print(f"\n{'enough' if enough else 'not enough'}: at least {at_least:.0f} % are asked")
    return enough


def main() -> int:
    """Choose, ask, report."""
    options = _options()
    os.chdir(ROOT)
    wanted = frozenset(options.file) or DUTIES
    if unknown := wanted - {path.stem for path in DOMAIN.glob("*.py")}:
        raise SystemExit(f"no such file in {DOMAIN}: {', '.join(sorted(unknown))}")
    chosen = made = everything(wanted)
    if options.sample and options.sample < len(made):
        chosen = random.Random(options.seed).sample(made, options.sample)
    known = results({mutant.path for mutant in made})
    open_verdicts = {"not checked", "check was interrupted by user"}
    if options.again:
        open_verdicts |= {"survived", "no tests"}
    pending = [mutant.name for mutant in chosen if mutant.verdict(known) in open_verdicts]
    sampled = f", a sample of {len(made)} (seed {options.seed})" if len(chosen) < len(made) else ""
    print(f"{len(chosen)} mutants of {len(wanted)} files{sampled}; {len(pending)} to ask about", flush=True)
    if pending:
        ask(pending, options.minutes * 60 if options.minutes else None, options.workers)
    return 0 if report(chosen, options.at_least) else 1


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--file", action="append", default=[], help="of alertd/domain, without .py; repeatable")
    parser.add_argument("--sample", type=int, default=0, help="ask about so many, drawn from all of them")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long; what is known is kept")
    parser.add_argument("--again", action="store_true", help="ask anew about those that had survived")
    parser.add_argument("--workers", type=int, default=2, help="processes at the same time")
    parser.add_argument("--at-least", type=float, default=85, help="per cent that must be killed")
    return parser.parse_args()


def _kind(verdict: str) -> str:
    if verdict in NOTICED:
        return "killed"
    return "survived" if verdict in ("survived", "no tests") else "not asked"


def _score(counts: Mapping[str, int]) -> float | None:
    asked = counts["killed"] + counts["survived"]
    return 100 * counts["killed"] / asked if asked else None


def _row(what: str, counts: Counter[str]) -> str:
    score = _score(counts)
    told = f"{score:.1f} %" if score is not None else "-"
    numbers = f"{counts['killed']:>9}{counts['survived']:>10}{counts['not asked']:>11}"
    return f"{what:<24}{counts.total():>9}{numbers}{told:>9}"


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "\n", text)


if __name__ == "__main__":
    sys.exit(main())
