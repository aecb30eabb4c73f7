"""`alertd family import|export|list|show`: whom to tell."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

import typer

from alertd.cli.client import Api, new_command
from alertd.cli.failed import REFUSED, Failed
from alertd.cli.output import Output, clean, facts, show, table
from alertd.cli.times import day

_PIECE = 8 * 1024 * 1024  # bytes sent at once; the API takes 64 MB
_LONGEST = 512 * 1024  # bytes of a line that are sent; the API refuses lines over 256 KB
_TOLD = 20  # mistakes shown to people; JSON has all that the API lists


def add_to(group: typer.Typer) -> None:
    """Add these commands."""
    group.command("import")(import_)
    group.command()(export)
    group.command("list")(list_)
    group.command("show")(show_)


def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="One family per line as JSON; - reads standard input.")
    ],
    output: Output = None,
) -> None:
    """Insert or replace families; lines with mistakes are named, the others kept. Exits with 1 if any failed."""
    api, once = Api.here(), new_command()
    total: dict[str, Any] = {"families": 0, "stale": 0, "failed": 0, "failures": []}
    if file == "-":
        _import(api, once, sys.stdin.buffer, total)
    else:
        try:
            with Path(file).open("rb") as lines:
                _import(api, once, lines, total)
        except OSError as error:
            raise Failed(f"{file} cannot be read: {error.strerror}") from None
    show(output, total, lambda: _imported(total))
    if total["failed"]:
        raise typer.Exit(REFUSED)


def _import(api: Api, once: str, lines: BinaryIO, total: dict[str, Any]) -> None:
    before = 0
    for number, (piece, count) in enumerate(pieces(lines), start=1):
        if not piece.strip():
            before += count
            continue
        try:
            answer = api.ask(
                "POST", "/v1/families:import", piece, once=f"{once}-{number}", kind="application/x-ndjson"
            )
        except Failed as failed:
            if "carried_out" not in failed.told:
                raise
            way_out = "Some families may have been written; import the whole file again, which is safe."
            raise Failed(failed.message, way_out, code=failed.code, told={"carried_out": "unknown"}) from None
        for name in ("families", "stale", "failed"):
            total[name] += answer[name]
        total["failures"] += [each | {"line": each["line"] + before} for each in answer["failures"]]
        before += count
    if not before:
        raise Failed("the file holds no family")


def pieces(lines: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The file in pieces of whole lines, each with its number of lines; overlong lines lose their tail."""
    piece, count, size = bytearray(), 0, 0
    while line := lines.readline(_LONGEST):
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            line = line[:-1] + b"\n"
            while (rest := lines.readline(_LONGEST)) and not rest.endswith(b"\n"):
                pass
        piece += line
        count += 1
        size += len(line)
        if size >= _PIECE:
            yield bytes(piece), count
            piece, count, size = bytearray(), 0, 0
    if piece:
        yield bytes(piece), count


def export(output: Output = None) -> None:  # noqa: ARG001  every command takes -o; lines of JSON are both
    """Print all families, one line of JSON each: what an import takes."""
    api = Api.here()
    after: str | None = ""
    while after is not None:
        page = api.get("/v1/families", after=after)
        for family in page["families"]:
            typer.echo(json.dumps(family, ensure_ascii=False))
        after = page["next"]


def list_(
    no_loud_channel: Annotated[
        bool,
        typer.Option(
            "--no-loud-channel",
            help="Only families in which nobody has an address that works of the policy's floor.",
        ),
    ] = False,
    after: Annotated[str, typer.Option(metavar="ID", help="Only families behind this one, in order of id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    output: Output = None,
) -> None:
    """List families and over which channels each can be told; without any contacts."""
    answer = Api.here().get("/v1/families:list", no_loud_channel=no_loud_channel, after=after, limit=limit)
    show(output, answer, lambda: _listed(answer, after, no_loud_channel=no_loud_channel))


def show_(
    family: Annotated[str, typer.Argument(metavar="ID", help="The family's id.")], output: Output = None
) -> None:
    """Show a family: who is told, where, and when not."""
    found = Api.here().get(f"/v1/families/{quote(family, safe='')}")
    show(output, found, lambda: _shown(found))


def _listed(answer: Mapping[str, Any], after: str, *, no_loud_channel: bool) -> str:
    if not answer["families"] and after:
        return "There is no more."
    if not answer["families"]:
        return "Every family has a loud channel." if no_loud_channel else "There is no family."
    rows = [(each["family"], ", ".join(each["over"]) or "nothing") for each in answer["families"]]
    lines = [table(("FAMILY", "CAN BE TOLD OVER"), rows)]
    if answer["next"]:
        option = " --no-loud-channel" if no_loud_channel else ""
        lines.append(f"There may be more: alertd family list{option} --after {clean(answer['next'])}")
    return "\n".join(lines)


def _imported(total: Mapping[str, Any]) -> str:
    written = "1 family" if total["families"] == 1 else f"{total['families']:,} families"
    lines = [f"{written} written."]
    if total["stale"]:
        lines.append(f"Left out, as what is stored is newer: {total['stale']:,}.")
    if total["failed"]:
        broken = "1 line has" if total["failed"] == 1 else f"{total['failed']:,} lines have"
        lines.append(f"{broken} mistakes, and nothing of that was written:")
    for each in total["failures"][:_TOLD]:
        place = f"{each['field']}: " if each.get("field") else ""
        lines.append(clean(f"  line {each['line']}: {place}{each['message']}"))
    if len(total["failures"]) > _TOLD:
        lines.append("  ... -o json lists more.")
    return "\n".join(lines)


def _shown(family: Mapping[str, Any]) -> str:
    head = facts(
        [
            ("services", ", ".join(family["services"])),
            ("region", family.get("region", "")),
            ("lives in", f"{family['time_zone']}, {family['locale']}"),
            ("prefers", _preferences(family.get("preferences"))),
            ("updated", family["updated_at"]),
        ]
    )
    people = [_caregiver(each) for each in sorted(family["caregivers"], key=lambda each: each["order"])]
    return "\n".join([f"Family {clean(family['id'])}", head, *people])


def _caregiver(caregiver: Mapping[str, Any]) -> str:
    pairs = [(each["channel"], each["to"] + _state(each)) for each in caregiver["addresses"]]
    pairs += [
        ("prefers", _preferences(caregiver.get("preferences"))),
        ("on duty", caregiver.get("on_duty", "")),
        ("lives in", ", ".join(caregiver[name] for name in ("time_zone", "locale") if caregiver.get(name))),
    ]
    return f"{caregiver['order']}. {clean(caregiver['name'])}, {caregiver['role']}\n{facts(pairs)}"


def _state(address: Mapping[str, Any]) -> str:
    """Why it is not used, if it is not."""
    said = [] if address.get("verified", True) else ["not verified"]
    if address.get("opted_out_at"):
        said.append(f"opted out {day(address['opted_out_at'])}")
    if address.get("suspended_at"):
        code = f", {address['suspended_code']}" if address.get("suspended_code") else ""
        said.append(f"suspended {day(address['suspended_at'])}{code}")
    return f" ({'; '.join(said)})" if said else ""


def _preferences(preferences: Mapping[str, Any] | None) -> str:
    if not preferences:
        return ""
    said = []
    for name, value in preferences.items():
        if isinstance(value, list):
            said.append(f"{name}: {', '.join(value) or 'nothing'}")
        elif isinstance(value, dict):
            said += [f"{service} ({_preferences(own)})" for service, own in value.items()]
        else:
            said.append(f"{name.replace('_', ' ')}: {value}")
    return "; ".join(said)
