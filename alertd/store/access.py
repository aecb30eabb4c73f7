"""API keys, repeated commands and heartbeats."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Executable, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from alertd.records import Key, SigningKey
from alertd.store.codec import encode
from alertd.store.revisions import KNOWN
from alertd.store.sql import Sql
from alertd.store.tables import api_key, heartbeat, idempotency, required_schema, signing_key


class AccessRows:
    """Keys, idempotency and heartbeats within one transaction."""

    sql: Sql

    async def add_key(self, key: Key) -> None:
        """Store a key: its digest, never the secret."""
        await self.sql.run(
            insert(api_key),
            {
                "id": key.id,
                "digest": key.digest,
                "rights": encode(key.rights),
                "sources": encode(key.sources),
                "note": key.note,
                "created_at": key.created_at,
                "revoked_at": None,
            },
        )

    async def key(self, key_id: str) -> Key | None:
        """A key by its public id."""
        rows = await self.sql.rows(select(api_key).where(api_key.c.id == key_id))
        return _key(rows[0]) if rows else None

    async def keys(self) -> Sequence[Key]:
        """All keys, oldest first."""
        return [_key(row) for row in await self.sql.rows(select(api_key).order_by(api_key.c.created_at))]

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Refuse a key from now on; False if there is none to revoke."""
        statement = (
            update(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None)).values(revoked_at=at)
        )
        return await self.sql.run(statement) == 1

    async def answered(self, who: str, key: str) -> tuple[bytes, int, str] | None:
        """(digest of the body, status, response) of a command that was carried out before."""
        rows = await self.sql.rows(
            select(idempotency.c.digest, idempotency.c.status, idempotency.c.response).where(
                idempotency.c.who == who, idempotency.c.key == key
            )
        )
        return (rows[0].digest, rows[0].status, rows[0].response) if rows else None

    async def remember_answer(
        self, who: str, key: str, digest: bytes, status: int, response: str, at: datetime
    ) -> None:
        """Keep the answer of a command in the transaction that carried it out."""
        await self.sql.run(
            insert(idempotency),
            {"who": who, "key": key, "digest": digest, "status": status, "response": response, "at": at},
        )

    async def signing_key(self, at: datetime) -> bytes:
        """The 32 bytes that links are signed with, made at the first use; `at` is machine time."""
        known = await self.signing_keys()
        if not known:
            await self.sql.run(self._insert_signing_key(1, at))
            known = await self.signing_keys()
        return known[0].secret

    async def signing_keys(self) -> Sequence[SigningKey]:
        """All whose links are taken, newest first: that one signs. None before the first use."""
        rows = await self.sql.rows(select(signing_key).order_by(signing_key.c.id.desc()))
        return [SigningKey(row.id, bytes(row.secret), row.created_at) for row in rows]

    async def rotate_signing_key(self, at: datetime) -> None:
        """Sign with another one from now on; of two who do so at once one does it."""
        known = await self.signing_keys()
        await self.sql.run(self._insert_signing_key(known[0].id + 1 if known else 1, at))

    async def forget_signing_keys(self, before: int) -> int:
        """Take no links any more that were signed with keys older than that; returns how many keys are gone."""
        return await self.sql.run(delete(signing_key).where(signing_key.c.id < before))

    def _insert_signing_key(self, key_id: int, at: datetime) -> Executable:
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        made = {"id": key_id, "secret": secrets.token_bytes(32), "created_at": at}
        statement: Executable = dialect.insert(signing_key).values(made).on_conflict_do_nothing()
        return statement

    async def beat(self, name: str, at: datetime) -> None:
        """A part of the cluster got something done just now, machine time."""
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        statement = dialect.insert(heartbeat).values(name=name, at=at)
        await self.sql.run(
            statement.on_conflict_do_update(index_elements=[heartbeat.c.name], set_={"at": statement.excluded.at})
        )

    async def heartbeats(self) -> Mapping[str, datetime]:
        """When each part of the cluster last got something done, machine time."""
        return {row.name: row.at for row in await self.sql.rows(select(heartbeat))}

    async def forget_beats(self, prefix: str, before: datetime) -> None:
        """Heartbeats whose name begins so, and that have not come since, are of processes that are gone."""
        gone = heartbeat.c.name.startswith(prefix, autoescape=True)
        await self.sql.run(delete(heartbeat).where(gone, heartbeat.c.at < before))

    async def unknown_schema(self) -> str | None:
        """The revision of the schema that every part must know, if this version does not; else None."""
        [(required,)] = await self.sql.rows(select(required_schema.c.revision))
        return None if required in KNOWN else str(required)


def _key(row: object) -> Key:
    return Key(
        id=row.id,  # type: ignore[attr-defined]
        digest=row.digest,  # type: ignore[attr-defined]
        rights=msgspec.json.decode(row.rights, type=tuple[str, ...]),  # type: ignore[attr-defined]
        note=row.note,  # type: ignore[attr-defined]
        created_at=row.created_at,  # type: ignore[attr-defined]
        revoked_at=row.revoked_at,  # type: ignore[attr-defined]
        sources=msgspec.json.decode(row.sources, type=tuple[str, ...]),  # type: ignore[attr-defined]
    )
