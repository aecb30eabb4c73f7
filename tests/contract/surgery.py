"""What the tests of `alertd doctor` share: one thing looked at on a machine that is made for it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from alertd.cli.finding import Finding, Look, Seen
from alertd.settings import load

Ask = Callable[..., Mapping[str, list[Finding]]]


@pytest.fixture
def doctor(tmp_path: Path) -> Ask:
    """Has one thing looked at, with these variables; what was found, by what it is about."""

    def ask(look: Look, **env: str) -> Mapping[str, list[Finding]]:
        found: dict[str, list[Finding]] = {}
        for each in look(seen(tmp_path, **{f"ALERTD_{name}": value for name, value in env.items()})):
            found.setdefault(each.what, []).append(each)
        return found

    return ask


def said(found: Mapping[str, list[Finding]], what: str, mark: str) -> str:
    """What is said of one thing that has this mark; the way out with it, unless all is well."""
    [one] = [each for each in found[what] if each.mark == mark]
    assert bool(one.mend) or mark == "ok"
    return " -> ".join([one.text, *one.mend])


def seen(folder: Path, **env: str) -> Seen:
    """A machine with this data folder."""
    env = {"ALERTD_DATA_DIR": str(folder / "data"), **env}
    return Seen(load(env), env, None)
