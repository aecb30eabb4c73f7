"""Words that were written from an address that nobody has any more, and that was kept as it had opted out."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """They should have gone with the family. What no person has dealt with yet goes with `inbox done`."""
    op.execute(
        "UPDATE reply SET text = NULL, said = NULL WHERE (text IS NULL OR done_at IS NOT NULL) "
        "AND NOT EXISTS (SELECT 1 FROM family_address f WHERE f.address_id = reply.address_id) "
        "AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.address_id = reply.address_id "
        "AND r.text IS NOT NULL AND r.done_at IS NULL)"
    )
