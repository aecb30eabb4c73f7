"""A page names the message that its state is about: what a provider says later is about one of perhaps several."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of what was sent before this is not known; a provider's word on any try of it counts."""
    op.add_column("page", sa.Column("provider_id", sa.Text(), nullable=True))
