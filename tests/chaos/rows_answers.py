"""Families who answer while the next step of their ladder falls due, and something dies."""

import http.client
import signal
import threading
import time
import urllib.error
from collections.abc import Sequence

from tests.chaos import families
from tests.chaos.drill import PATIENCE, Drill, now
from tests.chaos.restarts import restart_workers
from tests.chaos.row import Row
from tests.chaos.rows_secrets import links_in
from tests.integration.town import NOTICE, SECOND
from tests.servers import wait_until

_ASKED = families.touched()[families.FOLLOW]
EARLY, RACING, CAUGHT, SILENT = _ASKED[:4], _ASKED[4:12], _ASKED[12:18], _ASKED[18:]
"""Who answers long before the step, about when it falls due, while a dead worker holds it, and never."""

_CALLERS = 3  # to each link at once: a person who presses twice, and a second phone
DIES_OF = CAUGHT[0]


def _answers(drill: Drill) -> None:
    """The words are told; whoever was told that their answer is noted is not told again by the ladder."""
    drill.opens()
    began = drill.first_said(NOTICE)
    links = _links(drill)
    with drill.fault():
        early = _begin_to_press(drill, links, EARLY)
        wait_until("somebody is told that it is noted", lambda: bool(drill.answered), PATIENCE, every=0.005)
        drill.rig.kill("api")  # with answers on their way: whoever was not told that it is noted presses again
        drill.rig.start_api()
        _join(early)
    drill.arm()
    restart_workers(drill)
    drill.waits(max(began + drill.row.step - 1.0 - now(), 0.0))
    with drill.fault():
        racing = [
            _presses(drill, links, family, drill.dice.uniform(0, 3)) for family in RACING for _ in range(_CALLERS)
        ]
        drill.reached("before_send")  # a worker that had taken the steps of these has died
        _join(_begin_to_press(drill, links, CAUGHT))
        _join(racing)
        drill.postgres.stop(signal.SIGQUIT)
        drill.postgres.start()
    _kept(drill)
    wait_until(
        "the ladder has told those who were silent", lambda: set(SILENT) <= _climbed(drill), PATIENCE, every=0.2
    )
    drill.says(SECOND)
    drill.until_all_told(SECOND)
    drill.holds_and_ends()


def _links(drill: Drill) -> dict[str, str]:
    """Each family's link, by its number."""
    newest = links_in(drill)
    return {
        family: newest[to] for family in _ASKED for channel, to in drill.town.homes[family] if channel == "sms"
    }


def _begin_to_press(drill: Drill, links: dict[str, str], who: Sequence[str]) -> list[threading.Thread]:
    """All of these at once, each by several callers."""
    return [_presses(drill, links, family, 0.0) for family in who for _ in range(_CALLERS)]


def _presses(drill: Drill, links: dict[str, str], family: str, after: float) -> threading.Thread:
    caller = threading.Thread(target=_until_noted, args=(drill, links, family, after))
    caller.start()
    return caller


def _join(callers: Sequence[threading.Thread]) -> None:
    for each in callers:
        each.join()


def _until_noted(drill: Drill, links: dict[str, str], family: str, after: float) -> None:
    """Press until it is said that it is noted, to anybody in the family, as people do."""
    time.sleep(after)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if family in drill.answered:
            return  # if that is lost, nobody says it again
        try:
            drill.rig.follows(links[family], "POST")
        except urllib.error.HTTPError as error:
            if error.code != 503:
                drill.said.append(f"an answer is refused with {error.code}")
                return
            time.sleep(0.5)
        except (OSError, http.client.HTTPException):  # it died while it answered
            time.sleep(0.5)
        else:
            drill.answered.setdefault(family, now())
            return
    drill.said.append("an answer could not be given")


def _kept(drill: Drill) -> None:
    """What was called noted is in the database, also after its plug was pulled."""
    kept = {family for (family,) in drill.rig.rows("SELECT DISTINCT family_id FROM answer")}
    lost = set(drill.answered) - kept
    if lost or len(drill.answered) != len(_ASKED) - len(SILENT):
        drill.said.append(f"of {len(drill.answered)} answers that were called noted {len(lost)} are lost")


def _climbed(drill: Drill) -> set[str]:
    """The families that a step was handed over to."""
    told = "SELECT DISTINCT family_id FROM delivery WHERE step > 0 AND state IN ('accepted', 'delivered')"
    return {family for (family,) in drill.rig.rows(told)}


ROWS = (
    Row(
        name="answers-race",
        what="families answer when their next step falls due, and the API, a worker and Postgres die",
        run=_answers,
        crashes=2,
        failpoints=dict.fromkeys(
            ("worker-urgent", "worker-bulk", "sweeper", "sweeper-2"), f"before_send@{DIES_OF}=kill"
        ),
        armed=False,
        step=35.0,
        window=100.0,  # a holding would stand for the step
        silence=False,
    ),
)
