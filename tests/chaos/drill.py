"""One row, carried out: a running alertd, an outage that humans tell about, and what is done to it meanwhile."""

import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError
from uuid import UUID

from tests.chaos import families
from tests.chaos.audits import complaints
from tests.chaos.databases import OwnPostgres
from tests.chaos.evidence import Address, Booked, Evidence, Word
from tests.chaos.leaks import leaks
from tests.chaos.preload import Preloaded
from tests.chaos.proxy import Proxy
from tests.chaos.row import Row
from tests.chaos.switch import Switch
from tests.integration.judge import phase_of
from tests.integration.rig import LANES, Rig
from tests.integration.town import HOLDING, NOTICE, OVER, SAID, SECOND, THIRD, Town
from tests.servers import NotReady, wait_until

PATIENCE = 120.0  # seconds for everybody to hear something, on a machine that is very busy
SOAK = 300.0  # seconds
OUTAGES = ((families.SHARE, "share"), (families.FOLLOW, "follow"))
_BOOKED = """
SELECT d.id, i.number, d.update_no, a.channel, a.dest, d.epoch, d.step, d.family_id, d.state, d.next_by,
    (SELECT count(*) FROM attempt t WHERE t.delivery_id = d.id AND (t.outcome = 'unknown' OR t.code = '5 crashes')),
    (SELECT count(*) FROM attempt t WHERE t.delivery_id = d.id AND t.outcome = 'unknown' AND t.code = 'timeout')
FROM delivery d JOIN incident i ON i.id = d.incident_id JOIN address a ON a.id = d.address_id
"""
_LEFT = {
    "deliveries": "SELECT count(*) FROM delivery WHERE state IN ('pending', 'leased', 'unknown')",
    "cursors": "SELECT count(*) FROM fanout WHERE NOT done",
    "watches": "SELECT count(*) FROM watch WHERE coalesce(rest, '') <> 'closed'",
}


def now() -> float:
    """Unix seconds, as the providers' books have them."""
    return time.time()  # noqa: TID251  what providers see is in real time


class Drill:
    """The night's commands, and what is done to alertd between them."""

    def __init__(
        self,
        rig: Rig,
        town: Town,
        row: Row,
        *,
        seed: int,
        postgres: OwnPostgres | None = None,
        proxy: Proxy | None = None,
        switch: Switch | None = None,
        faults: Preloaded | None = None,
        soak: float = SOAK,
        ending: Callable[[], None] = lambda: None,
    ) -> None:
        """`ending`: is called, perhaps twice, when what is left is to wait: for holdings, or when all were told the end."""
        self._ending = ending
        self.rig, self.town, self.row, self._postgres, self._proxy = rig, town, row, postgres, proxy
        self._switch, self._preloaded, self.soak = switch, faults, soak
        self.dice = random.Random(seed)
        self.said: list[str] = []  # what a row found wrong by itself
        self._outages: list[tuple[tuple[int, str], ...]] = [OUTAGES]  # the last of them go on
        self._words: list[Word] = []
        self._said_at: dict[str, float] = {}  # when humans began to say a phase last, Unix seconds
        self._last_said = 0.0
        self.answered: dict[str, float] = {}  # family -> when somebody was first told that their answer is noted
        self._faults: list[tuple[float, float]] = []
        self._within: float | None = None  # seconds within which commands are to be answered
        self._heard: dict[Address, list[tuple[str, float]]] = defaultdict(list)  # texts, and when

    @property
    def postgres(self) -> OwnPostgres:
        """The row's own server."""
        assert self._postgres is not None, "this row runs on SQLite"
        return self._postgres

    @property
    def proxy(self) -> Proxy:
        """What stands before the database."""
        assert self._proxy is not None, "nothing is proxied in this row"
        return self._proxy

    @property
    def switch(self) -> Switch:
        """The dead man's switch outside."""
        assert self._switch is not None, "nothing outside is pinged in this row"
        return self._switch

    @property
    def faults(self) -> Preloaded:
        """What is wrong for the processes that were started with it."""
        assert self._preloaded is not None, "nothing is preloaded in this row"
        return self._preloaded

    # --- the story -----------------------------------------------------------------------------

    def story(self, during: Callable[[], None]) -> None:
        """What most rows play: it begins well; something happens to the second word; all is silent; it ends."""
        self.opens()
        self.says(SECOND)
        during()
        self.until_all_told(SECOND)
        self.holds_and_ends()

    def holds_and_ends(self) -> None:
        """Nobody says anything until alertd does, and then it is over."""
        if self.row.silence:
            self._ending()  # what the next row starts is there before the holdings set out
            self.until_told(HOLDING)
        self.ends()

    def opens(self, *, wait: bool = True) -> None:
        """Two services fail, and a human says so."""
        self._begins(NOTICE)
        for number, service in self._outages[-1]:
            body = {"services": [service], "severity": "critical", "title": f"{service} is down",
                    "message": SAID[NOTICE]}  # fmt: skip
            self._say(number, NOTICE, "/v1/incidents", body)
        if wait:
            self.until_all_told(NOTICE)

    def says(self, phase: str, more: str = "") -> None:
        """News about both; `more` stands behind the sentence."""
        self._begins(phase)
        message = {"en": f"{SAID[phase]['en']}{more}"}
        for number, _ in self._outages[-1]:
            self._say(number, phase, f"/v1/incidents/{number}/updates", {"message": message})

    def ends(self) -> None:
        """All clear; then nothing is owed any more, and the auditor is content."""
        self._all_clear()
        self._ending()
        self._until_nothing_is_left()

    def begins_anew(self) -> None:
        """These two end, and both services fail again: what families were told of one outage does not grow for ever."""
        self._all_clear()
        self._until_nothing_is_left()
        self._outages.append(tuple((number + len(OUTAGES), service) for number, service in self._outages[-1]))
        self.opens()

    def _all_clear(self) -> None:
        self._is_audited()
        self._begins(OVER)
        for number, _ in self._outages[-1]:
            self._say(number, OVER, f"/v1/incidents/{number}/resolve", {"message": SAID[OVER]})
        self.until_told(OVER)

    def _until_nothing_is_left(self) -> None:
        wait_until("nothing is left to do", lambda: not any(self._left()), PATIENCE, every=0.2)

    def _say(self, number: int, phase: str, path: str, body: dict[str, Any]) -> None:
        at = now()
        answer = self.rig.command(path, body)
        took = now() - at
        if self._within is not None and took > self._within:
            self.said.append(f"a command was answered after {took:.1f} s")
        self._words.append(Word(number, answer["update"], phase, at))  # as readers number it, until `_numbered`

    @property
    def newest(self) -> str:
        """The phase of what humans said last."""
        return self._words[-1].phase

    def until_all_told(self, phase: str) -> None:
        """Wait until every family has heard a phase, and whatever else was planned has been carried out."""
        self.until_told(phase)
        wait_until("everything planned has been carried out", self.rig.at_rest, PATIENCE, every=0.2)

    def until_told(self, phase: str) -> None:
        """Wait until every family has heard a phase, or a holding that came after it."""
        wait_until(f"everybody was told {phase}", lambda: not self.missing(phase), PATIENCE, every=0.1)

    def until_some_told(self, phase: str, share: float) -> None:
        """Wait until a share of all families have."""
        most = len(self.town.homes) * (1 - share)
        wait_until(
            f"{share:.0%} were told {phase}", lambda: len(self.missing(phase)) <= most, PATIENCE, every=0.01
        )

    def missing(self, phase: str) -> set[str]:
        """The families that have not been told it yet."""
        for message in self.rig.news():
            if message.channel != "page":
                self._heard[message.channel, message.to].append((phase_of(message)[0], message.at))
        since = self._last_said if phase == HOLDING else self._said_at[phase]
        return {
            family
            for family, addresses in self.town.homes.items()
            if not any(
                said in (phase, HOLDING) and at >= since
                for address in addresses
                for said, at in self._heard[address]
            )
        }

    def _begins(self, phase: str) -> None:
        self._said_at[phase] = self._last_said = now()

    def first_said(self, phase: str) -> float:
        """When humans began to say it, Unix seconds."""
        return self._said_at[phase]

    def noted(self, what: str) -> None:
        """Say what happens, to whoever looks on."""
        print(f"    {what}", file=sys.stderr, flush=True)

    # --- what is done to it --------------------------------------------------------------------

    @contextmanager
    def fault(self) -> Iterator[None]:
        """While it lasts, and for the time that recovery may take, nobody is promised anything."""
        began = now()
        try:
            yield
        finally:
            self._faults.append((began, now()))

    def waits(self, seconds: float) -> None:
        """Let a fault last."""
        time.sleep(seconds)

    def supervised(self) -> None:
        """Whatever has ended is started again, as a supervisor does: a part may start while the database does not run."""
        for name in self.rig.sweepers:
            if not self.rig.alive(name):
                self.rig.start_sweeper(name)
        for lane in LANES:
            if not self.rig.alive(f"worker-{lane}"):
                self.rig.start_worker(lane)
        if not self.rig.alive("api"):
            self.rig.start_api()

    @contextmanager
    def stopped(self, *names: str) -> Iterator[None]:
        """These processes, and all that they started, stand still in this block."""
        for name in names:
            self.rig.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            for name in names:
                self.rig.signal(name, signal.SIGCONT)

    @contextmanager
    def answers_within(self, seconds: float) -> Iterator[None]:
        """Commands in this block are answered so soon, or the row says which was not."""
        self._within = seconds
        try:
            yield
        finally:
            self._within = None

    def refuses_commands(self) -> None:
        """Where nothing can be stored, nobody is told that something was, and whoever asks is told to come again."""
        try:
            self.rig.command("/v1/incidents/1/updates", {"message": SAID[THIRD]})
        except HTTPError as error:
            if error.code != 503:
                self.said.append(f"a command was answered {error.code} while nothing could be stored")
        except OSError as error:
            self.said.append(f"a command was not answered while nothing could be stored: {error}")
        else:
            self.said.append("a command was answered 2xx while nothing could be stored")

    def arm(self) -> None:
        """What is started from now on has the row's failpoints."""
        self.rig.arm(self.row.arms(self.rig.folder / "failpoints"))

    def reached(self, point: str) -> None:
        """Wait until a failpoint has done what it is there for."""
        marker = self.rig.folder / "failpoints" / point
        wait_until(f"somebody came to {point}", marker.exists, PATIENCE)

    def slow(self, seconds: float) -> None:
        """A provider that takes what it is given, and says so after a while: much is in flight then."""
        self.rig.sandbox("POST", "/faults", {"kind": "slow_drip", "channel": "sms", "drip_s": seconds})

    def well(self) -> None:
        """Providers that do as they should."""
        self.rig.sandbox("DELETE", "/faults")

    # --- the evidence --------------------------------------------------------------------------

    def _is_audited(self) -> None:
        """What it found during a fault it may still say for the time that recovery takes."""
        audit: Any = None

        def passed() -> bool:
            nonlocal audit
            with suppress(HTTPError):  # not ready: a beat is late
                audit = self.rig.ask("GET", "/readyz")["audit"]
            return bool(audit and audit["passed"])

        allowed = self.row.allowed
        try:
            wait_until("the auditor is content", passed, allowed.recovery + allowed.machine, every=0.2)
        except NotReady:
            self.said.append(f"the auditor is not content: {audit}")

    def _left(self) -> list[int]:
        return [int(self.rig.rows(statement)[0][0]) for statement in _LEFT.values()]

    def evidence(self) -> Evidence:
        """Everything that the oracle is to know; call it when all is over."""
        if self.row.dialect == "sqlite" and self.rig.rows("PRAGMA integrity_check") != [("ok",)]:
            self.said.append("SQLite says that its file is damaged")
        self.said += complaints([self.rig.log(name) for name in self.rig.sweepers], self._faults, self.row.allowed)
        left = [f"{count} {what}" for what, count in zip(_LEFT, self._left(), strict=True) if count]
        return Evidence(
            homes=self.town.homes,
            touched=self._touched(),
            words=self._numbered(),
            accepted=[message for message in self.rig.accepted() if message.channel != "page"],
            booked=self._booked(),
            moves=[(str(each), was, became) for each, was, became in
                   self.rig.rows("SELECT delivery, was, became FROM chaos_move ORDER BY seq")],
            faults=self._faults,
            answered=self.answered,
            left=left,
            leaks=leaks(self.rig, *([self._postgres.log] if self._postgres is not None else [])),
            said=self.said,
        )  # fmt: skip

    def _touched(self) -> dict[int, list[str]]:
        """The families of each outage, by its number."""
        first = families.touched(self.row.families, self.row.critical)
        both = [first[number] for number, _ in OUTAGES]
        return {number: names for each in self._outages for (number, _), names in zip(each, both, strict=True)}

    def _numbered(self) -> list[Word]:
        """Humans' words with the numbers of their updates, holdings counted, and until when they were the newest."""
        statement = "SELECT i.number, u.human_number, u.number FROM incident_update u JOIN incident i ON i.id = u.incident_id"
        numbers = {(incident, human): update for incident, human, update in self.rig.rows(statement) if human}
        words = []
        for incident in self._touched():
            own = [word for word in self._words if word.incident == incident]
            for word, after in zip(own, [*own[1:], None], strict=True):
                until = after.at if after else None
                if (incident, word.update) not in numbers:
                    self.said.append(f"outage {incident}: word {word.update} was answered 2xx, and is gone")
                    continue
                words.append(replace(word, update=numbers[incident, word.update], until=until))
        return words

    def _booked(self) -> dict[str, Booked]:
        [(story_at, machine_at, rate)] = self.rig.rows("SELECT story_at, machine_at, rate FROM story_clock")

        def real(moment: int | None) -> float | None:
            return None if moment is None else (machine_at + (moment - story_at) / rate) / 1e6

        return {
            str(UUID(str(each))): Booked(
                (incident, update, (channel, to), epoch, step), family, state, real(next_by), unknown, slow
            )
            for each, incident, update, channel, to, epoch, step, family, state, next_by, unknown, slow
            in self.rig.rows(_BOOKED)
        }  # fmt: skip
