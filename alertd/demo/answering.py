"""Caregivers who follow the link in their message: they open the page as a browser does, and press its button.

They know what a caregiver knows: the messages on their own phone or in their own mailbox. Which families
answer, and when, stands in the script.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from alertd.demo.client import Client
from alertd.demo.families import Sample
from alertd.demo.script import Answers
from alertd.demo.verdict import Answer

_LINK = re.compile(r"https?://\S+/a/[A-Za-z0-9_-]+")
_BUTTON = '<form method="post">'
_PAGE = 1000  # messages in one answer of the sandbox
_AT_ONCE = 4  # caregivers who look at their phones at the same time

Owner = tuple[str, str, str]
"""Family, caregiver and role."""


@dataclass(frozen=True, slots=True)
class Going:
    """Which epoch of the story goes on, since when, and whether it is about to end, too late for answers."""

    epoch: int
    began: datetime
    ending: bool = False


class NoButton(Exception):
    """A link from a message that led to no page with a button."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An hour of the script, done."""

    asked: int  # families that were asked by then, and of whom nobody had answered
    answers: tuple[Answer, ...]


class Answering:
    """The caregivers of a sample. `going` tells which epoch of the story goes on, `now` the time in it."""

    def __init__(
        self,
        sandbox: Client,
        sample: Sample,
        going: Callable[[], Going],
        now: Callable[[], datetime],
        on_answered: Callable[[Answered], None],
    ) -> None:
        self._sandbox, self._going, self._now, self._on_answered = sandbox, going, now, on_answered
        self._owners = dict(_owners(sample))
        self._seen = 0  # the last message of the inbox that was looked at
        self._links: dict[Owner, str] = {}  # the newest link of each caregiver
        self._links_of = 0  # the epoch in which these links were sent
        self._done: set[tuple[str, str]] = set()  # family and role: who has answered in this epoch
        self.answers: list[Answer] = []

    def perform(
        self, hours: Sequence[Answers], wait_until: Callable[[datetime], None], over: threading.Event
    ) -> None:
        """Answer at every hour of the script until `over` is set. Raises ApiRefused, ApiSilent, NoButton."""
        for hour in sorted(hours, key=lambda hour: hour.at):
            wait_until(hour.at)
            if over.is_set():
                return
            self._on_answered(self.answer(hour))

    def answer(self, hour: Answers) -> Answered:
        """Have as many families as an hour says follow their link."""
        self._look()
        asked = self._asked(hour.by)
        if hour.families:
            chosen = [family for family in hour.families if family in asked]
        else:
            # Which ones is the same in every run, and has nothing to do with their numbers or zones.
            mixed = sorted(asked, key=lambda family: hashlib.sha256(f"{family} {hour.at}".encode()).digest())
            chosen = mixed[: round(hour.share * len(mixed))]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            pressed = list(pool.map(self._press, [asked[family] for family in chosen]))
        answers = tuple(answer for answer in pressed if answer is not None)
        self.answers += answers
        return Answered(len(asked), answers)

    def _look(self) -> None:
        """Read what has come into the inbox since the last look."""
        going = self._going()
        if going.epoch != self._links_of:
            self._links.clear()
            self._done.clear()
            self._links_of = going.epoch
        while True:
            found = self._sandbox.get("/messages", after_seq=self._seen, limit=_PAGE)["messages"]
            for message in found:
                owner, link = self._owners.get((message["channel"], message["to"])), link_in(message)
                if owner is not None and link is not None and _at(message) >= going.began:
                    self._links[owner] = link
            if not found:
                return
            self._seen = found[-1]["seq"]

    def _asked(self, by: Sequence[str]) -> dict[str, Owner]:
        """One of these roles in each family that was asked, and of whom nobody of these roles has answered."""
        answered = {family for family, role in self._done if role in by}
        owners = sorted(owner for owner in self._links if owner[2] in by and owner[0] not in answered)
        return {owner[0]: owner for owner in reversed(owners)}

    def _press(self, owner: Owner) -> Answer | None:
        """Follow the newest link of a caregiver; None: the machine was so slow that it is over by now."""
        family, caregiver, role = owner
        url = urlsplit(self._links[owner])
        client = Client(f"{url.scheme}://{url.netloc}")
        epoch = self._links_of
        if self._too_late(epoch):
            return None
        if _BUTTON not in client.page(url.path):
            if self._too_late(epoch):
                return None
            raise NoButton(f"the link of {family} {caregiver} led to a page without a button")
        if _BUTTON in client.page(url.path, press=True):
            raise NoButton(f"the button of {family} {caregiver} was pressed, and the page asks again")
        self._done.add((family, role))
        return Answer(family, caregiver, role, epoch, self._now())

    def _too_late(self, epoch: int) -> bool:
        going = self._going()
        return going.epoch != epoch or going.ending


def link_in(message: dict[str, Any]) -> str | None:
    """The link that asks for an answer, as the one who reads the message sees it; None: it does not ask."""
    if message["channel"] == "push":
        found: str | None = message["request"].get("message", {}).get("data", {}).get("acknowledge")
        return found
    link = _LINK.search(message["text"])
    return link[0] if link else None


def _at(message: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(message["story_time"])


def _owners(sample: Sample) -> Iterator[tuple[tuple[str, str], Owner]]:
    """Whose an address is; one that several families share is nobody's here, and a dead one shows nothing."""
    seen: dict[tuple[str, str], Owner | None] = {}
    for document in sample.documents:
        for caregiver in document["caregivers"]:
            for address in caregiver.get("addresses", ()):
                key = (address["channel"], address["to"])
                seen[key] = None if key in seen else (document["id"], caregiver["id"], caregiver["role"])
    return ((key, owner) for key, owner in seen.items() if owner is not None)
