"""Events are found by what fires, and what was ignored by when that was."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both indexes."""
    op.create_index(op.f("ix_outage_event_source_alert"), "outage_event", ["source", "alert"], unique=False)
    op.create_index(
        "ix_act_ignored",
        "act",
        ["at"],
        unique=False,
        postgresql_where=sa.text("what = 'ignored event'"),
        sqlite_where=sa.text("what = 'ignored event'"),
    )
