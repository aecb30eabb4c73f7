"""A newer alertd comes while families are being told: its migrations run, and parts of both versions beside each other.

The newer version is a copy of this one with two more migrations: one that only adds, one that outgrows its elders.
"""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import alertd
from alertd.store.migrate import head
from tests.chaos.drill import PATIENCE, Drill
from tests.chaos.row import Row
from tests.chaos.rows_cluster import ring
from tests.integration.town import SECOND, THIRD
from tests.servers import wait_until

_ADDS, _OUTGROWS = "9001", "9002"
_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{revision}", "{before}"
branch_labels = depends_on = None


def upgrade() -> None:
    {does}
"""
_COLUMN = 'op.add_column("delivery", sa.Column("newer", sa.String(8))); op.create_index("ix_newer", "delivery", ["newer"])'
_REQUIRES = f"op.execute(\"UPDATE required_schema SET revision = '{_OUTGROWS}'\")"
_ASKS = 6.0  # seconds after which every process of a worker has asked for itself (`Outgrown`: every five)
_STILL = 3.0  # seconds for which nobody may be told by those who are outgrown


def _upgraded(drill: Drill) -> None:
    """What only adds stops nobody; who is outgrown claims nothing, and says so; the newer ones tell the rest."""
    drill.opens()
    drill.slow(0.4)
    drill.says(SECOND)
    drill.until_some_told(SECOND, 0.1)
    newer = _newer(drill)
    _migrates(drill, newer, _ADDS, head(), _COLUMN)
    drill.until_all_told(SECOND)
    if any("outgrown" in log for log in _logs(drill)):
        drill.said.append("a part was outgrown by a migration that only adds")
    drill.says(THIRD)
    drill.until_some_told(THIRD, 0.1)
    with drill.fault():
        _migrates(drill, newer, _OUTGROWS, _ADDS, _REQUIRES)
        wait_until("all older parts are outgrown", lambda: _outgrown(drill), PATIENCE, every=1.0)
        drill.waits(_ASKS)
        wait_until("what they had in hand is told", lambda: not _leased(drill), PATIENCE)
        drill.says(SECOND, " (again)")
        drill.waits(_STILL)
        if len(drill.missing(SECOND)) != len(drill.town.homes) or _leased(drill):
            drill.said.append("parts that are outgrown went on telling families")
        older = [drill.rig.processes[name] for name in _parts(drill)]
        for name in drill.rig.sweepers:
            drill.rig.start_sweeper(name)
        for lane in ("urgent", "bulk"):
            drill.rig.start_worker(lane)
        drill.until_some_told(SECOND, 0.3)
        for process in older:
            process.send_signal(signal.SIGTERM)
        drill.rig.processes["api"].send_signal(signal.SIGTERM)
        drill.rig.processes["api"].wait(60)
        drill.rig.start_api()
    drill.until_all_told(SECOND)
    drill.holds_and_ends()


def _newer(drill: Drill) -> Path:
    """The newer version: the packages of this one, where its processes find them first."""
    here, there = Path(alertd.__file__).parents[1], drill.rig.folder / "newer"
    for package in ("alertd", "channels", "workers"):
        shutil.copytree(here / package, there / package)
    return there


def _migrates(drill: Drill, newer: Path, revision: str, before: str, does: str) -> None:
    """One more migration, and the command that an operator gives."""
    folder = newer / "alertd" / "store" / "migrations" / "versions"
    text = _MIGRATION.format(revision=revision, before=before, does=does)
    (folder / f"{revision}_newer.py").write_text(text)
    drill.rig.tells(PYTHONPATH=str(newer))
    said = drill.rig.command_line("db", "upgrade")
    if revision not in said:
        drill.said.append(f"the upgrade to {revision} said: {said[-300:]}")


def _parts(drill: Drill) -> Iterator[str]:
    yield from ("worker-urgent", "worker-bulk", *drill.rig.sweepers)


def _logs(drill: Drill) -> list[str]:
    return [drill.rig.log(name) for name in _parts(drill)]


def _outgrown(drill: Drill) -> bool:
    """Whether all of them say so; a worker looks when it is given a hint."""
    ring(drill, 1)
    return all("outgrown" in log for log in _logs(drill))


def _leased(drill: Drill) -> bool:
    [(count,)] = drill.rig.rows("SELECT count(*) FROM delivery WHERE state = 'leased'")
    return bool(count)


ROWS = (
    Row(
        name="schema-changed",
        what="migrations run in the middle of two fan-outs: one only adds, one outgrows the parts that run",
        run=_upgraded,
    ),
    Row(
        name="schema-changed-sqlite",
        what="the same on SQLite",
        run=_upgraded,
        dialect="sqlite",
    ),
)
