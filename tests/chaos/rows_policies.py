"""Policy files are broken or deleted while families wait: what is in force stays, and somebody is told."""

from pathlib import Path

from tests.chaos.drill import PATIENCE, Drill
from tests.chaos.restarts import rolling
from tests.chaos.row import Row
from tests.integration.rig import RATE
from tests.integration.town import SECOND
from tests.servers import wait_until

_BROKEN = "policy: default\nsilence:\n  windows: {critical: 30m}\n"
_PARTS = ("api", "worker-urgent", "worker-bulk")


def _broken(drill: Drill) -> None:
    """One file gets a mistake, the other is deleted; all parts are restarted with that, and go by what was in force."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        folder = drill.rig.folder / "config" / "policies"
        right = {path: path.read_text() for path in folder.glob("*.yaml")}
        (folder / "default.yaml").write_text(_BROKEN)
        (folder / "follow.yaml").unlink()
        _refused(drill, folder / "default.yaml")
        with drill.fault():
            rolling(drill)
        drill.until_told(SECOND)
        wait_until("every part says what is wrong", lambda: not _silent(drill), PATIENCE, every=0.2)
        for path, text in right.items():
            path.write_text(text)

    drill.slow(0.4)
    drill.story(during)
    # Both windows are those of the files as they were; the built-in one is longer.
    [(longest,)] = drill.rig.rows("SELECT max(next_by - planned_at) FROM delivery")
    if longest > drill.row.window * RATE * 1e6:
        drill.said.append(f"somebody was promised the next word after {longest / RATE / 1e6:.1f} s")


def _silent(drill: Drill) -> list[str]:
    """Parts that have said nothing of the mistakes; a worker's child may still be starting when all were told."""
    parts = (*_PARTS, *drill.rig.sweepers)
    return [name for name in parts if "policies_broken" not in drill.rig.log(name)]


def _refused(drill: Drill, path: Path) -> None:
    """An incident that is to take a broken policy keeps the one that it has."""
    before = drill.rig.rows("SELECT number, policy_snapshot FROM incident ORDER BY number")
    said = drill.rig.command_line("incident", "policy", "1", str(path))
    if (
        "windows" not in said
        or drill.rig.rows("SELECT number, policy_snapshot FROM incident ORDER BY number") != before
    ):
        drill.said.append(f"a broken policy was not refused: {said[-200:]}")


ROWS = (
    Row(
        name="policies-broken",
        what="one policy file is broken and one deleted in the middle of a fan-out, and every process restarted",
        run=_broken,
    ),
)
