"""Commands that become a process: up, api, worker, sweeper, sandbox, demo, and the database's migrations."""

import os
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(up)
    app.command()(api)
    app.command()(worker)
    app.command()(sweeper)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(sandbox)
    app.command()(demo)
    database = typer.Typer(help="The database's schema.", no_args_is_help=True)
    database.command("upgrade")(upgrade)
    app.add_typer(database, name="db")


def up(
    sandbox: Annotated[bool, typer.Option(help="Start stand-ins for all providers, and use them.")] = False,
    show_logs: Annotated[bool, typer.Option(help="Show the parts' logs here instead of in files.")] = False,
) -> None:
    """Run all of alertd on this machine; ctrl-c stops it."""
    import asyncio

    from alertd import logs
    from alertd.settings import load
    from alertd.up import Where
    from alertd.up import up as run

    settings = load(os.environ)
    logs.configure("warning" if not show_logs else settings.log.level, settings.log.json_)

    def ready(where: Where) -> None:
        lines = [
            ("API", where.api),
            ("its documentation", f"{where.api}/docs"),
            ("what the sandbox received", where.inbox or ""),
            ("API key", str(where.key_file) if where.key_file else "alertd key create"),
            ("data", str(where.data_dir)),
            ("logs", str(where.logs)),
        ]
        typer.echo(f"alertd is up. {where.redis}")
        for name, place in lines:
            if place:
                typer.echo(f"  {name + ':':26} {place}")
        typer.echo("Stop it with ctrl-c.")

    raise typer.Exit(
        asyncio.run(run(settings, os.environ, sandbox=sandbox, on_ready=ready, pass_through=show_logs))
    )


def api() -> None:
    """Run the HTTP API alone."""
    import asyncio

    from alertd.serve import serve
    from alertd.settings import load

    asyncio.run(serve(load(os.environ)))


def worker(
    lane: Annotated[str, typer.Option(help="urgent or bulk")] = "bulk",
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = 2,
) -> None:
    """Run the workers of one lane; they take their hints from Redis."""
    if lane not in ("urgent", "bulk"):
        raise typer.BadParameter("is urgent or bulk", param_hint="--lane")
    from workers import run_worker

    run_worker(lane, concurrency)


def sweeper() -> None:
    """Run the sweeper: it finds due work by itself, also without Redis."""
    from alertd.settings import load
    from workers.sweeper import main

    main(load(os.environ))


def sandbox(context: typer.Context) -> None:
    """Run stand-ins for Twilio, FCM and a mail server, with an inbox page."""
    from alertd.sandbox.__main__ import main

    main(context.args)


def demo(
    fast: Annotated[bool, typer.Option("--fast", help="Only the first twenty hours.")] = False,
    stay: Annotated[bool, typer.Option("--stay", help="Stay up afterwards, to look at the inbox.")] = False,
) -> None:
    """Play the outage of the 2019 Thanksgiving weekend to 200 sample families, and report."""
    from alertd.demo import run

    raise typer.Exit(run(fast=fast, stay=stay))


def upgrade() -> None:
    """Bring the database to the schema that this version needs."""
    from alertd.settings import load
    from alertd.wiring import upgrade_database

    typer.echo(f"the database is at revision {upgrade_database(load(os.environ))}")
