"""Whether there is anything to do: each kind of work is seen, and what is not due yet is not."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState
from alertd.store.tables import delivery, fanout, incident, responder_watch, watch
from tests import make
from tests.contract.books import Books, crowd

SOON = make.NOON + timedelta(seconds=1)


async def calm(books: Books, at: datetime = make.NOON) -> bool:
    async with books.store.reading() as rows:
        return await rows.calm(at, at)


@pytest.fixture
async def told(books: Books) -> Books:
    """A family whose messages were accepted, and whose next look is far."""
    await books.tell(*await books.families(*crowd(1)))
    await books.set(delivery, {"state": "accepted"})
    await books.set(responder_watch, {"look_at": None})
    return books


async def test_nothing_is_due(told: Books) -> None:
    assert await calm(told)


@pytest.mark.parametrize(
    ("what", "values", "at"),
    [
        (delivery, {"state": DeliveryState.PENDING.value}, make.NOON),
        (delivery, {"state": DeliveryState.LEASED.value, "lease_until": make.NOON}, SOON),
        (delivery, {"state": DeliveryState.UNKNOWN.value, "due_at": SOON}, SOON),
        (watch, {"look_at": SOON}, SOON),
        (incident, {"confirm_at": SOON}, SOON),
        (incident, {"resolve_at": SOON}, SOON),
        (responder_watch, {"look_at": SOON}, SOON),
    ],
    ids=["pending", "lapsed", "unknown", "watch", "confirm", "resolve", "responders"],
)
async def test_each_kind_of_work_is_seen(told: Books, what: Any, values: dict[str, Any], at: datetime) -> None:
    """When it is due and not before; a message that waits is work at any time."""
    await told.set(what, values)
    assert not await calm(told, at)
    assert await calm(told, make.NOON) is (at is SOON)


async def test_an_update_on_its_way_is_seen(told: Books) -> None:
    async with told.store.transaction() as rows:
        scope = told.incident.scope
        await rows.add_fanout([told.incident.id], told.incident.id, 1, "bulk", make.NOON, scope=scope)
    assert not await calm(told)
    await told.set(fanout, {"done": True})
    assert await calm(told)
