"""The pages are true: what they tell to type is understood, and what they point to exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from alertd.cli.failed import REFUSED, UNREACHABLE, USAGE
from alertd.cli.main import app
from alertd.ingest import event as event_format
from alertd.ingest import family as family_format
from alertd.policy_file import load_services
from alertd.settings import load as load_settings
from alertd.settings import shipped_config
from alertd.settings.keys import VARIABLES
from alertd.wiring import responder_problems
from tests.deployment import INSTALLED, UNITS, compose
from tests.markdown import NAMES, ROOT, Page, spans

API = Page.read("docs/reference/api.md")
RULES = Page.read("docs/rules.md")
README = Page.read("README.md")
GUIDE = Page.read("docs/guide.md")


# --- commands -------------------------------------------------------------------------------------

COMMANDS: dict[tuple[str, ...], Any] = {}


def collect(command: Any, path: tuple[str, ...] = ()) -> None:
    """Every command below this one."""
    for name, inner in command.commands.items():
        if hasattr(inner, "commands"):
            collect(inner, (*path, name))
        else:
            COMMANDS[(*path, name)] = inner


collect(get_command(app))


def test_every_command_is_documented_and_no_other() -> None:
    rows = API.rows("command", "HTTP", "right") + API.rows("command", "what it does")
    named = [span for row in rows for span in spans(row[0])]

    assert sorted(named) == sorted(" ".join(("alertd", *path)) for path in COMMANDS)


def test_exit_codes_are_the_real_ones() -> None:
    assert f"{REFUSED} when it was refused or failed, {USAGE} for a wrong command line" in API.text
    assert f"and {UNREACHABLE} when the API does not answer" in API.text


SHELL = [(name, words) for name in NAMES for words in Page.read(name).shell()]
"""Every line of the shell blocks of all pages, as (page, words)."""


def path_of(words: list[str]) -> tuple[str, ...]:
    """The command that a line of words names."""
    path = tuple(words[1:3]) if tuple(words[1:3]) in COMMANDS else tuple(words[1:2])
    assert path in COMMANDS, f"there is no {' '.join(words[:3])}"
    return path


def test_commands_in_code_blocks_are_understood() -> None:
    """Options, values and arguments too; nothing is carried out."""
    lines = [(name, words) for name, words in SHELL if words[0] == "alertd"]
    for _name, words in lines:
        path = path_of(words)
        COMMANDS[path].make_context(path[-1], words[1 + len(path) :])

    assert {name for name, _ in lines} >= {"README.md", "docs/guide.md"}
    used = {path_of(words) for _, words in lines}
    assert {("incident", verb) for verb in ("open", "update", "resolve", "list", "timeline")} <= used


def test_their_help_can_be_read() -> None:
    for path in sorted({path_of(words) for _, words in SHELL if words[0] == "alertd"}):
        shown = CliRunner().invoke(app, [*path, "--help"])
        assert shown.exit_code == 0, path
        assert "Usage" in shown.output, path


def test_what_else_stands_in_code_blocks_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, words in SHELL:
        match words:
            case ["make", target]:
                assert target in targets, name
            case ["cp", "-r", folder, _]:
                assert (ROOT / folder).is_dir(), name
            case ["cp", source, _]:
                assert (ROOT / source).is_file(), name
            case ["install", "-D", "-m", "644", source, _]:
                assert (ROOT / source).is_file(), name
            case ["install", "-d", "-m", mode, folder]:
                assert folder.startswith("/etc/alertd"), name
                assert (mode == "700") == folder.endswith("secrets")
            case ["mkdir", "-m", "700", folder]:
                assert f"/{folder}/\n" in (ROOT / ".gitignore").read_text(), "secrets stay out of the repository"
            case ["docker", "compose", "up", *options]:
                assert options == ["--detach", "--build"], name
            case ["docker", "compose", "exec", service, "alertd", *command]:
                assert service in compose()["services"], name
                path_of(["alertd", *command])
            case ["systemctl", "daemon-reload"] | ["systemd-sysusers"] | ["python3", "-m", "venv", "/opt/alertd"]:
                pass
            case ["systemctl", "enable", "--now", unit]:
                assert (UNITS / unit).is_file(), name
            case ["systemd-run", *rest]:
                at = rest.index(INSTALLED)
                options, command = rest[:at], rest[at + 1 :]
                assert all(option.startswith("--") for option in options), name
                # Its name makes the parts' settings and secrets those of this command too.
                assert f"--unit=alertd-{command[0]}" in options
                path_of(["alertd", *command])
            case ["/opt/alertd/bin/pip", "install", *options]:
                named = [option for option in options if not option.startswith("-")]
                assert [each for each in named if not (ROOT / each).exists()] == []
            case ["export", assignment]:
                assert assignment.startswith("ALERTD_"), name
            case [".", script]:
                assert script == ".venv/bin/activate", name
            case ["set", "-a;", ".", "./alertd.env;", "set", "+a"]:
                assert name == "docs/guide.md"
            case ["install", "-m", "600", "/dev/null", file]:
                assert f"/{file}\n" in (ROOT / ".gitignore").read_text(), "secrets stay out of the repository"
            case ["echo", assignment, ">>", "alertd.env"]:
                assert known(assignment.partition("=")[0])
            case [assignment] if re.match(r"[A-Z_]+=", assignment):
                assert known(assignment.partition("=")[0])
            case ["curl", *_, url]:
                assert url.startswith("URL/control/")  # test_docs_reference holds them to the sandbox's own
            case ["amtool", *_]:
                assert name == "docs/guide.md"  # tests/integration/test_alertmanager.py runs it
            case _:
                assert words[0] == "alertd", f"{name}: {' '.join(words)}"


def known(variable: str) -> bool:
    """A setting, or what responders are reached by, whose names are the operator's own."""
    return variable in VARIABLES or re.fullmatch(r"ALERTD_RESPONDERS__[A-Z0-9_]+", variable) is not None


def test_responders_in_the_guide_can_be_set(tmp_path: Path) -> None:
    """As they stand there; a file is one of ours."""
    file = tmp_path / "secret"
    file.write_text("ntfys://ntfy.example.org/on-call")
    lines = [words[0] for name, words in SHELL if name == "docs/guide.md" and words[0].startswith("ALERTD_RESP")]
    env = {}
    for line in lines:
        variable, _, value = line.partition("=")
        env[variable] = str(file) if variable.endswith("_FILE") else value
    read = load_settings({"HOME": str(tmp_path), **env})
    assert set(read.responders) == {"follow-owner", "follow-lead", "duty-manager"}
    assert responder_problems(read) == {}


def test_documents_in_the_guide_are_taken() -> None:
    """The family file line by line, and the event."""
    services = load_services(shipped_config() / "services.yaml")
    lines = [block for block in GUIDE.blocks("json") if "caregivers" in block]
    others = [block for block in GUIDE.blocks("json") if "caregivers" not in block]

    ids = [family_format.parse(line.encode(), services).id for block in lines for line in block.splitlines()]
    assert ids == ["fam-1001", "fam-1002"]
    assert [event_format.parse(block.encode(), services).service for block in others] == ["follow"]


# --- rules ----------------------------------------------------------------------------------------


MAP = ("rule", "in short", "files", "tests")


@pytest.mark.parametrize("number", range(18))
def test_a_rule_has_its_sentence_its_files_and_its_tests(number: int) -> None:
    section = RULES.section(f"R{number} ")
    assert re.search(r"^\*(?!Example)[A-Z\"].+\*$", section, re.MULTILINE), "what it comes to, in one sentence"
    assert re.search(r"^\*Example: .*\b\d{1,2}:\d\d\b.*\*$", section, re.MULTILINE), "an example, with clock times"

    code = re.search(r"^- Code: (.*?)(?=^- )", section, re.MULTILINE | re.DOTALL)
    tests = re.search(r"^- Tests: (.*)", section, re.MULTILINE | re.DOTALL)
    assert code
    assert tests
    assert [file for file in spans(code[1]) if not (ROOT / file).is_file()] == []
    assert spans(code[1])
    for test in spans(tests[1]):
        file, _, function = test.partition("::")
        assert re.search(rf"def {function}\(", (ROOT / file).read_text()), test

    row = next(row for row in RULES.rows(*MAP) if row[0].startswith(f"[R{number} "))
    assert spans(row[2])
    assert spans(row[3])
    assert set(spans(row[2])) <= set(spans(code[1]))
    assert set(spans(row[3])) <= set(spans(tests[1]))


def test_no_rule_is_numbered_beyond() -> None:
    assert len(RULES.rows(*MAP)) == 18
    assert "\n## R18" not in RULES.text


# --- every page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = Page.read(name)
    for link in page.links():
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        assert target.exists(), f"{name} links to {link}"
        if anchor:
            assert anchor in Page(target, target.read_text("utf-8")).anchors(), f"{name} links to {link}"


@pytest.mark.parametrize("name", NAMES)
def test_nobody_real_is_named(name: str) -> None:
    """Telephone numbers are fictitious ones, and mailboxes are at example.org."""
    text = Page.read(name).text
    assert [n for n in re.findall(r"\+1\d{10}", text) if not re.fullmatch(r"\+1\d{3}55501\d\d", n)] == []
    hosts = set(re.findall(r"[\w.]+@([\w-]+(?:\.[\w-]+)+)", text))
    assert {host for host in hosts if not host.endswith(".service")} <= {"example.org", "mail.example.org"}


def test_the_readme_begins_with_what_to_type() -> None:
    """The demo, the tests, then five commands for a bad night; all before anything is explained."""
    first_screen = README.text.partition("\n## ")[0]
    lines = Page(README.path, first_screen).shell()

    assert [words[:2] for words in lines[:2]] == [["make", "demo"], ["make", "test"]]
    assert [words[1:3] for words in lines[2:]] == [
        ["incident", verb] for verb in ("open", "update", "timeline", "resolve", "list")
    ]
    assert len(first_screen.splitlines()) <= 50
    assert len(README.text.splitlines()) < 120


def test_the_guides_alertmanager_goes_on_paging_its_own_people() -> None:
    """`continue` goes on to the routes below; where one route has matched, the first receiver is told nothing."""
    [block] = [each for each in GUIDE.blocks("yaml") if "webhook_configs" in each]
    route = yaml.safe_load(block)["route"]
    first, last = route["routes"]
    assert (first["receiver"], first["continue"]) == ("alertd", True)
    assert last == {"receiver": route["receiver"]}
