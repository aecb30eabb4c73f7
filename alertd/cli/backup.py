"""`alertd backup` and `alertd restore`: all of the database in one file, and back."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alertd.cli.failed import Failed
from alertd.cli.output import Output, show

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from alertd.store.backup import Copied


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that is not there yet.", show_default=False)
    ],
    output: Output = None,
) -> None:
    """Copy the database into a file; alertd may run meanwhile."""
    from alertd.store import backup as copies

    database = _database(lambda url: f"pg_dump --format=custom --file={file} '{url}'")
    try:
        copied = copies.backup(database, file)
    except copies.NoDatabase as error:
        raise Failed(str(error), "check ALERTD_DATABASE_URL and ALERTD_DATA_DIR") from None
    except FileExistsError:
        raise Failed(f"{file} is there already", "name another file; no backup is written over another") from None
    except OSError as error:
        raise Failed(f"{file} cannot be written ({error.strerror})", "name a file in a folder with room") from None
    show(output, _told(copied), lambda: f"Wrote {_said(copied)}.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What alertd backup wrote.", show_default=False)],
    output: Output = None,
) -> None:
    """Put a copy in the database's place; every part of alertd must be stopped. The one before is kept."""
    from alertd import wiring
    from alertd.store import backup as copies

    database = _database(lambda url: f"pg_restore --no-owner --dbname='{url}' {file}")
    try:
        found = copies.look(file)
        if not wiring.knows_revision(found.revision):
            text = f"{file} is of a newer alertd (revision {found.revision})"
            raise Failed(text, "install that version, then restore")
        restored, kept = copies.restore(file, database)
    except copies.NoDatabase as error:
        raise Failed(f"nothing was changed: {error}", "name a file that alertd backup wrote") from None
    except copies.InUse as error:
        raise Failed(
            f"nothing was changed: {error}", "stop alertd up, or the API, the sweepers and all workers, first"
        ) from None
    except OSError as error:
        text = f"{database} cannot be put in place ({error.strerror})"
        raise Failed(text, f"see that {database.parent} can be written to and has room") from None
    lines = [f"Restored {_said(restored)}.", *([f"The one before it is {kept}."] if kept else [])]
    lines += ["What was sent since that backup is not known any more: families may hear it twice."]
    lines += ["Next: alertd db upgrade, then start alertd."]
    show(output, _told(restored) | {"kept": str(kept) if kept else None}, lambda: "\n".join(lines))


def _database(instead: Callable[[str], str]) -> Path:
    """Where SQLite has it. Raises Failed for Postgres, with the command to use `instead`."""
    from sqlalchemy.engine import make_url

    from alertd.settings import load

    url = make_url(load(os.environ).database_url.get_secret_value())
    if url.get_backend_name() != "sqlite":
        raise Failed("this database is Postgres, which has tools of its own", instead(_shown(url)))
    return Path(url.database or "")


def _shown(url: "URL") -> str:
    """As Postgres's tools take it, without its password: those read it from PGPASSWORD or ~/.pgpass."""
    from sqlalchemy.engine import URL

    named = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return named.render_as_string()


def _told(copied: "Copied") -> dict[str, object]:
    return {
        "file": str(copied.path),
        "bytes": copied.size,
        "revision": copied.revision,
        "families": copied.families,
        "open_incidents": copied.open_incidents,
    }


def _said(copied: "Copied") -> str:
    families = "1 family" if copied.families == 1 else f"{copied.families:,} families"
    incidents = "1 open incident" if copied.open_incidents == 1 else f"{copied.open_incidents:,} open incidents"
    size = f"{copied.size / 1_000_000:,.1f} MB"
    return f"{copied.path} ({size}): {families}, {incidents}, revision {copied.revision}"
