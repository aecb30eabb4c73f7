"""The schema that every part must know, so that an older one that still runs stops in time.

A migration that only adds things leaves it: parts of the version before go on until they are replaced. One that
takes something away, or after which things are written that the version before cannot read, ends with

    op.execute("UPDATE required_schema SET revision = '<its own revision>'")

and workers and sweepers that do not have that revision claim nothing more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Parts that know of this at all know this schema."""
    made = op.create_table("required_schema", sa.Column("revision", sa.String(32), nullable=False))
    op.bulk_insert(made, [{"revision": revision}])
