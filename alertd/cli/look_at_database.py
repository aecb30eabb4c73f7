"""What `alertd doctor` asks the database: whether it answers, can be written to, who worked on it lately."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alertd import wiring
from alertd.cli.finding import PATIENCE, Finding, Seen, lasting
from alertd.domain.held_clock import told

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from alertd.store.store import SqlStore

_SLOW = 0.05  # seconds for a round trip; a slice of families takes several
_OFF, _FAR_OFF = 2.0, 60.0  # seconds between two clocks
_RECENT = 30.0  # seconds since a sweeper looked, as for /readyz
_LANES = ("urgent", "bulk")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What it said; `ahead`: seconds that this machine's clock is ahead of the database's."""

    took: float
    ahead: float
    unwritable: str  # why nothing can be written; empty: it can
    beats: Mapping[str, float]  # seconds since each part last got something done
    rate: float | None  # of a demo's story; None: it runs on real time
    held: float  # seconds that alertd's clock is ahead of the database's, which went back


class _Undo(Exception):
    """Ends a transaction that was only a trial."""


def there(url: "URL") -> bool:
    """Whether there is anything to open: to open a file that is not there would make it."""
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def database(seen: Seen) -> list[Finding]:
    """It, both clocks, and the parts that have worked on it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    settings = seen.settings
    url = make_url(settings.database_url.get_secret_value())
    shown = url.render_as_string(hide_password=True)
    if not there(url):
        text = f"{shown} does not exist yet"
        return [Finding("wrong", "database", text, ("alertd up makes it, or alertd db upgrade",))]
    try:
        asyncio.run(_reach(settings.database_url.get_secret_value()))  # gives up in time, where it hangs
        current, newest = wiring.database_revision(settings)
        if current != newest:
            return [_outdated(shown, current, newest)]
        answer = asyncio.run(_ask(settings.database_url.get_secret_value()))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        mend = ("check ALERTD_DATABASE_URL, and that the database runs",)
        return [Finding("wrong", "database", f"{shown} does not answer ({type(error).__name__})", mend)]
    if answer.unwritable:
        text = f"{shown} can be read and not written to ({answer.unwritable})"
        mend = ("see whether it is a standby, read-only, out of space, or another user's",)
        return [Finding("wrong", "database", text, mend)]
    text = f"{shown} at revision {current}, answers in {lasting(answer.took)}, can be written to"
    found = [Finding("ok", "database", text)]
    if answer.took > _SLOW:
        mend = ("put it nearer: a thousand families are some hundred round trips",)
        found.append(Finding("note", "database", "it is slow to answer", mend))
    return [
        *found,
        *_clocks(answer, demo=settings.clock.rate != 1 or seen.stand_ins is not None),
        *_parts(answer.beats),
    ]


def _outdated(shown: str, current: str | None, newest: str) -> Finding:
    if current is not None and not wiring.knows_revision(current):
        text = f"{shown} is at revision {current}, which a newer alertd made; this one knows {newest}"
        return Finding("wrong", "database", text, ("install the newer version again, or restore a backup",))
    at = f"is at revision {current}" if current else "is empty"
    return Finding("wrong", "database", f"{shown} {at}; {newest} is needed", ("alertd db upgrade",))


def _clocks(answer: _Answer, *, demo: bool) -> list[Finding]:
    found = []
    if abs(answer.ahead) > _OFF:
        way = "ahead of" if answer.ahead > 0 else "behind"
        text = (
            f"this machine's clock is {lasting(abs(answer.ahead))} {way} the database's, which alertd follows: "
            "one of them is wrong"
        )
        mark = "wrong" if abs(answer.ahead) > _FAR_OFF else "note"
        found.append(Finding(mark, "clock", text, ("synchronise both machines by NTP",)))
    if answer.held > _OFF:
        text = (
            f"the database's clock went back while alertd ran: alertd's is {lasting(answer.held)} ahead of it, "
            "and all times that families read are; it comes back by a second in fifty"
        )
        mend = ("synchronise the database's machine by NTP so that it never steps (chrony: makestep 1 3)",)
        found.append(Finding("wrong" if answer.held > _FAR_OFF else "note", "clock", text, mend))
    if answer.rate is not None:
        text = f"the database keeps the time of a demo's story, {answer.rate:g} times as fast as real time"
        mend = ("give real families a database of their own",)
        found.append(Finding("note" if demo else "wrong", "story", text, mend))
    return found


def _parts(beats: Mapping[str, float]) -> list[Finding]:
    """A sweeper beats all the time, a worker when it starts and while it works."""
    looked = beats.get("sweeper")
    if looked is not None and looked <= _RECENT:
        found = [Finding("ok", "sweeper", f"looked {lasting(looked)} ago")]
    else:
        text = "has not looked " + ("yet" if looked is None else f"for {lasting(looked)}")
        mend = ("start alertd sweeper, or alertd up: without it no family is told in time",)
        found = [Finding("wrong", "sweeper", text, mend)]
    for lane in _LANES:
        worked = beats.get(lane)
        if worked is None:
            text = f"no worker of lane {lane} has started yet; the sweeper does its work, slower"
            mend = (f"start alertd worker --lane {lane}",)
            found.append(Finding("note", f"worker {lane}", text, mend))
        else:
            found.append(Finding("ok", f"worker {lane}", f"last started or worked {lasting(worked)} ago"))
    return found


async def _reach(url: str) -> None:
    from alertd.store.store import SqlStore

    store = SqlStore(url)
    try:
        async with asyncio.timeout(PATIENCE), store.reading():
            pass
    finally:
        await store.close()


async def _ask(url: str) -> _Answer:
    from alertd.store.store import SqlStore

    store = SqlStore(url)
    try:
        async with asyncio.timeout(4 * PATIENCE):
            await store.now()  # connects
            asked = time.monotonic()
            now = await store.now()
            here = datetime.now(UTC)  # noqa: TID251  to be compared with the database's
            half = (time.monotonic() - asked) / 2
            began = time.monotonic()
            async with store.reading() as rows:
                heard = await rows.heartbeats()
                took = time.monotonic() - began
                story, held = await rows.story_clock(), await rows.held_clock()
                beats = {name: (told(held, now) - at).total_seconds() for name, at in heard.items()}
            return _Answer(
                took=took,
                ahead=(here - now).total_seconds() - half,
                unwritable=await _write(store, now),
                beats=beats,
                rate=story[2] if story else None,
                held=held.at(now).total_seconds() if held else 0.0,
            )
    finally:
        await store.close()


async def _write(store: "SqlStore", now: datetime) -> str:
    """Write, and take it back; the name of what went wrong."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        async with store.transaction() as rows:
            await rows.beat("doctor", now)
            raise _Undo
    except _Undo:
        return ""
    except (SQLAlchemyError, OSError) as error:
        return type(getattr(error, "orig", None) or error).__name__
