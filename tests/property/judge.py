"""What must be true of the model world, read from the rules, not from the planner's code.

Quiet hours come from `tests.oracle`, minute by minute; deadlines from what readers were really told."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from alertd.domain import silence
from alertd.domain.audit import Case, Evidence, Excuse, Suspect, Tries, Waiting
from alertd.domain.delivery import ALL_CLEARS, ENDS, FAILED, DeliveryState, Framing, Reason, longest_backoff
from alertd.domain.excuses import excuse_of
from alertd.domain.family import AddressId, AddressStatus
from alertd.domain.incident import Kind, Severity
from alertd.domain.plan import plan
from tests import make, oracle
from tests.property.judge_family import SLACK, Word
from tests.property.judge_verdict import VerdictJudge

if TYPE_CHECKING:
    from tests.property.world import Row


class Judge(VerdictJudge):
    """Asked at every step of a world; raises AssertionError where a rule is broken."""

    def disturbed(self, name: str) -> None:
        """Their addresses, hours or providers are not what they were."""
        self.disturbances[name] = self.last_failure = self.world.now
        self.changes.setdefault(name, []).append(self.world.now)

    def outage(self, until: datetime) -> None:
        self.outages.append((self.world.now, until))

    def over(self) -> None:
        """The incident ends now: whoever waits is to hear one word at wake-up."""
        self.waited, self.over_at = frozenset(self.world.watch.waiting), self.world.now

    def always(self) -> None:
        """Before anything happens: nobody is left waiting, and looking again early finds nothing."""
        world = self.world
        if world.stopped:
            return
        if not world.fanouts and (world.watch.look_at is None or world.watch.look_at > world.now):
            idle = plan(world.duty(), world.now)
            open_ = world.touched and not world.incident.state.ended
            # Once it is over, what was still under way is found told by polling.
            polled = not open_ and any(r.changed_at >= self.planned_at for r in world.rows)
            # A number that came without a fan-out (another family's holding) may be taken at any time.
            fresh = world.incident.newest.number == self.planned_number
            soon = world.watch.look_at is not None and world.watch.look_at <= self.planned_at + world.lease
            # What was in doubt when it was corrected, and has come back, is stopped by its claim, which has them asked.
            back = any(
                r.state is DeliveryState.PENDING and r.owed.update < world.incident.stands_from for r in world.rows
            )
            assert polled or soon or back or not fresh or not idle.owed, (
                "look_at overslept",
                idle.owed,
                world.watch.look_at,
            )
            if open_ and not soon:
                self.all_served()
            if open_:
                self.goes_on()
        self.in_time()
        self.words_kept()

    def all_served(self) -> None:
        """R1, R10: whoever lacks news and may have it, has it or is about to; waking news also at night.

        About to: what is in flight may take back what they know, and is looked at within a lease.
        """
        world = self.world
        for c in self.people():
            news = self.news_for(c.id)
            if self.off(c, world.now) or self.covered(c.id) >= news:
                continue
            asleep = self.asleep(c, world.now)
            silent = asleep and not self.wakes(c.id)
            if silent and not self.soft(c):
                continue
            failed = self.failed()
            left = [a for a in self.usable(c) if a.id not in failed and (not silent or a.channel != "sms")]
            assert not left, (c.id, "lacks", news, "and could have it over", left)

    def goes_on(self) -> None:
        """What nobody took by the time at which somebody was to hear is under way wherever they can be told too."""
        world, now = self.world, self.world.now
        for c in self.people():
            knows = self.knows(c.id)
            flying = [r for r in self.rows(c.id) if r.open and r.owed.update > knows]
            by = min(self.next_by(), self.said_to(c.id))
            if not flying or self.off(c, now):
                continue
            if now <= max(by, max(r.planned_at for r in flying) + world.lease) + SLACK:
                continue
            idle = {a.id: a for a in self.usable(c)}
            for gone in (*(r.owed.address for r in flying), *self.failed()):
                idle.pop(gone, None)
            ways = {a.channel for a in idle.values()}
            if self.asleep(c, now) and not self.wakes(c.id, but=True):
                ways &= {"push", "email"} if self.soft(c) else set()
            elif self.news().number <= knows and not self.asleep(c, now) and self.spent(c, now):
                ways -= {"sms", "voice"}
            assert not ways, (c.id, "was to hear by", by, "and could have heard over", ways)
            self.counts["wherever they can be told"] += 1

    def in_time(self) -> None:
        """At every instant `now <= next_by`, or a named excuse that is true."""
        world = self.world
        if world.incident.state.ended or not world.touched:
            return
        by = self.next_by()
        if world.now <= by + SLACK:
            self.counts["in time"] += 1
            return
        excuse = self.excuse()
        assert excuse, ("nobody heard by", by, "and it is", world.now)
        self.counts[f"late: {excuse}"] += 1
        due = world.watch.look_at is not None and world.watch.look_at <= world.now  # the auditor looks twice
        lands = any(r.open and r.planned_at >= world.now - SLACK for r in world.rows)
        # What our own fault stopped is no excuse, and the auditor may say so.
        ours = any(r.state is DeliveryState.PARKED and r.planned_at >= by for r in world.rows)
        if excuse == "our own fault":  # we wait as long as we may, and somebody hears of it
            assert self.audited(by) is not Excuse.UNDELIVERED, (
                "the auditor excuses us",
                by,
                world.watch,
                world.now,
            )
        elif excuse not in ("just changed", "under way") and not (world.fanouts or due or ours or lands):
            assert self.audited(by), ("the auditor accuses us of lying", excuse, by, world.watch, world.now)

    def audited(self, by: datetime) -> Excuse | None:
        """What the auditor says of it, from what the tables would hold: it may not raise a false alarm."""
        world, now, watch = self.world, self.world.now, self.world.watch
        case = Case(world.incident, world.policy, make.ALL_CHANNELS, (), now, now)
        case = replace(
            case,
            patience=min(world.lease, silence.longest_margin(case.policy, world.incident.severity)) + SLACK,
        )
        suspect = Suspect(
            world.family.id, min(by, now), watch.look_at, watch.rest.value if watch.rest else None, watch.epoch
        )
        addresses = {}
        for a in (a for c in world.family.caregivers for a in c.addresses):
            status = world.statuses.get(a.id, AddressStatus(verified=a.verified))
            addresses[a.id] = (a.channel, status.usable, status.opted_out)
        backoff = longest_backoff(world.incident.severity)
        window = self.window(world.incident.severity, world.incident.state, asleep=False) + SLACK
        tried = [r for r in world.rows if r.attempts and r.due_at >= now - backoff - timedelta(seconds=30)]
        held = (DeliveryState.LEASED, DeliveryState.UNKNOWN)
        flying: dict[AddressId, list[Row]] = {}
        settled: dict[AddressId, list[Row]] = {}
        for row in world.rows:
            if row.open:
                flying.setdefault(row.owed.address, []).append(row)
            long_ago = row.state is DeliveryState.PARKED and row.planned_at < now - window
            if row.told or (row.state in FAILED and not long_ago):
                settled.setdefault(row.owed.address, []).append(row)
        tries = Tries(
            under_way=any(r.open for r in world.rows),
            tried=any(r.state in (DeliveryState.PENDING, DeliveryState.SUPERSEDED) for r in tried)
            or any(r.state in held for r in world.rows),
            fresh=any(r.open and r.planned_at >= now - SLACK for r in world.rows),
            before=max((r.planned_at for r in world.rows if r.planned_at < now - SLACK), default=None),
            given_up=max(
                (
                    r.planned_at
                    for r in world.rows
                    if r.state in (DeliveryState.UNDELIVERED, DeliveryState.REFUSED)
                    and r.planned_at >= now - window
                ),
                default=None,
            ),
            stopped=max((r.planned_at for r in world.rows if r.state is DeliveryState.PARKED), default=None),
            waits={
                a: Waiting(max(r.planned_at for r in mine), max(r.owed.update for r in mine))
                for a, mine in flying.items()
            },
            failed={
                a: max(r.owed.update for r in mine if r.state in FAILED)
                for a, mine in settled.items()
                if max(mine, key=lambda r: (r.planned_at, not r.told)).state in FAILED
            },
            capped=sum(
                r.told
                and r.owed.channel == "sms"
                and r.owed.framing is Framing.HOLDING
                and r.accepted_at is not None
                and r.accepted_at > now - timedelta(hours=24)
                for r in world.rows
            ),
        )
        told = (r for r in world.rows if r.owed.reason is Reason.LADDER and (r.told or r.open))
        joined = frozenset(r.owed.address for r in told if r.planned_at >= watch.touched_at)
        found = excuse_of(suspect, case, Evidence(world.family, addresses, joined, tries))
        self.counts[f"audited: {found}"] += 1
        return found

    def excuse(self) -> str | None:
        world, now = self.world, self.world.now
        people = self.people()
        if not people:
            return "nobody can be told"
        before = now - SLACK
        if not any(self.may(c, now) and self.may(c, before) for c in people):
            return "used up" if any(self.used_up(c, now) for c in people) else "quiet"
        if now <= max(world.upset_at, self.last_failure) + SLACK:
            return "just changed"
        if any(r.open and r.planned_at >= before for r in world.rows):
            return "under way"
        if any(r.open and r.attempts and r.due_at <= now + timedelta(seconds=61) for r in world.rows):
            return "provider"
        failed = self.failed()
        present = [c for c in people if self.may(c, now) and self.may(c, before)]
        last = max((r.planned_at for r in world.rows), default=world.now)
        window = self.window(world.incident.severity, world.incident.state, asleep=False)
        slept = {c.id for c in present if self.asleep(c, now) or self.asleep(c, before)}
        ways = [a for c in present for a in self.usable(c) if a.channel != "sms" or c.id not in slept]
        if all(a.id in failed for a in ways) and now <= last + window + SLACK:
            lost = [r for r in world.rows if r.state in FAILED]
            newest = max(lost, key=lambda r: (r.planned_at, r.state is not DeliveryState.PARKED), default=None)
            ours = newest is not None and newest.state is DeliveryState.PARKED
            return "our own fault" if ours else "all refused"
        return None

    def handed_over(self, row: "Row") -> None:
        """At the very moment of a hand-over: on duty, awake or worth waking, newer than the last."""
        now, owed = self.world.now, row.owed
        c = self.person(owed.caregiver)
        if c is None:
            return
        last = self.last_number.get(owed.address, 0)
        assert owed.update >= last, ("numbers went down", last, owed.update)
        self.last_number[owed.address] = owed.update
        if owed.caregiver in self.disturbances and self.disturbances[owed.caregiver] >= row.planned_at:
            return  # their hours changed under a message that was on its way
        assert not self.off(c, now), "off duty means neither loud nor soft"
        if not self.asleep(c, now):
            self.counts["by day"] += 1
        elif owed.loud:
            assert row.wakes, (c.id, "was woken for nothing")
            self.counts["woken"] += 1
        else:
            assert row.soft or row.wakes, "silent at night where the policy waits"
            self.counts["soft at night"] += 1

    def accepted(self, row: "Row") -> None:
        """A promise was given."""
        if row.owed.reader.hears_by is not None and row.owed.framing not in ENDS:
            self.words.append(Word(row.owed.caregiver, row.owed.reader.hears_by, row))

    def words_kept(self) -> None:
        """Every "you hear again by" was kept, unless the incident, the person or a provider changed."""
        now = self.world.now
        ripe = [w for w in self.words if w.by + SLACK < now]
        if not ripe:
            return
        self.words = [w for w in self.words if w.by + SLACK >= now]
        for word in ripe:
            since = word.row.accepted_at
            if since is None or not word.row.told:
                continue  # taken back
            kept = any(
                r.handed_at is not None and r is not word.row and r.planned_at >= word.row.planned_at
                and r.handed_at <= word.by + SLACK
                for r in self.rows_ever(word.caregiver)
            )  # fmt: skip
            if kept:
                self.counts["words kept"] += 1
                continue
            excuse = self.word_excuse(word, since)
            assert excuse, (
                word.caregiver,
                "was promised a word by",
                word.by,
                "since",
                since,
                word.row.owed.update,
            )
            self.counts[f"words excused: {excuse}"] += 1

    def word_excuse(self, word: Word, since: datetime) -> str | None:
        world = self.world
        if world.incident.state.ended or not world.touched or world.touched_since > since:
            return "over"
        if self.disturbances.get(word.caregiver, since) > since:
            return "changed"
        if word.caregiver not in {c.id for c in self.people()}:
            return "hears no more"
        if any(begin <= word.by + SLACK and end >= since for begin, end in self.outages):
            return "our outage"
        trouble = [r for r in self.rows_ever(word.caregiver) if r.planned_at >= since and not r.told]
        if trouble:
            return "provider"
        if not self.may(self.person(word.caregiver), word.by):  # type: ignore[arg-type]
            return "quiet rules changed"
        return None

    def finish(self) -> None:
        """Long after the end: everyone told has the all-clear, everyone who waited one word, others nothing."""
        world = self.world
        assert world.incident.state.ended
        assert not any(r.open for r in world.rows), "something is still under way"
        number = next(
            u.number for u in reversed(world.incident.updates) if u.kind in (Kind.RESOLUTION, Kind.CANCELLATION)
        )
        for c in world.family.caregivers:
            rows = self.rows(c.id)
            before = [
                r.planned_at for r in rows if r.told and r.owed.framing in ALL_CLEARS and r.owed.update < number
            ]
            told = any(
                (r.told or r.maybe) and r.owed.framing not in ENDS and (not before or r.planned_at > max(before))
                for r in rows
            )
            got = [r for r in rows if r.told and r.owed.framing in ALL_CLEARS and r.owed.update >= number]
            lost = self.disturbances.get(c.id, self.over_at) > self.over_at  # no address when it was time
            wanted = told or (c.id in self.waited and not lost)
            failed = {
                r.owed.address
                for r in world.rows
                if (self.stands(r) or self.given_up(r)) and r.owed.update >= number
            }
            reachable = [a for a in self.usable(c) if a.id not in failed]
            there = self.first([c], world.now - timedelta(days=3), Severity.MINOR) is not None
            if got:
                perhaps = any(r.handed_at and r.owed.framing not in ENDS for r in self.rows_ever(c.id))
                assert wanted or perhaps or c.id in self.waited, (c.id, "got an all-clear out of nothing")
                assert len({r.owed.update for r in got}) == 1
                self.counts["all-clears"] += 1
            elif wanted and reachable and there and self.disturbances.get(c.id, world.script.start) < world.now:
                waiting = c.id in world.watch.waiting
                assert waiting, (c.id, "was told and never got the all-clear")
        self.one_per_deadline()
        self.one_per_wake_up()

    def one_per_deadline(self) -> None:
        """No two messages for one `next_by`: nobody gets two holdings for the same word given to them.

        Another one is owed where the provider took the first back, whatever it says of it in the end.
        """
        seen: dict[tuple[AddressId, datetime], set[int]] = {}
        for r in self.world.rows:
            if r.told and not r.taken_back and r.owed.reason is Reason.SILENCE:
                seen.setdefault((r.owed.address, r.said_before), set()).add(r.owed.update)
        for key, numbers in seen.items():
            assert len(numbers) == 1, ("for one deadline", key, numbers)
        for one, other in pairwise(sorted((r for r in self.world.rows if r.told), key=_by_address)):
            if one.owed.address != other.owed.address or other.owed.framing is not Framing.HOLDING:
                continue
            if other.owed.reason is Reason.LADDER:
                continue  # "still down" for whoever has not answered
            apart = other.planned_at - one.planned_at
            promised = one.owed.next_by in {u.promise for u in self.world.incident.updates}
            assert promised or apart >= timedelta(seconds=60), ("a holding right after", one, other)

    def one_per_wake_up(self) -> None:
        """At most one loud message per wake-up and address; an import may wake somebody twice."""
        seen: dict[tuple[AddressId, datetime], list[Row]] = {}
        for r in sorted(self.world.rows, key=lambda r: r.planned_at):
            c = self.person(r.owed.caregiver)
            if c is None or not r.told or not r.owed.loud or r.owed.framing is not Framing.WAKE_UP:
                continue
            texts = (c.preferences.quiet_hours, self.on_duty_text(c))
            ends = [
                e for text in texts for e in oracle.edges(text, self.zone(c), r.planned_at) if e <= r.planned_at
            ]
            woken = seen.setdefault((r.owed.address, max(ends, default=self.world.script.start)), [])
            if woken:
                changes = [at for at in self.changes.get(c.id, []) if woken[-1].planned_at <= at <= r.planned_at]
                assert changes, ("woken up twice", woken[-1], r)
            woken.append(r)
        self.counts["wake-ups"] += len(seen)


def _by_address(row: "Row") -> tuple[str, datetime, int]:
    return str(row.owed.address), row.planned_at, row.owed.update
