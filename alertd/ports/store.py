"""The store: every verb that a use case may say within one transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from alertd.domain.audit import Audit, Cursor, Evidence, Kept, Suspect
from alertd.domain.downtime import Downtime
from alertd.domain.family import CaregiverId, Family, FamilyId
from alertd.domain.incident import Incident, IncidentId, Scope, Update
from alertd.domain.paging import OwedPage
from alertd.domain.policy import Policy
from alertd.domain.promises import Promise, Telling
from alertd.domain.receipt import Standing
from alertd.domain.watch import Answer, Watch
from alertd.ports import Report
from alertd.records import (
    AddressState,
    Backlog,
    Candidate,
    Census,
    Claimed,
    DeliveryRow,
    FailedTry,
    Fanout,
    Floor,
    Ignored,
    Imported,
    Key,
    LastWord,
    Lease,
    Left,
    Linked,
    Listed,
    Notices,
    Outcome,
    PageOutcome,
    PageRow,
    Plan,
    Planned,
    Progress,
    Reach,
    Received,
    Silences,
    TakenEvent,
)


class Taken(Exception):
    """Another worker has it in hand, and did not let go in the time that was given."""


class Moved(Exception):
    """A row was written by somebody else between two looks at it; roll back, and do it again."""


class Rows(Protocol):
    """One open transaction."""

    async def lock_incidents(self) -> None:
        """Nobody else opens or changes an incident until this transaction ends."""

    async def lock_cursors(self, which: int | UUID) -> None:
        """Wait for the slices of an incident that are being planned; none begins until this transaction ends."""

    async def next_incident_number(self) -> int:
        """The number that people will type."""

    async def add_incident(self, new: Incident, policy: Policy) -> None:
        """Insert an incident with its updates and the policy it keeps for life."""

    async def save_incident(self, changed: Incident) -> bool:
        """Write the row of an incident; False if somebody else changed it meanwhile."""

    async def add_update(self, incident_id: IncidentId, new: Update) -> bool:
        """Insert an update; False if its number is taken (somebody else wrote it first)."""

    async def incident(self, which: int | UUID) -> Incident | None:
        """An incident by its number or id."""

    async def policy_of(self, incident_id: IncidentId) -> Policy:
        """The policy snapshot of an incident."""

    async def change_policy(self, incident_id: IncidentId, policy: Policy) -> None:
        """Put another policy in the place of an incident's snapshot."""

    async def incidents(self, *, open_only: bool, limit: int) -> Sequence[Incident]:
        """Incidents, newest first."""

    async def incident_version(self, incident_id: IncidentId) -> tuple[int, int]:
        """(version, newest update number): changes whenever anything that messages say may have changed."""

    async def overtaken(self, seen: Incident) -> bool:
        """Whether an incident has changed since it was read for a slice that is about to be written."""

    async def add_fanout(
        self,
        ids: Sequence[UUID],
        incident_id: IncidentId,
        update_no: int,
        lane: str,
        machine_at: datetime,
        *,
        scope: Scope | None,
    ) -> None:
        """Cursors, one by each of the ids, that will carry an update to every family; older ones are done with.

        `scope`: also to its families that have no watch yet. Each cursor has a part of the families to itself.
        """

    async def add_act(
        self, act_id: UUID, at: datetime, who: str, what: str, incident_id: UUID | None, detail: dict[str, object]
    ) -> None:
        """Record what a human did."""

    async def acts(self, incident_id: IncidentId) -> Sequence[tuple[datetime, str, str, str]]:
        """(at, who, what, detail as JSON) of one incident, oldest first."""

    async def event_digest(self, source: str, event_id: str) -> tuple[bytes, UUID | None] | None:
        """(digest of the body, incident) of an event already taken, else None."""

    async def add_event(
        self,
        *,
        source: str,
        event_id: str,
        alert: str,
        status: str,
        digest: bytes,
        body: str,
        at: datetime,
        incident_id: UUID | None,
    ) -> None:
        """Keep an outage event, unchanged for ever."""

    async def known_events(self, source: str, ids: Sequence[str]) -> Mapping[str, tuple[bytes, UUID | None]]:
        """Those of these events that were taken already: id -> (digest of the body, incident)."""

    async def incidents_of_alerts(self, source: str, alerts: Sequence[str]) -> Mapping[str, UUID]:
        """The incident that each of these alerts last belonged to; alerts that never had one are left out."""

    async def last_words(self, source: str, alerts: Sequence[str]) -> Mapping[str, LastWord]:
        """The newest telling of each of these alerts; of two at one instant the one that fires."""

    async def named_alerts(self, source: str, alerts: Sequence[str], since: datetime) -> set[str]:
        """Those of these alerts that were named to responders after a moment, as they had fired in vain."""

    async def name_events(self, source: str, ids: Sequence[str], at: datetime) -> None:
        """Keep that the alerts of these events are named to responders at a moment."""

    async def join_events(self, source: str, ids: Sequence[str], incident_id: IncidentId) -> None:
        """Events that were told in vain belong to an incident after all; nothing else of them ever changes."""

    async def add_events(self, events: Sequence[TakenEvent]) -> None:
        """Keep outage events, unchanged for ever."""

    async def ripe_incidents(self, now: datetime) -> Sequence[int]:
        """Numbers of open incidents that go on without a human at this moment: to be told, or resolved."""

    async def ignored_events(self, after: datetime, limit: int) -> Sequence[Ignored]:
        """What machines told in vain after a moment, oldest first; no alert twice within a day."""

    async def newest_ignored(self, limit: int, told: str) -> Sequence[Ignored]:
        """What machines told in vain, newest first; who has heard of it stands in the acts of the name `told`."""

    async def ignored_wait(self, since: datetime, told: str) -> bool:
        """Whether machines told anything in vain after a moment, and after the last act of this name."""

    async def last_act(self, what: str, since: datetime) -> datetime | None:
        """When the newest act of this name was, of those that belong to no incident; None: not after `since`."""

    async def incident_of_alert(self, source: str, alert: str) -> UUID | None:
        """The incident that an alert of a source last belonged to."""

    async def alerts_of(self, incident_id: IncidentId) -> Mapping[tuple[str, str], str]:
        """What each alert of an incident, by (source, alert), last said: firing or resolved."""

    async def family(self, family_id: FamilyId) -> Family | None:
        """One family, or None."""

    async def families_after(self, position: str, limit: int) -> Sequence[Family]:
        """Families in keyset order, for the export."""

    async def listed_families(
        self, after: str, limit: int, channels: Collection[str], lacking: Sequence[Floor] | None = None
    ) -> Sequence[Listed]:
        """The next `limit` families behind `after`, in keyset order, each with its channels that work.

        `channels`: those that have an adapter. `lacking`: only families that have nothing that works of a floor,
        where they use a service for which it holds.
        """

    async def family_updated_at(self, ids: Sequence[str]) -> Mapping[str, datetime]:
        """When each of these families, where known, was last updated by its owner; locks them."""

    async def put_families(self, families: Sequence[Family]) -> Imported | None:
        """Insert or replace families with their index rows; addresses keep their one row and its state.

        None: one of their addresses was forgotten this very moment; roll back, and take them again.
        """

    async def delete_family(self, family_id: FamilyId) -> bool:
        """Forget a family and its index rows; its addresses stay while others use them, or an opt-out must."""

    async def count_touched(self, scope: Scope) -> int:
        """How many families a scope touches."""

    async def touch_families(self, ids: Sequence[str], incident_id: IncidentId, now: datetime) -> int:
        """Make the open watches of these families due; returns how many there were."""

    async def watched_incidents(self, family_id: FamilyId) -> Sequence[IncidentId]:
        """The incidents in which a family is owed something, or may be."""

    async def rest_watches(self, incident_id: UUID, ids: Sequence[str]) -> None:
        """Look no more at the watches of families that are gone."""

    async def watched(self, ids: Sequence[str], incident_id: IncidentId) -> set[str]:
        """Which of these families have a watch in this incident."""

    async def take_fanout(self, lane: str, wait: float = 0.0) -> Fanout | None:
        """An open cursor of a lane that nobody else is moving, or None: of the update that moved the longest ago.

        `wait`: seconds to wait for whoever is moving it. Raises Taken where that takes longer.
        """

    async def move_fanout(self, cursor: Fanout, to: str | None, machine_at: datetime) -> bool:
        """Put the cursor behind `to` (None: done); False if somebody else moved it meanwhile."""

    async def slice_ids(self, cursor: Fanout, scope: Scope, limit: int) -> list[str]:
        """The next family ids behind the cursor, in keyset order."""

    async def due_watches(self, now: datetime, limit: int) -> dict[UUID, list[str]]:
        """Family ids of watches that are due, the longest due first, by incident in the order of their ids."""

    async def candidates(
        self, incident_id: IncidentId, ids: Sequence[str], *, lock: bool = True
    ) -> Iterator[Candidate]:
        """Everything about these families that `plan` may look at, decoded one at a time."""

    async def write_plan(self, plan: Plan) -> list[Planned] | None:
        """Write a slice; returns the deliveries inserted, leased to the caller where `plan.lease` is set.

        None: somebody is at one of these watches this very moment; roll back and plan again.
        """

    async def waiting(self, lane: str, machine_at: datetime) -> frozenset[str]:
        """The channels of which something on this lane is due; it locks nothing."""

    async def anything(self, lane: str, now: datetime, machine_at: datetime) -> bool:
        """Whether there is a cursor or a due delivery on this lane, or a watch that is due; it locks nothing."""

    async def claim(
        self,
        lane: str,
        now: datetime,
        machine_at: datetime,
        lease: Lease,
        limit: int,
        *,
        channel: str | None = None,
    ) -> tuple[list[Claimed], list[UUID]]:
        """Lease due deliveries, most urgent first; returns them, and the ids that may not be said any more.

        `channel`: only of this one.
        """

    async def put_back(self, deliveries: Sequence[Claimed], lease: Lease) -> None:
        """What was claimed and never tried waits as before, and has one attempt less."""

    async def give_back(self, ids: Sequence[UUID], now: datetime) -> None:
        """Hand what may not be said any more back to the planner: superseded, and its watches due."""

    async def finish(self, outcomes: Sequence[Outcome], lease: Lease, now: datetime) -> int:
        """Write what became of a batch, in one statement per table; returns how many had lost their lease."""

    async def standing(self, delivery_id: UUID, channel: str) -> Standing | None:
        """Where a delivery over this channel stands; None: there is none."""

    async def advance(self, reports: Sequence[Report]) -> list[Report]:
        """Write, for many at once, what concerns a delivery that counts as told and will: "delivered", mostly.

        Returns the words that would do more than that; nothing is done about them. What changes nothing is done.
        """

    async def take_receipt(self, report: Report, now: datetime) -> Received | None:
        """Move a delivery as the provider's word has it, with all that follows; None: it changes nothing.

        Raises Moved.
        """

    async def expire_leases(self, machine_at: datetime, wait_until: datetime, limit: int, *, now: datetime) -> int:
        """Every expired lease is `unknown`: the provider may have it; returns how many there were.

        What has crashed too often is parked, and its watches are due at `now`, in story time.
        """

    async def retry_unknown(self, machine_at: datetime, limit: int) -> int:
        """Whose wait for the provider's word is over is sent again: better twice than never."""

    async def linked(self, delivery_id: UUID) -> Linked | None:
        """What a link in a message is about: its incident, epoch and address, and all families that it serves."""

    async def lock_duties(self, incident_id: IncidentId, families: Collection[str]) -> None:
        """Nobody else plans these families in this incident until the transaction ends."""

    async def add_answers(
        self, linked: Linked, who: Sequence[tuple[FamilyId, CaregiverId]], at: datetime
    ) -> list[tuple[FamilyId, CaregiverId]]:
        """Keep that these caregivers of these families know; returns those who had not said so before."""

    async def add_call(self, incident_id: IncidentId, family_id: FamilyId, call: Answer, act_id: UUID) -> None:
        """Keep that somebody has told a family by phone, and that they have heard.

        The caller holds the watch's lock. A later call of the epoch takes the place of this one; both are acts.
        """

    async def answers(self, incident_id: IncidentId, family_id: FamilyId) -> Sequence[Answer]:
        """What caregivers of a family have answered in an incident, oldest first."""

    async def end_ladders(self, incident_id: IncidentId, families: Collection[str], now: datetime) -> None:
        """What the ladders of these families have not handed over yet is not owed any more; plan them at once."""

    async def reach(self, incident_id: IncidentId, limit: int, now: datetime) -> Reach:
        """Whom an incident has reached, and whom its ladders have not; the lists hold `limit` families each.

        Whom there is no way to tell is not listed while what they were told by phone still holds at `now`.
        """

    async def watch_of(self, incident_id: IncidentId, family_id: FamilyId) -> Watch | None:
        """The watch of a family in an incident, or None."""

    async def add_key(self, key: Key) -> None:
        """Store a key: its digest, never the secret."""

    async def key(self, key_id: str) -> Key | None:
        """A key by its public id."""

    async def keys(self) -> Sequence[Key]:
        """All keys, oldest first."""

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Refuse a key from now on; False if there is none to revoke."""

    async def answered(self, who: str, key: str) -> tuple[bytes, int, str] | None:
        """(digest of the body, status, response) of a command that was carried out before."""

    async def remember_answer(
        self, who: str, key: str, digest: bytes, status: int, response: str, at: datetime
    ) -> None:
        """Keep the answer of a command in the transaction that carried it out."""

    async def signing_key(self, at: datetime) -> bytes:
        """The 32 bytes that links are signed with, made at the first use; `at` is machine time."""

    async def known_signing_key(self) -> bytes | None:
        """The same, where one was made: without it there is no link to check."""

    async def beat(self, name: str, at: datetime) -> None:
        """A part of the cluster got something done just now, machine time."""

    async def keep_downtime(self, machine_at: datetime, found: Downtime) -> None:
        """No sweep ran from `machine_at` on, for this stretch of story time; of two finders the first counts."""

    async def downtimes(self, since: datetime, sweeper: str) -> tuple[Sequence[Downtime], datetime | None]:
        """(our own that ended at or after a moment of story time, oldest first; that heartbeat, machine time)."""

    async def heartbeats(self) -> Mapping[str, datetime]:
        """When each part of the cluster last got something done, machine time."""

    async def story_clock(self) -> tuple[datetime, datetime, float] | None:
        """(story time, machine time at that moment, rate) of the cluster, if it was ever set."""

    async def set_story_clock(self, story_at: datetime, machine_at: datetime, rate: float) -> None:
        """Set it once; a cluster's story never jumps."""

    async def move_story(self, machine_at: datetime, now: datetime) -> bool:
        """Let a story that has not begun by `now`, machine time, begin at another moment; False if it has."""

    async def backlog(self, now: datetime, machine_at: datetime) -> Backlog:
        """What waits and for how long; every query walks a partial index."""

    async def calm(self, now: datetime, machine_at: datetime) -> bool:
        """Whether nothing is due, waits or has lapsed: no message, watch, update, lease, suspicion or page."""

    async def lapsed(self, machine_at: datetime) -> bool:
        """Whether any lease has expired, or any wait for an unknown outcome is over."""

    async def late(self, incident_id: IncidentId) -> timedelta | None:
        """p95 of (accepted - planned) of the incident's last 500 hand-overs, story time; None before any."""

    async def progress(self, incident_id: IncidentId, newest: int) -> Progress:
        """How far the telling has come."""

    async def left(self, incident_id: IncidentId, number: int) -> Left:
        """How far the updates from this number on have come: what has left, or may have, and what still waits."""

    async def unheard(self, incident_id: IncidentId, limit: int) -> Sequence[tuple[str, str | None]]:
        """(family, why it rests or None) of families that heard nothing yet."""

    async def deliveries(
        self, incident_id: IncidentId | None, *, family_id: str | None, states: Sequence[str], limit: int
    ) -> Sequence[DeliveryRow]:
        """Deliveries, newest first, with masked addresses; of a family also those to an address that it shares."""

    async def by_update(self, incident_id: IncidentId) -> Sequence[tuple[int, str, str, int, datetime | None]]:
        """(update, channel, state, number, last acceptance) for the timeline."""

    async def failures(self, incident_id: IncidentId, limit: int) -> Sequence[FailedTry]:
        """Refused, parked and undelivered tries, newest first, each with the family's other messages since."""

    async def first_notices(
        self, incident_id: IncidentId, limits: Sequence[tuple[datetime, timedelta]], downtimes: Sequence[Downtime]
    ) -> Notices:
        """How soon families were first told; `limits`: what was promised for it from each moment on."""

    async def silences(
        self,
        incident_id: IncidentId,
        windows: Sequence[tuple[datetime, timedelta]],
        now: datetime,
        *,
        going_on: bool,
    ) -> Silences:
        """How long families went without hearing anything new; `windows`: by day, from each moment on."""

    async def told_by(self, incident_id: IncidentId, promise: Promise, at: datetime) -> Telling:
        """How the families that a promise concerned stood at a moment of story time, its own or an earlier one."""

    async def told_why(
        self, incident_id: IncidentId, resolution: int, postmortem: int | None, at: datetime
    ) -> Telling:
        """How those families stood at a moment of story time who had been told the end by then.

        `resolution`: the update that ended it; `postmortem`: the one that tells what happened, None: none has.
        """

    async def touched(
        self, incident_id: IncidentId, scope: Scope, late: datetime, far: datetime
    ) -> tuple[int, int, datetime | None]:
        """(families that a scope touches, how many of them are suspects, the next deadline of those not resting).

        A suspect was to hear before `late` or only after `far` (story time), or has no watch that binds us.
        """

    async def suspects(
        self, incident_id: IncidentId, scope: Scope, late: datetime, far: datetime
    ) -> Sequence[Suspect]:
        """Those that `touched` counts, in the order of their ids."""

    async def cursors(self, incident_id: IncidentId) -> tuple[Cursor, ...]:
        """The cursors of an incident that have not arrived."""

    async def evidence(
        self,
        incident_id: IncidentId,
        suspects: Sequence[Suspect],
        *,
        now: datetime,
        machine_at: datetime,
        backoff: timedelta,
        window: timedelta,
        grace: timedelta,
    ) -> Mapping[str, Evidence]:
        """What the tables say of these, some hundred at a time.

        `backoff`: the longest that a new try is put off (machine time); `window`: the longest that the family is
        not tried again after the provider gave up (story time); `grace`: what counts as now (story time).
        """

    async def keep_audit(self, answer: Audit) -> None:
        """Keep the newest audit; when one last passed, and when a ping was last taken, stay."""

    async def keep_ping(self, machine_at: datetime) -> None:
        """The dead man's switch took a ping."""

    async def last_audit(self) -> Kept | None:
        """The newest audit, if there was any."""

    async def keep_census(self, counted: Census) -> None:
        """Keep the newest census."""

    async def last_census(self) -> Census | None:
        """The newest census, if there was any."""

    async def count_slice(
        self, incident_id: IncidentId, position: str, limit: int
    ) -> tuple[Mapping[tuple[str, str, str], int], str | None]:
        """Deliveries of the next `limit` families behind `position`, by (channel, state, reason); where it ends.

        None: these were the last.
        """

    async def count_ladders(self, incident_id: IncidentId, position: str, end: str | None) -> Mapping[str, int]:
        """Families behind `position` up to `end` (None: all), by where their ladder stands."""

    async def count_pages(self) -> Mapping[tuple[str, str], int]:
        """Nudges and pages of open incidents by (nudge or page, state)."""

    async def count_open(self) -> Mapping[tuple[str, bool], int]:
        """Open incidents by (severity, whether families are not told of them yet)."""

    async def count(self, name: str, by: int = 1) -> None:
        """Add to a counter of the cluster."""

    async def counts(self) -> Mapping[str, int]:
        """Every counter that was ever counted."""

    async def address_states(self, family_id: FamilyId) -> Mapping[UUID, AddressState]:
        """Of a family's addresses those that are suspended or have opted out, by id."""

    async def touch_responders(self, incident_id: UUID, at: datetime) -> None:
        """Make an incident's own watch due at `at`, in story time, unless it is due earlier."""

    async def responders_due(self, now: datetime, machine_at: datetime) -> bool:
        """Whether any incident's own watch is due, or any page is to be sent."""

    async def take_responders(self, now: datetime) -> IncidentId | None:
        """The incident whose own watch has been due the longest and that nobody else is planning; locks it."""

    async def look_again(self, incident_id: UUID, look_at: datetime | None) -> None:
        """When an incident's own watch is due next; None: it rests. The caller holds its lock."""

    async def pages(self, incident_id: UUID) -> Sequence[PageRow]:
        """All nudges and pages of an incident, oldest first."""

    async def page(self, page_id: UUID) -> PageRow | None:
        """A nudge or page by its id."""

    async def acknowledgements(self, incident_id: UUID) -> Sequence[datetime]:
        """When responders said that they know, oldest first."""

    async def troubles(self, incident_id: UUID) -> Mapping[str, tuple[datetime, str]]:
        """What of ours keeps families from being told: subject -> (since when, the code)."""

    async def add_trouble(self, incident_id: UUID, subject: str, code: str, at: datetime) -> bool:
        """Note something of ours that keeps families from being told; False if it is known.

        Responders are paged once for each incident and subject, a few words such as "channel sms".
        """

    async def end_trouble(self, incident_id: UUID, subject: str, at: datetime) -> None:
        """It is over: pages about it that wait are taken back, and the next time is another trouble."""

    async def add_pages(
        self, incident_id: UUID, owed: Sequence[OwedPage], update_no: int, now: datetime, machine_at: datetime
    ) -> None:
        """Write what is owed; what is there already stays as it is."""

    async def cancel_pages(self, ids: Sequence[UUID]) -> None:
        """Nobody needs to read these any more; what a worker has in hand stays with it."""

    async def claim_pages(self, machine_at: datetime, lease: Lease, limit: int) -> Sequence[PageRow]:
        """Lease the pages that are to be sent, the longest due first; those of a lease that ran out go again."""

    async def finish_page(self, outcome: PageOutcome, lease: Lease, now: datetime) -> bool:
        """Write what became of a page; False if its lease was lost meanwhile, and not to the provider's own word.

        One that was not handed over makes the incident's own watch due at `now`: the next step is.
        """

    async def take_page_receipt(self, report: Report, now: datetime) -> PageRow | None:
        """Move a nudge or page as the provider's word has it; returns it as it is then, None: it changes nothing.

        What came to nothing makes the incident's own watch due at `now`: the next step is.
        """

    async def responders_unreachable(self, now: datetime) -> bool:
        """Whether some open incident has responders to page, and none of its pages could be handed over."""


class Turn(Protocol):
    """The right to plan: reads first, then one write transaction."""

    @property
    def rows(self) -> Rows:
        """Reads, and on Postgres row locks."""

    def write(self) -> AbstractAsyncContextManager[Rows]:
        """The transaction in which the plan is written."""


class Store(Protocol):
    """Opens transactions."""

    dialect: str

    def transaction(self) -> AbstractAsyncContextManager[Rows]:
        """Everything within is committed together, or nothing is."""

    def reading(self) -> AbstractAsyncContextManager[Rows]:
        """One snapshot, read only."""

    def turn(self, name: str, wait: float = 0.0) -> AbstractAsyncContextManager[Turn | None]:
        """The right to plan under this name; None while another worker has it, and kept it for `wait` seconds."""

    async def now(self) -> datetime:
        """The database's own clock."""

    async def close(self) -> None:
        """Give every connection back."""
