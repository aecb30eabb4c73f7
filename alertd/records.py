"""What passes between use cases and the store: rows as they are planned, claimed and finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from alertd.domain.breaker import BreakerState
from alertd.domain.delivery import DeliveryState, Framing, Owed, Reader, Reason, Telling
from alertd.domain.family import AddressId, AddressStatus, Family, FamilyId
from alertd.domain.incident import IncidentId, Scope
from alertd.domain.paging import Paged, PageKey
from alertd.domain.receipt import Standing
from alertd.domain.watch import Answer, LadderState, Rest, Watch

ASKS_FOR_MORE = "asks for more"
"""Why an event is told to responders that joined an incident and asked of it what its source may not do."""

ACK, IGNORED_EVENT, TOLD_BY_PHONE, POLICY = "ack", "ignored event", "told by phone", "policy"
"""Acts that are read again: an acknowledgement, what a machine told in vain, and whom a person of ours rang up."""

RETRY = "retry"
"""A person says that what our own fault had stopped is mended."""

OPT_OUT, OPT_IN = "opt out", "opt in"
"""Acts of whoever reads at an address: no more there, or again."""

UNSUSPEND = "unsuspend"
"""A person says that addresses which a provider had refused may be used again."""

SIGNATURE = 64
"""Characters that an act has for who did it."""


@dataclass(slots=True)
class Planned:
    """A delivery about to be written."""

    id: UUID
    owed: Owed
    priority: int  # hand-over order: 0 first notices, raises, reopenings; 1 ends; 2 news; 3 holdings
    lane: str
    leased: bool = False  # born in the planner's own hands, who sends it after the commit


@dataclass(slots=True)
class PlannedWatch:
    """A watch as a plan leaves it; `version` is the one it was planned from, None for a new watch."""

    family: FamilyId
    touched_at: datetime
    next_by: datetime
    owed: int
    epoch: int
    waiting: tuple[str, ...]
    look_at: datetime | None
    rest: Rest | None
    version: int | None
    supersede: bool  # older pending deliveries are to be superseded, on the addresses that are owed a newer one
    cancel: bool  # whatever is pending is no longer owed, but for an end of this very number
    ladder: LadderState | None = None
    step: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to hand deliveries over until a moment of machine time."""

    token: UUID
    until: datetime


@dataclass(slots=True)
class Plan:
    """All that one slice writes, in one transaction."""

    incident: IncidentId
    scope: Scope
    at: datetime  # story time of the plan
    machine_at: datetime
    watches: list[PlannedWatch] = field(default_factory=list)
    deliveries: list[Planned] = field(default_factory=list)
    shared: frozenset[AddressId] = frozenset()
    lease: Lease | None = None  # of those that are born leased


@dataclass(slots=True)
class Candidate:
    """One family of a slice, decoded when its turn comes."""

    family: Family
    watch: Watch | None
    tellings: Sequence[Telling]
    addresses: Mapping[AddressId, AddressStatus]
    answers: Sequence[Answer] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A family of a slice whose document cannot be read; `error` is the error's name."""

    family: FamilyId
    watch: Watch | None
    error: str


@dataclass(frozen=True, slots=True)
class Fanout:
    """A cursor over the families that an update is to reach, or over a part of them: those up to `until`."""

    id: UUID
    incident: IncidentId
    update: int
    position: str
    slices: int
    lane: str
    scope: bool
    until: str | None = None  # the last family of the part; None: all that come


@dataclass(slots=True)
class Claimed:
    """A delivery in a worker's hands."""

    id: UUID
    incident: IncidentId
    update: int
    family: FamilyId
    address: AddressId
    channel: str
    framing: Framing
    loud: bool
    attempt: int
    planned_at: datetime
    next_by: datetime | None
    reader: Reader
    shared: bool
    crashes: int = 0  # ours, while it was handed over or composed
    lane: str = "bulk"  # whose part of its channel's rate it takes


@dataclass(slots=True)
class Outcome:
    """What became of one claimed delivery."""

    delivery: Claimed
    state: DeliveryState
    code: str | None = None
    provider_id: str | None = None
    accepted_at: datetime | None = None  # story time
    due_at: datetime | None = None  # machine time of the next try, or of the end of the wait
    opted_out: bool = False
    crashed: bool = False  # by a fault of our own
    final: bool = False  # nothing more will come: the reader is blanked
    held: bool = False  # its provider was not asked: the breaker is open
    rest: float = 0.0  # seconds that the connection which carried it rests: it came too fast for our account


@dataclass(frozen=True, slots=True)
class Provider:
    """How a process finds a channel's provider. Times are machine time."""

    channel: str
    state: BreakerState
    code: str  # what the provider said last when it failed, or what is wrong with our account
    failed: float  # of the tries within the breaker's window, which part failed: 0 to 1
    since: datetime  # when it began
    at: datetime  # when the process said so


@dataclass(frozen=True, slots=True)
class Lag:
    """What a provider that reports has reported nothing of lately. Times are machine time."""

    channel: str
    taken: int  # messages that it took within some minutes, long enough ago
    missing: int  # of these, the ones without any receipt
    oldest: float  # seconds since the oldest of them was taken; 0: none is missing
    since: datetime | None  # since when nearly all are missing; None: they are not
    at: datetime  # when that was counted

    @property
    def ratio(self) -> float:
        """Which part of them is missing: 0 to 1."""
        return self.missing / self.taken if self.taken else 0.0


@dataclass(frozen=True, slots=True)
class Received:
    """What a receipt has changed."""

    before: DeliveryState
    after: DeliveryState | None  # None: the delivery stays as it is, but it may have arrived
    incident: IncidentId
    family: FamilyId
    due: int = 0  # watches that are to be planned at once


@dataclass(frozen=True, slots=True)
class Parked:
    """The families that lack a message which was parked, and when the newest of those was planned."""

    families: frozenset[str]
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Lapses:
    """Leases that ran out: how many, and what was parked of it, as it had crashed too often."""

    expired: int
    parked: tuple[tuple[IncidentId, str, str], ...] = ()  # (incident, family, channel)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, for the sweeper and /readyz; ages in machine seconds, None = nothing waits."""

    pending: Mapping[tuple[str, str], float]  # (lane, channel) -> age of the oldest due delivery
    fanouts: Mapping[str, float]  # lane -> time since the update that stands still longest moved
    watches: timedelta | None  # story time since the oldest due watch was due

    def deliveries(self) -> dict[str, float]:
        """The age of the oldest due delivery of each lane, whatever its channel."""
        oldest: dict[str, float] = {}
        for (lane, _), age in self.pending.items():
            oldest[lane] = max(age, oldest.get(lane, 0.0))
        return oldest


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery for people to look at; the address is masked."""

    id: UUID
    update: int
    family: FamilyId
    caregiver: str
    channel: str
    to: str
    framing: Framing
    reason: Reason
    loud: bool
    state: DeliveryState
    attempts: int
    planned_at: datetime
    next_by: datetime | None
    accepted_at: datetime | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Try:
    """One hand-over that the provider did not simply take, or what it said later."""

    number: int
    at: datetime
    outcome: str
    code: str | None


@dataclass(frozen=True, slots=True)
class DeliveryStory:
    """One delivery, of which incident it is, and its tries, oldest first."""

    incident: int  # its number; 0: somebody tried a channel
    delivery: DeliveryRow
    tries: tuple[Try, ...]
    provider_id: str | None
    maybe: bool  # an earlier try may have arrived
    next_try: datetime | None  # machine time: when it is due, or taken from whoever has it; None: it is over
    serves: tuple[FamilyId, ...]  # further families that have the address, and are told with it


@dataclass(frozen=True, slots=True)
class Followed:
    """A message that went, or may yet go, to another address of a family after a try had failed."""

    caregiver: str
    channel: str
    state: DeliveryState  # one of those that have failed in no way
    update: int  # the first one that it was about


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A try that failed for good, and what the family was sent elsewhere since (that update, or a later one)."""

    at: datetime
    family: FamilyId
    caregiver: str
    channel: str
    update: int
    outcome: str  # refused, parked, undelivered
    code: str | None
    opted_out: bool  # who has the address said stop
    followed: tuple[Followed, ...] = ()
    taken: bool = False  # the provider had taken it, and gave it up later


@dataclass(frozen=True, slots=True)
class AddressState:
    """Why an address is not used."""

    suspended_at: datetime | None
    suspended_code: str | None  # the provider's
    opted_out_at: datetime | None


@dataclass(frozen=True, slots=True)
class Floor:
    """The channels of which a family that uses one of these services needs one that works."""

    services: tuple[str, ...]
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A family in a list, with the channels over which somebody in it can be told; none: nobody can."""

    family: FamilyId
    over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the telling of an incident has come."""

    families: int
    heard: int
    resting: Mapping[str, int]  # rest -> families
    deliveries: Mapping[str, Mapping[str, int]]  # channel -> state -> number
    next_by: datetime | None  # the earliest deadline of any family
    newest_told: int  # families told the newest update


@dataclass(frozen=True, slots=True)
class Left:
    """How far an update has come, for who would take it back."""

    families: int  # that have it, or may have
    gone: Mapping[str, int]  # channel -> messages that have left, or may have
    waiting: Mapping[str, int]  # channel -> messages that have not


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link in a message is about."""

    delivery: UUID
    incident: IncidentId
    epoch: int
    address: AddressId
    families: tuple[FamilyId, ...]  # the one that it was for first; more where the address is shared


@dataclass(frozen=True, slots=True)
class AddressUse:
    """An address, and whose it is."""

    channel: str
    opted_out: bool
    families: tuple[FamilyId, ...]  # in order; none where all of them are gone


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A family whose ladder has come to its end without an answer."""

    family: FamilyId
    step: int  # the last one, from 1
    heard_at: datetime | None
    next_by: datetime | None  # they hear again all the same; None: by no message, and no call named a time


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom an incident has reached; the two lists may be cut, `ladders` counts all."""

    families: int
    heard: int
    ladders: Mapping[LadderState, int]
    unreachable: tuple[Unanswered, ...]  # nothing loud was accepted
    unanswered: tuple[Unanswered, ...]  # accepted, and nobody answered
    untellable: tuple[Unanswered, ...] = ()  # there is no way to tell them: no address, or all opted out


@dataclass(frozen=True, slots=True)
class Notices:
    """How soon the families of an incident first heard of it."""

    families: int  # that it touches, or has touched
    told: int
    in_time: int
    slept: int  # told later, as nobody could be told before
    longest: timedelta | None  # until the last one of the others was told

    @property
    def late(self) -> int:
        """Told too late, whatever for."""
        return self.told - self.in_time - self.slept


@dataclass(frozen=True, slots=True)
class Silences:
    """How long families went without hearing anything new."""

    longest: timedelta | None  # by day; None: nobody has heard twice
    longest_at_night: timedelta | None  # where nobody could be told, as they had been told before
    late: int  # families that heard later than they had been told, by more than ten seconds
    latest: timedelta | None  # by how much, at most


@dataclass(frozen=True, slots=True)
class TakenEvent:
    """An outage event as it is kept, unchanged for ever."""

    source: str
    id: str
    alert: str
    status: str  # firing, resolved
    digest: bytes
    body: str
    at: datetime
    incident_id: UUID | None


@dataclass(frozen=True, slots=True)
class LastWord:
    """The newest telling of an alert, and the incident that it belongs to; None: it was told in vain."""

    id: str
    status: str
    incident_id: UUID | None

    def repeats(self, event_id: str, *, strict: bool) -> bool:
        """Whether an event of this id is this very telling.

        Not `strict`: what an alert says again after it had said otherwise is kept under its id with a suffix.
        """
        return self.id == event_id or (not strict and self.id.startswith(f"{event_id} "))

    @property
    def in_vain(self) -> bool:
        """Whether it fires, and for no incident: told again, it is judged again."""
        return self.status == "firing" and self.incident_id is None


@dataclass(frozen=True, slots=True)
class Ignored:
    """What a machine told in vain, all of one telling and one reason: responders are to hear of it once."""

    id: UUID
    at: datetime
    source: str
    reason: str  # unmapped, touches nobody, may not open, ASKS_FOR_MORE
    why: str  # of the first, with the way out
    alerts: Sequence[str]  # what fires, in the source's words; at most ten of `count`
    count: int
    told: str | None = None  # the role of the responder who has heard of it


@dataclass(frozen=True, slots=True)
class Counted:
    """So many deliveries have this channel, state and reason."""

    channel: str
    state: str
    reason: str
    deliveries: int


@dataclass(frozen=True, slots=True)
class Census:
    """The deliveries of all open incidents, counted within about a minute before `at` (machine time)."""

    at: datetime
    counted: tuple[Counted, ...] = ()
    ladders: Mapping[str, int] = field(default_factory=dict)  # families by where the ladder of their epoch stands


@dataclass(frozen=True, slots=True)
class Imported:
    """What writing families changed for others."""

    verified_for: frozenset[str]  # other families who have an address that is verified only now, or no more


@dataclass(frozen=True, slots=True)
class PageRow:
    """A nudge or page to a responder; whose address it goes to stands in the settings alone."""

    id: UUID
    incident: IncidentId
    key: PageKey
    who: str  # the role in the policy
    page: bool  # False: nudge
    update: int
    state: DeliveryState
    attempts: int
    planned_at: datetime
    accepted_at: datetime | None
    code: str | None
    provider_id: str | None = None  # the message that the state is about, once a provider took one

    @property
    def paged(self) -> Paged:
        """As the planner sees it."""
        return Paged(self.key, self.state, self.attempts)

    @property
    def standing(self) -> Standing:
        """As far as a receipt needs to know it."""
        return Standing(self.state, self.attempts, self.provider_id)


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What became of one page in hand."""

    page: PageRow
    state: DeliveryState
    code: str | None = None
    due_at: datetime | None = None  # machine time of the next try
    provider_id: str | None = None  # where it was accepted


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as stored: never the secret itself."""

    id: str
    digest: bytes
    rights: tuple[str, ...]
    note: str
    created_at: datetime
    revoked_at: datetime | None
    sources: tuple[str, ...] = ()  # as which its events may speak; none: as any


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What links are signed with; a newer one has a higher number."""

    id: int
    secret: bytes = field(repr=False)
    created_at: datetime  # machine time


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an address before a trial; `code` is the provider's, where it is suspended."""

    id: AddressId
    suspended: bool
    opted_out: bool
    code: str | None


@dataclass(frozen=True, slots=True)
class Lifted:
    """What lifting the suspensions of some addresses comes to."""

    addresses: int  # that were suspended
    opted_out: int  # ... of which so many are not used all the same
    families: frozenset[str]  # who are looked at anew, in the outages that go on


@dataclass(frozen=True, slots=True)
class TrialRow:
    """How a trial stands; the address is masked."""

    id: UUID  # of its delivery
    channel: str
    to: str
    state: DeliveryState
    attempts: int
    planned_at: datetime  # story time, like all here
    accepted_at: datetime | None
    code: str | None
    failed: tuple[tuple[int, datetime, str, str | None], ...]  # (attempt, at, outcome, code) of what failed
