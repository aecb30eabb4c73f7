"""Sweepers, and callers who say one thing many times."""

import threading

from alertd.celery_app import celery_app
from alertd.doorbell import TASK
from alertd.redis_server import redis_urls
from tests.chaos.drill import PATIENCE, Drill
from tests.chaos.row import Row
from tests.integration.town import SECOND
from tests.servers import wait_until


def _two_sweepers(drill: Drill) -> None:
    """No worker is left: both sweepers do all the work, beside each other and a storm of hints."""
    drill.opens()
    for lane in ("urgent", "bulk"):
        drill.rig.kill(f"worker-{lane}")
    ring(drill, 200)
    drill.slow(0.2)
    drill.says(SECOND)
    drill.until_all_told(SECOND)
    drill.holds_and_ends()


def _hinted(drill: Drill) -> None:
    """Every hint comes five hundred times."""

    def during() -> None:
        for _ in range(10):
            ring(drill, 50)
            drill.waits(0.1)

    drill.slow(0.2)
    drill.story(during)


def ring(drill: Drill, count: int) -> None:
    """So many hints for each lane, of which none is needed."""
    url = redis_urls(f"unix://{drill.rig.redis_socket}?db=0").celery
    app = celery_app(url, publisher=True)
    for _ in range(count):
        for lane in ("urgent", "bulk"):
            app.send_task(TASK, args=[lane], queue=lane, retry=False)
    app.close()


def _sweeper_killed(drill: Drill) -> None:
    """One of two dies; then both, and they are started again."""

    def during() -> None:
        with drill.fault():
            drill.rig.kill("sweeper")
            drill.until_some_told(SECOND, 0.5)
            drill.rig.kill("sweeper-2")
            drill.waits(3)
            for name in drill.rig.sweepers:
                drill.rig.start_sweeper(name)

    drill.slow(0.2)
    drill.story(during)


def _everything_down(drill: Drill) -> None:
    """All of alertd is killed until the switch outside raises its alarm, which is three windows: all are told later."""
    switch = drill.switch
    drill.opens()
    wait_until("the switch outside was pinged", lambda: bool(switch.pings), PATIENCE, every=0.2)
    parts = ("api", "worker-urgent", "worker-bulk", *drill.rig.sweepers)
    with drill.fault():
        for name in parts:
            drill.rig.kill(name)
        began = len(switch.pings)
        wait_until("the switch outside raises its alarm", lambda: switch.alarm, PATIENCE, every=0.2)
        if len(switch.pings) != began:
            drill.said.append("somebody said that all was well while nothing ran")
        drill.rig.start_api()
        for name in drill.rig.sweepers:
            drill.rig.start_sweeper(name)
        for lane in ("urgent", "bulk"):
            drill.rig.start_worker(lane)
    drill.says(SECOND)
    drill.until_all_told(SECOND)
    wait_until("the alarm outside is over", lambda: not switch.alarm, PATIENCE, every=0.2)
    drill.holds_and_ends()


def _one_event_often(drill: Drill) -> None:
    """A machine tells one outage in a hundred copies at once: there is one incident more, and nobody hears of it twice."""

    def during() -> None:
        answers: list[object] = []

        def tell() -> None:
            answers.append(drill.rig.fires({"alertname": "ShareDown", "service": "share", "severity": "critical"}))

        copies = [threading.Thread(target=tell) for _ in range(100)]
        for copy in copies:
            copy.start()
        for copy in copies:
            copy.join()
        [(events,)] = drill.rig.rows("SELECT count(*) FROM outage_event")
        [(incidents,)] = drill.rig.rows("SELECT count(*) FROM incident")
        if (len(answers), events, incidents) != (100, 1, 2):
            drill.said.append(f"{len(answers)} answers, {events} events, {incidents} incidents")

    drill.story(during)


ROWS = (
    Row(
        name="two-sweepers",
        what="both workers are gone: two sweepers do all the work, beside a storm of hints",
        run=_two_sweepers,
        quick=True,
    ),
    Row(
        name="hints-doubled",
        what="five hundred hints too many for each lane, within a second",
        run=_hinted,
        dialect="sqlite",
    ),
    Row(name="sweepers-killed", what="one sweeper is killed, then the other; both come back", run=_sweeper_killed),
    Row(
        name="everything-down",
        what="all of alertd is killed until the switch outside raises its alarm, after two pings that did not come; families are told later",
        run=_everything_down,
        switched=True,
        crashes=1,
    ),
    Row(name="event-copies", what="a machine tells one outage in a hundred copies at once", run=_one_event_often),
)
