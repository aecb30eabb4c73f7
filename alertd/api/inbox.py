"""What people wrote to us in their own words. Who reads it is kept: it is about health, with a number to call."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.access import ReadsFamilies, WritesFamilies, who
from alertd.api.bodies import Body, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.errors import errors
from alertd.api.examples import answers
from alertd.api.served import Here, Served
from alertd.domain.errors import NotFound
from alertd.domain.inbox import Correspondent, Letter
from alertd.records import Key
from alertd.usecases.close_letter import close_letter

router = APIRouter(prefix="/v1/inbox", tags=["inbox"])
_EXCERPT = 80  # characters


class Sender(BaseModel):
    """Somebody who has the number that it came from."""

    family: str
    caregiver: str
    name: str


class LetterView(BaseModel):
    """One message, as it stands in the list."""

    id: UUID
    at: datetime
    senders: list[Sender] = Field(description="Everybody who has that number; none: it is forgotten.")
    text: str = Field(description="Its beginning: the first 80 characters.")
    done_at: datetime | None
    done_by: str | None


class WholeLetterView(LetterView):
    """One message, all of it."""

    text: str
    to_call: str | None = Field(description="The number that it came from.")


class CloseLetter(BaseModel):
    """Nothing needs to be said with it."""

    model_config = ConfigDict(extra="forbid")


class LetterClosed(BaseModel):
    """When it was first said to be done, and by whom."""

    letter: UUID
    done_at: datetime
    done_by: str


class Inbox(BaseModel):
    """Newest first."""

    letters: list[LetterView]


_LETTER = {
    "id": "019acc2a-7c00-7d3e-9a51-0c2f5d1b7a10",
    "at": "2026-11-05T03:41:07Z",
    "senders": [{"family": "fam-1001", "caregiver": "mia", "name": "Mia"}],
    "text": "The receiver shows nothing either. What now?",
    "done_at": None,
    "done_by": None,
}
_WHOLE = _LETTER | {"to_call": "+14155550123"}
_DONE = {"letter": _LETTER["id"], "done_at": "2026-11-05T03:52:40Z", "done_by": "ann (k_7Qm2)"}


@router.get("", responses=errors() | answers(200, {"letters": [_LETTER]}))
async def read(
    key: ReadsFamilies,
    here: Here,
    done: Annotated[bool, Query(description="Also what somebody has dealt with.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Inbox:
    """What people wrote that no word of ours answers, newest first."""
    async with here.deps.store.reading() as rows:
        found = await rows.inbox(limit, waiting=not done)
    await _record(here, key, "read inbox", {"letters": len(found)})
    return Inbox(letters=[_short(each) for each in found])


@router.get("/{letter}", responses=errors(404) | answers(200, _WHOLE))
async def show(letter: UUID, key: ReadsFamilies, here: Here) -> WholeLetterView:
    """One message, and the number to call back."""
    found = await _found(here, letter)
    await _record(here, key, "read letter", {"letter": str(letter)})
    return _whole(found)


@router.post(
    "/{letter}/done",
    responses=errors(400, 404, 409, 413, 415) | answers(200, _DONE),
    openapi_extra=takes(CloseLetter, {}, needed=False),
)
async def done(
    letter: UUID,
    key: WritesFamilies,
    here: Here,
    request: Request,
    body: Annotated[Body[CloseLetter], Depends(body_of(CloseLetter))],
    idempotency_key: IdempotencyKey = None,
) -> LetterClosed:
    """Somebody has dealt with it: it leaves the list. Done again, the first time stands."""
    repeat = repeat_of(key, idempotency_key, request, body.raw)
    closed = await close_letter(here.deps, letter, who=who(key), repeat=repeat)
    return LetterClosed(letter=closed.letter, done_at=closed.done_at, done_by=closed.done_by)


async def _found(here: Served, letter: UUID) -> Letter:
    async with here.deps.store.reading() as rows:
        found = await rows.letter(letter)
    if found is None:
        raise NotFound(f"there is no message {letter} in the inbox; alertd inbox list shows them")
    return found


async def _record(here: Served, key: Key, what: str, detail: dict[str, object]) -> None:
    """Who looked at contacts is kept."""
    deps = here.deps
    async with deps.store.transaction() as rows:
        await rows.add_act(deps.new_id(), deps.clock.now(), who(key), what, None, detail)


def _short(letter: Letter) -> LetterView:
    text = letter.text if len(letter.text) <= _EXCERPT else f"{letter.text[: _EXCERPT - 3].rstrip()}..."
    return LetterView(
        id=letter.id,
        at=letter.at,
        senders=_senders(letter),
        text=text,
        done_at=letter.done_at,
        done_by=letter.done_by,
    )


def _whole(letter: Letter) -> WholeLetterView:
    to = letter.address.to if letter.address is not None else None
    return WholeLetterView(**(_short(letter).model_dump() | {"text": letter.text}), to_call=to)


def _senders(letter: Letter) -> list[Sender]:
    if letter.address is None:
        return []
    known = Correspondent(letter.address.id, stopped=False, families=letter.families)
    return [Sender(family=family.id, caregiver=each.id, name=each.name) for family, each in known.holders]
