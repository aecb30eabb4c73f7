"""What families write back is kept."""

import sqlalchemy as sa
from alembic import op

from alertd.store.types import Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of what was written before this nothing is known."""
    op.create_table(
        "reply",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("address_id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("machine_at", Instant(), nullable=False),
        sa.Column("meaning", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_reply_provider_id")),
    )
    op.create_index("ix_reply_address_id_machine_at", "reply", ["address_id", "machine_at"])
    inbox, waiting = sa.text("text IS NOT NULL"), sa.text("text IS NOT NULL AND done_at IS NULL")
    op.create_index("ix_reply_inbox", "reply", ["at"], postgresql_where=inbox, sqlite_where=inbox)
    op.create_index("ix_reply_waiting", "reply", ["at"], postgresql_where=waiting, sqlite_where=waiting)
