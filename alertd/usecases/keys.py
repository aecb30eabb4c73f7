"""API keys: made once, shown once, stored as a digest."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from alertd.domain.errors import Invalid, NotFound
from alertd.ports.deps import Deps
from alertd.records import Key

RIGHTS = ("incident:read", "incident:write", "family:read", "family:write", "event:write", "admin")
"""`admin` includes every other right."""

_FORM = re.compile(r"^ald_([a-z0-9]{8})_([A-Za-z0-9_-]{43})$")


@dataclass(frozen=True, slots=True)
class Made:
    """A fresh key; `secret` is never shown again."""

    id: str
    secret: str


async def make_key(
    deps: Deps, rights: tuple[str, ...], note: str, *, sources: tuple[str, ...] = (), who: str = "operator"
) -> Made:
    """Make a key with these rights, whose events may speak as these sources only (none: as any).

    `who` made it, for the record. Raises Invalid for an unknown right, and for sources where it sends no events.
    """
    for right in rights:
        if right not in RIGHTS:
            raise Invalid(f'"{right}" is no right; rights are {", ".join(RIGHTS)}', field="rights")
    if not rights:
        raise Invalid(f"name at least one of {', '.join(RIGHTS)}", field="rights")
    if sources and not {"event:write", "admin"} & set(rights):
        raise Invalid("binds events, and this key may send none; add --right event:write", field="source")
    key_id = secrets.token_hex(4)
    secret = f"ald_{key_id}_{secrets.token_urlsafe(32)}"  # 256 random bits: a fast digest is enough
    key = Key(key_id, _digest(secret), rights, note, deps.clock.machine(), None, sources)
    async with deps.store.transaction() as rows:
        await rows.add_key(key)
        detail: dict[str, object] = {"key": key_id, "rights": rights, "sources": sources}
        await rows.add_act(deps.new_id(), deps.clock.now(), who, "make key", None, detail)
    return Made(key_id, secret)


async def check_key(deps: Deps, secret: str) -> Key | None:
    """The key that this secret belongs to; None if there is none, or it was revoked."""
    found = _FORM.match(secret)
    if found is None:
        return None
    async with deps.store.reading() as rows:
        key = await rows.key(found.group(1))
    if key is None or key.revoked_at is not None or not hmac.compare_digest(key.digest, _digest(secret)):
        return None
    return key


async def revoke_key(deps: Deps, key_id: str, *, who: str = "operator") -> None:
    """Refuse a key from now on. Raises NotFound."""
    async with deps.store.transaction() as rows:
        if not await rows.revoke_key(key_id, deps.clock.machine()):
            raise NotFound(f"there is no key {key_id} to revoke; alertd key list shows them")
        await rows.add_act(deps.new_id(), deps.clock.now(), who, "revoke key", None, {"key": key_id})


def may(key: Key, right: str) -> bool:
    """Whether a key has a right."""
    return right in key.rights or "admin" in key.rights


def may_speak_as(key: Key, source: str) -> bool:
    """Whether events of a key may name this source."""
    return not key.sources or source in key.sources


def speaks_as_any_machine(key: Key) -> bool:
    """Whether whoever has the key can pretend to be any machine: it was bound to no source, and is no person's."""
    machine = "event:write" in key.rights and not may(key, "incident:write")
    return machine and not key.sources and key.revoked_at is None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
