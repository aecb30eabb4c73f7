"""A caregiver chooses on our own page how they are told: when, and which addresses they stopped there."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """So far nobody chose anything here, and who is opted out said STOP to a provider."""
    op.add_column("family", sa.Column("chosen_at", sa.BigInteger(), nullable=True))
    no = sa.text("false")
    op.add_column("address", sa.Column("opted_out_here", sa.Boolean(), nullable=False, server_default=no))
