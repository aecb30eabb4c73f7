"""The town with people on our side: an owner with a phone, a lead and a duty manager in a chat."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from alertd.domain.incident import IncidentId, Kind, State
from alertd.domain.policy import Escalation, Policy, ResponderStep
from alertd.ports import Message, OnCall, Responder
from alertd.ports.deps import Deps
from alertd.store.types import from_us
from alertd.texts.responders import compose_ignored, compose_page
from alertd.usecases.ack_incident import Acknowledged, ack_incident
from alertd.usecases.page_responders import tend_responders
from alertd.usecases.tell_ignored import tell_ignored
from alertd.usecases.tell_inbox import tell_inbox
from tests import make
from tests.fakes import FakeChannel
from tests.make import minutes
from tests.scenario.world import Phone, World

TO = {
    "owner": Responder("sms", "+14155550111", "America/Los_Angeles"),
    "lead": Responder("apprise", "ntfys://ntfy.example.org/lead"),
    "duty-manager": Responder("apprise", "ntfys://ntfy.example.org/duty-manager"),
}
ESCALATION = Escalation(
    post=(
        ResponderStep(minutes(-10), "owner", page=False),
        ResponderStep(minutes(0), "owner", page=True),
        ResponderStep(minutes(10), "lead", page=True),
        ResponderStep(minutes(20), "duty-manager", page=True, repeat=minutes(10)),
    ),
    news=(
        ResponderStep(minutes(0), "lead", page=True),
        ResponderStep(minutes(30), "duty-manager", page=True, repeat=minutes(30)),
    ),
)
NAMES = {"owner": "follow-owner", "lead": "follow-lead", "duty-manager": "duty-manager"}


class OnCallPhone(Phone):
    """What one responder gets; a page is loud."""

    def expect_page(self, *texts: str) -> Message:
        """The oldest unread one is a page."""
        return self._next("PAGE", loud=True, texts=texts)

    def expect_nudge(self, *texts: str) -> Message:
        """The oldest unread one is a nudge."""
        return self._next("Nudge", loud=False, texts=texts)

    def _next(self, mark: str, *, loud: bool, texts: tuple[str, ...]) -> Message:
        assert self.unread, f"{self.name} was told nothing"
        message = self.expect(self.unread[0][0], mark, *texts, loud=loud)
        assert message.title.startswith(mark)
        return message


class OnCallWorld(World):
    """A message to a responder that no `expect` took fails the test, like one to a family."""

    def __init__(self, folder: Path, start: datetime, policy: Policy) -> None:
        self.pagers = {name: FakeChannel(name) for name in ("sms", "apprise")}
        self.known = {NAMES[who]: to for who, to in TO.items()}
        self._told = dict.fromkeys(self.pagers, 0)
        super().__init__(folder, start, policy)
        for who in TO:
            self.phones[who] = OnCallPhone(who)

    def _open(self) -> Deps:
        on_call = OnCall(self.known, self.pagers, compose_page, compose_ignored, "https://alertd.example.org")
        return replace(super()._open(), on_call=on_call)

    def on_call(self, who: str) -> OnCallPhone:
        """The phone of a responder."""
        phone = self.phones[who]
        assert isinstance(phone, OnCallPhone)
        return phone

    def break_pager(self, who: str, error: type[Exception], code: str = "404") -> None:
        """What is sent to a responder fails from now on."""
        to = TO[who]
        self.pagers[to.channel].fail_always(to.to, lambda: error(code))

    async def machine_opens(self, *, settle: bool = True, **changes: object) -> int:
        """Alertmanager opens an incident, and no human is awake; families are not told yet."""
        now = self.clock.now()
        first = make.update(
            1,
            Kind.NOTICE,
            now,
            title="Follow is down",
            source="alertmanager",
            state=State.SUSPECTED,
            since=now,
            last_news_at=None,
        )
        incident = make.incident(
            first, id=IncidentId(uuid5(NAMESPACE_URL, "machine")), held=True, confirm_at=now + minutes(5)
        )
        async with self.deps.store.transaction() as rows:
            await rows.add_incident(replace(incident, **changes), self.policy)  # type: ignore[arg-type]
        if settle:
            await self.settle()
        return 1

    async def acknowledge(self, number: int = 1) -> Acknowledged:
        """A responder says that they are on it."""
        done = await ack_incident(self.deps, number, who="ann")
        await self.settle()
        return done

    async def unreachable(self) -> bool:
        """What the dead man's ping asks."""
        async with self.deps.store.reading() as rows:
            return await rows.responders_unreachable(self.clock.now())

    async def settle(self) -> None:
        await super().settle()
        await tend_responders(self.deps)
        await tell_ignored(self.deps)
        await tell_inbox(self.deps)
        owners = {to.to: who for who, to in TO.items()}
        for name, pager in self.pagers.items():
            for message in pager.accepted[self._told[name] :]:
                self.phones[owners[message.to]].unread.append((name, message))
            self._told[name] = len(pager.accepted)

    def _next_moment(self) -> datetime | None:
        row = self._looking.execute(
            "SELECT min(m) FROM (SELECT min(look_at) m FROM responder_watch UNION ALL "
            "SELECT min(due_at) FROM page WHERE state IN ('pending', 'unknown') UNION ALL "
            "SELECT min(lease_until) FROM page WHERE state = 'leased')"
        ).fetchone()
        moments = [super()._next_moment(), from_us(row[0]) if row and row[0] is not None else None]
        return min((moment for moment in moments if moment is not None), default=None)


def policy() -> Policy:
    """The policy of the design's sketch, with both ladders."""
    return replace(make.policy(), escalation=ESCALATION, responders=NAMES)
