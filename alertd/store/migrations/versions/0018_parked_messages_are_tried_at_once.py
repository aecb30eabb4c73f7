"""A person has mended what parked an incident's messages: they are tried again at once, not after their rest."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has said so yet; parts of the version before go on without it."""
    op.add_column("incident", sa.Column("retried_at", sa.BigInteger(), nullable=True))
