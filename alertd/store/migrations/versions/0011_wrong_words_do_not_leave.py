"""An incident knows which of its updates stand: what was corrected, and has not left, does not leave any more."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of incidents that are there everything may leave, as before."""
    op.add_column("incident", sa.Column("stands_from", sa.Integer(), nullable=False, server_default="0"))
