"""The script of a demo: what machines and people do in a story, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

What = Literal["alert", "open", "update", "resolve", "reopen"]

ASKED = ("parent", "guardian")
"""Who answers where a script does not say it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What Alertmanager has to say."""

    name: str
    summary: str
    labels: Mapping[str, str]  # all of them, the name too
    began: datetime


@dataclass(frozen=True, slots=True)
class Answers:
    """An hour at which some caregivers follow the link in their message and say that they know."""

    at: datetime  # UTC
    share: float = 0.0  # of the families that were asked and of whom nobody has answered yet
    families: tuple[str, ...] = ()  # ... or these
    by: tuple[str, ...] = ASKED  # the roles of whom one in each family does it


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that a machine (`alert`) or a human does at a moment of the story."""

    at: datetime  # UTC
    what: What
    message: Mapping[str, str]  # by language
    alert: Alert | None = None
    services: tuple[str, ...] = ()
    add_scope: tuple[str, ...] = ()  # services that fail too from here on
    remove_scope: tuple[str, ...] = ()  # ... that do not fail any more
    severity: str | None = None
    title: str | None = None
    began: datetime | None = None
    state: str | None = None
    works: tuple[str, ...] = ()
    do: tuple[str, ...] = ()
    next_in: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A story from its beginning to its end, and what is done in it, in order."""

    zone: str
    begins: datetime
    ends: datetime
    acts: tuple[Act, ...]
    answers: tuple[Answers, ...] = ()

    @property
    def length(self) -> timedelta:
        """Story time from beginning to end."""
        return self.ends - self.begins

    @property
    def opening(self) -> Act:
        """The act with which a human opens the incident, or confirms what a machine has opened."""
        return next(act for act in self.acts if act.what == "open")

    @property
    def resolution(self) -> Act:
        """The act that ends it."""
        return self.acts[-1]
