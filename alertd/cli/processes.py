"""Commands that become a process: up, api, worker, sweeper, sandbox, demo, and the database's migrations."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from alertd.cli.failed import Failed
from alertd.cli.output import Output, group, note, show, wants_json

if TYPE_CHECKING:
    from alertd.up import Where


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(up)
    app.command()(api)
    app.command()(worker)
    app.command()(sweeper)
    # Its own parser reads its options and tells of them.
    passing = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(context_settings=passing)(sandbox)
    app.command()(demo)
    database = group("db", "The database's schema.")
    database.command("upgrade")(upgrade)
    app.add_typer(database)


def up(
    sandbox: Annotated[bool, typer.Option(help="Start stand-ins for all providers, and use them.")] = False,
    show_logs: Annotated[bool, typer.Option(help="Show the parts' logs here instead of in files.")] = False,
    output: Output = None,
) -> None:
    """Run all of alertd on this machine; ctrl-c stops it."""
    import asyncio

    from alertd import logs
    from alertd.settings import load
    from alertd.supervisor import AlreadyRunning
    from alertd.up import up as run

    os.umask(0o077)  # what is written here holds families' addresses
    settings = load(os.environ)
    logs.configure("warning" if not show_logs else settings.log.level, settings.log.json_)
    if not wants_json(output):
        note("alertd is starting ...")

    def ready(where: "Where") -> None:
        show(output, _places(where), lambda: _banner(where))

    try:
        code = asyncio.run(run(settings, os.environ, sandbox=sandbox, on_ready=ready, pass_through=show_logs))
    except (AlreadyRunning, TimeoutError, ValueError) as error:
        raise Failed(str(error)) from None
    raise typer.Exit(code)


def _places(where: "Where") -> dict[str, object]:
    return {
        "api": where.api,
        "documentation": f"{where.api}/docs",
        "inbox": where.inbox,
        "api_key_file": str(where.key_file) if where.key_file else None,
        "data": str(where.data_dir),
        "logs": str(where.logs),
        "redis": where.redis,
        "not_configured": where.missing,
        "responders_not_set": where.nobody_pages,
    }


def _banner(where: "Where") -> str:
    lines = [
        ("API", where.api),
        ("its documentation", f"{where.api}/docs"),
        ("what the sandbox received", where.inbox or ""),
        ("API key", str(where.key_file) if where.key_file else "none made: alertd key create makes one"),
        ("data", str(where.data_dir)),
        ("logs", str(where.logs)),
    ]
    told = [f"  {name + ':':26} {place}" for name, place in lines if place]
    if where.missing:
        told.append(
            f"Not configured, so nobody is told over it: {', '.join(where.missing)}. "
            "alertd doctor says what to set; --sandbox starts stand-ins."
        )
    if where.nobody_pages:
        told.append(
            f"Not set, so they are not paged when an update is due: {', '.join(where.nobody_pages)}. "
            "alertd doctor says what to set."
        )
    return "\n".join([f"alertd is up. {where.redis}", *told, "Stop it with ctrl-c."])


def _log_as_json(output: Output) -> None:
    # Of a process that runs on, the output is its log.
    if wants_json(output):
        os.environ["ALERTD_LOG__JSON"] = "true"


def api(output: Output = None) -> None:
    """Run the HTTP API alone."""
    import asyncio

    from alertd.event_loop import new_loop
    from alertd.serve import serve
    from alertd.settings import load

    _log_as_json(output)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve(load(os.environ)))


def worker(
    lane: Annotated[str, typer.Option(help="urgent or bulk")] = "bulk",
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = 2,
    output: Output = None,
) -> None:
    """Run one lane's workers, which take hints from Redis."""
    if lane not in ("urgent", "bulk"):
        raise typer.BadParameter("is urgent or bulk", param_hint="--lane")
    from workers import run_worker

    _log_as_json(output)
    run_worker(lane, concurrency)


def sweeper(output: Output = None) -> None:
    """Run the sweeper, which finds due work by itself."""
    from alertd.settings import load
    from workers.sweeper import main

    _log_as_json(output)
    main(load(os.environ))


def sandbox(context: typer.Context) -> None:
    """Run stand-ins for all providers, with an inbox."""
    from alertd.sandbox.__main__ import main

    arguments = list(context.args)
    if not any(each.startswith(("--data-dir", "-h", "--help")) for each in arguments):
        from alertd.settings import load

        arguments += ["--data-dir", str(load(os.environ).data_dir / "sandbox")]
    main(arguments)


def demo(
    fast: Annotated[bool, typer.Option("--fast", help="Only the first nineteen hours.")] = False,
    acts: Annotated[
        int,
        typer.Option("--acts", min=1, max=2, help="2: go on with the relapse of Tuesday, four minutes in all."),
    ] = 1,
    stay: Annotated[bool, typer.Option("--stay", help="Stay up afterwards, to look at the inbox.")] = False,
    output: Output = None,
) -> None:
    """Play the outage of 2019 to 200 sample families."""
    if fast and acts > 1:
        raise typer.BadParameter("--fast ends before the second act; leave one of the two out")
    from alertd.demo import run

    raise typer.Exit(run(fast=fast, acts=acts, stay=stay, output="json" if wants_json(output) else "table"))


def upgrade(output: Output = None) -> None:
    """Bring the database to the schema that this version needs."""
    from sqlalchemy.exc import SQLAlchemyError

    from alertd.settings import load
    from alertd.wiring import upgrade_database

    try:
        revision = upgrade_database(load(os.environ))
    except SQLAlchemyError as error:
        raise Failed(
            f"the database does not answer, or refuses ({type(error).__name__})",
            "check ALERTD_DATABASE_URL, and that this user may make tables there",
        ) from None
    show(output, {"revision": revision}, lambda: f"The database is at revision {revision}.")
