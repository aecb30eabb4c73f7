"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _key() -> TypeEngine[str]:
    """Family ids compare byte by byte in both databases."""
    text = sa.String().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    return text.with_variant(sqlite.TEXT(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "act",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
    )
    op.create_index(op.f("ix_act_incident_id_at"), "act", ["incident_id", "at"], unique=False)
    op.create_table(
        "address",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("dest", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.Column("suspended_code", sa.String(length=64), nullable=True),
        sa.Column("opted_out_at", sa.BigInteger(), nullable=True),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("notable", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
        sa.UniqueConstraint("channel", "dest", name=op.f("uq_address_channel_dest")),
    )
    op.create_index(
        "ix_address_notable",
        "address",
        ["id"],
        unique=False,
        postgresql_where=sa.text("notable"),
        sqlite_where=sa.text("notable"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_delivery_id"), "attempt", ["delivery_id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("update_no", sa.Integer(), nullable=False),
        sa.Column("family_id", _key(), nullable=False),
        sa.Column("caregiver", sa.Text(), nullable=False),
        sa.Column("address_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.SmallInteger(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("framing", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("loud", sa.Boolean(), nullable=False),
        sa.Column("in_quiet", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("next_by", sa.BigInteger(), nullable=True),
        sa.Column("stale_after", sa.BigInteger(), nullable=True),
        sa.Column("loud_until", sa.BigInteger(), nullable=True),
        sa.Column("reader", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("maybe", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("crashes", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_accepted",
        "delivery",
        ["incident_id", "accepted_at"],
        unique=False,
        postgresql_where=sa.text("accepted_at IS NOT NULL"),
        sqlite_where=sa.text("accepted_at IS NOT NULL"),
    )
    op.create_index("ix_delivery_family", "delivery", ["incident_id", "family_id"], unique=False)
    op.create_index(
        "ix_delivery_leased",
        "delivery",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'leased'"),
        sqlite_where=sa.text("state = 'leased'"),
    )
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["lane", "channel", "priority", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_delivery_unknown",
        "delivery",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'unknown'"),
        sqlite_where=sa.text("state = 'unknown'"),
    )
    op.create_index(
        "uq_delivery_owed",
        "delivery",
        ["incident_id", "update_no", "address_id", "epoch", "step"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('superseded', 'cancelled', 'expired', 'parked')"),
        sqlite_where=sa.text("state NOT IN ('superseded', 'cancelled', 'expired', 'parked')"),
    )
    op.create_table(
        "delivery_share",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", _key(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "family_id", name=op.f("pk_delivery_share")),
    )
    op.create_index(
        op.f("ix_delivery_share_incident_id_family_id"),
        "delivery_share",
        ["incident_id", "family_id"],
        unique=False,
    )
    op.create_table(
        "family",
        sa.Column("id", _key(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family")),
    )
    op.create_table(
        "family_address",
        sa.Column("family_id", _key(), nullable=False),
        sa.Column("address_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("family_id", "address_id", name=op.f("pk_family_address")),
    )
    op.create_index(op.f("ix_family_address_address_id"), "family_address", ["address_id"], unique=False)
    op.create_table(
        "family_service",
        sa.Column("service", sa.String(length=128), nullable=False),
        sa.Column("family_id", _key(), nullable=False),
        sa.Column("region", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("service", "family_id", name=op.f("pk_family_service")),
    )
    op.create_index(op.f("ix_family_service_family_id"), "family_service", ["family_id"], unique=False)
    op.create_table(
        "fanout",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("update_no", sa.Integer(), nullable=False),
        sa.Column("position", _key(), nullable=False),
        sa.Column("slices", sa.Integer(), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("scope", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fanout")),
    )
    op.create_index(
        "ix_fanout_todo",
        "fanout",
        ["opened_at"],
        unique=False,
        postgresql_where=sa.text("NOT done"),
        sqlite_where=sa.text("NOT done"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("who", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("epoch", sa.SmallInteger(), nullable=False),
        sa.Column("policy", sa.String(length=128), nullable=False),
        sa.Column("policy_snapshot", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("number", name=op.f("uq_incident_number")),
    )
    op.create_index(
        "ix_incident_open",
        "incident",
        ["number"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "outage_event",
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("id", sa.String(length=256), nullable=False),
        sa.Column("alert", sa.String(length=256), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_outage_event")),
    )
    op.create_index(op.f("ix_outage_event_incident_id"), "outage_event", ["incident_id"], unique=False)
    op.create_table(
        "story_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("story_at", sa.BigInteger(), nullable=False),
        sa.Column("machine_at", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_clock")),
    )
    op.create_table(
        "watch",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", _key(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("next_by", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("owed", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.SmallInteger(), nullable=False),
        sa.Column("waiting", sa.Text(), nullable=False),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.Column("rest", sa.String(length=16), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "family_id", name=op.f("pk_watch")),
    )
    op.create_index(
        "ix_watch_family",
        "watch",
        ["family_id"],
        unique=False,
        postgresql_where=sa.text("rest IS DISTINCT FROM 'closed'"),
        sqlite_where=sa.text("rest IS NOT 'closed'"),
    )
    op.create_index(
        "ix_watch_look_at",
        "watch",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("look_at IS NOT NULL"),
        sqlite_where=sa.text("look_at IS NOT NULL"),
    )
    op.create_table(
        "incident_update",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("promise", sa.BigInteger(), nullable=True),
        sa.Column("notify", sa.Boolean(), nullable=False),
        sa.Column("human_number", sa.Integer(), nullable=True),
        sa.Column("references_update", sa.Integer(), nullable=True),
        sa.Column("closes_promise", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_update_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "number", name=op.f("pk_incident_update")),
    )


def downgrade() -> None:
    """There is nothing before this."""
    raise RuntimeError("the first schema cannot be taken back; restore a backup instead")
