"""Families climb ladders, and caregivers answer through signed links."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

from alertd.store.types import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Ladders of open incidents count from what was tried already; their watches are planned again at once."""
    key = (
        sa.String()
        .with_variant(postgresql.TEXT(collation="C"), "postgresql")
        .with_variant(sqlite.TEXT(), "sqlite")
    )
    op.add_column("watch", sa.Column("ladder", sa.String(16), nullable=True))
    op.add_column("watch", sa.Column("step", sa.SmallInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("delivery", sa.Column("tried_at", Instant(), nullable=True))
    op.execute("UPDATE delivery SET tried_at = coalesce(accepted_at, planned_at) WHERE attempts > 0")
    op.execute("UPDATE watch SET look_at = touched_at WHERE rest IS NULL AND look_at IS NOT NULL")
    op.create_table(
        "answer",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", key, nullable=False),
        sa.Column("epoch", sa.SmallInteger(), nullable=False),
        sa.Column("caregiver", sa.String(128), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "family_id", "epoch", "caregiver", name=op.f("pk_answer")),
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
    )
