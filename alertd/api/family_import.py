"""An import: families as JSON lines, the good ones kept, the broken ones named by line."""

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from alertd.api.access import WritesFamilies, who
from alertd.api.bodies import IdempotencyKey, arriving, asked
from alertd.api.errors import errors
from alertd.api.examples import IMPORTED, answers
from alertd.api.family_body import EXAMPLE
from alertd.api.served import Here
from alertd.domain.errors import Invalid
from alertd.domain.family import Family
from alertd.domain.service import Services
from alertd.ingest.family_lines import parse_lines
from alertd.ingest.reading import Mistakes
from alertd.ports.deps import Deps
from alertd.usecases.put_families import BATCH, put_families
from alertd.usecases.repeat import Repeat, answered, keep

router = APIRouter(tags=["families"])
MOST_BYTES = 64 * 1024 * 1024
_IN_MEMORY = 1024 * 1024  # bytes; what is larger goes through a file that has no name
_MOST_FAILURES = 1000
_AT_ONCE = 50  # lines parsed before other requests have their turn: some 20 ms

_EXAMPLE = '{"id": "fam-1001", "updated_at": "2026-11-01T00:00:00Z", ...}\n{"id": "fam-1002", ...}\n'


class LineFailure(BaseModel):
    """A mistake in one line."""

    line: int
    field: str | None = None
    message: str


class Imported(BaseModel):
    """What became of the lines."""

    families: int = Field(description="Families written.")
    stale: int = Field(description="Lines left out because what is stored has a newer updated_at.")
    failed: int = Field(description="Lines with mistakes; nothing of them was written.")
    failures: list[LineFailure] = Field(description=f"Their mistakes, the first {_MOST_FAILURES:,}.")


@dataclass(slots=True)
class _Running:
    families: int = 0
    stale: int = 0
    failed: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)


@router.post(
    "/v1/families:import",
    responses=errors(409, 413) | answers(200, IMPORTED),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string", "description": "One FamilyBody per line, each at most 256 KB."},
                    "examples": {"two_families": {"value": _EXAMPLE}, "one_family": {"value": EXAMPLE}},
                }
            },
        }
    },
)
async def import_(
    key: WritesFamilies, here: Here, request: Request, idempotency_key: IdempotencyKey = None
) -> Imported:
    """Insert or replace families, up to 64 MB of JSON lines. Sending the same lines again changes nothing.

    Nothing is written before all has arrived. A line with a mistake is told by number and field and stops nothing.
    """
    deps = here.deps
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        digest = await _receive(request, file)
        repeat = Repeat(key.id, idempotency_key, digest) if idempotency_key else None
        async with deps.store.reading() as rows:
            before = await answered(rows, repeat, dict)
        if before is not None:
            return Imported.model_validate(before)
        imported = await _import(deps, here.services, cast(BinaryIO, file), who(key))
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # the same import twice at once: one of them keeps the answer
        if await answered(rows, repeat, dict) is None:
            await keep(rows, repeat, imported.model_dump(), deps.clock.now())
    deps.log.info("families_imported", families=imported.families, stale=imported.stale, failed=imported.failed)
    return imported


async def _receive(request: Request, file: IO[bytes]) -> bytes:
    """Write the body to `file`; returns the digest of path, query and body. Raises Denied (408, 413)."""
    digest = hashlib.sha256(asked(request))
    async with arriving(request, MOST_BYTES) as parts:
        async for part in parts:
            digest.update(part)
            file.write(part)
    file.seek(0)
    return digest.digest()


async def _import(deps: Deps, services: Services, lines: BinaryIO, signed: str) -> Imported:
    running = _Running()
    good: list[Family] = []
    seen = 0
    for number, parsed in parse_lines(lines, services, now=deps.clock.machine()):
        seen += 1
        if isinstance(parsed, Invalid):
            _note(running, number, parsed)
        else:
            good.append(parsed)
        if len(good) >= BATCH:
            await _put(deps, running, good, signed)
            good = []
        elif seen % _AT_ONCE == 0:
            await asyncio.sleep(0)
    if good:
        await _put(deps, running, good, signed)
    if not seen:
        raise Invalid("the body holds no family; send one per line as JSON")
    return Imported(
        families=running.families,
        stale=running.stale,
        failed=running.failed,
        failures=[LineFailure(**each) for each in running.failures],
    )


async def _put(deps: Deps, running: _Running, good: Sequence[Family], signed: str) -> None:
    taken = await put_families(deps, good, who=signed)
    running.families += taken.written
    running.stale += len(taken.stale)


def _note(running: _Running, number: int, error: Invalid) -> None:
    running.failed += 1
    problems = error.problems if isinstance(error, Mistakes) else ()
    found = [(problem.field, problem.message) for problem in problems] or [(error.field or "", error.message)]
    for place, message in found[: max(0, _MOST_FAILURES - len(running.failures))]:
        running.failures.append({"line": number, "field": place or None, "message": message})
