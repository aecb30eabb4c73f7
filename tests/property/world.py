"""A small model world: one family, one incident, and in memory what store, workers and providers do.

It asks `plan` at every `look_at` and after every event, and writes what the store writes. Nothing here decides
what is owed; `judge` says what must be true of it.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

from alertd.domain import silence
from alertd.domain.by_phone import Said
from alertd.domain.delivery import (
    AFTERWARDS,
    DEAD,
    OPEN,
    OVER,
    TOLD,
    DeliveryState,
    Framing,
    Owed,
    Reader,
    Reason,
    Telling,
    may_move,
)
from alertd.domain.family import AddressId, AddressStatus, Family
from alertd.domain.incident import Incident, Kind, Update
from alertd.domain.plan import plan
from alertd.domain.watch import BY_PHONE, Answer, Duty, Rest, Verdict
from tests import make
from tests.property.judge import Judge
from tests.property.script import Script

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=30)
WAIT = timedelta(seconds=20)  # for the provider's word on an unknown outcome


@dataclass(eq=False)
class Row:
    """A delivery as the store keeps it."""

    owed: Owed
    planned_at: datetime
    due_at: datetime
    said_before: datetime  # what its reader had been told they would hear by
    wakes: bool  # what its reader lacked then deserved waking them
    soft: bool  # it may be said silently in quiet hours
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    tried_at: datetime | None = None  # when a provider was first asked to take it
    handed_at: datetime | None = None  # when the reader may first have got it
    accepted_at: datetime | None = None
    maybe: bool = False  # some outcome was unknown
    taken_back: bool = False  # it was said, for a while or for good, that it had not arrived
    changed_at: datetime = make.NOON

    @property
    def by_phone(self) -> bool:
        """It was no message: somebody told its reader by phone."""
        return self.owed.channel == BY_PHONE

    @property
    def told(self) -> bool:
        return self.state in TOLD

    @property
    def open(self) -> bool:
        return self.state in OPEN

    def telling(self) -> Telling:
        o = self.owed
        return Telling(
            address=o.address, update=o.update, epoch=o.epoch, step=o.step, framing=o.framing, loud=o.loud,
            state=self.state, planned_at=self.planned_at, next_by=o.next_by, accepted_at=self.accepted_at,
            in_quiet=o.in_quiet, maybe=self.maybe, tried_at=self.tried_at,
        )  # fmt: skip


@dataclass
class World:
    """Runs a script; the judge is asked at every step and raises AssertionError."""

    script: Script
    rows: list[Row] = field(default_factory=list)
    statuses: dict[AddressId, AddressStatus] = field(default_factory=dict)
    hazards: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    lease = LEASE

    def __post_init__(self) -> None:
        script = self.script
        self.policy, self.family = script.policy, script.family
        self.now = script.start
        self.dice = Random(1)
        self.fates = list(reversed(script.fates))
        self.queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self.serial = 0
        self.down: dict[str, datetime] = {}  # channel -> until when its provider takes nothing
        self.hangs: set[str] = set()  # those of them that answer nothing, either
        self.asleep_until: datetime | None = None  # our own outage
        self.answers: list[Answer] = []
        self.fanouts = 0  # events whose planning is under way
        self.touched_since = script.start
        self.reopened_at: datetime | None = None
        self.touched_severity = script.severity
        self.upset_at = script.start  # the last event after which a deadline may be over without our fault
        opened = script.start - timedelta(minutes=script.late)
        notice = make.update(
            1, Kind.NOTICE, opened, human_number=1, since=opened, severity=script.severity, last_news_at=opened
        )
        notice = replace(notice, facts=replace(notice.facts, scope=make.scope("follow", regions=("us",))))
        self.incident: Incident = make.incident(notice, opened_at=opened)
        if script.late:
            self.hazards.add("late joiner")
            self.publish(Kind.PROGRESS, at=opened + SECOND)
        self.watch = make.watch(
            touched_at=script.start,
            next_by=script.start + self.policy.first_notice[script.severity],
            look_at=script.start,
        )
        self.judge = Judge(self)
        self.at(self.now + SECOND, self.look)

    # --- time ---------------------------------------------------------------------------------------

    def at(self, moment: datetime, do: Callable[[], None]) -> None:
        self.serial += 1
        heapq.heappush(self.queue, (moment, self.serial, do))

    def run_until(self, moment: datetime) -> None:
        """Let everything happen that is due before `moment`."""
        while self.queue and self.queue[0][0] <= moment:
            due, _, do = heapq.heappop(self.queue)
            self.now = max(self.now, due)
            self.judge.always()
            do()
        self.now = max(self.now, moment)

    @property
    def stopped(self) -> bool:
        """Whether our own machines are down."""
        return self.asleep_until is not None and self.now < self.asleep_until

    def upset(self, until: datetime | None = None) -> None:
        """Something changed from outside: for a moment a deadline may be over without anybody's fault."""
        self.upset_at = max(self.upset_at, until or self.now)

    def note(self, text: str) -> None:
        self.log.append(f"{self.now:%d %H:%M:%S} {text}")

    def story(self) -> list[str]:
        """What happened, for a failing example."""
        people = [
            f"{c.id} ({c.role}) {[a.channel for a in c.addresses]} {c.time_zone or ''} quiet {c.preferences.quiet_hours}"
            f" duty {c.on_duty} critical {c.preferences.critical} major {c.preferences.major} minor {c.preferences.minor}"
            for c in self.script.family.caregivers
        ]
        quiet = {severity.value: str(length) for severity, length in self.policy.silence.quiet.items()}
        wakes = {severity.value: sorted(kinds) for severity, kinds in self.policy.wakes.items()}
        rules = f"quiet {quiet} wakes {wakes} floor {self.policy.floor}"
        return [
            f"{self.script.zone} {self.script.severity} {rules}",
            *people,
            *self.log,
            f"{self.now:%d %H:%M:%S} end",
        ]

    # --- planning ------------------------------------------------------------------------------------

    def duty(self) -> Duty:
        rows = [row for row in self.rows if not row.by_phone]
        # As the store gives them out: a try is one, whatever came of it.
        tellings = [row.telling() for row in rows if row.state not in DEAD or row.maybe or row.tried_at]
        self.dice.shuffle(tellings)
        severity = self.incident.severity
        return make.duty(
            incident=self.incident, policy=self.policy, family=self.family, watch=self.watch, tellings=tellings,
            addresses=self.statuses, margin=silence.margin(None, self.policy, severity, timedelta(seconds=35)),
            lease=LEASE, answers=tuple(self.answers),
        )  # fmt: skip

    def make_due(self) -> None:
        """These watches are to be planned again at once."""
        look_at = self.watch.look_at
        self.watch = replace(self.watch, look_at=min(look_at or self.now, self.now))
        self.at(self.now, self.look)

    def look(self) -> None:
        """The sweeper finds the watch when it is due."""
        if self.stopped:
            assert self.asleep_until is not None
            self.at(self.asleep_until, self.look)
        elif self.watch.look_at is not None and self.watch.look_at <= self.now:
            self.plan()

    def plan(self) -> None:
        duty = self.duty()
        verdict = plan(duty, self.now)
        self.judge.verdict(duty, verdict)
        ended = self.write(duty, verdict)
        self.judge.written(verdict, plan(self.duty(), self.now), ended=ended)

    def write(self, duty: Duty, verdict: Verdict) -> bool:
        """What the store writes, in its order; returns whether older deliveries ended by it."""
        ended = False
        before = [(self.judge.said_to(d.caregiver), *self.judge.at_night(d)) for d in verdict.owed]
        if verdict.holding:
            self.hold(duty.margin)
        if verdict.cancel or verdict.owed:
            for row in self.rows:
                older = row.owed.update < max(self.watch.owed, verdict.update)
                if row.state is DeliveryState.PENDING and (
                    (older or row.owed.framing not in AFTERWARDS)
                    if verdict.cancel
                    else older and row.owed.address in {d.address for d in verdict.owed}
                ):
                    self.move(row, DeliveryState.CANCELLED if verdict.cancel else DeliveryState.SUPERSEDED)
                    ended = True
        self.watch = replace(
            self.watch,
            next_by=verdict.next_by or self.watch.next_by,
            touched_at=verdict.touched_at or self.watch.touched_at,
            owed=max(self.watch.owed, verdict.update),
            epoch=self.incident.epoch,
            waiting=verdict.waiting,
            look_at=verdict.look_at,
            rest=verdict.rest,
            version=self.watch.version + 1,
            ladder=verdict.ladder,
            step=verdict.step,
        )
        if verdict.owed or verdict.rest:
            names = [
                f"{d.caregiver}:{d.channel}{'!' if d.loud else ''}:{d.framing}:{d.reason}" for d in verdict.owed
            ]
            by = f"{verdict.owed[0].next_by:%d %H:%M:%S}" if verdict.owed and verdict.owed[0].next_by else "-"
            look = f"{verdict.look_at:%d %H:%M:%S}" if verdict.look_at else "-"
            self.note(f"plan {verdict.update} {names} next_by {by} look {look} {verdict.rest} {verdict.waiting}")
        for owed, (said, wakes, soft) in zip(verdict.owed, before, strict=True):
            row = Row(owed, self.now, self.now + SECOND, said, wakes, soft, changed_at=self.now)
            self.rows.append(row)
            self.at(row.due_at, partial(self.claim, row))
        if verdict.look_at is not None:
            self.at(verdict.look_at, self.look)
        return ended

    def end_ladder(self) -> None:
        """An answer that is enough takes back what the ladder has not handed over."""
        if self.judge.answered():
            for row in self.rows:
                if row.state is DeliveryState.PENDING and row.owed.reason is Reason.LADDER:
                    self.move(row, DeliveryState.SUPERSEDED)
            self.upset()

    def called(self, told: Said) -> None:
        """For the judge a call is a message that arrived, for everybody who knows since."""
        for c in self.judge.always_there():
            owed = Owed(
                family=self.family.id, caregiver=c.id, address=make.address(BY_PHONE, c.id).id, channel=BY_PHONE,
                update=told.update, epoch=self.incident.epoch, step=0, framing=Framing.UPDATE, reason=Reason.NEWS,
                loud=True, next_by=told.next_by, stale_after=None, loud_until=None,
                reader=Reader(to="", locale="en", zone="UTC", services=("follow",), hears_by=told.next_by),
            )  # fmt: skip
            row = Row(
                owed, self.now, self.now, told.next_by or self.now, wakes=True, soft=True, changed_at=self.now
            )
            row.state, row.handed_at, row.accepted_at = DeliveryState.ACCEPTED, self.now, self.now
            self.rows.append(row)
        self.watch = replace(self.watch, owed=max(self.watch.owed, told.update))

    def hold(self, margin: timedelta) -> None:
        """Write the next holding: a row of facts, with the time of the last real news."""
        newest = self.incident.newest
        row = Update(
            number=newest.number + 1,
            kind=Kind.HOLDING,
            at=self.now,
            facts=replace(newest.facts, last_news_at=self.incident.news.at),
            closes_promise=silence.closes_promise(self.incident, self.now, margin),
            epoch=self.incident.epoch,
        )
        self.incident = replace(self.incident, updates=(*self.incident.updates, row))

    # --- hand-over -----------------------------------------------------------------------------------

    def move(self, row: Row, state: DeliveryState) -> None:
        assert may_move(row.state, state), (row.state, state)
        row.state, row.changed_at = state, self.now
        row.maybe = row.maybe or state is DeliveryState.UNKNOWN
        gave_up = state in (DeliveryState.UNDELIVERED, DeliveryState.PARKED)
        row.taken_back = row.taken_back or gave_up

    def claim(self, row: Row) -> None:
        """A worker takes the row, after the check of R6."""
        if row.state is not DeliveryState.PENDING or row.due_at > self.now:
            return
        if self.stopped:
            assert self.asleep_until is not None
            row.due_at = self.asleep_until
            self.at(row.due_at, lambda: self.claim(row))
            return
        owed = row.owed
        over = self.incident.state.ended
        stale = (
            owed.update < max(self.watch.owed, self.incident.stands_from)
            or (over and owed.framing not in AFTERWARDS)
            or (not over and owed.framing in OVER)
            or (owed.framing not in AFTERWARDS and self.watch.rest not in (None, Rest.QUIET, Rest.CAPPED))
            or (owed.framing is Framing.NOT_AFFECTED and self.watch.rest is not Rest.NOT_TOUCHED)
            or not self.statuses.get(owed.address, AddressStatus()).usable
            or (owed.loud_until is not None and owed.loud_until <= self.now)
            or (owed.stale_after is not None and owed.stale_after < self.now)
        )
        if stale:
            self.note(f"superseded {owed.update} {owed.caregiver}:{owed.channel}")
            self.move(row, DeliveryState.SUPERSEDED)
            self.upset()
            self.make_due()
            return
        self.move(row, DeliveryState.LEASED)
        row.attempts += 1
        row.tried_at = row.tried_at or self.now
        self.hand_over(row)

    def hand_over(self, row: Row) -> None:
        fate = self.fates.pop() if self.fates else "accepted"
        if self.now < self.down.get(row.owed.channel, self.now):
            fate = "unknown_lost" if row.owed.channel in self.hangs else "later"
            self.hazards.add("down provider")
        if fate != "accepted":
            self.hazards.add("failure")
            self.note(f"{fate} {row.owed.update} {row.owed.caregiver}:{row.owed.channel}")
        if fate not in ("later", "refused", "stopped", "parked"):
            self.judge.handed_over(row)
            row.handed_at = row.handed_at or self.now
        after: dict[str, list[tuple[timedelta, DeliveryState]]] = {
            "accepted": [(SECOND, DeliveryState.ACCEPTED)],
            "slow": [(20 * SECOND, DeliveryState.ACCEPTED)],
            "later": [(SECOND, DeliveryState.PENDING)],
            "refused": [(SECOND, DeliveryState.REFUSED)],
            "stopped": [(SECOND, DeliveryState.REFUSED)],
            "parked": [(SECOND, DeliveryState.PARKED)],
            "unknown_had": [(10 * SECOND, DeliveryState.UNKNOWN), (WAIT, DeliveryState.ACCEPTED)],
            "unknown_lost": [(10 * SECOND, DeliveryState.UNKNOWN), (WAIT, DeliveryState.PENDING)],
            "crash": [(LEASE, DeliveryState.UNKNOWN), (WAIT, DeliveryState.PENDING)],
            "undelivered": [(SECOND, DeliveryState.ACCEPTED), (100 * SECOND, DeliveryState.UNDELIVERED)],
            "filtered": [(SECOND, DeliveryState.ACCEPTED), (100 * SECOND, DeliveryState.PARKED)],
            "late_truth": [
                (SECOND, DeliveryState.ACCEPTED),
                (100 * SECOND, DeliveryState.UNDELIVERED),
                (200 * SECOND, DeliveryState.DELIVERED),
            ],
        }
        self.follow(row, after[fate], stopped=fate == "stopped")

    def follow(self, row: Row, steps: list[tuple[timedelta, DeliveryState]], *, stopped: bool = False) -> None:
        if not steps:
            return
        (wait, state), rest = steps[0], steps[1:]
        before = row.state

        def happen() -> None:
            if self.stopped:
                assert self.asleep_until is not None
                self.at(self.asleep_until, happen)
            elif row.state is before:
                self.move(row, state)
                self.become(row, state, stopped=stopped)
                self.follow(row, rest)

        self.at(self.now + wait, happen)

    def become(self, row: Row, state: DeliveryState, *, stopped: bool) -> None:
        """What else is written with an outcome; an acceptance changes nothing but the telling."""
        if state is DeliveryState.ACCEPTED:
            row.accepted_at = self.now
            if row.owed.reason is Reason.NOT_TAKEN:
                self.hazards.add("next channel")
            self.judge.accepted(row)
        elif state is DeliveryState.PENDING:
            retry = SECOND * min(60, 2**row.attempts) if row.attempts else SECOND
            row.due_at = self.now + retry
            self.at(row.due_at, lambda: self.claim(row))
        elif state is DeliveryState.REFUSED:
            self.statuses[row.owed.address] = AddressStatus(suspended=not stopped, opted_out=stopped)
            self.judge.disturbed(row.owed.caregiver)
            self.make_due()
        elif state in (DeliveryState.PARKED, DeliveryState.UNDELIVERED):
            row.accepted_at = None
            self.judge.disturbed(row.owed.caregiver)
            self.make_due()
        elif state is DeliveryState.DELIVERED:
            self.make_due()

    # --- what people do ------------------------------------------------------------------------------

    def publish(self, kind: Kind, *, at: datetime | None = None, **changes: object) -> None:
        """A human's update; kinds of the facts and of the row are told apart by `make.update`."""
        newest, at = self.incident.newest, at or self.now
        notify = bool(changes.get("notify", True))
        row = make.update(
            newest.number + 1,
            kind,
            at,
            **{
                "facts": newest.facts,
                "last_news_at": at if notify else newest.facts.last_news_at,
                "epoch": self.incident.epoch,
                "human_number": self.incident.next_human_number,
                **changes,
            },
        )
        self.incident = replace(
            self.incident,
            updates=(*self.incident.updates, row),
            state=row.facts.state,
            severity=row.facts.severity,
            scope=row.facts.scope,
            epoch=row.epoch,
            ended_at=at if row.facts.state.ended else None,
        )

    def fan_out(self) -> None:
        """The cursor reaches the family a little later."""
        self.fanouts += 1
        self.upset()

        def reach() -> None:
            if self.stopped:
                assert self.asleep_until is not None
                self.at(self.asleep_until, reach)
                return
            self.fanouts -= 1
            self.upset()
            self.plan()

        self.at(self.now + SECOND * self.script.fanout, reach)

    @property
    def touched(self) -> bool:
        """Whether the incident touches the family, ended or not."""
        return bool(self.incident.scope.touching(self.family.services, self.family.region))

    def touch_again(self, *, reopened: bool = False) -> None:
        """The clock starts anew; an absence that nobody noticed, because nothing was planned in it, is none."""
        if self.watch.rest is not Rest.NOT_TOUCHED and not reopened:
            return
        self.hazards.add("touched again")
        self.touched_since, self.touched_severity = self.now, self.incident.severity
        if reopened:
            self.reopened_at = self.now

    def change_family(self, family: Family) -> None:
        """An import; it makes the watch due."""
        before = self.touched
        self.family = family
        self.hazards.add("import")
        if self.touched and not before:
            self.touch_again()
        for caregiver in family.caregivers:
            self.judge.disturbed(caregiver.id)
        self.upset()
        self.make_due()
