"""What must be true of every verdict of the planner."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from alertd.domain.delivery import ALL_CLEARS, ENDS, FAILED, VOID, DeliveryState, Framing, Owed, Reason
from alertd.domain.family import CHANNELS, AddressId, Caregiver
from alertd.domain.incident import Severity
from alertd.domain.policy import Step
from alertd.domain.watch import Duty, LadderState, Rest, Verdict
from tests.property.judge_family import SLACK
from tests.property.judge_told import ToldJudge

if TYPE_CHECKING:
    from tests.property.world import Row

RESTS = frozenset({Rest.CLOSED, Rest.NOT_TOUCHED, Rest.NO_ADDRESS, Rest.MUTED, Rest.OPTED_OUT})
"""Rests in which nothing is looked at until something changes."""


class VerdictJudge(ToldJudge):
    """Asked after each planning; raises AssertionError where a rule is broken."""

    def stands(self, row: "Row") -> bool:
        """Decision 5: what our own fault stopped is tried again after a backoff: 60 s for critical, 5 min else."""
        if row.state is not DeliveryState.PARKED:
            return row.state in FAILED
        wait = 60 if self.world.incident.severity is Severity.CRITICAL else 300
        return self.world.now <= row.planned_at + timedelta(seconds=wait) + SLACK

    def given_up(self, row: "Row") -> bool:
        """R11: an all-clear that our own fault stops rests as long again as the end lies back, within 50 hours."""
        late = row.planned_at >= self.over_at + timedelta(
            hours=24
        )  # half of the 50, less one for the change of clocks
        return row.state is DeliveryState.PARKED and row.owed.framing in ALL_CLEARS and late

    def verdict(self, duty: Duty, v: Verdict) -> None:
        """What every verdict must be."""
        world, now = self.world, self.world.now
        self.planned_at, self.planned_number = now, world.incident.newest.number + v.holding
        self.planned_newest = self.planned_number if v.holding else self.newest()
        assert v.look_at is None or v.look_at > now, "look_at lies in the past"
        assert v.look_at is not None or v.rest in RESTS, "nothing is looked at, and nothing says why"
        addresses = [d.address for d in v.owed]
        assert len(addresses) == len(set(addresses)), "two messages for one address at once"
        keys = {(d.update, d.address, d.epoch, d.step) for d in v.owed}
        standing = {
            (r.owed.update, r.owed.address, r.owed.epoch, r.owed.step) for r in world.rows if r.state not in VOID
        }
        assert not keys & standing, "the store's unique key would refuse this"
        for d in v.owed:
            c = self.person(d.caregiver)
            assert c is not None
            assert d.address in {a.id for a in self.usable(c)}, "the address may not be used"
            assert (d.framing in ENDS) is (world.incident.state.ended or not world.touched)
        if world.incident.state.ended:
            self.ends(v)
        elif not world.touched:
            assert v.rest is Rest.NOT_TOUCHED
        elif not self.people():
            self.rests(v)
        else:
            self.coming = frozenset(d.caregiver for d in v.owed if d.reason is Reason.LADDER)
            self.speaks(duty, v)
            self.coming = frozenset()

    def ends(self, v: Verdict) -> None:
        for d in v.owed:
            rows = self.rows(d.caregiver)
            told = any(r.told or r.maybe for r in rows)
            again = any(r.state in FAILED and r.owed.framing in ALL_CLEARS for r in rows)
            waits = d.caregiver in self.world.watch.waiting
            assert d.framing in ALL_CLEARS
            assert told or again or waits, "an all-clear for somebody never told"
        for c in self.world.family.caregivers:
            self.wakes_as_said(c, [d for d in v.owed if d.caregiver == c.id])

    def wakes_as_said(self, c: Caregiver, owed: list[Owed]) -> None:
        """The end of the night's outage wakes exactly those whose last message said that it would."""
        now, incident = self.world.now, self.world.incident
        rows = [r for r in self.rows(c.id) if r.told and r.owed.framing not in ENDS and r.planned_at < now]
        if not rows or not self.asleep(c, now) or self.off(c, now):
            return
        last = max(rows, key=lambda r: r.planned_at)
        reader, opened = last.owed.reader, max(self.over_at, last.planned_at)
        trouble = any(r.planned_at >= last.planned_at and not r.told for r in self.rows_ever(c.id))
        changed = self.disturbances.get(c.id, self.world.script.start) >= last.planned_at
        ended = any(r.owed.framing in ENDS and r.planned_at >= last.planned_at for r in self.rows_ever(c.id))
        if not reader.quiet or trouble or changed or ended or last.owed.epoch != incident.epoch:
            return
        if reader.hears_by is None or now >= reader.hears_by or opened < last.planned_at:
            return
        woken = any(d.loud for d in owed)
        assert woken is reader.end_wakes, (c.id, "was told", reader.end_wakes, "and woken:", woken)
        self.counts["woken for the end, as said" if woken else "not woken for the end, as said"] += 1

    def rests(self, v: Verdict) -> None:
        family, statuses = self.world.family, self.world.statuses
        addresses = [a for c in family.caregivers for a in c.addresses]
        assert not v.owed
        if any(self.usable(c) for c in family.caregivers):
            assert v.rest is Rest.MUTED
        elif all(statuses[a.id].opted_out for a in addresses):
            assert v.rest is Rest.OPTED_OUT
        else:
            assert v.rest is Rest.NO_ADDRESS

    def speaks(self, duty: Duty, v: Verdict) -> None:
        world, now = self.world, self.world.now
        by = self.next_by()
        assert v.next_by is not None
        # A family that was never told of a time without the outage still has its older promise.
        old = [r.owed.next_by for r in self.told_rows() if r.owed.next_by and r.planned_at < world.touched_since]
        unaware = {self.first(self.people(), at) or at for at in old}
        # Where nobody may ever be told, it moves on with time until it is what was said.
        never = self.first(self.people(), now) is None
        if v.next_by not in unaware and not (by < v.next_by == now) and not (never and by < v.next_by <= now):
            assert abs(v.next_by - by) <= SLACK, ("the family's deadline", v.next_by, "should be", by)
        told = max((r.owed.update for r in self.binding_rows()), default=0)
        if v.rest in (Rest.QUIET, Rest.CAPPED):
            assert not any(self.may(c, now) for c in self.people()), "at rest, but somebody may be told"
            self.counts[f"rests: {v.rest}"] += 1
        self.thins(v)
        newest = self.newest()
        assert v.update in (0, world.incident.newest.number + 1 if v.holding else newest)
        if v.holding:
            # A margin before the deadline; one more where somebody wakes up, joins, or is told another way just then.
            begin = self.first(self.people(), v.next_by - duty.margin) or v.next_by
            assert now >= begin - duty.margin, "a holding before its time"
            lacks = any(
                self.knows_awake(c.id) < newest or self.asleep(c, now - timedelta(seconds=1))
                for c in self.people()
            )
            climbs = self.ladder() is not None and not self.answered()
            assert now >= begin or lacks or climbs, "a holding before its time, and everybody had the newest"
            failed = any(r.state in FAILED and r.owed.update == newest for r in world.rows)
            knew = told >= newest or any(r.owed.update >= newest for r in self.told_rows())
            stands = self.promise() is not None and told >= self.news().number
            assert knew or failed or stands, "a holding in place of news that was never tried"
        self.climbs(v)
        self.puts_right(v)
        # Told before an absence that nobody was told of: for them it is a repeat, and the clock has begun anew.
        ever = max((r.owed.update for r in self.told_rows()), default=0)
        for d in v.owed:
            assert d.next_by is not None
            if d.update <= told:
                assert d.next_by == max(v.next_by, now), "a repeat moved the clock (R4)"
            elif d.update <= ever:
                assert d.next_by in (max(v.next_by, now), self.says()), (d.next_by, "after an untold absence")
            elif not v.holding:
                assert d.next_by == self.says(), (d.next_by, "should be", self.says())

    def thins(self, v: Verdict) -> None:
        """R3: by day the third holding in a row is silent where it can be, and so many come by phone in a day."""
        rules = self.world.policy.silence.holdings
        for d in v.owed:
            c = self.person(d.caregiver)
            assert c is not None
            if d.framing is not Framing.HOLDING or d.reason is Reason.LADDER or self.asleep(c, self.world.now):
                continue
            wish = c.preferences.holdings
            before = [n for n in self.holdings(c, CHANNELS) if n > self.news().number and n != d.update]
            thin = wish == "few" or (wish is None and len(before) >= rules.loud)
            failed = self.failed()
            if d.reason is Reason.NOT_TAKEN:  # where it is already, it has not been taken
                failed |= {r.owed.address for r in self.rows(c.id) if r.open and r.owed.update > self.knows(c.id)}
            silent = [a for a in self.usable(c) if a.channel in ("push", "email") and a.id not in failed]
            assert not (thin and d.loud and silent), ("loud, and could be silent over", silent)
            assert thin or d.loud or d.channel in ("push", "email"), "silent before its time"
            self.counts["holdings, silent by day" if not d.loud else "holdings, loud by day"] += 1

    def puts_right(self, v: Verdict) -> None:
        """The word "correction" is for those who received the wrong update, and were not put right yet."""
        for d in v.owed:
            if d.framing is Framing.NOTICE:
                continue
            told = self.knows(d.caregiver)
            since = self.knows_awake(d.caregiver) if d.framing is Framing.WAKE_UP else told
            later = [u for u in self.world.incident.updates if u.number > since and u.references is not None]
            wrong = [u for u in later if told and self.received(d.caregiver, u)]
            assert bool(d.reader.corrects) is bool(wrong), (d.caregiver, d.framing, "corrects", d.reader.corrects)
            self.counts["put right"] += bool(wrong)
            self.counts["not put right: never received it"] += bool(later and not wrong)

    def climbs(self, v: Verdict) -> None:
        """R7: a step is told in its time, to those it names, until somebody has answered."""
        ladder, now, epoch = self.ladder(), self.world.now, self.world.incident.epoch
        steps = [d for d in v.owed if d.reason is Reason.LADDER]
        if ladder is None or self.answered():
            assert not steps, "a ladder that is over"
            assert v.ladder is (LadderState.ANSWERED if ladder is not None else None)
            return
        since = self.world.touched_since
        tried = [
            max(r.tried_at, since)
            for r in self.world.rows
            if r.tried_at and r.owed.epoch >= epoch and r.owed.framing not in ENDS
        ]
        failed = bool(self.world.statuses) or any(r.state in FAILED for r in self.world.rows)
        for d in steps:
            number = (d.step + 2) % 32 - 3
            step = ladder.steps[number]
            in_time = step.after == timedelta(0) or (tried and now >= min(tried) + step.after)
            assert in_time or failed or self.reaches_nobody(ladder.steps[:number]), "too early"
            assert not step.via or d.channel in step.via
            c = self.person(d.caregiver)
            assert c is not None
            assert self.channels(c), "told by a ladder, and had asked not to be"
            self.counts["ladder steps"] += 1
        if v.ladder is not None:
            self.counts[f"ladder {v.ladder}"] += 1
        if v.ladder is LadderState.UNREACHABLE:
            loud = [r for r in self.world.rows if r.owed.epoch >= epoch and r.owed.loud and r.told]
            assert not [r for r in loud if r in self.rows(r.owed.caregiver)], (
                "unreachable, and something loud arrived"
            )

    def reaches_nobody(self, steps: Sequence[Step]) -> bool:
        """Whether one of these steps has nobody, or none of their addresses: the next one is due at once then."""
        others = [c for c in self.world.family.caregivers if c not in self.always_there() and self.channels(c)]
        nexts = sum("next" in step.tell for step in steps)
        return (
            nexts > len(others)
            or any(step.tell[0] not in ("always", "first", "all", "next") for step in steps)
            or any(
                step.via and not all(self.has(c, step.via) for c in self.world.family.caregivers) for step in steps
            )
        )

    def has(self, c: Caregiver, channels: tuple[str, ...]) -> bool:
        return any(a.channel in channels for a in c.addresses)

    def written(self, v: Verdict, again: Verdict, *, ended: bool) -> None:
        """Planning twice at one instant sends nothing new, and sleeps no longer."""
        assert not again.owed, ("planned twice, owed twice", again.owed)
        assert not again.holding
        over = self.world.incident.state.ended or not self.world.touched
        climbed = any(
            d.reason is Reason.LADDER for d in v.owed
        )  # whoever waited need not be looked after any more
        if v.look_at is not None and not over and not ended and not climbed:
            assert again.look_at is not None
            assert again.look_at <= v.look_at, ("the second look", again.look_at, "is later than", v.look_at)
        if v.holding and v.owed and self.people():
            assert v.owed[0].next_by == self.says(), ("a holding says", v.owed[0].next_by, "not", self.says())

    def failed(self) -> set[AddressId]:
        """Where the newest update failed; a number that came without a fan-out changes nothing until looked at."""
        numbers = (self.newest(), self.planned_newest)
        return {r.owed.address for r in self.world.rows if self.stands(r) and r.owed.update in numbers}
