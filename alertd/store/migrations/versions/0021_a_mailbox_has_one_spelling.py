"""Mailboxes are known in lower case: in two spellings one was two addresses, and an opt-out held for one of them.

Rows of one mailbox become one, as strict as the strictest of them. What families wrote keeps its spelling until
their next import; what a version before writes meanwhile in another spelling is an address of its own until then.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_AT_ONCE = 500

_address = sa.table(
    "address",
    sa.column("id", sa.Uuid()),
    sa.column("channel", sa.String()),
    sa.column("dest", sa.Text()),
    sa.column("verified", sa.Boolean()),
    sa.column("suspended_at", sa.BigInteger()),
    sa.column("suspended_code", sa.String()),
    sa.column("opted_out_at", sa.BigInteger()),
    sa.column("opted_out_here", sa.Boolean()),
    sa.column("shared", sa.Boolean()),
    sa.column("notable", sa.Boolean()),
)
_family = sa.table("family", sa.column("id", sa.String()), sa.column("doc", sa.Text()))
_link = sa.table("family_address", sa.column("family_id", sa.String()), sa.column("address_id", sa.Uuid()))
_reply = sa.table("reply", sa.column("address_id", sa.Uuid()))

_MOVE = """
UPDATE delivery SET address_id = (SELECT m.kept FROM one_mailbox m WHERE m.gone = delivery.address_id)
WHERE address_id IN (SELECT gone FROM one_mailbox)
AND (state IN ('superseded', 'cancelled', 'expired', 'parked') OR NOT EXISTS (
    SELECT 1 FROM delivery o JOIN one_mailbox m ON m.gone = delivery.address_id
    WHERE o.incident_id = delivery.incident_id AND o.update_no = delivery.update_no
    AND o.epoch = delivery.epoch AND o.step = delivery.step AND o.id <> delivery.id
    AND o.state NOT IN ('superseded', 'cancelled', 'expired', 'parked')
    AND (o.address_id = m.kept OR (o.id < delivery.id
        AND o.address_id IN (SELECT n.gone FROM one_mailbox n WHERE n.kept = m.kept)))))
"""
"""Not what two spellings were sent alike: by `uq_delivery_owed`, nobody is owed it twice."""

_END = (
    "UPDATE delivery SET state = 'superseded', reader = NULL "
    "WHERE state = 'pending' AND address_id IN (SELECT gone FROM one_mailbox)"
)


def upgrade() -> None:
    """Most installations have a handful of such mailboxes, or none: others' rows are only read."""
    bind = op.get_bind()
    merged: dict[UUID, UUID] = {}
    for name, rows in sorted(_mailboxes(bind).items()):
        kept = next((row for row in rows if row.dest == name), rows[0])
        gone = [row.id for row in rows if row.id != kept.id]
        merged.update(dict.fromkeys(gone, kept.id))
        for each in gone:
            _hand_over(bind, each, kept.id)
        bind.execute(sa.delete(_address).where(_address.c.id.in_(gone)))
        bind.execute(sa.update(_address).where(_address.c.id == kept.id).values(_one(bind, name, kept.id, rows)))
    _keep(merged)


def _mailboxes(bind: sa.Connection) -> Mapping[str, Sequence[sa.Row[Any]]]:
    """By its lower-case name all rows of each mailbox that is written otherwise, the plain one last."""
    mail = sa.select(_address).where(_address.c.channel == "email").order_by(_address.c.id)
    found: dict[str, list[sa.Row[Any]]] = {}
    for row in bind.execute(mail.where(_address.c.dest != sa.func.lower(_address.c.dest))):
        found.setdefault(row.dest.lower(), []).append(row)
    names = sorted(found)
    for start in range(0, len(names), _AT_ONCE):
        for row in bind.execute(mail.where(_address.c.dest.in_(names[start : start + _AT_ONCE]))):
            found[row.dest].append(row)
    return found


def _hand_over(bind: sa.Connection, gone: UUID, kept: UUID) -> None:
    """Whoever had the one has the other; a document names an address by its id."""
    users = sa.select(_link.c.family_id).where(_link.c.address_id == gone)
    bind.execute(
        sa.update(_family)
        .where(_family.c.id.in_(users))
        .values(doc=sa.func.replace(_family.c.doc, str(gone), str(kept)))
    )
    also = _link.alias()
    bind.execute(
        sa.delete(_link).where(
            _link.c.address_id == gone,
            sa.exists().where(also.c.family_id == _link.c.family_id, also.c.address_id == kept),
        )
    )
    bind.execute(sa.update(_link).where(_link.c.address_id == gone).values(address_id=kept))
    bind.execute(sa.update(_reply).where(_reply.c.address_id == gone).values(address_id=kept))


def _one(bind: sa.Connection, name: str, kept: UUID, rows: Sequence[sa.Row[Any]]) -> dict[str, Any]:
    stopped = [row for row in rows if row.opted_out_at is not None]
    suspended = min((r for r in rows if r.suspended_at is not None), key=lambda r: r.suspended_at, default=None)
    verified = any(row.verified for row in rows)
    uses = bind.scalar(sa.select(sa.func.count()).select_from(_link).where(_link.c.address_id == kept)) or 0
    return {
        "dest": name,
        "verified": verified,
        "opted_out_at": min((row.opted_out_at for row in stopped), default=None),
        # By STOP or a mail program in one of them: then it is not to be taken back on our own page.
        "opted_out_here": bool(stopped) and all(row.opted_out_here for row in stopped),
        "suspended_at": suspended.suspended_at if suspended is not None else None,
        "suspended_code": suspended.suspended_code if suspended is not None else None,
        "shared": uses > 1,
        "notable": uses > 1 or not verified or bool(stopped) or suspended is not None,
    }


def _keep(merged: Mapping[UUID, UUID]) -> None:
    """Links in e-mails that were sent go on naming what is gone.

    Deliveries name what is kept: all are changed at once, as no index leads to them.
    """
    made = op.create_table(
        "one_mailbox",
        sa.Column("gone", sa.Uuid(), nullable=False),
        sa.Column("kept", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("gone", name=op.f("pk_one_mailbox")),
    )
    if merged:
        op.bulk_insert(made, [{"gone": gone, "kept": kept} for gone, kept in merged.items()])
        op.execute(_MOVE)
        op.execute(_END)
