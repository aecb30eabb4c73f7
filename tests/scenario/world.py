"""A town for stories: the whole core on a real SQLite file, a fake clock and fake phones.

A message that no `expect` took by the end of a test fails the test.
"""

import random
import sqlite3
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alertd.domain.event import EventStatus, OutageEvent
from alertd.domain.family import Caregiver, Family, FamilyId
from alertd.domain.incident import Reach, Severity, State
from alertd.domain.links import Links
from alertd.domain.policy import Policy
from alertd.domain.service import Services
from alertd.ports import Message
from alertd.ports.deps import Deps
from alertd.ports.inbound import Heard
from alertd.records import Reach as Reached
from alertd.store.ids import uuid7
from alertd.store.migrate import upgrade
from alertd.store.store import SqlStore
from alertd.store.types import from_us
from alertd.texts import Composer
from alertd.texts import load as load_texts
from alertd.texts.replies import Replies, load_replies
from alertd.usecases import planning
from alertd.usecases.acknowledge import acknowledge, look
from alertd.usecases.beat import SWEEPER, beat
from alertd.usecases.change_policy import PolicyChanged, change_policy
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import claim
from alertd.usecases.fan_out import fan_out
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.plan_due import plan_due
from alertd.usecases.planning import Overtaken
from alertd.usecases.publish import News, publish
from alertd.usecases.publish_postmortem import publish_postmortem
from alertd.usecases.put_families import put_families
from alertd.usecases.received import Received
from alertd.usecases.report import IncidentReport, report
from alertd.usecases.ripen import ripen
from alertd.usecases.take_machine_events import take_machine_event
from alertd.usecases.take_reply import take_reply
from alertd.usecases.tell_by_phone import ToldByPhone, tell_by_phone
from tests import make
from tests.fakes import FakeChannel, FakeClock, FakeDoorbell, FakeLog

NAMES = {
    "follow": {"en": "Follow", "es": "Follow"},
    "share": {"en": "Share", "es": "Share"},
    "login": {"en": "Log-in", "es": "Inicio de sesión"},
}
LINKS = Links("https://alerts.example.org", bytes(range(32)))
PACIFIC = ZoneInfo("America/Los_Angeles")
_TEMPLATES = Path(__file__).parents[2] / "config" / "templates"


@dataclass
class Phone:
    """All addresses of one caregiver; each `expect` takes one message off."""

    name: str
    unread: list[tuple[str, Message]] = field(default_factory=list)

    def expect(self, channel: str, *texts: str, loud: bool | None = None) -> Message:
        """The oldest unread message on this channel, which must say all of these."""
        for i, (came, message) in enumerate(self.unread):
            if came == channel:
                said = f"{message.title}\n{message.text}"
                missing = [text for text in texts if text.lower() not in said.lower()]
                assert not missing, f"{self.name} got {said!r}, which does not say {missing}"
                assert loud is None or message.loud is loud, f"{self.name}: loud is {message.loud}"
                del self.unread[i]
                return message
        raise AssertionError(f"{self.name} got no {channel}; unread: {self.summary()}")

    def expect_sms(self, *texts: str) -> Message:
        """One SMS."""
        return self.expect("sms", *texts)

    def expect_push(self, *texts: str, loud: bool | None = None) -> Message:
        """One push message."""
        return self.expect("push", *texts, loud=loud)

    def expect_email(self, *texts: str) -> Message:
        """One e-mail."""
        return self.expect("email", *texts)

    def expect_nothing(self) -> None:
        """Nothing unread."""
        assert not self.unread, f"{self.name} got unexpected {self.summary()}"

    def forget(self) -> None:
        """Read everything without looking: this story is about something else."""
        self.unread.clear()

    def summary(self) -> list[str]:
        """What lies unread, to read in a failure."""
        return [f"{channel}: {message.title} | {message.text}" for channel, message in self.unread]


@cache
def _migrated() -> bytes:
    """A database at the newest revision: to migrate one takes longer than most stories."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "alertd.db")
        upgrade(f"sqlite:///{path}")
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO signing_key VALUES (1, ?, 0)", [LINKS.secret])
        connection.close()
        return path.read_bytes()


def _text_failed(what: str) -> None:
    pytest.fail(f"a text failed: {what}")


@cache
def _texts() -> tuple[Composer, Replies]:
    """What the shipped templates say, read once: nothing in them changes, and to read them takes as long as a story."""
    return load_texts(_TEMPLATES, NAMES, _text_failed), load_replies((_TEMPLATES,), NAMES, _text_failed)


class World:
    """Told as a story: families, an outage, time passing, and what the phones received."""

    def __init__(self, folder: Path, start: datetime, policy: Policy) -> None:
        self.clock = FakeClock(start)
        self.channels = {name: FakeChannel(name) for name in ("push", "sms", "email")}
        self.phones: dict[str, Phone] = {}
        self.log = FakeLog()
        self.policy = policy
        self._path = folder / "alertd.db"
        self._owners: dict[tuple[str, str], str] = {}
        self._seen = dict.fromkeys(self.channels, 0)
        self._tellings = self._replies = 0
        self._path.write_bytes(_migrated())
        self._looking = sqlite3.connect(self._path, isolation_level=None)  # what it reads, it holds no longer
        self.deps = self._open()
        self.sender = Sender(self.deps)

    def _open(self) -> Deps:
        texts, replies = _texts()
        return Deps(
            store=SqlStore(f"sqlite:///{self._path}"),
            clock=self.clock,
            channels=self.channels,
            compose=texts,
            compose_opt_out=texts.opt_out,
            compose_choosing=texts.choosing,
            doorbell=FakeDoorbell(),
            new_id=uuid7,
            spread=random.Random(7).random,
            policies=dict.fromkeys(("follow", "share"), self.policy),
            default_policy=self.policy,
            services=Services(NAMES),
            log=self.log,
            locales=frozenset({"en", "es"}),
            links=replace(LINKS),
            replies=replies,
        )

    async def restart(self) -> None:
        """The daemon stops and starts: nothing but the database survives."""
        await self.deps.store.close()
        self.deps = self._open()
        self.sender = Sender(self.deps)

    async def swept(self) -> None:
        """A sweeper has just looked; any of the cluster's."""
        async with self.deps.store.transaction() as rows:
            await rows.beat(SWEEPER, self.clock.machine())

    async def down(self, **parts: float) -> None:
        """alertd itself is down for so long: nothing happens but that time passes. Then it starts again."""
        await self.swept()
        self.clock.advance(**parts)
        await self.restart()
        await self.settle()
        await beat(self.deps, SWEEPER, None)

    async def close(self) -> None:
        await self.deps.store.close()
        self._looking.close()
        unexpected = {name: phone.summary() for name, phone in self.phones.items() if phone.unread}
        assert not unexpected, f"messages nobody expected: {unexpected}"

    # --- families -------------------------------------------------------------------------------

    async def family(self, name: str = "fam-1", *caregivers: Caregiver, **changes: Any) -> Family:
        """A family moves in (or changes); each caregiver gets a phone of their name."""
        made = make.family(*(caregivers or (make.caregiver(),)), id=FamilyId(name), **changes)
        for person in made.caregivers:
            phone = self.phones.setdefault(person.id, Phone(person.id))
            for address in person.addresses:
                self._owners[address.channel, address.to] = phone.name
        if "updated_at" not in changes:
            made = replace(made, updated_at=self.clock.now())
        await put_families(self.deps, [made], who="test")
        return made

    def phone(self, name: str) -> Phone:
        """The phone and mailbox of a caregiver."""
        return self.phones[name]

    # --- what humans do -------------------------------------------------------------------------

    async def outage(
        self, *services: str, severity: str = "critical", message: str | Mapping[str, str] = "", **more: Any
    ) -> int:
        """An on-call engineer opens an incident."""
        regions = tuple(more.pop("regions", ()))
        opening = Opening(
            reaches=tuple(Reach(service, regions) for service in services or ("follow",)),
            severity=Severity(severity),
            title=more.pop("title", "Readings do not arrive"),
            message={"en": message} if isinstance(message, str) else message,
            **more,
        )
        opened = await open_incident(self.deps, opening, who="test")
        await self.settle()
        return opened.incident

    async def update(self, message: str | Mapping[str, str] = "", number: int = 1, **more: Any) -> None:
        """... says something new ..."""
        for name, kind in (("state", State), ("severity", Severity)):
            if name in more:
                more[name] = kind(more[name])
        texts = {"en": message} if isinstance(message, str) else message
        await publish(self.deps, number, News(message=texts, **more), who="test")
        await self.settle()

    # --- what caregivers do ---------------------------------------------------------------------

    async def looks_at(self, message: Message) -> str:
        """A caregiver (or a scanner of their mail) opens the link in a message; the page that they see."""
        return (await look(self.deps, _token(message))).html or ""

    async def answers(self, message: Message) -> str:
        """... and presses the button."""
        page = (await acknowledge(self.deps, _token(message))).html or ""
        await self.settle()
        return page

    async def replies(self, name: str, text: str, *, again: bool = False, **more: Any) -> str | None:
        """A caregiver writes back from their phone; what they are answered at once. `again`: Twilio repeats it."""
        self._replies += not again
        [to] = {to for (channel, to), owner in self._owners.items() if (channel, owner) == ("sms", name)}
        said = await take_reply(self.deps, "sms", Heard(f"SM{self._replies:032x}", to, text, **more))
        await self.settle()
        return said.text

    async def reach(self, number: int = 1) -> Reached:
        """Whom the incident has reached, as an on-call engineer asks."""
        async with self.deps.store.reading() as rows:
            incident = await rows.incident(number)
            assert incident is not None
            return await rows.reach(incident.id, 100, self.clock.now())

    async def told_by_phone(self, family: str = "fam-1", number: int = 1) -> ToldByPhone:
        """An on-call engineer has reached a family by phone."""
        done = await tell_by_phone(self.deps, number, FamilyId(family), who="test")
        await self.settle()
        return done

    async def report(self, number: int = 1) -> IncidentReport:
        """How families fared, as somebody asks afterwards."""
        async with self.deps.store.reading() as rows:
            incident = await rows.incident(number)
            assert incident is not None
            return await report(self.deps, rows, incident, limit=100)

    async def holding_elsewhere(self, number: int = 1) -> None:
        """Another family comes due, and the incident gets its next holding."""
        async with self.deps.store.transaction() as rows:
            incident = await rows.incident(number)
            assert incident is not None
            row = planning.holding(incident, self.clock.now(), timedelta(seconds=60))
            assert await rows.add_update(incident.id, row)

    async def resolve(self, message: str = "", number: int = 1, **more: Any) -> None:
        """... and ends it."""
        await self.update(message, number, state="resolved", **more)

    async def postmortem(self, message: str | Mapping[str, str] = "A queue filled up.", number: int = 1) -> None:
        """... and says, when it has long been over, what happened."""
        texts = {"en": message} if isinstance(message, str) else message
        await publish_postmortem(self.deps, number, texts, who="test")
        await self.settle()

    async def reopen(self, message: str = "", number: int = 1, **more: Any) -> None:
        """It came back."""
        await self.update(message, number, state="investigating", reopens=True, **more)

    async def change_policy(self, policy: Policy, number: int = 1, **more: Any) -> PolicyChanged:
        """The product team thinks better of what it promises while the outage lasts."""
        changed = await change_policy(self.deps, number, policy, who="test", **more)
        await self.settle()
        return changed

    async def cancel(self, message: str = "", number: int = 1) -> None:
        """A false alarm."""
        await self.update(message, number, state="cancelled")

    # --- what machines do -----------------------------------------------------------------------

    async def machine(self, source: str, status: str = "firing", alert: str = "probe", **more: Any) -> Received:
        """A machine tells of an alert; each telling is a new one."""
        self._tellings += 1
        severity = Severity(more.pop("severity", "critical"))
        event = OutageEvent(
            source=source,
            id=f"telling-{self._tellings}",
            alert=alert,
            service=more.pop("service", "follow"),
            severity=severity,
            status=EventStatus(status),
            title=more.pop("title", "Probe of the follow servers fails"),
            **more,
        )
        received = await take_machine_event(self.deps, event, event.id.encode())
        await self.settle()
        return received

    # --- what the system does -------------------------------------------------------------------

    async def settle(self) -> None:
        """Everything that is due now is planned and handed over."""
        for _ in range(10_000):
            if not await self._step():
                break
        else:
            raise AssertionError("the daemon never comes to rest")
        self._deliver()

    async def _step(self) -> bool:
        for lane in ("urgent", "bulk"):
            async with (
                self.deps.store.reading() as rows
            ):  # as a drain behind few messages: mostly there is nothing
                if not await rows.anything(lane, self.clock.now(), self.clock.machine()):
                    continue
            try:
                step = await fan_out(self.deps, lane, send=True)
                if not step.worked:
                    step = await plan_due(self.deps, send=True)
            except Overtaken:
                return True
            if not step.worked:
                step = await claim(self.deps, lane)
            if step.lease is not None:
                await self.sender.hand_over(step.batch, step.lease)
            if step.worked:
                return True
        if await ripen(self.deps):
            return True
        machine_at = self.clock.machine()
        async with self.deps.store.transaction() as rows:
            lapses = await rows.expire_leases(machine_at, machine_at, 500, now=self.clock.now())
            return bool(lapses.expired + await rows.retry_unknown(machine_at, 500))

    def _deliver(self) -> None:
        for name, channel in self.channels.items():
            for message in channel.accepted[self._seen[name] :]:
                self.phones[self._owners[name, message.to]].unread.append((name, message))
            self._seen[name] = len(channel.accepted)

    async def fast_forward(self, **parts: float) -> None:
        """Time passes; the daemon acts at every moment at which something falls due."""
        await self.until(self.clock.now() + timedelta(**parts))

    async def until(self, moment: datetime) -> None:
        """Time passes up to a moment."""
        while (due := self._next_moment()) is not None and due <= moment:
            self.clock.set(max(due, self.clock.now()))
            await self.settle()
            if self._next_moment() == due:
                self.clock.advance(milliseconds=1)
        self.clock.set(moment)
        await self.settle()

    async def until_local(self, text: str) -> None:
        """Time passes up to a wall time in Los Angeles: "2026-11-05 06:30"."""
        await self.until(datetime.fromisoformat(text).replace(tzinfo=PACIFIC))

    def _next_moment(self) -> datetime | None:
        row = self._looking.execute(
            "SELECT min(m) FROM (SELECT min(look_at) m FROM watch UNION ALL SELECT min(due_at) FROM delivery "
            "WHERE state IN ('pending', 'unknown') UNION ALL SELECT min(lease_until) FROM delivery "
            "WHERE state='leased' UNION ALL SELECT min(confirm_at) FROM incident WHERE ended_at IS NULL "
            "AND held AND resolve_at IS NULL UNION ALL SELECT min(resolve_at) FROM incident)"
        ).fetchone()
        return from_us(row[0]) if row and row[0] is not None else None

    def sql(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """Look into the database."""
        return self._looking.execute(statement, params).fetchall()

    def states(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        return dict(self.sql("SELECT state, count(*) FROM delivery GROUP BY state"))


def _token(message: Message) -> str:
    """Of the link that a message carries: as data in a push, in the words of all others."""
    assert message.link is not None, f"no link in {message.text!r}"
    if message.text and "/a/" in message.text:
        assert message.link in message.text
    return message.link.rpartition("/")[2]
