"""Plays a script: waits for the story's moments and does what its machine and its humans do, over HTTP."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alertd.demo.alertmanager import firing
from alertd.demo.client import ApiRefused, Client
from alertd.demo.script import Act, Script
from alertd.ingest.durations import spell_duration
from alertd.sandbox.story_clock import StoryClock, machine_time


class Stopped(Exception):
    """The play was ended before its end."""


@dataclass(frozen=True, slots=True)
class Played:
    """An act, done: the incident it is about, and the story time at which the daemon had taken it."""

    act: Act
    incident: int
    update: int  # 0: a machine's, which says no number
    at: datetime


class Play:
    """One performance. `stop` ends it early; `on_played` hears of each act when it is done.

    `api` has the key of the people on call, `alerts` that of Alertmanager, which may send events and nothing else.
    """

    def __init__(
        self,
        api: Client,
        alerts: Client,
        clock: StoryClock,
        stop: threading.Event,
        on_played: Callable[[Played], None],
    ) -> None:
        self._api, self._alerts, self._clock, self._stop, self._on_played = api, alerts, clock, stop, on_played
        self.incident: int | None = None

    def now(self) -> datetime:
        """Story time."""
        return self._clock.at(machine_time())

    def perform(self, script: Script, before_the_end: Callable[[int], None]) -> None:
        """Do every act at its moment; return at the story's end.

        `before_the_end` is called with the incident's number each time just before it is resolved. Raises
        ApiRefused and ApiSilent where the daemon does not take an act, and Stopped.
        """
        for act in script.acts:
            self.wait_until(act.at)
            if act.what == "resolve" and self.incident is not None:
                before_the_end(self.incident)
            self._on_played(self._do(act))
        self.wait_until(script.ends)

    def wait_until(self, moment: datetime) -> None:
        """Wait for a moment of the story. Raises Stopped."""
        left = (moment - self.now()) / timedelta(seconds=1) / self._clock.rate
        if self._stop.wait(max(0.0, left)):
            raise Stopped

    def _do(self, act: Act) -> Played:
        if act.alert is not None:
            return self._alert(act)
        if act.what == "open":
            done = self._api.post("/v1/incidents", opening(act))
        elif self.incident is None:
            raise RuntimeError("a script opens its incident first")
        elif act.what == "update":
            done = self._api.post(f"/v1/incidents/{self.incident}/updates", news(act))
        elif act.what == "reopen":
            done = self._api.post(f"/v1/incidents/{self.incident}/reopen", news(act) | _since(act))
        else:
            done = self._api.post(f"/v1/incidents/{self.incident}/resolve", {"message": dict(act.message)})
        self.incident = int(done["incident"])
        return Played(act, self.incident, int(done["update"]), self.now())

    def _alert(self, act: Act) -> Played:
        assert act.alert is not None
        [taken] = self._alerts.post("/v1/events/alertmanager", firing(act.alert))["alerts"]
        wanted, what = ("opened", "opened no") if self.incident is None else ("updated", "changed nothing in the")
        if taken["did"] != wanted:
            raise ApiRefused(f"the alert {what} incident: {taken['did']} {taken.get('why', '')}")
        self.incident = int(taken["incident"])
        return Played(act, self.incident, 0, self.now())


def opening(act: Act) -> dict[str, Any]:
    """The body that opens the incident."""
    body: dict[str, Any] = {
        "services": list(act.services),
        "severity": act.severity,
        "title": act.title,
        "message": dict(act.message),
        "works": list(act.works),
        "do": list(act.do),
    }
    return body | _since(act) | _promise(act)


def news(act: Act) -> dict[str, Any]:
    """The body of an update; what an act does not name stays as it is."""
    body: dict[str, Any] = {"message": dict(act.message)}
    if act.state is not None:
        body["state"] = act.state
    if act.severity is not None:
        body["severity"] = act.severity
    if act.add_scope:
        body["add_scope"] = list(act.add_scope)
    if act.remove_scope:
        body["remove_scope"] = list(act.remove_scope)
    if act.works:
        body["works"] = list(act.works)
    if act.do:
        body["do"] = list(act.do)
    return body | _promise(act)


def _since(act: Act) -> dict[str, Any]:
    return {"since": act.began.isoformat()} if act.began is not None else {}


def _promise(act: Act) -> dict[str, Any]:
    return {"next_in": spell_duration(act.next_in)} if act.next_in is not None else {}
