"""Reading the body of a request: bounded, after the key was checked, strict, with every mistake named."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Header, Query, Request
from pydantic import BaseModel, ValidationError

from alertd.api.errors import Denied
from alertd.api.mistakes import problems_of
from alertd.domain.errors import Invalid
from alertd.ingest.json_text import read_json
from alertd.ingest.reading import Mistakes, Problem
from alertd.records import Key
from alertd.usecases.repeat import Repeat

M = TypeVar("M", bound=BaseModel)
MOST_BYTES = 1024 * 1024
"""The largest body of a command; an import has its own."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Made up by the caller, one per command: sent again with it, the command is done once.",
    ),
]

DryRun = Annotated[bool, Query(description="Only say what it would do; nothing is written, and nobody is told.")]


@dataclass(frozen=True, slots=True)
class Body(Generic[M]):
    """A body as it was sent, and what it says."""

    said: M
    raw: bytes


_LITTLE = 64 * 1024
"""Announced, they are waited for no longer than `Served.body_seconds`; more of them in proportion longer."""


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes:
    """The whole body.

    Raises Denied: 413 before more than `most` bytes are kept, 408 for what does not come. Raises ClientDisconnect.
    """
    async with arriving(request, most) as parts:
        return b"".join([part async for part in parts])


@asynccontextmanager
async def arriving(request: Request, most: int) -> AsyncIterator[AsyncIterator[bytes]]:
    """The parts of a body of at most `most` bytes, to be read within, for as long as what was announced may take.

    Where no length is announced, that is `most`. Raises Denied: 413 where more is announced, or comes; 408 in the
    end.
    """
    declared = request.headers.get("content-length", "")
    announced = int(declared) if declared.isdigit() else most
    if announced > most:
        raise too_large(most)
    seconds: float = request.app.state.served.body_seconds * max(1, announced / _LITTLE)
    try:
        async with asyncio.timeout(seconds):
            yield _bounded(request, most)
    except TimeoutError:
        raise Denied(
            408, f"the body did not come within {round(seconds, 1):g} seconds; send all of it at once"
        ) from None


async def _bounded(request: Request, most: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large(most)
        yield part


async def read_document(request: Request) -> tuple[bytes, object]:
    """The body, and what it is as JSON. Raises Denied: 408, 413, 415, or 400 for what is no JSON."""
    return await read_document_of(request, MOST_BYTES)


async def read_document_of(request: Request, most: int) -> tuple[bytes, object]:
    """A body of at most `most` bytes, and what it is as JSON. Raises Denied as `read_document`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    raw = await read_body(request, most)
    if raw and kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Denied(415, "send the body with Content-Type: application/json")
    try:
        return raw, read_json(raw, most) if raw else {}
    except Invalid as error:
        raise Denied(400, f"the body {error.message}") from None


Further = Callable[[Request, Mapping[str, Any], Collection[str]], list[Problem]]
"""What a use case finds wrong with a body of which some fields cannot be read; these are named."""


def body_of(
    model: type[M], most: int = MOST_BYTES, further: Further | None = None
) -> Callable[[Request], Awaitable[Body[M]]]:
    """A dependency that reads a body of this model; name it behind the key's, so that strangers send nothing.

    `most`: bytes; for a path without a key fewer than for the others. `further` looks at what can be read all the
    same, so that whoever mends the body does it once.

    Raises Mistakes with everything that is wrong.
    """
    known: dict[tuple[str | int, ...], list[str]] = {
        (): [field.alias or name for name, field in model.model_fields.items()]
    }

    async def read(request: Request) -> Body[M]:
        raw, document = await read_document_of(request, most)
        try:
            return Body(model.model_validate(document), raw)
        except ValidationError as error:
            found: Any = error.errors(include_url=False, include_input=False)
            problems = problems_of(found, known=known)
            if further is not None and isinstance(document, dict):
                unread = {root_of(problem.field) for problem in problems}
                problems += further(request, document, unread)
                order = {name: at for at, name in enumerate(known[()])}
                problems.sort(key=lambda problem: order.get(root_of(problem.field), len(order)))
            raise Mistakes(problems) from None

    return read


def root_of(field: str) -> str:
    """The key of the body that a place lies under: services of services[0].region."""
    return field.partition(".")[0].partition("[")[0]


def repeat_of(key: Key, idempotency_key: str | None, request: Request, raw: bytes) -> Repeat | None:
    """For the use case: the command's key, whose it is, and a digest of path, query and body."""
    if idempotency_key is None:
        return None
    digest = hashlib.sha256(asked(request) + raw).digest()
    return Repeat(key.id, idempotency_key, digest)


def asked(request: Request) -> bytes:
    """What is asked, without the body: path, and the query where there is one."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}\n".encode()


def too_large(most: int) -> Denied:
    """The answer to a body of more than `most` bytes."""
    size = f"{most // MOST_BYTES} MB" if most >= MOST_BYTES else f"{most // 1024} KB"
    return Denied(413, f"the body is larger than {size}")


def takes(model: type[BaseModel], *examples: Any, needed: bool = True) -> dict[str, Any]:
    """For a route's `openapi_extra`: the body that it reads by itself."""
    content = {
        "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": {f"example_{at}": {"value": each} for at, each in enumerate(examples, start=1)},
    }
    return {"requestBody": {"required": needed, "content": {"application/json": content}}}
