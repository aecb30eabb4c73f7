"""`alertd key create|list|revoke`: done on the machine that reaches the database."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from alertd.cli.here import with_deps
from alertd.cli.output import Output, note, show, table
from alertd.domain.errors import Invalid, quote

if TYPE_CHECKING:
    from alertd.ports.deps import Deps


def add_to(group: typer.Typer) -> None:
    """Add these commands."""
    group.command()(create)
    group.command("list")(list_)
    group.command()(revoke)


def create(
    right: Annotated[
        list[str],
        typer.Option(
            "--right",
            help="incident:read, incident:write, family:read, family:write, event:write or admin; repeat it.",
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help="Its events may speak as this source only; repeat it. Left out: as any.",
        ),
    ] = None,
    note_: Annotated[str, typer.Option("--note", help="Whose it is, for the timeline.")] = "",
    output: Output = None,
) -> None:
    """Make an API key; its secret is shown this once."""

    sources = tuple(dict.fromkeys(_source(each) for each in source or ()))

    async def make(deps: "Deps") -> dict[str, str]:
        from alertd.usecases.keys import make_key

        made = await make_key(deps, tuple(dict.fromkeys(right)), note_, sources=sources)
        return {"id": made.id, "secret": made.secret}

    made = with_deps(make)
    note("This is shown once; only its digest is kept. Use it as ALERTD_API_KEY.")
    show(output, made | {"rights": right, "sources": sources, "note": note_}, lambda: made["secret"])


def list_(output: Output = None) -> None:
    """List API keys, oldest first; secrets are not kept and cannot be shown."""

    async def keys(deps: "Deps") -> list[dict[str, object]]:
        async with deps.store.reading() as rows:
            return [
                {
                    "id": key.id,
                    "rights": list(key.rights),
                    "sources": list(key.sources),
                    "note": key.note,
                    "created_at": key.created_at.isoformat(),
                    "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
                }
                for key in await rows.keys()
            ]

    found = with_deps(keys)
    show(
        output,
        {"keys": found},
        lambda: table(
            ("ID", "CREATED", "REVOKED", "NOTE", "SOURCES", "RIGHTS"),
            [
                (
                    key["id"],
                    str(key["created_at"])[:10],
                    str(key["revoked_at"] or "-")[:10],
                    key["note"],
                    _sources(key),
                    " ".join(cast("list[str]", key["rights"])),
                )
                for key in found
            ],
        ),
    )


def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, the eight characters behind ald_.")],
    output: Output = None,
) -> None:
    """Refuse a key from now on."""

    async def end(deps: "Deps") -> None:
        from alertd.usecases.keys import revoke_key

        await revoke_key(deps, key)

    with_deps(end)
    show(output, {"revoked": key}, lambda: f"Key {key} is revoked.")


def _source(name: str) -> str:
    """As a source names itself. Raises Invalid."""
    from alertd.ingest import shapes

    try:
        return shapes.key(name)
    except Invalid as error:
        raise Invalid(f'"{quote(name)}" {error.message}', field="source") from None


def _sources(key: "dict[str, object]") -> str:
    """As whom events of a key may speak; a key that sends none speaks as nobody."""
    rights, sources = cast("list[str]", key["rights"]), cast("list[str]", key["sources"])
    if not {"event:write", "admin"} & set(rights):
        return "-"
    return " ".join(sources) or "any"
