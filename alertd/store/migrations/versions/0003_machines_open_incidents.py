"""A machine's incident is held until somebody confirms it, and its updates name their source."""

import sqlalchemy as sa
from alembic import op

from alertd.store.types import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Incidents that are there were opened by people: they are not held, and wait for nothing."""
    op.add_column("incident", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("incident", sa.Column("confirm_at", Instant(), nullable=True))
    op.add_column("incident", sa.Column("resolve_at", Instant(), nullable=True))
    op.add_column("incident_update", sa.Column("source", sa.String(128), nullable=True))
