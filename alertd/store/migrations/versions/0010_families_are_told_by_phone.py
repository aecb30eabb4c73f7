"""An answer may be a call: what the family was told by phone, and by when they were told they hear again."""

import sqlalchemy as sa
from alembic import op

from alertd.store.types import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """All answers so far were by caregivers themselves, and told them nothing."""
    op.add_column("answer", sa.Column("told", sa.Integer(), nullable=True))
    op.add_column("answer", sa.Column("next_by", Instant(), nullable=True))
    op.add_column("answer", sa.Column("who", sa.Text(), nullable=True))
