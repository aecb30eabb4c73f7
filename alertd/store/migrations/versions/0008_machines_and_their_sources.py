"""A key's events may be bound to sources, and an event knows when its alert was last named as ignored."""

import sqlalchemy as sa
from alembic import op

from alertd.store.types import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keys that are there go on speaking as any source; alerts that are ignored now are named once more."""
    op.add_column("api_key", sa.Column("sources", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("outage_event", sa.Column("named_at", Instant(), nullable=True))
