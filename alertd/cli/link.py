"""`alertd link rotate|forget`: the key that links are signed with; on a machine that reaches the database."""

from typing import TYPE_CHECKING

import typer

from alertd.cli.here import with_deps
from alertd.cli.output import Output, note, show

if TYPE_CHECKING:
    from alertd.ports.deps import Deps


def add_to(group: typer.Typer) -> None:
    """Add these commands."""
    group.command()(rotate)
    group.command()(forget)


def rotate(output: Output = None) -> None:
    """Sign links with a new key from now on; those in messages that were sent stay valid.

    Only when every part runs this version: an older one knows the first key alone.
    """

    async def make(deps: "Deps") -> dict[str, object]:
        from alertd.usecases.link_keys import rotate as rotated

        newest = await rotated(deps)
        return {"key": newest.number, "made_at": newest.made_at.isoformat()}

    made = with_deps(make)
    note("If the one before has leaked: alertd link forget, in a minute, ends all links that were signed with it.")
    show(output, made, lambda: f"Links are signed with key {made['key']} now.")


def forget(output: Output = None) -> None:
    """Take no links any more but those that the newest key has signed: those in older messages end.

    That includes the links by which older e-mails are stopped; a reply (STOP) and the preferences still do so.
    """

    async def end(deps: "Deps") -> int:
        from alertd.usecases.link_keys import forget as forgotten

        return await forgotten(deps)

    gone = with_deps(end)
    show(output, {"forgotten": gone}, lambda: f"{gone} older {'key is' if gone == 1 else 'keys are'} forgotten.")
