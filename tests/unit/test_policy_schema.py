"""The schema for editors says of a policy file what the loader says, as far as a schema can."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from alertd.ingest.reading import Mistakes
from alertd.ingest.yaml_text import read_yaml
from alertd.policy_file.schema import schema
from alertd.settings import shipped_config
from tests.listening import Shell, alertd
from tests.markdown import Page

__all__ = ["alertd"]

SHIPPED = sorted(shipped_config().rglob("policies/*.yaml"))
BAD = sorted((Path(__file__).parent / "bad" / "policies").glob("*.yaml"))
VALIDATOR = Draft202012Validator(schema(["follow", "login", "share"]))

UNSEEN = {
    "key-twice": "editors mark it themselves",
    "ladder-always-misspelt": "two values",
    "ladder-nobody-can-answer": "two values",
    "ladder-role-misspelt": "roles are free words",
    "ladder-role-named-nowhere-else": "roles are free words",
    "name-is-not-the-files": "the file's name",
    "promise-built-in-shorter-than-window": "two values",
    "promise-shorter-than-window": "two values",
    "quiet-hours-all-day": "two times",
    "quiet-shorter-than-window": "two values",
    "responder-unknown": "two values",
    "service-owned-twice": "another file",
    "steps-out-of-order": "two steps",
    "steps-too-late": "the sum of its units",
    "tell-unknown": "roles are free words",
    "window-too-long": "the sum of its units",
}
"""Mistakes that no schema of one file sees, with what it would have to look at."""


def document(path: Path) -> Any:
    return read_yaml(path.read_bytes(), str(path)).value


def wrong(value: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(value)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    Draft202012Validator.check_schema(schema(["follow"]))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_every_shipped_policy_is_valid(path: Path) -> None:
    assert wrong(document(path)) == []


def test_the_example_of_the_reference_which_has_every_key_is_valid() -> None:
    blocks = Page.read("docs/reference/policy.md").blocks("yaml")
    examples = [read_yaml(block.encode(), "policy.md").value for block in blocks if block.startswith("policy:")]

    assert len(examples) == 1
    assert wrong(examples[0]) == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_mistake_is_one_for_the_schema_too(path: Path) -> None:
    """But for those that take more than one file, or more than one value, to see."""
    try:
        value = document(path)
    except Mistakes:
        return  # no YAML as alertd reads it: nothing to hold a schema to
    assert bool(wrong(value)) is (path.stem not in UNSEEN)


def test_mistakes_that_the_schema_does_not_see_are_mistakes_still() -> None:
    assert set(UNSEEN) <= {path.stem for path in BAD}


def test_without_services_any_may_stand() -> None:
    own = {"policy": "own", "services": ["glucose-alarms"]}

    assert list(Draft202012Validator(schema()).iter_errors(own)) == []
    assert wrong(own) != []


def test_default_owns_nothing_and_every_other_policy_something() -> None:
    assert wrong({"policy": "default"}) == []
    assert wrong({"policy": "default", "services": ["follow"]}) != []
    assert wrong({"policy": "own"}) != []


def test_a_ladder_says_what_differs_and_one_that_is_not_built_in_its_steps() -> None:
    def ladder(severity: str, **own: object) -> list[str]:
        return wrong({"policy": "default", "escalation": {"families": {severity: own}}})

    steps = [{"after": "0m", "tell": "always"}]
    assert (
        ladder("critical", by=["parent"]) == ladder("critical", steps=steps) == ladder("major", steps=steps) == []
    )
    assert ladder("major", by=["parent"]) != []


@pytest.mark.parametrize("word", ["0m", "90s", "1d2h3m4s", "1h30m"])
def test_lengths_as_the_loader_reads_them(word: str) -> None:
    assert wrong({"policy": "default", "resolve_hold": word}) == []


@pytest.mark.parametrize("word", ["60s", "1m", "100s", "1h", "061s"])
def test_a_window_is_at_least_a_minute(word: str) -> None:
    assert wrong({"policy": "default", "silence": {"window": {"critical": word}}}) == []


def test_every_key_says_what_it_means() -> None:
    described: list[Any] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for name, inner in (node.get("properties") or {}).items():
                if isinstance(inner, dict) and name not in {"critical", "major", "minor", "default"}:
                    described.append((name, inner.get("description")))
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk({key: value for key, value in schema().items() if key not in {"if", "then", "else"}})

    assert len(described) > 30
    assert [name for name, text in described if not text] == []


def test_the_command_prints_it(alertd: Shell) -> None:
    assert alertd.json("policy", "schema") == schema()
    services = alertd.json("policy", "schema", str(shipped_config()))["properties"]["services"]
    assert services["items"]["enum"] == ["follow", "login", "share"]
