"""Responders hear that a trouble is over, and of providers that take messages and report nothing of them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is over yet, and nobody has counted receipts."""
    op.create_table(
        "trouble_over",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "subject", "since", name=op.f("pk_trouble_over")),
    )
    op.create_table(
        "receipt_lag",
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("oldest", sa.Float(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_receipt_lag")),
    )
    # A sweeper of the version before cannot read a nudge that says what is over, nor send what waits behind it.
    op.execute("UPDATE required_schema SET revision = '0017'")
