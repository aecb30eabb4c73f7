"""Responders are nudged and paged."""

import sqlalchemy as sa
from alembic import op

from alertd.store.types import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Somebody owes the next update of every incident that is open now, from its opening on."""
    op.create_table(
        "responder_watch",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("look_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_responder_watch")),
    )
    op.create_index(
        "ix_responder_watch_look_at",
        "responder_watch",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("look_at IS NOT NULL"),
        sqlite_where=sa.text("look_at IS NOT NULL"),
    )
    op.execute(
        "INSERT INTO responder_watch (incident_id, look_at) "
        "SELECT id, CASE WHEN ended_at IS NULL THEN opened_at END FROM incident"
    )
    op.create_table(
        "page",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("ladder", sa.String(length=16), nullable=False),
        sa.Column("base", Instant(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("wakes", sa.Boolean(), nullable=False),
        sa.Column("update_no", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("planned_at", Instant(), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page")),
        sa.UniqueConstraint("incident_id", "ladder", "base", "step", "repeat", "subject", name="uq_page_owed"),
    )
    waiting, leased = sa.text("state IN ('pending', 'unknown')"), sa.text("state = 'leased'")
    op.create_index("ix_page_due", "page", ["due_at"], postgresql_where=waiting, sqlite_where=waiting)
    op.create_index("ix_page_leased", "page", ["lease_until"], postgresql_where=leased, sqlite_where=leased)
    op.create_table(
        "trouble",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "subject", name=op.f("pk_trouble")),
    )
