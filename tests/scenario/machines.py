"""What the stories about machines share: a policy that names three of them, and what they say."""

from collections.abc import Callable, Sequence
from typing import Any

from alertd.domain.event import EventStatus, OutageEvent, Told
from alertd.domain.incident import Incident, Severity
from alertd.usecases.received import Received
from alertd.usecases.take_machine_events import take_machine_event
from tests import make
from tests.scenario.world import World

SOURCES = {"prober": ("open", "raise"), "statusbot": ("open", "widen", "resolve"), "shy": ()}


def with_sources(town: Callable[..., World]) -> Callable[..., World]:
    """A policy that names three machines: one opens and raises, one widens and resolves, one may only propose."""
    return lambda **changes: town(policy=make.policy(sources=SOURCES, **changes))


async def incident(world: World, number: int = 1) -> Incident:
    """As it stands."""
    async with world.deps.store.reading() as rows:
        found = await rows.incident(number)
    assert found is not None
    return found


async def acts(world: World) -> list[tuple[str, str]]:
    """(who, what) of all that people and machines did, but for imports."""
    return world.sql("SELECT who, what FROM act WHERE what <> 'import' ORDER BY at, id")


def telling(source: str = "prober", name: str = "1", **changes: Any) -> OutageEvent:
    """One telling, to be told again word for word."""
    given: dict[str, Any] = {
        "source": source, "id": name, "alert": "probe", "service": "follow", "severity": Severity.CRITICAL,
        "status": EventStatus.FIRING, "title": "Probe fails",
    }  # fmt: skip
    return OutageEvent(**given | changes)


async def tells(world: World, event: OutageEvent, body: bytes = b"the same") -> Received:
    """A machine tells it (again)."""
    received = await take_machine_event(world.deps, event, body)
    await world.settle()
    return received


def group(count: int, status: str = "firing", severity: Sequence[str] = ("critical",)) -> list[Told]:
    """So many alerts of one service."""
    return [
        Told(
            f"{n} {status}", f"alert-{n}", EventStatus(status), "High error rate", bytes(32), "{}",
            OutageEvent(
                "prober", f"{n} {status}", f"alert-{n}", "follow", Severity(severity[n % len(severity)]),
                EventStatus(status), "High error rate",
            ),
        )
        for n in range(count)
    ]  # fmt: skip
