"""A key's events may be bound to sources."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keys that are there go on speaking as any source."""
    op.add_column("api_key", sa.Column("sources", sa.Text(), nullable=False, server_default="[]"))
