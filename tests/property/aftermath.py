"""What must be true of a town after a crash, judged from what the providers took and from the database by plain SQL.

Of the domain it knows one thing, the diagram of states: `may_move`.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from alertd.domain.delivery import DeliveryState, may_move
from alertd.ports import Message

ENDS = frozenset({"resolution", "cancellation", "was_down", "not_affected"})
SMS_PER_DAY = 12  # holdings, by the built-in policy
VOID = "('superseded', 'cancelled', 'expired', 'parked')"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message as a provider took it; ticks order everything that happens."""

    tick: int
    claimed: int  # the tick at which its batch was leased
    channel: str
    message: Message


@dataclass(frozen=True, slots=True)
class Row:
    """What the database says of the delivery of a message."""

    framing: str
    step: int
    epoch: int
    families: frozenset[str]  # whose duty it serves


def look_into(url: str) -> Any:
    """A connection of our own to the database of a URL."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        return connection
    return psycopg.connect(url, autocommit=True)


class Aftermath:
    """Looks at one town; holds what it saw before, to compare."""

    def __init__(self, look: Any, taken: list[Taken]) -> None:
        self._look = look
        self._taken = taken
        self._states: dict[UUID, str] = {}
        self._judged = 0
        self.ended: dict[UUID, int] = {}  # incident -> tick by which it had ended
        self.moves: Counter[str] = Counter()
        self._had: dict[str, set[tuple[str, str]]] = defaultdict(set)  # every address that a family ever had
        self._theirs: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)  # ... and each of its people
        self._gone: set[tuple[UUID, str, tuple[str, str]]] = set()

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Look."""
        rows: list[tuple[Any, ...]] = self._look.execute(statement).fetchall()
        return rows

    def story(self) -> str:
        """The deliveries and watches as they are, to read in a failure."""
        deliveries = self.sql(
            "SELECT i.number, d.update_no, d.family_id, d.caregiver, d.channel, d.epoch, d.step, d.framing, d.reason, "
            "d.state, d.attempts, d.code, d.planned_at, a.dest FROM delivery d JOIN incident i ON i.id=d.incident_id "
            "LEFT JOIN address a ON a.id=d.address_id ORDER BY d.planned_at, d.id"
        )
        watches = self.sql("SELECT * FROM watch ORDER BY incident_id, family_id")
        taken = [(t.tick, t.claimed, t.channel, t.message.to, t.message.update) for t in self._taken]
        return "\n".join(map(str, (*deliveries, *watches, *taken)))

    # --- at every commit --------------------------------------------------------------------------------

    def check_moves(self) -> None:
        """Deliveries move along the diagram only, and none is forgotten."""
        now = {_uuid(i): state for i, state in self.sql("SELECT id, state FROM delivery")}
        for delivery, before in self._states.items():
            assert delivery in now, f"delivery {delivery} is gone"
            after = now[delivery]
            if after != before:
                self.moves[f"{before} -> {after}"] += 1
                assert may_move(DeliveryState(before), DeliveryState(after)), f"{before} became {after}"
        self._states = now

    # --- after every step -------------------------------------------------------------------------------

    def judge_taken(self, tick: int) -> None:
        """Judge what was taken since the last look: duplicates, order, and nothing but the end after the end."""
        for incident, ended_at in self.sql("SELECT id, ended_at FROM incident"):
            if ended_at is None:
                self.ended.pop(_uuid(incident), None)  # it came back
            else:
                self.ended.setdefault(_uuid(incident), tick)
        self._remember_gone()
        if self._judged == len(self._taken):
            return
        rows = self._rows()
        maybe = self._maybes(rows)
        fresh = range(self._judged, len(self._taken))
        self._judged = len(self._taken)
        for i in fresh:
            self._judge_one(i, rows, maybe)

    def _remember_gone(self) -> None:
        """Which addresses a family was without, for a while at least, since an incident began."""
        incidents = [_uuid(row[0]) for row in self.sql("SELECT id FROM incident")]
        for family, doc in self.sql("SELECT id, doc FROM family"):
            people = json.loads(doc)["caregivers"]
            for caregiver in people:
                self._theirs[family, caregiver["id"]] |= _places(caregiver)
            has = {place for caregiver in people for place in _places(caregiver)}
            self._had[family] |= has
            self._gone |= {(each, family, place) for each in incidents for place in self._had[family] - has}

    def _judge_one(self, i: int, rows: dict[UUID, Row], maybe: Counter[Any]) -> None:
        new, before = self._taken[i], self._taken[:i]
        row = rows[new.message.delivery]
        here = [t for t in before if _place(t) == _place(new)]
        same = [t for t in here if _key(t, rows) == _key(new, rows)]
        # An address that somebody gave up is forgotten; given back, it is a new one, and is told the newest.
        anew = any((new.message.incident, each, _place(new)[1:]) in self._gone for each in row.families)
        why = f"{new} came again, and nothing says that it may have been had"
        assert anew or len(same) <= maybe[_key(new, rows)], why
        for other in here:
            overlap = new.claimed < other.tick  # it was in a worker's hands already when the other was taken
            apart = (
                not row.families & rows[other.message.delivery].families
            )  # what is over for one is news for another
            assert new.message.update >= other.message.update or overlap or apart, f"{new} came after {other}"
        ended = self.ended.get(new.message.incident)
        late = ended is not None and new.claimed > ended
        assert not late or row.framing in ENDS, f"{row.framing} was claimed after the end: {new}"

    def _rows(self) -> dict[UUID, Row]:
        sharing: dict[UUID, set[str]] = defaultdict(set)
        for delivery, family in self.sql("SELECT delivery_id, family_id FROM delivery_share"):
            sharing[_uuid(delivery)].add(family)
        return {
            _uuid(i): Row(framing, step, epoch, frozenset({family} | sharing[_uuid(i)]))
            for i, framing, step, epoch, family in self.sql(
                "SELECT id, framing, step, epoch, family_id FROM delivery"
            )
        }

    def _maybes(self, rows: dict[UUID, Row]) -> Counter[Any]:
        """How often what was owed for one reason may have been had without our knowing."""
        found = self.sql(
            "SELECT d.incident_id, d.update_no, a.channel, a.dest, d.epoch, d.step FROM attempt t "
            "JOIN delivery d ON d.id=t.delivery_id JOIN address a ON a.id=d.address_id "
            "WHERE t.outcome='unknown' OR t.code LIKE '%crashes'"
        )
        return Counter((_uuid(i), c, to, no, epoch, step) for i, no, c, to, epoch, step in found)

    # --- after a quiet time -----------------------------------------------------------------------------

    def next_moment(self) -> int | None:
        """When something is due next, in microseconds."""
        moments = self.sql(
            "SELECT min(m) FROM (SELECT min(look_at) AS m FROM watch UNION ALL SELECT min(due_at) FROM delivery "
            "WHERE state IN ('pending', 'unknown') UNION ALL SELECT min(lease_until) FROM delivery "
            "WHERE state='leased') AS moments"
        )
        return int(moments[0][0]) if moments[0][0] is not None else None

    def waiting(self, now: datetime) -> list[tuple[str, str]]:
        """What there is to do now, and on which lane."""
        at = _us(now)
        return [
            (str(what), str(lane))
            for what, lane in self.sql(
                "SELECT 'fan out', lane FROM fanout WHERE NOT done "
                f"UNION ALL SELECT 'plan', 'urgent' FROM watch WHERE look_at <= {at} "
                f"UNION ALL SELECT 'claim', lane FROM delivery WHERE state='pending' AND due_at <= {at} "
                f"UNION ALL SELECT 'sweep', '' FROM delivery WHERE state='unknown' AND due_at <= {at} "
                f"UNION ALL SELECT 'sweep', '' FROM delivery WHERE state='leased' AND lease_until < {at}"
            )
        ]

    def judge_rest(self, now: datetime) -> None:
        """Nobody is forgotten: everybody touched has heard the newest, everybody told has heard of the end."""
        stuck = self.sql(
            "SELECT id, state, due_at, lease_until FROM delivery WHERE state IN ('leased', 'unknown', 'pending') "
            f"AND planned_at < {_us(now) - 120_000_000} "
        )
        assert not stuck, f"for ever under way: {stuck}"
        assert not self.sql("SELECT id FROM fanout WHERE NOT done"), "a cursor stays open"
        lost = self.sql("SELECT family_id, told, owed FROM watch WHERE look_at IS NULL AND rest IS NULL")
        assert not lost, f"watches that nobody will look at: {lost}"
        rows = self._rows()
        families = [json.loads(doc) for (doc,) in self.sql("SELECT doc FROM family ORDER BY id")]
        for number, incident, scope, ended in self.sql("SELECT number, id, scope, ended_at FROM incident"):
            services = {reach["service"] for reach in json.loads(scope)["reaches"]}
            touched = [f for f in families if services & set(f["services"])] if ended is None else []
            concerned = {place for family in touched for c in family["caregivers"] for place in _places(c)}
            for family in families:
                what = f"incident {number}, {family['id']}"
                if family in touched:
                    self._judge_watch(what, incident, family, now)
                for caregiver in family["caregivers"]:
                    places = _places(caregiver)
                    got = [t for t in self._taken if _place(t) in {(_uuid(incident), *place) for place in places}]
                    who = f"{what}, {caregiver['id']}"
                    if family in touched and any(self._usable(*place) for place in places):
                        all_ = [t for t in self._taken if family["id"] in rows[t.message.delivery].families]
                        spoken = any(t.message.incident == _uuid(incident) for t in all_)
                        self._judge_newest(who, incident, got, heard=spoken)
                    elif not places & concerned:
                        mine = [t for t in got if family["id"] in rows[t.message.delivery].families]
                        kept = [
                            t for t in mine if (_uuid(incident), family["id"], _place(t)[1:]) not in self._gone
                        ]
                        if not self._tried_again(incident, family["id"]):
                            ever = {(_uuid(incident), *p) for p in self._theirs[family["id"], caregiver["id"]]}
                            told = [t for t in self._taken if _place(t) in ever]
                            heard = [t for t in told if family["id"] in rows[t.message.delivery].families]
                            self._judge_end(who, kept, heard, rows)

    def _judge_watch(self, what: str, incident: Any, family: Any, now: datetime) -> None:
        """A touched family has a watch; it rests only where nobody can be told, or nobody any more today."""
        watches = self.sql(f"SELECT rest FROM watch WHERE incident_id='{incident}' AND family_id='{family['id']}'")
        assert watches, f"{what}: touched, and nobody watches"
        rest = watches[0][0]
        places = {place for c in family["caregivers"] for place in _places(c)}
        channels = {channel for channel, to in places if self._usable(channel, to)}
        true = rest is None or (rest == "no_address" and not channels)
        if rest == "capped" and channels == {"sms"}:
            true = any(self._held(incident, _places(c), now) >= SMS_PER_DAY for c in family["caregivers"])
        assert true, f"{what}: rests as {rest}: not true"

    def _held(self, incident: Any, places: set[tuple[str, str]], now: datetime) -> int:
        """Holdings by SMS that a person got within a day."""
        numbers = ", ".join(f"'{to}'" for channel, to in places if channel == "sms") or "''"
        return int(
            self.sql(
                "SELECT count(*) FROM delivery JOIN address ON address.id = delivery.address_id "
                f"WHERE incident_id='{incident}' AND framing='holding' AND delivery.channel='sms' "
                f"AND dest IN ({numbers}) AND accepted_at > {_us(now) - 86_400_000_000}"
            )[0][0]
        )

    def _judge_newest(self, who: str, incident: Any, got: list[Taken], *, heard: bool) -> None:
        """Who is touched has heard the newest from a human that concerns them; something, where all was taken back.

        But for those of whose family somebody has `heard`: they are told at the family's own time (R2).

        A correction concerns whom it puts right: who never had the wrong words hears of it in their own time.
        """
        said = {
            number: (kind, about)
            for number, kind, about in self.sql(
                "SELECT number, kind, references_update FROM incident_update WHERE notify "
                f"AND (human_number IS NOT NULL OR kind='recall') AND incident_id='{incident}' ORDER BY number"
            )
        }
        recalled = {about: number for number, (kind, about) in said.items() if kind == "recall"}
        had = [t.message.update for t in got]
        void: set[int] = set()
        newest = 0 if heard and 1 in recalled else 1
        for number, (kind, about) in reversed(said.items()):
            wrong = list(_put_right(number, said))
            concerns = not wrong or any(w <= u < min(number, recalled.get(w, number)) for w in wrong for u in had)
            if kind != "recall" and number not in void and concerns:
                newest = number
                break
            if about is not None:  # what had put something right takes that with it
                void.add(about)
        told = max((t.message.update for t in got), default=0)
        assert told >= newest, f"{who}: was told {told}, and the newest is {newest}"

    def _judge_end(self, who: str, kept: list[Taken], heard: list[Taken], rows: dict[UUID, Row]) -> None:
        """Who was told has heard that it is over, unless every address they were told at was refused or gone.

        `heard`: also at an address that they have given up since.
        """
        if any(self._usable(t.channel, t.message.to) for t in kept):
            last = max(t.message.update for t in kept)
            ends = [t.message.update for t in heard if rows[t.message.delivery].framing in ENDS]
            assert last <= max(ends, default=0), (
                f"{who}: told {last}, but not that it is over; of the end they heard {ends}"
            )

    def _tried_again(self, incident: Any, family: str) -> bool:
        """Whether our own fault stopped their end, and a time is set to try it again: ever later, for 50 hours."""
        ends = ", ".join(f"'{end}'" for end in sorted(ENDS))
        return bool(
            self.sql(
                "SELECT 1 FROM watch w JOIN delivery d ON d.incident_id=w.incident_id AND d.family_id=w.family_id "
                f"WHERE w.incident_id='{incident}' AND w.family_id='{family}' AND w.look_at IS NOT NULL "
                f"AND d.state='parked' AND d.framing IN ({ends})"
            )
        )

    def _usable(self, channel: str, to: str) -> bool:
        return bool(
            self.sql(
                "SELECT 1 FROM address WHERE verified AND suspended_at IS NULL AND opted_out_at IS NULL "
                f"AND channel='{channel}' AND dest='{to}'"
            )
        )


def _put_right(number: int, said: dict[int, tuple[str, int | None]]) -> Iterator[int]:
    """What a correction puts right, and what that had put right."""
    kind, about = said[number]
    while kind == "correction" and about in said:
        yield about
        kind, about = said[about]


def _places(caregiver: Any) -> set[tuple[str, str]]:
    return {(address["channel"], address["to"]) for address in caregiver["addresses"]}


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _place(taken: Taken) -> tuple[UUID, str, str]:
    return taken.message.incident, taken.channel, taken.message.to


def _key(taken: Taken, rows: dict[UUID, Row]) -> tuple[Any, ...]:
    row = rows[taken.message.delivery]
    return (*_place(taken), taken.message.update, row.epoch, row.step)
