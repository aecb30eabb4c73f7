"""The command line itself: quick, whole, and every command with the same manners."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from alertd.cli.incident_words import messages, places
from alertd.cli.main import app
from tests.listening import Shell, alertd

__all__ = ["alertd"]

HEAVY = (
    "celery", "kombu", "sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "pydantic", "firebase_admin",
    "twilio", "aiohttp", "jinja2", "msgspec", "rich", "redis", "structlog", "phonenumbers",
)  # fmt: skip

runner = CliRunner()


def leaves(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every command that does something, with the words that lead to it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
    else:
        for name, each in inner.items():
            yield from leaves(each, (*path, name))


LEAVES = list(leaves(get_command(app)))


def test_the_commands_of_the_design_are_there() -> None:
    """Names are an interface: runbooks hold them."""
    assert {" ".join(path) for path, _ in LEAVES} >= {
        "up", "api", "worker", "sweeper", "sandbox", "demo", "doctor", "db upgrade",
        "key create", "key list", "key revoke",
        "incident open", "incident update", "incident resolve", "incident cancel",
        "incident list", "incident show", "incident timeline",
        "family import", "family export", "family show",
        "policy check", "event send", "delivery list",
    }  # fmt: skip


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_takes_an_output_and_explains_itself(path: tuple[str, ...], command: object) -> None:
    """`-o table|json`, and a first sentence that a list of commands can show whole."""
    if path == ("sandbox",):  # hands its options on to a parser of its own, and always prints JSON
        return
    result = runner.invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert "-o, --output" in result.output
    first = (getattr(command, "help", "") or "").splitlines()[0]
    assert first.endswith(".")


def test_help_imports_nothing_heavy() -> None:
    """Someone at 3 a.m. waits for nothing; a second spent on imports is a second of every command."""
    loaded = (
        "import sys\nfrom alertd.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print(sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}), file=sys.stderr)"
    ).replace(f"{HEAVY!r} &", f"set({HEAVY!r}) &")
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=30, check=True)
    assert "incident" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["incident", "open", "--service", "follow"],
        ["incident", "open", "--service", "follow", "--severity", "bad", "--title", "x"],
        ["incident", "update", "1", "--state", "resolved"],
        ["incident", "update", "one", "--message", "x"],
        ["incident", "update", "../keys", "--message", "x"],
        ["incident", "update", "1", "--message", "a", "--message", "b"],
        ["incident", "update", "1", "--add-scope", "login:us:eu"],
        ["incident", "list", "-o", "xml"],
        ["incident", "nonsense"],
        ["worker", "--lane", "fast"],
        ["nonsense"],
    ],
)
def test_usage_errors_end_with_2_and_ask_nobody(alertd: Shell, arguments: list[str]) -> None:
    """What the command line itself can see is told without a server."""
    assert alertd(*arguments) == 2
    assert "Usage:" in alertd.err
    assert "Traceback" not in alertd.err


def test_the_version(alertd: Shell) -> None:
    """For reports of mistakes."""
    assert alertd("--version") == 0
    assert alertd.out.startswith("alertd 0.")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {}),
        (["Still down."], {"en": "Still down."}),
        (["Still down.", "es=Sigue sin funcionar."], {"en": "Still down.", "es": "Sigue sin funcionar."}),
        (["pt-BR=Ainda."], {"pt-BR": "Ainda."}),
        (["We see x=1 and y=2."], {"en": "We see x=1 and y=2."}),
        (["es=a=b\nc"], {"es": "a=b\nc"}),
    ],
)
def test_messages_by_locale(given: list[str] | None, expected: dict[str, str]) -> None:
    """`es="..."` is Spanish; an equals sign further on is none of our business."""
    assert messages(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("login", {"service": "login"}),
        ("login:us", {"service": "login", "regions": ["us"]}),
        ("login:us-west,eu", {"service": "login", "regions": ["us-west", "eu"]}),
    ],
)
def test_services_with_regions(given: str, expected: dict[str, object]) -> None:
    """As they are typed."""
    assert places([given], "--service") == [expected]
