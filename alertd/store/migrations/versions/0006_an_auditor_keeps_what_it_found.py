"""The auditor's newest answer is kept, and what the cluster counts."""

import sqlalchemy as sa
from alembic import op

from alertd.store.types import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was audited or counted before."""
    op.create_table(
        "counter",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "audit",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("passed_at", Instant(), nullable=True),
        sa.Column("pinged_at", Instant(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit")),
    )
    op.create_table(
        "census",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_census")),
    )
