"""Several cursors carry one update, each to a part of the families."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the end of a cursor's part; open cursors have none, and go on to the last family."""
    text = sa.String().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    op.add_column("fanout", sa.Column("until", text.with_variant(sqlite.TEXT(), "sqlite"), nullable=True))
    op.create_index(op.f("ix_fanout_incident_id_update_no"), "fanout", ["incident_id", "update_no"], unique=False)
