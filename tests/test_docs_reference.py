"""The reference pages are true: whatever can be set, asked or answered has its row, and nothing else has."""

import json
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml
from fastapi.routing import APIRoute
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from alertd import policy_file
from alertd.api import (
    access,
    acknowledgements,
    alertmanager,
    channel_tests,
    deliveries,
    errors,
    events,
    explain,
    families,
    family_import,
    family_list,
    health,
    ignored,
    inbound,
    inbox,
    incident_policy,
    incidents,
    metrics,
    postmortem,
    providers,
    reach,
    report,
    responders,
    suspensions,
    timeline,
)
from alertd.api.metric_words import METRICS
from alertd.cli.failed import REFUSED, UNREACHABLE, USAGE
from alertd.cli.main import app
from alertd.domain.audit import Excuse
from alertd.domain.delivery import DeliveryState, Framing, Reason
from alertd.domain.family import CHANNELS
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.policy import Escalation, Holdings, Ladder, Policy, RoleDefaults, Silence, Step
from alertd.domain.watch import Rest
from alertd.failpoints import FOLDER, VARIABLE
from alertd.ingest.durations import spell_duration
from alertd.policy_file.built_in import BUILT_IN
from alertd.reachable import NEVER_PUBLIC
from alertd.sandbox.__main__ import parser as sandbox_parser
from alertd.sandbox.control_api import ControlApi
from alertd.sandbox.faults import REACH, Fault
from alertd.sandbox.log import CHANNELS as CHANNELS_OF_SANDBOX
from alertd.sandbox.twilio_calls_api import CallsApi
from alertd.sandbox.twilio_login import Login
from alertd.settings import Settings, load
from alertd.settings.keys import SECRETS, VARIABLES
from alertd.usecases.conditions import CONDITIONS
from alertd.usecases.keys import RIGHTS
from tests import cli_reference
from tests.markdown import NAMES, ROOT, Page, spans

API = Page.read("docs/reference/api.md")
POLICY = Page.read("docs/reference/policy.md")
SETTINGS = Page.read("docs/reference/settings.md")
CLI = Page.read("docs/reference/cli.md")
SANDBOX = Page.read("docs/reference/sandbox.md")
PAGE_OF_METRICS = Page.read("docs/reference/metrics.md")

METRIC = re.compile(r"\balertd_[a-z_]+")

OUR_VARIABLE = re.compile(r"\bALERTD_[A-Z][A-Z_]*[A-Z]\b")


# --- sandbox --------------------------------------------------------------------------------------


def test_every_fault_has_its_row_with_the_channels_that_it_can_hit() -> None:
    rows = {
        spans(kind)[0]: channels.split(", ")
        for kind, channels, _ in SANDBOX.rows("kind", "channels", "what happens")
    }

    assert rows == {kind: [each for each in CHANNELS_OF_SANDBOX if each in hits] for kind, hits in REACH.items()}


def test_every_field_of_a_fault_has_its_row() -> None:
    assert [spans(row[0])[0] for row in SANDBOX.rows("field", "meaning")] == list(Fault.__struct_fields__)


def test_the_controls_are_where_the_page_says() -> None:
    paths = {str(route.path).replace("{number:\\d+}", "2") for route in ControlApi(*[None] * 5).routes()}  # type: ignore[arg-type]

    assert set(re.findall(r"URL(/control/\w+)", SANDBOX.text)) | {"/control/faults/2"} == paths | {
        "/control/calls"
    }
    presses = CallsApi(*[None] * 4, login=Login("", "")).routes()  # type: ignore[misc, arg-type]
    assert "/control/calls/{sid}/press" in {str(route.path) for route in presses}
    assert "URL/control/calls/CA.../press" in SANDBOX.text


# --- settings -------------------------------------------------------------------------------------


def test_every_setting_has_one_row_and_no_other_variable_has() -> None:
    named = [spans(row[0])[0] for row in SETTINGS.rows("variable", "default", "meaning")]

    assert sorted(named) == sorted(VARIABLES)


def test_defaults_are_the_real_ones(tmp_path: Path) -> None:
    """As they come out of an empty configuration."""
    settings = load({"HOME": "/home/mia", "ALERTD_CONFIG": str(tmp_path)})
    for row in SETTINGS.rows("variable", "default", "meaning"):
        value: Any = settings
        for part in VARIABLES[spans(row[0])[0]]:
            value = getattr(value, {"from": "from_", "json": "json_"}.get(str(part), str(part)))
        assert row[1].strip("`") == as_written(value, str(settings.data_dir)), row[0]


def as_written(value: Any, data_dir: str) -> str:
    """A setting as people would write it."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value().replace(data_dir, "<data_dir>")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ",".join(f"{word}={meaning}" for word, meaning in value.items()) or "none"
    return "none" if value is None else str(value).replace("/home/mia", "~")


def test_secrets_are_marked() -> None:
    rows = SETTINGS.rows("variable", "default", "meaning")
    marked = {VARIABLES[spans(row[0])[0]] for row in rows if row[2].startswith("**secret**")}

    assert marked == SECRETS


@pytest.mark.parametrize("name", NAMES)
def test_no_page_names_a_variable_that_does_not_exist(name: str) -> None:
    known = {*VARIABLES, *(f"{each}_FILE" for each in VARIABLES if VARIABLES[each] in SECRETS)}
    known |= {spans(row[0])[0] for row in SETTINGS.rows("variable", "meaning")} | {VARIABLE, FOLDER}

    found = set(OUR_VARIABLE.findall(Page.read(name).text)) - known
    # Those of responders hold names of the operator's own; tests/test_docs.py sets the guide's.
    assert {each for each in found if not each.startswith("ALERTD_RESPONDERS__")} == set()


def limits(info: FieldInfo) -> str:
    """The numbers that a setting may have, in words."""
    bounds: dict[str, float] = {
        name: getattr(each, name)
        for each in info.metadata
        for name in ("gt", "ge", "le")
        if getattr(each, name, None) is not None
    }
    if not bounds:
        return ""
    most = f"{int(bounds['le'])}"
    return f"above {bounds['gt']:g} and at most {most}" if "gt" in bounds else f"{bounds['ge']:g} to {most}"


def test_limits_and_choices_of_settings_are_told() -> None:
    """The numbers between which a setting must lie, and the words that it may be."""
    told = 0
    for row in SETTINGS.rows("variable", "default", "meaning"):
        info: Any = Settings.model_fields
        *parts, last = (
            {"from": "from_", "json": "json_"}.get(str(part), str(part)) for part in VARIABLES[spans(row[0])[0]]
        )
        for part in parts:
            info = info[part].annotation.model_fields
        assert limits(info[last]) in row[2], row[0]
        told += bool(limits(info[last]))
        if get_origin(info[last].annotation) is Literal:
            assert set(get_args(info[last].annotation)) <= set(spans(row[2])), row[0]
    assert told >= 10


def test_names_that_lead_no_family_here_are_all_named() -> None:
    rows = SETTINGS.rows("variable", "default", "meaning")
    meaning = next(row[2] for row in rows if spans(row[0]) == ["ALERTD_PUBLIC_URL"])
    assert {span for span in spans(meaning) if span.startswith(".")} == set(NEVER_PUBLIC)


# --- policy ---------------------------------------------------------------------------------------

ROWS = {spans(row[0])[0]: row for row in POLICY.rows("key", "built in", "meaning")}
ELSEWHERE = {"name": "policy", "post": "post", "offset": "after", "who": "page", "page": "nudge"}
"""Fields whose key in a file has another name."""


OF_A_SNAPSHOT = {"since"}
"""Fields that no file holds."""


def test_what_a_policy_comes_to_is_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALERTD_CONFIG", raising=False)
    asked = ("--service", "follow", "--severity", "critical", "--at", "2026-11-29T02:00")
    shown = CliRunner().invoke(app, ["policy", "explain", *asked, "--zone", "America/Los_Angeles"])

    sample = re.search(r"^```\n(follow, critical, .*?)^```$", POLICY.text, re.MULTILINE | re.DOTALL)
    assert sample
    assert len(sample[1].splitlines()) > 8
    assert shown.output.startswith(sample[1])


def example() -> Any:
    """The page's policy that has every key."""
    return next(document for block in POLICY.blocks("yaml") if "policy" in (document := yaml.safe_load(block)))


def keys_of(value: Any, own: bool = True) -> set[str]:
    """Every key in a document; not severities, roles and other names of the author's own."""
    if isinstance(value, list):
        return set().union(*(keys_of(each) for each in value))
    if not isinstance(value, dict):
        return set()
    found = {str(key) for key in value} if own else set()
    for key, inner in value.items():
        names = key in ("caregivers", "families", "sources", "responders") and "post" not in inner
        found |= keys_of(inner, own=not names) - (set(Severity) if key != "default" else set())
    return found


def test_the_example_holds_every_key_and_every_key_has_its_row() -> None:
    documented = {re.split(r"[.\]…]+", span)[-1] for row in ROWS.values() for span in spans(row[0])}
    held = keys_of(example())

    for kind in (Policy, Silence, Holdings, Escalation, Ladder, Step):
        assert {ELSEWHERE.get(f.name, f.name) for f in fields(kind)} - OF_A_SNAPSHOT <= held, kind
    assert documented == held | set(Severity)  # and no row is about a key that does not exist
    assert {f.name for f in fields(RoleDefaults)} == {
        key.rpartition(".")[2] for key in ROWS if key.startswith("caregivers.<role>.")
    }
    for key in ("before", "after", "nudge", "page", "repeat"):
        assert key in documented


def test_yaml_on_the_page_is_without_mistakes(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "default.yaml").write_text("policy: default\n")
    for block in POLICY.blocks("yaml"):
        name = "policies/follow.yaml" if "policy" in yaml.safe_load(block) else "services.yaml"
        (tmp_path / name).write_text(block)

    assert policy_file.check(tmp_path) == []
    assert set(policy_file.load_policies(tmp_path)) == {"default", "follow"}


def test_built_in_values_are_the_real_ones() -> None:
    silence, role = BUILT_IN.silence, BUILT_IN.caregivers["default"]
    lengths: dict[str, Any] = {
        "first_notice": BUILT_IN.first_notice,
        "confirm": BUILT_IN.confirm,
        "silence.window": silence.window,
        "silence.quiet": silence.quiet,
        "silence.promise_at_most": silence.promise_at_most,
        "silence.news": silence.news,
    }
    for key, by_severity in lengths.items():
        never = "human" if key == "confirm" else "wait"
        assert ROWS[key][1] == ", ".join(
            f"{severity} `{spell_duration(length) if isinstance(length, timedelta) else never}`"
            for severity, length in by_severity.items()
        )
    words: dict[str, Any] = {
        "resolve_hold": [spell_duration(BUILT_IN.resolve_hold)],
        "silence.holdings.loud": [str(silence.holdings.loud)],
        "silence.holdings.sms_per_day": [str(silence.holdings.sms_per_day)],
        "wakes": BUILT_IN.wakes[Severity.CRITICAL],
        "always": BUILT_IN.always,
        "floor": BUILT_IN.floor,
        "caregivers.<role>.critical": role.critical,
        "caregivers.<role>.major": role.major,
        "caregivers.<role>.minor": role.minor,
        "caregivers.<role>.quiet_hours": [f'"{role.quiet_hours}"'],
        "responders": BUILT_IN.responders,
    }
    for key, expected in words.items():
        assert sorted(spans(ROWS[key][1])) == sorted(expected), key


AT_A_LIMIT: dict[str, Callable[[int], Any]] = {
    "silence.window": lambda n: {"silence": {"window": {"critical": f"{n}s"}}},
    "silence.holdings.loud": lambda n: {"silence": {"holdings": {"loud": n}}},
    "silence.holdings.sms_per_day": lambda n: {"silence": {"holdings": {"sms_per_day": n}}},
    "escalation.families.<severity>.by": lambda n: ladder(by=["parent"] * n),
    "escalation.families.<severity>.steps": lambda n: ladder(steps=[{"after": "1m", "tell": "all"}] * n),
    "escalation.responders.post": lambda n: on_our_side(post=[{"after": "1m", "page": "lead"}] * n),
    "escalation.responders.news": lambda n: on_our_side(news=[{"after": "1m", "page": "lead"}] * n),
    "…[].repeat": lambda n: on_our_side(post=[{"after": "1m", "page": "lead", "repeat": f"{n}s"}]),
}


def ladder(**changes: Any) -> dict[str, Any]:
    """A ladder for families."""
    whole = {"until": "acknowledged", "by": ["parent"], "steps": [{"after": "1m", "tell": "all"}], **changes}
    return {"escalation": {"families": {"critical": whole}}}


def on_our_side(**ladders: Any) -> dict[str, Any]:
    """Ladders for our side."""
    return {"escalation": {"responders": ladders}}


def mistakes(folder: Path, policy: dict[str, Any]) -> list[str]:
    """What is said of the default policy with these differences."""
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "services.yaml").write_text("services: {follow: {names: {en: Follow}}}")
    (folder / "policies" / "default.yaml").write_text(json.dumps({"policy": "default", **policy}))
    return [str(problem) for problem in policy_file.check(folder)]


def test_limits_are_the_real_ones(tmp_path: Path) -> None:
    """Each may be reached, and not passed."""
    rows = {spans(row[0])[0]: row for row in POLICY.rows("key", "least", "most")}
    numbers = {key: [re.match(r"`(\d+)", cell) for cell in row[1:3]] for key, row in rows.items()}
    assert {key for key, found in numbers.items() if any(found)} == set(AT_A_LIMIT)
    for key, (least, most) in numbers.items():
        for found, beyond in ((least, -1), (most, 1)):
            if found:
                assert mistakes(tmp_path, AT_A_LIMIT[key](int(found[1]))) == [], key
                assert mistakes(tmp_path, AT_A_LIMIT[key](int(found[1]) + beyond)) != [], key
    for key in set(rows) - set(AT_A_LIMIT):
        assert rows[key][1] == "the window"
        policy = {"silence": {"window": {"critical": "20m"}, key.removeprefix("silence."): {"critical": "20m"}}}
        assert mistakes(tmp_path, policy) == [], key
        policy["silence"][key.removeprefix("silence.")] = {"critical": "19m"}
        assert "at least 20m" in mistakes(tmp_path, policy)[0]


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "words"), [("state", DeliveryState), ("reason", Reason), ("rest", Rest)], ids=str
)
def test_every_word_that_an_answer_may_hold_is_explained(head: str, words: type[StrEnum]) -> None:
    assert [spans(row[0])[0] for row in API.rows(head, "meaning")] == list(words)


def test_other_words_are_named() -> None:
    assert set(Framing) | set(State) | set(RIGHTS) <= set(spans(API.prose))
    assert set(Kind) | set(Severity) | set(CHANNELS) <= set(spans(POLICY.prose))


# --- metrics --------------------------------------------------------------------------------------


def test_every_metric_has_its_row_and_no_other_has() -> None:
    rows = PAGE_OF_METRICS.rows("metric", "kind", "labels", "meaning")
    documented = [(spans(row[0])[0], row[1], tuple(spans(row[2]))) for row in rows]

    assert documented == [(m.name, "counter" if m.counter else "gauge", m.labels) for m in METRICS]
    said = {row[0].strip("`"): row[3] for row in rows}
    assert spans(said["alertd_families_excused"]) == list(Excuse)
    assert spans(said["alertd_ping_withheld"]) == list(CONDITIONS)


def test_alarms_and_pages_name_metrics_that_exist() -> None:
    rules = (ROOT / "deploy" / "prometheus" / "alertd.rules.yml").read_text("utf-8")
    names = {metric.name for metric in METRICS}
    asked = {
        each
        for group in yaml.safe_load(rules)["groups"]
        for r in group["rules"]
        for each in METRIC.findall(r["expr"])
    }

    assert len(asked) > 8
    assert asked <= names
    assert set(METRIC.findall(PAGE_OF_METRICS.prose)) <= names


# --- the API --------------------------------------------------------------------------------------

ROUTES = [
    route
    for part in (
        incidents,
        postmortem,
        incident_policy,
        acknowledgements,
        channel_tests,
        responders,
        timeline,
        reach,
        report,
        deliveries,
        events,
        alertmanager,
        ignored,
        families,
        explain,
        family_list,
        family_import,
        suspensions,
        inbox,
        providers,
        inbound,
        health,
        metrics,
    )
    for route in part.router.routes
    if isinstance(route, APIRoute)
]


def test_every_route_is_documented_with_the_rights_that_it_needs() -> None:
    documented = {}
    for row in API.rows("command", "HTTP", "right"):
        method, path = spans(row[1])[0].split()
        documented[method, path] = set(spans(row[2]))

    assert set(documented) == {(method, route.path) for route in ROUTES for method in route.methods or ()}
    for route in ROUTES:
        needs = {
            right
            for dependency in route.dependant.dependencies
            if isinstance(dependency.call, access._Needs)
            for right in dependency.call._rights
        }
        for method in route.methods or ():
            said = documented[method, route.path]
            assert said >= needs, route.path
            assert bool(said) == bool(needs), route.path


def test_every_error_is_documented_with_its_code() -> None:
    declared = {int(status) for route in ROUTES for status in route.responses if int(status) >= 400}
    rows = API.rows("status", "code", "when")

    assert {int(row[0]) for row in rows} == declared | {405}
    for row in rows:
        body = json.loads(bytes(errors.answer(int(row[0]), "").body))
        assert body["error"]["code"] == spans(row[1])[0]


# --- the command line -----------------------------------------------------------------------------


def test_the_command_line_is_documented_as_the_commands_say() -> None:
    """Every command, argument, option, default and limit, and no other."""
    _, mark, generated = CLI.text.partition(cli_reference.MARK)

    assert mark
    assert generated.strip() == cli_reference.written().strip(), "make reference writes it anew"


def test_no_option_is_hidden_or_without_a_meaning() -> None:
    """Or the page would not hold it."""
    rows = CLI.rows("argument or option", "default", "meaning")
    documented = sum(1 for _ in rows)
    declared = sum(
        parameter.name not in cli_reference.EVERYWHERE
        for name, command in cli_reference.commands()
        if name != "alertd sandbox"
        for parameter in command.params
    )
    of_sandbox = sum(each.dest not in cli_reference.EVERYWHERE for each in sandbox_parser()._actions)

    assert documented == declared + of_sandbox
    assert [row for row in rows if len(row[-1]) < 5] == []


def test_exit_codes_have_their_rows() -> None:
    assert [int(row[0]) for row in CLI.rows("exit code", "when")] == [0, REFUSED, USAGE, UNREACHABLE]


def test_variables_of_the_command_line_are_those_that_it_reads() -> None:
    """`-o` and the settings aside: see the settings' page."""
    named = {spans(row[0])[0] for row in CLI.rows("variable", "meaning")}
    everywhere = {spans(row[0])[0] for row in SETTINGS.rows("variable", "meaning")}

    assert named == {each for each in everywhere if not each.startswith("ALERTD_RESPONDERS__")}
