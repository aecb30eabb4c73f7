"""R8 against random histories: nothing twice, no end while somebody owes an update, nobody once it is over.

How many: see `repeated`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alertd.domain.delivery import DeliveryState
from alertd.domain.incident import Incident, Kind, State, Update
from alertd.domain.paging import OwedPage, Paged, Responding
from alertd.domain.policy import Escalation, Policy, ResponderStep
from alertd.domain.post_by import post_by
from alertd.domain.responders import AGAIN, HOLD, plan_pages
from tests import make
from tests.make import after, minutes
from tests.property.repeated import repeated

MARGIN = minutes(1)
FATES = (
    DeliveryState.ACCEPTED,
    DeliveryState.DELIVERED,
    DeliveryState.REFUSED,
    DeliveryState.UNDELIVERED,
    DeliveryState.PENDING,
)
REPEATS = st.sampled_from((None, 5, 10, 30))
WHO = ("owner", "lead", "duty-manager")


@dataclass(frozen=True)
class Happening:
    """At a minute: a person speaks, a machine does, a responder acknowledges, it ends, or a late look only."""

    minute: int
    what: str
    promise: int = 0


@st.composite
def ladders(draw: st.DrawFn) -> tuple[ResponderStep, ...]:
    offsets = sorted(draw(st.lists(st.integers(-15, 60), min_size=1, max_size=4)))
    steps = [
        ResponderStep(minutes(offset), draw(st.sampled_from(WHO)), draw(st.booleans())) for offset in offsets[:-1]
    ]
    repeat = draw(REPEATS)
    last = ResponderStep(
        minutes(offsets[-1]), draw(st.sampled_from(WHO)), page=True, repeat=minutes(repeat) if repeat else None
    )
    return (*steps, last)


HAPPENINGS = st.lists(
    st.builds(
        Happening,
        st.integers(1, 300),
        st.sampled_from(("person", "promise", "machine", "holding", "ack", "look", "end", "reopen")),
        st.integers(5, 60),
    ),
    max_size=8,
)
FATE_OF = st.dictionaries(st.sampled_from(WHO), st.sampled_from(FATES), max_size=3)


@dataclass
class Watch:
    """The incident, what was sent, and when each thing was owed."""

    duty: Responding
    fates: Mapping[str, DeliveryState]
    sent: list[tuple[datetime, OwedPage]] = field(default_factory=list)
    spoken: list[datetime] = field(default_factory=list)

    def look(self, now: datetime) -> datetime | None:
        """Send what is owed until nothing more is; then the same instant owes nothing."""
        for _ in range(30):
            orders = plan_pages(self.duty, now)
            assert len({o.key for o in orders.owed}) == len(orders.owed)
            assert not {o.key for o in orders.owed} & {p.key for p in self.duty.paged}, "owed twice"
            stale = set(orders.stale)
            kept = [replace(p, state=DeliveryState.CANCELLED) if p.key in stale else p for p in self.duty.paged]
            made = [Paged(o.key, self.fates.get(o.who, DeliveryState.ACCEPTED), attempts=2) for o in orders.owed]
            self.duty = replace(self.duty, paged=(*kept, *made))
            self.sent += [(now, owed) for owed in orders.owed]
            if not orders.owed:
                assert orders.look_at is None or orders.look_at > now
                return orders.look_at
        raise AssertionError("one instant owes without end")

    def happens(self, each: Happening) -> None:
        at, incident = after(each.minute), self.duty.incident
        if each.what == "ack":
            self.duty = replace(self.duty, acknowledged=(*self.duty.acknowledged, at))
        update = update_of(each, incident)
        if update is not None:
            self.duty = replace(self.duty, incident=make.incident(*incident.updates, update))


def update_of(each: Happening, incident: Incident) -> Update | None:
    number, at, ended = incident.newest.number + 1, after(each.minute), incident.state.ended
    if each.what == "reopen":
        return make.update(number, Kind.REOPENING, at) if ended else None
    if ended or each.what in ("ack", "look"):
        return None
    match each.what:
        case "end":
            return make.update(number, Kind.RESOLUTION, at, state=State.RESOLVED)
        case "holding":
            return make.update(number, Kind.HOLDING, at)
        case "machine":
            return make.update(number, Kind.PROGRESS, at, source="statusbot")
    promise = at + minutes(each.promise) if each.what == "promise" else None
    return make.update(number, Kind.PROGRESS, at, promise=promise)


SEEN: Counter[str] = Counter()


@repeated(150)
@given(ladders(), ladders(), HAPPENINGS, FATE_OF, st.booleans())
def test_every_history_tells_whom_it_must_and_nobody_twice(
    post: tuple[ResponderStep, ...],
    news: tuple[ResponderStep, ...],
    happenings: list[Happening],
    fates: dict[str, DeliveryState],
    by_machine: bool,
) -> None:
    policy = replace(make.policy(), escalation=Escalation(post=post, news=news))
    source = "alertmanager" if by_machine else None
    incident = make.incident(make.update(1, Kind.NOTICE, after(0), source=source))
    watch = Watch(Responding(incident, policy, MARGIN), fates)
    events = sorted(happenings, key=lambda each: each.minute)
    now: datetime | None = after(0)
    end = after(360)
    while True:
        upcoming = after(events[0].minute) if events else end
        if now is not None and now < upcoming:
            now = watch.look(now)
            continue
        if not events:
            break
        event = events.pop(0)
        watch.happens(event)
        SEEN[event.what] += 1
        silent_for_nobody(watch, policy, upcoming)
        before = len(watch.sent)
        now = watch.look(upcoming)
        if watch.duty.incident.state.ended:
            assert len(watch.sent) == before, "somebody is told after the end"
            assert now is None
        else:
            assert now is not None, "an open incident looks no more"
    silent_for_nobody(watch, policy, end)


def silent_for_nobody(watch: Watch, policy: Policy, now: datetime) -> None:
    """While an update is overdue somebody is told again and again, whatever failed and whoever acknowledged."""
    duty = watch.duty
    if duty.incident.state.ended:
        return
    last = policy.escalation.post[-1]
    longest = (last.repeat or AGAIN) + HOLD
    due = max(post_by(duty.incident, policy) - MARGIN + last.offset, duty.incident.newest.at)
    start = due + HOLD
    while start + longest <= now:
        told = [at for at, owed in watch.sent if start <= at <= start + longest and owed.page]
        assert told, f"nobody was paged between {start} and {start + longest}"
        start += longest
    if start > due + HOLD:
        SEEN["overdue"] += 1


def test_the_histories_were_worth_it() -> None:
    """Runs after the one above, in the same process; each sort of thing happened often enough to mean something."""
    if not SEEN:
        return  # this test was chosen alone
    assert all(
        SEEN[what] >= 10 for what in ("person", "promise", "machine", "holding", "ack", "end", "overdue")
    ), SEEN


def test_a_week_of_silence_is_a_week_of_pages() -> None:
    ladder = (ResponderStep(minutes(0), "owner", page=True),)
    policy = replace(make.policy(), escalation=Escalation(post=ladder))
    watch = Watch(Responding(make.incident(), policy, MARGIN), {})
    now: datetime | None = after(0)
    while now is not None and now <= make.NOON + timedelta(days=7):
        now = watch.look(now)
    assert len(watch.sent) == (7 * 24 * 60 - 29) // 10 + 1
