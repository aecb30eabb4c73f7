"""One performance against a running daemon and its sandbox: prepare, play, watch, judge, report."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from alertd.demo.client import ApiRefused, ApiSilent, Client
from alertd.demo.families import Sample
from alertd.demo.judge import Judge, Judgement, Rules
from alertd.demo.play import Play, Played
from alertd.demo.report import Report, Unreached, tried
from alertd.demo.rules import moments_of
from alertd.demo.script import Script
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
    sandbox_url: str
    sandbox_log: Path  # its data folder


class Performance:
    """Plays one script to one sample of families."""

    def __init__(self, where: Where, script: Script, sample: Sample, rules: Rules, view: View) -> None:
        self._api = Client(where.api_url, where.api_key)
        self._sandbox = Client(where.sandbox_url)
        self._where, self._script, self._sample, self._rules = where, script, sample, rules
        self._view = view
        self._unreached: list[Unreached] = []
        self._human: datetime | None = None
        self._holdings: dict[int, datetime] = {}
        self._all_told = False

    def prepare(self) -> None:
        """Import the families; tell the sandbox which addresses are dead. Raises ApiRefused and ApiSilent."""
        dead = {channel: sorted(addresses) for channel, addresses in self._sample.dead.items()}
        self._sandbox.post("/control/dead", dead)
        imported = self._api.post_lines("/v1/families:import", list(self._sample.documents))
        if imported["families"] != len(self._sample.documents):
            raise ApiRefused(f"only {imported['families']} of the sample's families were imported")

    def perform(self, clock: StoryClock, stop: threading.Event) -> Report:
        """Play to the end, judge and report. Raises ApiRefused, ApiSilent and Stopped."""
        self._set_clock(clock)
        play = Play(self._api, clock, stop, self._told)
        with self._watching(play):
            play.perform(self._script, self._before_the_end)
            play.wait_until(self._judged_at)
        incident = self._api.get(f"/v1/incidents/{play.incident}")
        kinds = [update["kind"] for update in incident["updates"]]
        return Report(
            zone=self._script.zone,
            begins=self._script.begins,
            ends=self._script.ends,
            rate=clock.rate,
            rules=self._rules,
            judgement=self._judged(),
            unreached=self._unreached,
            human_updates=sum(kind != "holding" for kind in kinds),
            holdings=sum(kind == "holding" for kind in kinds),
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

    def _judged(self) -> Judgement:
        judge = Judge(
            self._sample.documents, self._sample.dead, moments_of(self._script), self._judged_at, self._rules
        )
        return judge.judge(read_accepted(self._where.sandbox_log), {each.family for each in self._unreached})

    def _before_the_end(self, incident: int) -> None:
        """Whom alertd could not reach, in its own words, while it still owes them something."""
        progress = self._api.get(f"/v1/incidents/{incident}/progress", limit=_ALL)
        for unheard in progress["unheard"]:
            family = str(unheard["family"])
            found = self._api.get(f"/v1/incidents/{incident}/deliveries", family=family, limit=50)
            self._unreached.append(Unreached(family, unheard["rest"], tried(found["deliveries"])))

    # --- what is seen meanwhile -----------------------------------------------------------------

    def _told(self, played: Played) -> None:
        self._human = played.at
        verb = {"open": "opens the incident", "update": f"update {played.update}", "resolve": "resolves it"}
        self._view.event(played.at, "human", f'{verb[played.act.what]}: "{played.act.message["en"]}"')

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
        if play.incident is None:
            self._view.show(Now(story, 0, len(self._sample.documents), None))
            return
        progress = self._api.get(f"/v1/incidents/{play.incident}/progress", limit=1)
        incident = self._api.get(f"/v1/incidents/{play.incident}")
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
            )
        )

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
