"""Policy files are broken or deleted while families wait: what is in force stays, and somebody is told."""

from pathlib import Path

from tests.chaos.drill import Drill
from tests.chaos.restarts import rolling
from tests.chaos.row import Row
from tests.integration.rig import RATE
from tests.integration.town import SECOND

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
        for name in (*_PARTS, *drill.rig.sweepers):
            if "policies_broken" not in drill.rig.log(name):
                drill.said.append(f"{name} said nothing of the mistakes")
        for path, text in right.items():
            path.write_text(text)

    drill.slow(0.4)
    drill.story(during)
    # Both windows are those of the files as they were; the built-in one is longer.
    [(longest,)] = drill.rig.rows("SELECT max(next_by - planned_at) FROM delivery")
    if longest > drill.row.window * RATE * 1e6:
        drill.said.append(f"somebody was promised the next word after {longest / RATE / 1e6:.1f} s")


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
