"""Whether this process lives, and whether the work of all of them gets done."""

import asyncio
from collections.abc import Container
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from alertd.api.errors import RETRY_AFTER, ErrorAnswer
from alertd.api.examples import ALIVE, NOT_READY, READY, answers
from alertd.api.served import Here
from alertd.domain.audit import Kept
from alertd.records import Backlog
from alertd.usecases.beat import bound_by_rates, parts

router = APIRouter(tags=["health"])
TOO_OLD = 30.0  # seconds of machine time that work may wait (design.md section 5 sweeps every half second)
SWEEPER = "sweeper"
_PATIENCE = 5.0  # seconds in which the database must answer


class Alive(BaseModel):
    """This process answers."""

    alive: bool = True


class Audited(BaseModel):
    """The newest answer to the auditor's question: has every family heard in time, or a true excuse?"""

    passed: bool
    ago: float = Field(description="Seconds since the auditor asked; it asks every 30 s.")
    families: int = Field(description="Families that open incidents touch.")
    unaccounted: int = Field(description="Those that have not heard in time, without a true excuse.")
    excuses: dict[str, int] = Field(description="Those that have one, by what it is.")
    withheld: list[str] = Field(description="Why the dead man's ping is withheld although all are accounted for.")
    failed: str | None = Field(description="The error for which the question has no answer.")
    pinged_ago: float | None = Field(description="Seconds since the dead man's switch last took a ping.")


class Ready(BaseModel):
    """Work is getting done."""

    ready: bool = True
    waiting: dict[str, float] = Field(
        description="Age in seconds of the oldest piece of work that waits, by what it is.",
        examples=[{"delivery_bulk": 0.2}],
    )
    beats: dict[str, float] = Field(
        description="Seconds since each part last got something done. Workers only beat when they start and work.",
        examples=[{"sweeper": 1.4, "urgent": 12.0, "bulk": 12.0}],
    )
    audit: Audited | None = Field(
        description="What the auditor found last. It makes nothing unready: no load balancer is to turn you away."
    )


class NotReady(ErrorAnswer):
    """Work waits too long, or the database does not answer."""

    ready: bool = False
    reasons: list[str] = Field(
        examples=[["deliveries over push of lane bulk have waited for 45 s: no worker takes them"]]
    )


@router.get("/livez", responses=answers(200, ALIVE))
async def livez() -> Alive:
    """Whether this process answers; asks nothing of others."""
    return Alive()


@router.get(
    "/readyz", response_model=Ready, responses=answers(200, READY) | answers(503, NOT_READY, model=NotReady)
)
async def readyz(here: Here) -> Any:
    """Whether work is getting done: what is due waits at most 30 s, but for its rate; the database answers."""
    deps = here.deps
    try:
        async with asyncio.timeout(_PATIENCE), deps.store.reading() as rows:
            now = deps.clock.machine()
            backlog = await rows.backlog(deps.clock.now(), now)
            beaten = await rows.heartbeats()
            kept = await rows.last_audit()
            unknown = await rows.unknown_schema()
    except (SQLAlchemyError, TimeoutError, OSError) as error:
        deps.log.warning("not_ready", error=type(error).__name__)
        return _not_ready(["the database does not answer; alertd doctor says more"])
    beats = {name: (now - at).total_seconds() for name, at in parts(beaten).items()}
    waiting = ages(backlog, deps.clock.rate)
    reasons = too_late(backlog, deps.clock.rate, bound_by_rates(beaten, now))
    if beats.get(SWEEPER, TOO_OLD + 1) > TOO_OLD:
        reasons.append("the sweeper has not looked for 30 s, and without it no family is told in time")
    if unknown is not None:
        reasons.append(
            f"a newer alertd has changed the database (schema {unknown}): replace this part by that version"
        )
    if reasons:
        deps.log.warning("not_ready", reasons=reasons)
        return _not_ready(reasons)
    return Ready(
        waiting={what: round(age, 1) for what, age in waiting.items()},
        beats={name: round(age, 1) for name, age in beats.items()},
        audit=_audited(kept, now) if kept is not None else None,
    )


def ages(backlog: Backlog, rate: float) -> dict[str, float]:
    """Seconds of machine time that the oldest work of each sort has waited; `rate` is the story's."""
    found = {f"delivery_{lane}": age for lane, age in sorted(backlog.deliveries().items())}
    found |= {f"fanout_{lane}": age for lane, age in sorted(backlog.fanouts.items())}
    if backlog.watches is not None:
        found["watch"] = backlog.watches.total_seconds() / rate
    return found


def too_late(backlog: Backlog, rate: float, bound: Container[tuple[str, str]]) -> list[str]:
    """What nobody takes, in sentences. `bound`: (lane, channel) of what waits for its rate, and is no reason."""
    left: dict[str, dict[str, float]] = {}
    for (lane, channel), age in sorted(backlog.pending.items()):
        if age > TOO_OLD and (lane, channel) not in bound and (lane, "") not in bound:
            left.setdefault(lane, {})[channel] = age
    reasons = [
        f"deliveries over {', '.join(by)} of lane {lane} have waited for {max(by.values()):.0f} s: "
        "no worker takes them"
        for lane, by in left.items()
    ]
    reasons += [
        f"an update of lane {lane} has not moved to further families for {age:.0f} s: no worker takes it"
        for lane, age in sorted(backlog.fanouts.items())
        if age > TOO_OLD
    ]
    late = backlog.watches.total_seconds() / rate if backlog.watches is not None else 0.0
    if late > TOO_OLD:
        reasons.append(f"a family's time has come {late:.0f} s ago and nobody planned it: no sweeper runs")
    return reasons


def _audited(kept: Kept, now: datetime) -> Audited:
    audit = kept.audit
    pinged_at = kept.pinged_at
    return Audited(
        passed=audit.passed,
        ago=round((now - audit.machine_at).total_seconds(), 1),
        families=audit.families,
        unaccounted=audit.missing,
        excuses=dict(audit.excuses),
        withheld=list(audit.withheld),
        failed=audit.failed,
        pinged_ago=round((now - pinged_at).total_seconds(), 1) if pinged_at is not None else None,
    )


def _not_ready(reasons: list[str]) -> JSONResponse:
    error = {"code": "not_ready", "message": "; ".join(reasons)}
    body = {"error": error, "ready": False, "reasons": reasons}
    return JSONResponse(body, 503, headers={"Retry-After": str(RETRY_AFTER)})
