"""One outage, a thousand families, real processes; judged from what the providers accepted."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from alertd.sandbox.log import Accepted
from tests.conftest import DIALECTS
from tests.integration import judge, town
from tests.integration.rig import RATE, WINDOW, Rig
from tests.servers import NotReady, wait_until
from tests.standstill import Standstill

pytestmark = pytest.mark.integration
PATIENCE = 90.0  # seconds for a thousand families to hear something, on a machine that is very busy
SLACK = 10.0  # seconds: a machine that runs other things too is late; production's margin covers a lease
MINUTE = 60 / RATE  # of the story, in seconds
UNATTENDED = """
confirm: {critical: 0m, major: 15m, minor: human}
sources: {alertmanager: [open, raise]}
"""
LINK = re.compile(r"http://\S+/[ar]/[\w-]+")


@pytest.fixture
def still() -> Iterator[Standstill]:
    """How long this machine stood still during the test."""
    with Standstill() as watch:
        yield watch


@pytest.fixture(params=DIALECTS)
def rig(request: pytest.FixtureRequest, fresh_database: Callable[[str], str], tmp_path: Path) -> Iterator[Rig]:
    """A running alertd on a fresh database of each kind, with a signed-in operator."""
    with Rig(tmp_path / "rig", fresh_database(request.param), policy=UNATTENDED) as made:
        made.sign_in()
        yield made


class Story:
    """The night's commands, each followed by waiting until everybody has heard of it."""

    def __init__(self, rig: Rig, *, ladders: bool = False) -> None:
        self.rig, self.town = rig, town.build(ladders=ladders)
        self._roll = judge.Roll(self.town)
        self._to_answer = dict(self.town.answers)
        self.by_machine: float | None = None  # when a machine opened it, Unix seconds
        self.words: list[float] = []  # when humans spoke
        rig.move_in(self.town)

    def until_told(self, phase: str) -> None:
        """Wait until everybody who is owed a phase has it; a holding, once the window has passed."""
        patience = PATIENCE + self.rig.window if phase == town.HOLDING else PATIENCE
        try:
            wait_until(f"everybody was told {phase}", lambda: not self.missing(phase), patience, every=0.1)
        except NotReady as error:
            left = self.missing(phase)
            error.add_note(f"{len(left)} were not: {sorted(judge.masked(each) for each in left)[:10]}")
            raise

    def missing(self, phase: str) -> set[town.Address]:
        """Who has not been told yet. Whoever is to answer does so as soon as the first message is there."""
        news = self.rig.news()
        self._roll.call(news)
        for message in news:
            self._answer(message)
        return self._roll.missing(phase)

    def _answer(self, message: Accepted) -> None:
        presses = self._to_answer.pop((message.channel, message.to), None)
        if presses is None:
            return
        link = link_in(message)
        assert self.rig.follows(link).count("<button") == 1
        if presses:
            assert "<button" not in self.rig.follows(link, "POST")

    def until_half_told(self, phase: str) -> None:
        """Wait until half of those who are owed a phase have it."""
        owed = len(self._roll.missing(phase))
        wait_until(f"half were told {phase}", lambda: len(self.missing(phase)) <= owed / 2, PATIENCE, every=0.02)

    def opens(self) -> None:
        """An incident that touches everybody but those who use something else; until all have been told or tried."""
        self.words.append(now())
        opened = self.rig.open(town.SAID[town.NOTICE])
        assert opened["preview"]["families"] == len(self.town.families) - len(self.town.untouched)
        self.until_told(town.NOTICE)
        self.until_at_rest()  # a dead address that is still being asked would be asked for the next update too

    def is_opened_by_a_webhook(self) -> None:
        """The same, with no human awake; until those are told, too, whose family has not answered."""
        self.by_machine = now()
        follow = {"alertname": "FollowDown", "service": "follow", "severity": "critical"}
        assert self.rig.fires(follow, {"alertname": "DiskFull"})["did"] == {"opened": 1, "noted": 1}
        self.until_told(town.NOTICE)
        self.until_at_rest()
        assert self._to_answer == {}

    def says(self, phase: str) -> None:
        """An update."""
        self.words.append(now())
        self.rig.update(town.SAID[phase])

    def ends(self) -> None:
        """All clear; then nothing is owed any more."""
        self.rig.resolve(town.SAID[town.OVER])
        self.until_told(town.OVER)
        self.until_at_rest()

    def until_at_rest(self) -> None:
        """Wait until everything that was planned has been carried out, expired leases among it."""
        wait_until("everything planned has been carried out", self.rig.at_rest, PATIENCE, every=0.1)

    def wrong_pages(self) -> list[str]:
        """What is wrong with what the responders received."""
        return judge.pages(
            self.rig.accepted(),
            opened=self.by_machine,
            words=self.words,
            window=self.rig.window,
            minute=MINUTE,
        )


def now() -> float:
    """Unix seconds, as the sandbox's log has them."""
    return time.time()  # noqa: TID251  what providers see is in real time


def link_in(message: Accepted) -> str:
    """The one link of a message."""
    [link] = LINK.findall(message.text)
    return str(link)


def test_every_phone_receives_exactly_what_the_rules_owe(rig: Rig, still: Standstill) -> None:
    """A webhook opens it and nobody is awake; some families answer by the link that they were sent, others do not."""
    story = Story(rig, ladders=True)
    story.is_opened_by_a_webhook()
    page = next(message for message in rig.accepted() if message.channel == "page" and LINK.search(message.text))
    assert "<button" in rig.follows(link_in(page))
    assert "<button" not in rig.follows(link_in(page), "POST")
    for phase in (town.SECOND, town.THIRD):
        story.says(phase)
        story.until_told(phase)
    story.until_told(town.HOLDING)
    story.ends()

    slack = SLACK + still.seconds
    found = judge.problems(
        story.town,
        rig.accepted(),
        rig.refused(),
        window=WINDOW,
        silence=True,
        slack=slack,
        by_machine=True,
        words=story.words,
    )
    assert found == []
    assert story.wrong_pages() == []
    sms = {message.provider_id for message in rig.accepted() if message.channel == "sms"}
    wait_until(
        "Twilio has reported",
        lambda: sms <= {line.provider_id for line in rig.told() if line.status == "delivered"},
    )
    assert {(line.forged, line.answer) for line in rig.told()} == {(False, 204)}
    own = os.nice(0)
    assert rig.niceness("worker-urgent") == {own}
    assert rig.niceness("worker-bulk") == {min(own + 10, 19)}  # what is bulk steps back


# What the sweeper does without a broker is held to on SQLite too, in tests/contract/test_store_sweeper.py and
# test_store_concurrency.py; this is about processes.
@pytest.mark.parametrize("rig", ["postgresql"], indirect=True)
def test_with_redis_killed_half_way_everything_still_arrives_once(rig: Rig, still: Standstill) -> None:
    """No broker for the rest of the night: the sweeper does the work."""
    story = Story(rig)
    story.opens()
    story.says(town.SECOND)
    story.until_half_told(town.SECOND)
    rig.kill("redis")
    story.until_told(town.SECOND)
    story.says(town.THIRD)
    story.until_told(town.THIRD)
    story.until_told(town.HOLDING)
    story.ends()

    assert not rig.alive("redis")
    assert rig.alive("sweeper", "api", "worker-urgent", "worker-bulk")
    slack = SLACK + still.seconds
    found = judge.problems(
        story.town, rig.accepted(), rig.refused(), window=WINDOW, silence=True, slack=slack, words=story.words
    )
    assert found == []
    assert story.wrong_pages() == []
    assert rig.rows("SELECT count(*) FROM attempt WHERE outcome = 'unknown'") == [(0,)]
    for worker in ("worker-urgent", "worker-bulk"):  # Celery looks for its broker before it looks for a signal
        rig.kill(worker)


@pytest.mark.parametrize(("dialect", "victim"), [("sqlite", "child"), ("postgresql", "tree")])
def test_with_a_worker_killed_half_way_nothing_is_lost_and_repeats_are_known(
    fresh_database: Callable[[str], str], tmp_path: Path, dialect: str, victim: str
) -> None:
    """What was in flight is `unknown`, and sent again: once more at the most for each message."""
    # The kill must hit messages in flight, so some providers are slow: these have it and do not say so, ...
    # The first of all, so that the last sets out before the first are given up: after that a breaker opens.
    drips = {"kind": "slow_drip", "channel": "push", "prefix": "token-", "count": 25, "drip_s": 60}
    hangs = {"kind": "hang", "channel": "sms", "count": 15, "hold_s": 60}  # ... and these never get it.
    # As in production, a lease is far shorter than half a window: what it held is still worth saying.
    quick = {"ALERTD_TIMING__LEASE_SECONDS": "8", "ALERTD_TIMING__CALL_SECONDS": "5"}
    children = 1 if victim == "child" else 2  # one, so that it is sure to be the one that has them
    with Rig(tmp_path / "rig", fresh_database(dialect), window=WINDOW, bulk=children, variables=quick) as rig:
        rig.sign_in()
        story = Story(rig)
        story.opens()
        rig.stop_sweeper()  # it helps a worker that is slow, and the kill must hit all that is in flight
        rig.sandbox("POST", "/faults", [drips, hangs])
        story.says(town.SECOND)
        wait_until("40 messages are in flight", lambda: _hits(rig) == 40, PATIENCE)
        told_before = len(rig.accepted())
        pids = rig.worker_children("worker-bulk")
        assert len(pids) == children
        if victim == "child":
            os.kill(pids[0], signal.SIGKILL)
        else:
            rig.kill("worker-bulk")
        wait_until("it is gone", lambda: all(map(rig.gone, pids)))
        in_flight = rig.rows("SELECT id, attempts FROM delivery WHERE state = 'leased'")
        rig.sandbox("DELETE", "/faults")
        rig.start_sweeper()
        story.until_told(town.SECOND)
        story.until_at_rest()
        assert len(rig.accepted()) > told_before  # it was half-way
        if victim == "child":
            wait_until(
                "Celery has another child", lambda: bool(set(rig.worker_children("worker-bulk")) - set(pids))
            )
        story.says(town.THIRD)
        story.until_told(town.THIRD)
        story.ends()

        _every_expired_lease_is_known(rig, in_flight)
        unknown = _unknown(rig)
        repeated = judge.repeated(rig.accepted())
        assert repeated  # or the kill hit nothing, and this test has shown nothing
        assert {each: count for each, count in repeated.items() if count > unknown[each]} == {}
        found = judge.problems(
            story.town, rig.accepted(), rig.refused(), window=WINDOW, silence=False, slack=None, extra=unknown
        )
        assert found == []


def _hits(rig: Rig) -> int:
    return sum(fault["hits"] for fault in rig.sandbox("GET", "/faults")["faults"])


def _every_expired_lease_is_known(rig: Rig, in_flight: Sequence[tuple[object, int]]) -> None:
    """Each try that was leased at the kill is `unknown`, or its owner lived and wrote what became of it."""
    tries = {
        (each, number): code for each, number, code in rig.rows("SELECT delivery_id, number, code FROM attempt")
    }
    assert "lease expired" in tries.values()
    told = rig.rows("SELECT id, attempts FROM delivery WHERE state IN ('accepted', 'delivered', 'refused')")
    assert set(in_flight) <= set(tries) | set(told)


def _unknown(rig: Rig) -> Counter[tuple[town.Address, str]]:
    """How many tries for each address and phase ended without the provider's word."""
    phases: dict[int, str] = {}
    for number, human in rig.rows("SELECT number, human_number FROM incident_update ORDER BY number"):
        phases[number] = town.PHASES[human - 1] if human else phases[number - 1]
    return Counter(
        ((channel, to), phases[update])
        for channel, to, update in rig.rows(
            "SELECT a.channel, a.dest, d.update_no FROM attempt t JOIN delivery d ON d.id = t.delivery_id "
            "JOIN address a ON a.id = d.address_id WHERE t.outcome = 'unknown'"
        )
    )
