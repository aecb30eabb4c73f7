"""Commands may be repeated: the same key gives the same answer, with another body it is refused (R16)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from alertd.domain.errors import Conflict
from alertd.ports.store import Rows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Repeat:
    """An Idempotency-Key with who sent it and a digest of the body."""

    who: str
    key: str
    digest: bytes


async def answered(rows: Rows, repeat: Repeat | None, kind: type[T]) -> T | None:
    """The answer given before, if there was one. Raises Conflict when the body was another."""
    if repeat is None:
        return None
    known = await rows.answered(repeat.who, repeat.key)
    if known is None:
        return None
    if known[0] != repeat.digest:
        raise Conflict("this Idempotency-Key was used with another body; use a fresh key")
    return msgspec.json.decode(known[2], type=kind)


async def keep(rows: Rows, repeat: Repeat | None, answer: Any, at: datetime) -> None:
    """Remember the answer in the transaction that carried the command out."""
    if repeat is not None:
        text = msgspec.json.encode(answer).decode()
        await rows.remember_answer(repeat.who, repeat.key, repeat.digest, 200, text, at)
