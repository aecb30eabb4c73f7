"""The tables. Instants are microseconds since 1970 UTC; documents are JSON text."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    exists,
    false,
    literal_column,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from alertd.store.types import Instant

# Family ids are compared byte by byte, or keyset order would differ between the two databases.
Key: TypeEngine[str] = (
    String().with_variant(postgresql.TEXT(collation="C"), "postgresql").with_variant(sqlite.TEXT(), "sqlite")
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

story_clock = Table(
    "story_clock",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("story_at", Instant, nullable=False),
    Column("machine_at", Instant, nullable=False),
    Column("rate", Float, nullable=False),
)

held_clock = Table(  # how far alertd's clock is ahead of the database's, which went back; no row: it never did
    "held_clock",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ahead_us", BigInteger, nullable=False),
    Column("since", Instant, nullable=False),  # by the database's clock
)

heartbeat = Table(  # machine time at which each part of the cluster last got something done
    "heartbeat",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("at", Instant, nullable=False),
)

provider = Table(  # how each process finds a channel's provider; no row: it has met no trouble lately
    "provider",
    metadata,
    Column("channel", String(16), nullable=False),
    Column("process", String(36), nullable=False),
    Column("state", String(16), nullable=False),  # of its breaker
    Column("code", Text, nullable=False),  # what the provider said last when it failed
    Column("failed", Float, nullable=False),  # of the tries within the breaker's window: 0 to 1
    Column("since", Instant, nullable=False),  # machine time at which it began
    Column("at", Instant, nullable=False),  # machine time at which the process said so
    PrimaryKeyConstraint("channel", "process"),
)

required_schema = Table(  # one row: the revision that every part must know
    "required_schema",
    metadata,
    Column("revision", String(32), nullable=False),
)

receipt_lag = Table(  # of channels whose provider reports: what it has reported nothing of lately, last counted
    "receipt_lag",
    metadata,
    Column("channel", String(16), nullable=False),
    Column("taken", Integer, nullable=False),  # messages that it took, long enough ago
    Column("missing", Integer, nullable=False),  # ... of which it has said nothing
    Column("oldest", Float, nullable=False),  # seconds since the oldest of those was taken; 0: none is missing
    Column("since", Instant),  # machine time since which nearly all are missing; NULL: they are not
    Column("at", Instant, nullable=False),  # machine time
    PrimaryKeyConstraint("channel"),
)

downtime = Table(  # our own: stretches in which no sweep ran, in story time
    "downtime",
    metadata,
    Column("machine_at", Instant, primary_key=True),  # of the last sweep before it
    Column("began_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
)
Index(None, downtime.c.ended_at)

counter = Table(  # what the whole cluster has counted, ever
    "counter",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

audit = Table(  # the newest answer to the auditor's question: one row
    "audit",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("at", Instant, nullable=False),  # machine time, like all three
    Column("passed_at", Instant),
    Column("pinged_at", Instant),
    Column("body", Text, nullable=False),  # JSON
)

census = Table(  # how many deliveries there were when they were last counted: one row
    "census",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("at", Instant, nullable=False),  # machine time
    Column("body", Text, nullable=False),  # JSON
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("rights", Text, nullable=False),  # JSON list
    Column("sources", Text, nullable=False, server_default="[]"),  # JSON list; empty: its events may name any
    Column("note", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

signing_key = Table(  # what the links in messages are signed with: by the newest, the first is made at first use
    "signing_key",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary(32), nullable=False),
    Column("created_at", Instant, nullable=False),
)

act = Table(  # append-only: what humans did
    "act",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", String(64), nullable=False),
    Column("what", String(64), nullable=False),
    Column("incident_id", Uuid),
    Column("detail", Text, nullable=False),  # JSON, never personal data
)
Index(None, act.c.incident_id, act.c.at)
Index(
    "ix_act_ignored",
    act.c.at,
    postgresql_where=text("what = 'ignored event'"),
    sqlite_where=text("what = 'ignored event'"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(200), nullable=False),
    Column("who", String(64), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("status", Integer, nullable=False),
    Column("response", Text, nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("who", "key"),
)

outage_event = Table(
    "outage_event",
    metadata,
    Column("source", String(128), nullable=False),
    Column("id", String(256), nullable=False),
    Column("alert", String(256), nullable=False),
    Column("status", String(16), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("incident_id", Uuid),
    Column("named_at", Instant),  # when responders were last told of its alert, which had fired in vain
    PrimaryKeyConstraint("source", "id"),
)
Index(None, outage_event.c.incident_id)
Index(None, outage_event.c.source, outage_event.c.alert)

incident = Table(
    "incident",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("opened_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("scope", Text, nullable=False),
    Column("epoch", SmallInteger, nullable=False),
    Column("policy", String(128), nullable=False),
    Column("policy_snapshot", Text, nullable=False),
    Column("ended_at", Instant),
    Column("held", Boolean, nullable=False, server_default=false()),  # opened by a machine, families not told yet
    Column("confirm_at", Instant),  # when families are told of a machine's suspicion without a human
    Column("resolve_at", Instant),  # when the word of a source that may resolve takes effect
    Column("retried_at", Instant),  # what our own fault stopped and was planned by then is mended, a person says
    Column("version", Integer, nullable=False),
    Column(
        "stands_from", Integer, nullable=False, server_default="0"
    ),  # what carries an older number may not leave
)
Index(
    "ix_incident_open",
    incident.c.number,
    postgresql_where=text("ended_at IS NULL"),
    sqlite_where=text("ended_at IS NULL"),
)

incident_update = Table(
    "incident_update",
    metadata,
    Column("incident_id", Uuid, ForeignKey("incident.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("facts", Text, nullable=False),
    Column("promise", Instant),
    Column("notify", Boolean, nullable=False),
    Column("human_number", Integer),
    Column("references_update", Integer),
    Column("closes_promise", Boolean, nullable=False),
    Column("epoch", SmallInteger, nullable=False),
    Column("source", String(128)),  # the machine that wrote it; NULL: a person, or alertd itself
    PrimaryKeyConstraint("incident_id", "number"),
)

family = Table(
    "family",
    metadata,
    Column("id", Key, primary_key=True),
    Column("updated_at", Instant, nullable=False),
    Column("doc", Text, nullable=False),
    Column("chosen_at", Instant),  # when somebody of them last chose on our own page; NULL: nobody did
)

family_service = Table(  # the index that a fan-out walks: service x region
    "family_service",
    metadata,
    Column("service", String(128), nullable=False),
    Column("family_id", Key, nullable=False),
    Column("region", String(128)),
    PrimaryKeyConstraint("service", "family_id"),
)
Index(None, family_service.c.family_id)

address = Table(
    "address",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("channel", String(16), nullable=False),
    Column("dest", Text, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("suspended_at", Instant),
    Column("suspended_code", String(64)),
    Column("opted_out_at", Instant),
    Column("opted_out_here", Boolean, nullable=False, server_default=text("false")),  # ... and not by STOP
    Column("shared", Boolean, nullable=False),
    Column("notable", Boolean, nullable=False),  # not simply usable by one family: the planner loads it
    UniqueConstraint("channel", "dest"),
)
Index("ix_address_notable", address.c.id, postgresql_where=text("notable"), sqlite_where=text("notable"))

family_address = Table(
    "family_address",
    metadata,
    Column("family_id", Key, nullable=False),
    Column("address_id", Uuid, nullable=False),
    PrimaryKeyConstraint("family_id", "address_id"),
)
Index(None, family_address.c.address_id)
UNUSED = ~exists().where(family_address.c.address_id == address.c.id)
"""No family has this address any more."""

one_mailbox = Table(  # addresses that were one mailbox in several spellings; links that were sent name those gone
    "one_mailbox",
    metadata,
    Column("gone", Uuid, primary_key=True),
    Column("kept", Uuid, nullable=False),
)

watch = Table(
    "watch",
    metadata,
    Column("incident_id", Uuid, nullable=False),
    Column("family_id", Key, nullable=False),
    Column("touched_at", Instant, nullable=False),
    Column("next_by", Instant, nullable=False),
    Column("heard_at", Instant),
    Column("told", Integer, nullable=False),
    Column("owed", Integer, nullable=False),
    Column("epoch", SmallInteger, nullable=False),
    Column("waiting", Text, nullable=False),  # JSON list of caregiver ids
    Column("look_at", Instant),
    Column("rest", String(16)),
    Column("version", Integer, nullable=False),
    Column("ladder", String(16)),  # how the escalation of this epoch stands; NULL: there is none
    Column("step", SmallInteger, nullable=False, server_default=text("0")),  # the last one that has fallen due
    PrimaryKeyConstraint("incident_id", "family_id"),
)
Index(
    "ix_watch_look_at",
    watch.c.look_at,
    postgresql_where=text("look_at IS NOT NULL"),
    sqlite_where=text("look_at IS NOT NULL"),
)
WATCH_OPEN = watch.c.rest.is_distinct_from(literal_column("'closed'"))
"""The condition of `ix_watch_family`. Queries say it in these very words, value and all, or miss the index."""
Index(
    "ix_watch_family",
    watch.c.family_id,
    postgresql_where=text("rest IS DISTINCT FROM 'closed'"),
    sqlite_where=text("rest IS NOT 'closed'"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Column("update_no", Integer, nullable=False),
    Column("family_id", Key, nullable=False),
    Column("caregiver", Text, nullable=False),
    Column("address_id", Uuid, nullable=False),
    Column("epoch", SmallInteger, nullable=False),
    Column("step", SmallInteger, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("lane", String(8), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("framing", String(16), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("loud", Boolean, nullable=False),
    Column("in_quiet", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", Instant, nullable=False),  # machine time
    Column("lease_until", Instant),  # machine time
    Column("lease_token", Uuid),
    Column("attempts", SmallInteger, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("next_by", Instant),
    Column("stale_after", Instant),
    Column("loud_until", Instant),
    Column("reader", Text),  # JSON; blanked when final: it is personal data
    Column("provider_id", Text),
    Column("accepted_at", Instant),
    Column("code", Text),  # the provider's last word, or ours
    # An outcome is or was unknown: it may have arrived, whatever became of it since.
    Column("maybe", Boolean, nullable=False, server_default=false()),
    Column("crashes", SmallInteger, nullable=False, server_default=text("0")),  # of ours; "later" is none
    Column("tried_at", Instant),  # story time of the first try; the steps of a ladder count from it
)
_void = text("state NOT IN ('superseded', 'cancelled', 'expired', 'parked')")
Index(
    "uq_delivery_owed",
    delivery.c.incident_id,
    delivery.c.update_no,
    delivery.c.address_id,
    delivery.c.epoch,
    delivery.c.step,
    unique=True,
    postgresql_where=_void,
    sqlite_where=_void,
)
_pending = text("state = 'pending'")
Index(
    "ix_delivery_pending",
    delivery.c.lane,
    delivery.c.channel,
    delivery.c.priority,
    delivery.c.due_at,
    postgresql_where=_pending,
    sqlite_where=_pending,
)
_leased = text("state = 'leased'")
Index("ix_delivery_leased", delivery.c.lease_until, postgresql_where=_leased, sqlite_where=_leased)
_unknown = text("state = 'unknown'")
Index("ix_delivery_unknown", delivery.c.due_at, postgresql_where=_unknown, sqlite_where=_unknown)
_accepted = text("accepted_at IS NOT NULL")
Index(  # the last hand-overs, however many wait: without it a backlog hides them, and the margin with them
    "ix_delivery_accepted",
    delivery.c.incident_id,
    delivery.c.accepted_at,
    postgresql_where=_accepted,
    sqlite_where=_accepted,
)
Index("ix_delivery_family", delivery.c.incident_id, delivery.c.family_id)

delivery_share = Table(  # further families whose duty a delivery to a shared address serves
    "delivery_share",
    metadata,
    Column("delivery_id", Uuid, nullable=False),
    Column("incident_id", Uuid, nullable=False),
    Column("family_id", Key, nullable=False),
    PrimaryKeyConstraint("delivery_id", "family_id"),
)
Index(None, delivery_share.c.incident_id, delivery_share.c.family_id)

answer = Table(  # a caregiver has said "I know"; it belongs to an epoch
    "answer",
    metadata,
    Column("incident_id", Uuid, nullable=False),
    Column("family_id", Key, nullable=False),
    Column("epoch", SmallInteger, nullable=False),
    Column("caregiver", String(128), nullable=False),
    Column("delivery_id", Uuid, nullable=False),  # the message whose link was followed; by phone, the act
    Column("at", Instant, nullable=False),
    Column("told", Integer),  # by phone: the update that they were told; NULL: this told them nothing
    Column("next_by", Instant),  # ... by when they were told they hear again
    Column("who", Text),  # ... and who in the family knows since: JSON list of caregiver ids
    PrimaryKeyConstraint("incident_id", "family_id", "epoch", "caregiver"),
)

attempt = Table(  # append-only: tries that did not end in a plain acceptance
    "attempt",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("delivery_id", Uuid, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("code", Text),
    Column("provider_id", Text),
)
Index(None, attempt.c.delivery_id)

fanout = Table(
    "fanout",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Column("update_no", Integer, nullable=False),
    Column("position", Key, nullable=False),  # the last family done; before the first one at the start
    Column("until", Key),  # the last family of this cursor's part; NULL: all that come
    Column("slices", Integer, nullable=False),
    Column("lane", String(8), nullable=False),
    Column("scope", Boolean, nullable=False),  # also families without a watch
    Column("opened_at", Instant, nullable=False),  # machine time
    Column("moved_at", Instant, nullable=False),  # machine time
    Column("done", Boolean, nullable=False),
)
Index(None, fanout.c.incident_id, fanout.c.update_no)
CURSOR_OPEN = text("NOT fanout.done")
"""The condition of `ix_fanout_todo`, in its words: SQLite does not know `done = 0` for the same."""
Index("ix_fanout_todo", fanout.c.opened_at, postgresql_where=text("NOT done"), sqlite_where=text("NOT done"))

responder_watch = Table(  # our own duty, one per incident: to have somebody tell families the next update
    "responder_watch",
    metadata,
    Column("incident_id", Uuid, primary_key=True),
    Column("look_at", Instant),  # NULL: it rests, as that of every incident that has ended
)
Index(
    "ix_responder_watch_look_at",
    responder_watch.c.look_at,
    postgresql_where=text("look_at IS NOT NULL"),
    sqlite_where=text("look_at IS NOT NULL"),
)

page = Table(  # a nudge or page to one responder; no address: who it is stands in the settings
    "page",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Column("ladder", String(16), nullable=False),
    Column("base", Instant, nullable=False),  # the instant that the run of the ladder belongs to
    Column("step", SmallInteger, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("subject", String(128), nullable=False),  # of trouble, else empty
    Column("who", String(128), nullable=False),  # the role in the policy
    Column("wakes", Boolean, nullable=False),  # a page; else a nudge
    Column("update_no", Integer, nullable=False),  # the newest update when it was planned
    Column("state", String(16), nullable=False),
    Column("due_at", Instant, nullable=False),  # machine time
    Column("lease_until", Instant),  # machine time
    Column("lease_token", Uuid),
    Column("attempts", Integer, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("accepted_at", Instant),
    Column("code", Text),  # the provider's last word, or ours
    Column("provider_id", Text),  # the message that the state is about, once a provider took one
    UniqueConstraint("incident_id", "ladder", "base", "step", "repeat", "subject", name="uq_page_owed"),
)
_waiting = text("state IN ('pending', 'unknown')")
Index("ix_page_due", page.c.due_at, postgresql_where=_waiting, sqlite_where=_waiting)
Index("ix_page_leased", page.c.lease_until, postgresql_where=_leased, sqlite_where=_leased)

trouble = Table(  # what of ours keeps families from being told in an incident; responders are paged once for each
    "trouble",
    metadata,
    Column("incident_id", Uuid, nullable=False),
    Column("subject", String(128), nullable=False),  # "channel sms"
    Column("code", Text, nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("incident_id", "subject"),
)

trouble_over = Table(  # what has ended: those who were told of it hear that, too
    "trouble_over",
    metadata,
    Column("incident_id", Uuid, nullable=False),
    Column("subject", String(128), nullable=False),
    Column("since", Instant, nullable=False),  # when it began: its pages belong to that moment
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("incident_id", "subject", "since"),
)

reply = Table(  # what people wrote back; no address, and the text only of what a person is to read
    "reply",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("provider_id", String(64), nullable=False, unique=True),  # told again, it is the same reply
    Column("address_id", Uuid, nullable=False),
    Column("at", Instant, nullable=False),
    Column("machine_at", Instant, nullable=False),  # answers are rationed by real time
    Column("meaning", String(16), nullable=False),
    Column("text", Text),  # NULL: its words were understood
    Column("said", Text),  # what they were answered; NULL: nothing
    Column("done_at", Instant),  # when somebody had dealt with it
    Column("done_by", String(64)),
)
Index("ix_reply_address_id_machine_at", reply.c.address_id, reply.c.machine_at)
UNREAD = and_(reply.c.text.is_not(None), reply.c.done_at.is_(None))
"""Somebody's own words, which no person has dealt with yet."""
_inbox = text("text IS NOT NULL")
Index("ix_reply_inbox", reply.c.at, postgresql_where=_inbox, sqlite_where=_inbox)
_unread = text("text IS NOT NULL AND done_at IS NULL")
Index("ix_reply_waiting", reply.c.at, postgresql_where=_unread, sqlite_where=_unread)
