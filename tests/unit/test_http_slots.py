"""The bound on requests under way: no slot is lost and none is given twice, whoever gives up when."""

import asyncio
from collections.abc import Callable

import pytest

from channels.http_slots import Slots

pytestmark = pytest.mark.both_loops


def free(slots: Slots) -> int:
    """How many can be taken at once; they are given back."""
    taken = 0
    while slots.take():
        taken += 1
    for _ in range(taken):
        slots.give_back()
    return taken


async def waiting(slots: Slots, seconds: float = 30.0) -> "asyncio.Task[None]":
    task = asyncio.create_task(slots.wait(seconds))
    await asyncio.sleep(0)  # until it waits
    return task


async def test_so_many_and_no_more():
    slots = Slots(2)
    assert [slots.take(), slots.take(), slots.take()] == [True, True, False]
    slots.give_back()
    assert [slots.take(), slots.take()] == [True, False]


async def test_who_waits_longest_is_next():
    slots = Slots(1)
    slots.take()
    first, second = await waiting(slots), await waiting(slots)
    slots.give_back()
    await first
    assert not second.done()
    assert not slots.take()  # nobody overtakes who waits
    slots.give_back()
    await second
    slots.give_back()
    assert free(slots) == 1


async def test_where_one_is_free_nobody_waits():
    slots = Slots(1)
    await slots.wait(0.0)
    assert not slots.take()


async def test_who_waits_too_long_is_told_and_takes_none():
    slots = Slots(1)
    slots.take()
    with pytest.raises(TimeoutError):
        await slots.wait(0.01)
    slots.give_back()
    assert free(slots) == 1


@pytest.mark.parametrize("its_turn_came", [False, True])
async def test_who_is_cancelled_takes_none(its_turn_came: bool):
    """Whether it is given up before its turn or at the very moment of it: the next one has it."""
    slots = Slots(1)
    slots.take()
    gone, stays = await waiting(slots), await waiting(slots)
    acts: list[Callable[[], object]] = [
        gone.cancel,
        slots.give_back,
    ]  # neither lets the cancelled one run between them
    for act in reversed(acts) if its_turn_came else acts:
        act()
    await stays
    with pytest.raises(asyncio.CancelledError):
        await gone
    slots.give_back()
    assert free(slots) == 1
