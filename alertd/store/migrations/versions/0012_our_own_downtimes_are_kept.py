"""Stretches in which no sweep ran are kept: who hears late for that reason is told so, and the ledger names it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of what was before this nothing is known."""
    op.create_table(
        "downtime",
        sa.Column("machine_at", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("machine_at", name=op.f("pk_downtime")),
    )
    op.create_index(op.f("ix_downtime_ended_at"), "downtime", ["ended_at"])
