"""One performance against a running daemon and its sandbox: prepare, play, watch, judge, report."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from alertd.demo.answering import Answering, Going, NoButton
from alertd.demo.client import ApiRefused, ApiSilent, Client
from alertd.demo.course import stretches
from alertd.demo.families import Sample
from alertd.demo.judge import Judge
from alertd.demo.play import Play, Played, Stopped
from alertd.demo.report import Report, Unreached, tried
from alertd.demo.rules import moments_of
from alertd.demo.script import Script
from alertd.demo.verdict import Judgement, Named, Rules
from alertd.demo.view import View
from alertd.demo.watching import Watcher
from alertd.sandbox.log import read_accepted
from alertd.sandbox.story_clock import StoryClock

_ALL = 1000  # families in one answer of the API


@dataclass(frozen=True, slots=True)
class Where:
    """What a demo needs to know of the daemon and the sandbox."""

    api_url: str
    api_key: str
    alerts_key: str  # may send events, and nothing else
    sandbox_url: str
    sandbox_log: Path  # its data folder


class Performance:
    """Plays one script to one sample of families."""

    def __init__(self, where: Where, script: Script, sample: Sample, rules: Rules, view: View) -> None:
        self._api = Client(where.api_url, where.api_key)
        self._alerts = Client(where.api_url, where.alerts_key)
        self._sandbox = Client(where.sandbox_url)
        self._where, self._script, self._sample, self._rules = where, script, sample, rules
        self._unreached: list[Unreached] = []
        self._named: dict[int, Named] = {}  # by stretch of the story, from 1
        parts = stretches(moments_of(script), rules.confirm)
        self._epochs = {epoch.begins: epoch.number for stretch in parts for epoch in stretch.epochs}
        self._going = Going(1, script.begins)
        self._watcher = Watcher(self._api, self._sandbox, script, len(sample.documents), view)

    def prepare(self) -> None:
        """Import the families; tell the sandbox which addresses are dead. Raises ApiRefused and ApiSilent."""
        dead = {channel: sorted(addresses) for channel, addresses in self._sample.dead.items()}
        self._sandbox.post("/control/dead", dead)
        imported = self._api.post_lines("/v1/families:import", list(self._sample.documents))
        if imported["families"] != len(self._sample.documents):
            raise ApiRefused(f"only {imported['families']} of the sample's families were imported")

    def perform(self, clock: StoryClock, stop: threading.Event) -> Report:
        """Play to the end, judge and report. Raises ApiRefused, ApiSilent, NoButton and Stopped."""
        self._set_clock(clock)
        play = Play(self._api, self._alerts, clock, stop, self._told)
        answering = Answering(
            self._sandbox,
            self._sample,
            lambda: self._going,
            play.now,
            lambda answered: self._watcher.told_answers(play.now(), answered),
        )
        with self._watcher.watching(play), self._answering(answering, play, stop):
            play.perform(self._script, self._before_the_end)
            play.wait_until(self._judged_at)
        incident = self._api.get(f"/v1/incidents/{play.incident}")
        updates = incident["updates"]
        return Report(
            zone=self._script.zone,
            begins=self._script.begins,
            ends=self._script.ends,
            rate=clock.rate,
            rules=self._rules,
            judgement=self._judged(answering),
            unreached=self._unreached,
            human_updates=sum(update["human_number"] is not None for update in updates),
            machine_updates=sum(update["source"] is not None for update in updates),
            holdings=sum(update["kind"] == "holding" for update in updates),
            severities=tuple(dict.fromkeys(moment.severity for moment in moments_of(self._script))),
        )

    def _told(self, played: Played) -> None:
        epoch = self._epochs.get(played.act.at)
        if epoch is not None:
            self._going = Going(epoch, played.act.at)
        self._watcher.told(played)

    def _set_clock(self, clock: StoryClock) -> None:
        """What the sandbox writes down must be the daemon's own time."""
        start = clock.story_start.isoformat()
        told = {"story_start": start, "rate": clock.rate, "real_start": clock.real_start}
        self._sandbox.put("/control/clock", told)

    @property
    def _judged_at(self) -> datetime:
        """What the story's end finds under way may still arrive."""
        return self._script.ends + self._rules.slack

    def _judged(self, answering: Answering) -> Judgement:
        judge = Judge(
            self._sample.documents,
            self._sample.dead,
            moments_of(self._script),
            self._judged_at,
            self._rules,
            answering.answers,
        )
        return judge.judge(read_accepted(self._where.sandbox_log), self._named)

    def _before_the_end(self, incident: int) -> None:
        """Whom alertd could not reach, in its own words, while it still owes them something."""
        self._going = replace(self._going, ending=True)
        progress = self._api.get(f"/v1/incidents/{incident}/progress", limit=_ALL)
        reach = self._api.get(f"/v1/incidents/{incident}/reach", limit=_ALL)
        unheard = {str(each["family"]): each["rest"] for each in progress["unheard"]}
        self._named[len(self._named) + 1] = Named(
            unheard=set(unheard),
            unreachable={each["family"] for each in reach["unreachable"]},
            unanswered={each["family"] for each in reach["unanswered"]},
        )
        self._unreached = []
        for family, rest in unheard.items():
            found = self._api.get(f"/v1/incidents/{incident}/deliveries", family=family, limit=50)
            self._unreached.append(Unreached(family, rest, tried(found["deliveries"])))

    @contextmanager
    def _answering(self, answering: Answering, play: Play, stop: threading.Event) -> Iterator[None]:
        """Caregivers answer beside the play; what went wrong with them ends it."""
        over, wrong = threading.Event(), []

        def answer() -> None:
            try:
                answering.perform(self._script.answers, play.wait_until, over)
            except Stopped:
                pass  # the play says so itself
            except (ApiRefused, ApiSilent, NoButton) as error:
                wrong.append(error)
                stop.set()

        thread = threading.Thread(target=answer, name="demo-answers")
        thread.start()
        try:
            yield
        except Stopped:
            if not wrong:
                raise
        except BaseException:
            stop.set()  # nobody waits for the hour of the next answers
            raise
        finally:
            over.set()
            thread.join()
        if wrong:
            raise wrong[0]
