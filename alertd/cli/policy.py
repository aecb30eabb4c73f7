"""`alertd policy check` and `schema`: what is wrong with a config folder, before it goes live."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alertd.cli.failed import REFUSED, Failed
from alertd.cli.output import Output, clean, show, wrapped
from alertd.cli.policy_explain import explain

if TYPE_CHECKING:
    from alertd.ingest.reading import Problem


def add_to(group: typer.Typer) -> None:
    """Add these commands."""
    group.command()(check)
    group.command()(explain)
    group.command()(schema)


def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A config folder; left out: what ALERTD_CONFIG names, else ours.")
    ] = None,
    families: Annotated[
        int | None,
        typer.Option(min=1, help="Also say how many families each window can hold, and whether this many fit."),
    ] = None,
    output: Output = None,
) -> None:
    """Check policies, services and texts; every mistake is named with file and line. Exits with 1 for any.

    With --families, also if that many families cannot all be told within every window at the rates of the
    settings. Notes are no mistakes: what a policy may say and few can mean, and responders whom the settings lack.
    """
    from alertd.settings.reading import shipped_config

    folder = folder or Path(os.environ.get("ALERTD_CONFIG") or shipped_config())
    if not folder.is_dir():
        raise Failed(f"{folder} is no folder", "name one that holds services.yaml and policies/")
    found = problems(folder)
    notes = _unchecked(folder) if found else _notes(folder)
    audience = _audience(folder, families) if families is not None and not found else None
    shown: dict[str, object] = {"folder": str(folder), "problems": found, "notes": notes}
    lines = [_said(folder, found), *(wrapped(note, "note  ") for note in notes)]
    if audience is not None:
        shown["audience"], said = audience
        lines += ["", said]
    show(output, shown, lambda: "\n".join(lines))
    if found or (audience is not None and not audience[0]["fits"]):
        raise typer.Exit(REFUSED)


def _audience(folder: Path, families: int) -> tuple[dict[str, Any], str]:
    from alertd.cli import policy_audience
    from alertd.settings import load

    measured = policy_audience.measured(folder, load(os.environ, folder), families)
    return policy_audience.data(measured), policy_audience.text(measured)


def schema(
    folder: Annotated[
        Path | None, typer.Argument(help="A config folder: then only services that it declares may stand there.")
    ] = None,
    output: Output = None,  # noqa: ARG001  JSON is what it is
) -> None:
    """Print the JSON Schema of policy files, for editors: they complete keys and mark mistakes while you type.

    What takes more than one value or file to judge, `alertd policy check` finds.
    """
    from alertd.policy_file import load_services
    from alertd.policy_file.schema import schema as made

    services = load_services(folder / "services.yaml") if folder is not None else None
    typer.echo(json.dumps(made(services.names if services is not None else None), indent=2, ensure_ascii=False))


def problems(folder: Path) -> list[dict[str, object]]:
    """Everything wrong with a config folder: file, line, field, message."""
    from alertd.config_folder import check_texts, templates_folder
    from alertd.domain.errors import Invalid
    from alertd.policy_file import check as check_policies
    from alertd.policy_file import load_services
    from alertd.texts import load as load_texts

    found = list(check_policies(folder))
    try:
        services = load_services(folder / "services.yaml")
    except Invalid:
        return [_shown(folder, each) for each in found]  # without services there are no texts to compose
    texts = load_texts(templates_folder(folder), services.names, lambda _failure: None)
    found += check_texts(folder, services, texts)
    return [_shown(folder, each) for each in found]


def _shown(folder: Path, problem: "Problem") -> dict[str, object]:
    return {
        "file": _within(folder, problem.file),
        "line": problem.line,
        "field": problem.field,
        "message": problem.message,
    }


def _unchecked(folder: Path) -> list[str]:
    """What mistakes keep from being looked at."""
    from alertd.domain.errors import Invalid
    from alertd.policy_file import load_services

    try:
        load_services(folder / "services.yaml")
    except Invalid:
        return ["the texts were not checked: they need services.yaml; mend that, then check again"]
    return []


def _notes(folder: Path) -> list[str]:
    from alertd.cli.responders import unset
    from alertd.ingest.reading import Mistakes
    from alertd.policy_file import doubts
    from alertd.settings import load

    try:
        missing = unset(load(os.environ, folder))
    except Mistakes:
        missing = []  # of the settings, which alertd doctor looks at
    return [*doubts(folder), *missing]


def _said(folder: Path, found: list[dict[str, object]]) -> str:
    if not found:
        return f"{folder}: policies, services and texts are in order."
    lines = []
    for each in found:
        place = f"{each['file']}:{each['line']}" if each["line"] else str(each["file"])
        field = f"{each['field']}: " if each["field"] else ""
        lines.append(clean(f"{place}: {field}{each['message']}"))
    return "\n".join([*lines, f"{len(found)} mistake{'s'[: len(found) != 1]}."])


def _within(folder: Path, file: str | None) -> str:
    if file is None:
        return ""
    path = Path(file)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else file
