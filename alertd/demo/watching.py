"""What is seen while the story runs: who does what, and how things stand, as the daemon and the phones tell it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from alertd.demo.answering import Answered
from alertd.demo.client import ApiRefused, ApiSilent, Client
from alertd.demo.play import Play, Played
from alertd.demo.script import Script
from alertd.demo.view import Now, View

_TAKEN = frozenset({"accepted", "delivered", "read"})
_BLIND = 5  # looks in vain before that is told
_PAGES = 1000  # in one answer of the sandbox


class Watcher:
    """Fills the view; nothing of it is judged."""

    def __init__(self, api: Client, sandbox: Client, script: Script, families: int, view: View) -> None:
        self._api, self._sandbox, self._script, self._view = api, sandbox, script, view
        self._families = families
        self._human: datetime | None = None
        self._holdings: dict[int, datetime] = {}
        self._by_machine: set[int] = set()
        self._paged = 0  # the last page that was shown
        self._lock = threading.Lock()  # whoever looks tells everything that is new, and tells it once
        self._all_told = 0  # how many the incident touched when all of them were told

    def told(self, played: Played) -> None:
        """An act was done; first comes what went before it."""
        act, opens = played.act, played.act is self._script.acts[0]
        if not opens:
            with suppress(ApiRefused, ApiSilent):
                self._catch_up(self._api.get(f"/v1/incidents/{played.incident}"), before=played.at)
        if act.alert is not None:
            does = "opens it" if opens else "raises it"
            self._view.event(played.at, "machine", f'Alertmanager {does}: "{act.alert.summary}"')
            return
        self._human = played.at
        self._view.event(played.at, "human", f'{self._verb(played)}: "{act.message["en"]}"')

    def _verb(self, played: Played) -> str:
        act = played.act
        if act.what == "open":
            return "wakes up and confirms it" if self._script.acts[0].alert is not None else "opens the incident"
        if act.what != "update":
            return {"resolve": "resolves it", "reopen": "reopens it"}[act.what]
        more = [f"adds {service}" for service in act.add_scope]
        more += [f"takes {service} out" for service in act.remove_scope]
        more += [f"makes it {act.severity}"] if act.severity is not None else []
        return ", ".join([f"update {played.update}", *more])

    def told_answers(self, at: datetime, answered: Answered) -> None:
        """Some caregivers have answered."""
        roles = " and ".join(sorted({f"{answer.role}s" for answer in answered.answers}))
        said = f"{len(answered.answers)} {roles} follow their link and say that they know"
        self._view.event(at, "family", said if answered.answers else "nobody follows their link")

    @contextmanager
    def watching(self, play: Play) -> Iterator[None]:
        """Show how things stand until the end of the block."""
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
            self._view.show(Now(story, 0, self._families, None))
            return
        progress = self._api.get(f"/v1/incidents/{play.incident}/progress", limit=1)
        incident = self._api.get(f"/v1/incidents/{play.incident}")
        reach = self._api.get(f"/v1/incidents/{play.incident}/reach", limit=1)
        ladders, told, touched = reach["ladders"], reach["heard"], progress["touched"]
        self._catch_up(incident)
        resting = progress["resting"].get("no_address", 0)
        if told and touched > self._all_told and told + resting >= touched:
            newly = f", {touched - self._all_told} of them newly touched" if self._all_told else ""
            self._view.event(story, "alertd", f"{told} families told{newly}; {resting} have no address that works")
            self._all_told = touched
        self._view.show(
            Now(
                story=story,
                told=told,
                families=reach["touched"] or touched,
                next_by=_moment(progress["next_by"]),
                messages=_taken(progress["deliveries"]),
                human=self._human,
                holding=max(self._holdings.values(), default=None),
                answered=ladders["answered"],
                asking=ladders["climbing"],
                silent=ladders["unanswered"],
            )
        )

    def _catch_up(self, incident: Mapping[str, Any], before: datetime | None = None) -> None:
        """What machines and alertd have done since the last look."""
        with self._lock:
            self._tell_pages()
            self._tell_machine(incident)
            self._tell_holdings(incident, before)

    def _tell_pages(self) -> None:
        """Who of the people on call is nudged or paged, as their phones show it."""
        found = self._sandbox.get("/messages", channel="page", after_seq=self._paged, limit=_PAGES)
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
                may = "be down" if update["severity"] == "critical" else "have problems"
                told = f'nobody has confirmed it: families are told that it "may {may}"'
                self._view.event(at, "alertd", told)

    def _tell_holdings(self, incident: Mapping[str, Any], before: datetime | None) -> None:
        news: datetime | None = None
        for update in incident["updates"]:
            at = _moment(update["at"])
            assert at is not None
            if before is not None and at >= before:
                return
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
