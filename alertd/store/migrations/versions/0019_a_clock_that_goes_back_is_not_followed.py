"""The database's clock went back: alertd's own goes on, for every part alike."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """It never did; parts of the version before go on without it."""
    op.create_table(
        "held_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ahead_us", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_clock")),
    )
