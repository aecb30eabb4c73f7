"""Workers that die, freeze and are stopped while messages are under way."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.drill import PATIENCE, Drill
from tests.chaos.restarts import rolling
from tests.chaos.row import PRODUCTION, Row
from tests.integration.town import NOTICE, SECOND
from tests.servers import wait_until

_BEGINS = "calling self.run()"
"""What Celery's pool logs of each child that takes work from now on."""
_MOST_TOLD = 0.7
"""Of the families: a word that more have heard is nearly told, and the next one is said."""
GIVEN_UP = "Given up ("
"""So a page begins its sentence about a message that crashes whoever sends it."""
_FREEZE = signal.SIGSTOP, signal.SIGCONT


def _killed(times: int, *, whole: int = 0) -> "Callable[[Drill], None]":
    def run(drill: Drill) -> None:
        drill.slow(0.4)
        drill.story(lambda: kill_children(drill, times, whole=whole))

    return run


def kill_children(drill: Drill, times: int, *, whole: int = 0) -> None:
    """At random moments one of the children that hand over dies; Celery starts another.

    `whole`: each so-manieth time all of the worker does, and is started again at once; 0: never.
    """
    share = 0.0
    for number in range(1, times + 1):
        if share > _MOST_TOLD or not drill.missing(drill.newest):
            drill.until_all_told(drill.newest)
            drill.says(SECOND, f" ({number})")
            share = 0.0
        share += drill.dice.uniform(0.02, 0.3)
        drill.until_some_told(drill.newest, min(share, _MOST_TOLD))  # whoever dies has messages in hand
        with drill.fault():
            if whole and number % whole == 0:
                _kills_all(drill)
                continue
            wait_until("one of them was killed", lambda: _kills_one(drill), PATIENCE, every=0.01)
            wait_until(
                "Celery has as many again", lambda: len(_alive(drill)) == drill.row.bulk, PATIENCE, every=0.1
            )


def _kills_all(drill: Drill) -> None:
    """The whole worker. One of its children that dies while Celery itself starts would not be replaced."""
    begun = drill.rig.log("worker-bulk").count(_BEGINS)
    drill.rig.kill("worker-bulk")
    drill.rig.start_worker("bulk")
    wait_until(
        "all children of the new worker have begun",
        lambda: drill.rig.log("worker-bulk").count(_BEGINS) >= begun + drill.row.bulk,
        PATIENCE,
        every=0.1,
    )


def _kills_one(drill: Drill) -> bool:
    with suppress(ProcessLookupError):  # Celery has collected it meanwhile
        if alive := _alive(drill):
            os.kill(drill.dice.choice(alive), signal.SIGKILL)
            return True
    return False


def _alive(drill: Drill) -> list[int]:
    return [pid for pid in drill.rig.worker_children("worker-bulk") if not drill.rig.gone(pid)]


def _at_a_failpoint(point: str) -> "Callable[[Drill], None]":
    def run(drill: Drill) -> None:
        def during() -> None:
            with drill.fault():
                drill.reached(point)

        drill.story(during)

    return run


def _tree_killed(drill: Drill) -> None:
    """The whole worker dies, and is started again some seconds later, as a supervisor does."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.2)
        with drill.fault():
            drill.rig.kill("worker-bulk")
            drill.waits(2)
            drill.rig.start_worker("bulk")

    drill.slow(0.4)
    drill.story(during)


def _frozen(drill: Drill) -> None:
    """A worker stands still for longer than its lease, and then goes on as if nothing had been."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.2)
        with drill.fault():
            for number in _FREEZE:
                for pid in drill.rig.worker_children("worker-bulk"):
                    os.kill(pid, number)
                if number == signal.SIGSTOP:
                    drill.waits(drill.row.pace.lease * 2)

    drill.slow(0.4)
    drill.story(during)
    [(lapsed,)] = drill.rig.rows("SELECT count(*) FROM attempt WHERE code = 'lease expired'")
    if not lapsed:
        drill.said.append("nobody's lease ended while the workers stood still")


def _poison(drill: Drill) -> None:
    """One family's message kills whoever sends it. It is parked, everybody else is told; then the mistake is mended."""
    drill.opens(wait=False)
    parked = "SELECT count(*) FROM delivery WHERE family_id = 'fam-0007' AND state = 'parked'"

    def supervised() -> None:
        for name in drill.rig.sweepers:
            if not drill.rig.alive(name):
                drill.rig.start_sweeper(name)

    def is_paged() -> bool:
        supervised()
        return any(each.channel == "page" and GIVEN_UP in each.text for each in drill.rig.accepted())

    def is_parked() -> bool:
        supervised()
        return bool(drill.rig.rows(parked)[0][0] >= 2)

    with drill.fault():
        wait_until("both messages of the family are parked", is_parked, 2 * PATIENCE, every=0.2)
        # Whose message was parked first is named: that may be another's which died in the same process five times.
        noted = [code for (code,) in drill.rig.rows("SELECT code FROM trouble WHERE subject = 'messages'")]
        drill.noted(f"responders are told of {noted}")
        crashed = "SELECT DISTINCT family_id FROM delivery WHERE state = 'parked' AND code = '5 crashes'"
        if not {code.partition(":")[0] for code in noted} & {family for (family,) in drill.rig.rows(crashed)}:
            drill.said.append(f"a message was given up, and responders are told of {noted or 'nothing'}")
        wait_until("somebody is paged for it", is_paged, PATIENCE, every=0.2)
        others = drill.missing(NOTICE) - {"fam-0007"}
        if others:
            drill.said.append(f"{len(others)} other families were not told meanwhile")
        drill.rig.disarm()
        for lane in ("urgent", "bulk"):
            drill.rig.kill(f"worker-{lane}")
            drill.rig.start_worker(lane)
        for name in drill.rig.sweepers:
            drill.rig.kill(name)
            drill.rig.start_sweeper(name)
    drill.until_all_told(NOTICE)  # also the family whose message it was
    drill.says(SECOND)
    drill.until_all_told(SECOND)
    drill.holds_and_ends()


def _rolling(drill: Drill) -> None:
    """All of alertd is stopped and started again, one after the other, in the middle of each of two fan-outs."""

    drill.slow(0.4)
    drill.opens()
    for number in (1, 2):
        drill.says(SECOND, f" ({number})")
        drill.until_some_told(SECOND, 0.1)
        with drill.fault():
            rolling(drill)
        drill.until_all_told(SECOND)
    drill.holds_and_ends()


ROWS = (
    Row(
        name="worker-killed",
        what="a worker's child is killed three times, at random moments",
        run=_killed(3),
        quick=True,
        silence=False,
        crashes=3,
    ),
    Row(
        name="killed-after-accept",
        what="a worker dies between a provider's acceptance and our commit",
        run=_at_a_failpoint("after_accept"),
        quick=True,
        silence=False,
        crashes=1,
        failpoints={"worker-bulk": "after_accept=kill:40"},
    ),
    Row(
        name="worker-killed-20",
        what="the same twenty times, four of them a whole worker",
        run=_killed(20, whole=5),
        crashes=20,
    ),
    Row(
        name="worker-killed-production",
        what="a worker's child is killed three times, with production's durations and a window of two minutes",
        run=_killed(3),
        crashes=3,
        pace=PRODUCTION,
        window=120.0,
        silence=False,
    ),
    Row(
        name="worker-tree-killed",
        what="a whole worker is killed, and started again two seconds later",
        run=_tree_killed,
        crashes=1,
        dialect="sqlite",
    ),
    Row(
        name="killed-before-send",
        what="a worker dies between the claim and the first message of it",
        run=_at_a_failpoint("after_claim"),
        failpoints={"worker-bulk": "after_claim=kill:2"},
        silence=False,
    ),
    Row(
        name="killed-before-commit",
        what="a worker dies when all outcomes of a batch are written, and not committed",
        run=_at_a_failpoint("before_commit"),
        crashes=1,
        failpoints={"worker-bulk": "before_commit=kill:2"},
        silence=False,
    ),
    Row(
        name="killed-mid-fanout",
        what="a worker dies between two slices of an update",
        run=_at_a_failpoint("mid_fanout"),
        crashes=1,
        failpoints={"worker-bulk": "mid_fanout=kill"},
    ),
    Row(
        name="killed-mid-slice",
        what="a worker dies when the cursor has moved and its families are not written",
        run=_at_a_failpoint("mid_slice"),
        crashes=1,
        failpoints={"worker-bulk": "mid_slice=kill:2"},
        dialect="sqlite",
        silence=False,
    ),
    Row(
        name="poison",
        what="one family's messages kill every process that sends them; they are parked, and the next update arrives",
        run=_poison,
        crashes=10,
        window=120.0,  # five leases are far less than half of it, as in production: what is planned anew is counted anew
        silence=False,
        failpoints=dict.fromkeys(
            ("worker-urgent", "worker-bulk", "sweeper", "sweeper-2"), "before_send@fam-0007=kill"
        ),
        once=False,
    ),
    Row(
        name="worker-frozen",
        what="workers stand still for two leases in the middle of their messages, and then go on",
        run=_frozen,
        crashes=1,
    ),
    Row(
        name="rolling-restart",
        what="every process is stopped by SIGTERM and started again, twice in the middle of a fan-out",
        run=_rolling,
    ),
)
