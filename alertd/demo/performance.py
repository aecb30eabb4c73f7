"""One performance against a running daemon and its sandbox: prepare, play, watch, judge, report."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from alertd.demo.answering import Answered, Answering, NoButton
from alertd.demo.client import ApiRefused, ApiSilent, Client
from alertd.demo.families import Sample
from alertd.demo.judge import Judge
from alertd.demo.play import Play, Played, Stopped
from alertd.demo.report import Report, Unreached, tried
from alertd.demo.rules import moments_of
from alertd.demo.script import Script
from alertd.demo.verdict import Judgement, Named, Rules
from alertd.demo.view import Now, View
from alertd.sandbox.log import read_accepted
from alertd.sandbox.story_clock import StoryClock

_TAKEN = frozenset({"accepted", "delivered", "read"})
_ALL = 1000  # families in one answer of the API
_BLIND = 5  # looks in vain before that is told


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
        self._view = view
        self._unreached: list[Unreached] = []
        self._named: dict[int, Named] = {}  # by stretch of the story
        self._stretch = (1, script.begins)  # which one goes on, and since when
        self._paged = 0  # the last page that was shown
        self._human: datetime | None = None
        self._holdings: dict[int, datetime] = {}
        self._by_machine: set[int] = set()
        self._all_told = False

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
            self._sandbox, self._sample, lambda: self._stretch, play.now, self._told_answers(play)
        )
        with self._watching(play), self._answering(answering, play, stop):
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
        )

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
        progress = self._api.get(f"/v1/incidents/{incident}/progress", limit=_ALL)
        reach = self._api.get(f"/v1/incidents/{incident}/reach", limit=_ALL)
        unheard = {str(each["family"]): each["rest"] for each in progress["unheard"]}
        self._named[self._stretch[0]] = Named(
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
        finally:
            over.set()
            thread.join()
        if wrong:
            raise wrong[0]

    # --- what is seen meanwhile -----------------------------------------------------------------

    def _told(self, played: Played) -> None:
        act = played.act
        if act.what == "reopen":
            self._stretch = (self._stretch[0] + 1, act.at)
            self._all_told = False
        if act.alert is not None:
            self._view.event(played.at, "machine", f'Alertmanager opens it: "{act.alert.summary}"')
            return
        self._human = played.at
        confirms = self._script.acts[0].alert is not None
        verb = {
            "open": "wakes up and confirms it" if confirms else "opens the incident",
            "update": f"update {played.update}",
            "resolve": "resolves it",
            "reopen": "reopens it",
        }
        self._view.event(played.at, "human", f'{verb[act.what]}: "{act.message["en"]}"')

    def _told_answers(self, play: Play) -> Callable[[Answered], None]:
        def tell(answered: Answered) -> None:
            roles = " and ".join(sorted({f"{answer.role}s" for answer in answered.answers}))
            said = f"{len(answered.answers)} {roles} follow their link and say that they know"
            self._view.event(play.now(), "family", said if answered.answers else "nobody follows their link")

        return tell

    @contextmanager
    def _watching(self, play: Play) -> Iterator[None]:
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(play, over), name="demo-view")
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            self._view.close()

    def _watch(self, play: Play, over: threading.Event) -> None:
        failed = 0
        while not over.wait(self._view.pause):
            try:
                self._look(play)
                failed = 0
            except (ApiRefused, ApiSilent) as error:
                # What is shown is not what is judged: the play itself tells of a daemon that does not answer.
                failed += 1
                if failed == _BLIND:
                    self._view.say(f"the view cannot look: {error}")

    def _look(self, play: Play) -> None:
        story = play.now()
        self._tell_pages()
        if play.incident is None:
            self._view.show(Now(story, 0, len(self._sample.documents), None))
            return
        progress = self._api.get(f"/v1/incidents/{play.incident}/progress", limit=1)
        incident = self._api.get(f"/v1/incidents/{play.incident}")
        ladders = self._api.get(f"/v1/incidents/{play.incident}/reach", limit=1)["ladders"]
        self._tell_machine(incident)
        self._tell_holdings(incident)
        resting = progress["resting"].get("no_address", 0)
        if not self._all_told and progress["heard"] and progress["heard"] + resting >= progress["touched"]:
            self._all_told = True
            told = f"{progress['heard']} families told; {resting} have no address that works"
            self._view.event(story, "alertd", told)
        self._view.show(
            Now(
                story=story,
                told=progress["heard"],
                families=progress["touched"],
                next_by=_moment(progress["next_by"]),
                messages=_taken(progress["deliveries"]),
                human=self._human,
                holding=max(self._holdings.values(), default=None),
                answered=ladders["answered"],
                asking=ladders["climbing"],
                silent=ladders["unanswered"],
            )
        )

    def _tell_pages(self) -> None:
        """Who of the people on call is nudged or paged, as their phones show it."""
        found = self._sandbox.get("/messages", channel="page", after_seq=self._paged, limit=_ALL)
        self._paged = found["last_seq"]
        for page in found["messages"]:
            at = _moment(page["story_time"])
            assert at is not None
            self._view.event(at, "on call", f"{page['to']} is told: {page['title']}")

    def _tell_machine(self, incident: Mapping[str, Any]) -> None:
        """When families are told of what no human has confirmed."""
        for update in incident["updates"][1:2]:
            if update["source"] is not None and update["number"] not in self._by_machine:
                self._by_machine.add(update["number"])
                at = _moment(update["at"])
                assert at is not None
                self._view.event(at, "alertd", 'nobody has confirmed it: families are told that it "may be down"')

    def _tell_holdings(self, incident: Mapping[str, Any]) -> None:
        news: datetime | None = None
        for update in incident["updates"]:
            at = _moment(update["at"])
            assert at is not None
            if update["kind"] != "holding":
                news = at
            elif update["number"] not in self._holdings:
                self._holdings[update["number"]] = at
                self._view.event(at, "alertd", f"holding update: no news since {self._view.clock(news)}")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _taken(deliveries: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    taken = {
        channel: sum(count for state, count in states.items() if state in _TAKEN)
        for channel, states in deliveries.items()
    }
    return {channel: count for channel, count in taken.items() if count}
