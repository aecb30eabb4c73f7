"""One timer for many requests: each is told of its own deadline, in time, once."""

import asyncio

from channels.http_deadlines import Deadlines


class Request:
    """Waits until then, and notes when it was told."""

    def __init__(self, until: float) -> None:
        self.until: float | None = until
        self.told: list[float] = []

    def passed(self) -> None:
        """Its deadline is over."""
        self.told.append(asyncio.get_running_loop().time())
        self.until = None


async def test_each_is_told_once_and_when_its_own_time_is_over() -> None:
    now = asyncio.get_running_loop().time()
    waits = (0.2, 0.05, 0.3, 0.05)  # a later one first, and two at once
    requests = [Request(now + wait) for wait in waits]
    deadlines = Deadlines(requests)

    for request in requests:
        assert request.until is not None
        deadlines.watch(request.until)
    await asyncio.sleep(0.5)

    for request, wait in zip(requests, waits, strict=True):
        assert len(request.told) == 1
        assert wait - 0.002 <= request.told[0] - now <= wait + 0.15, "neither early nor as late as the next one"
    deadlines.close()


async def test_what_was_answered_is_told_nothing_and_the_next_one_is_still_looked_after() -> None:
    loop = asyncio.get_running_loop()
    answered, hanging = Request(loop.time() + 0.05), Request(loop.time() + 0.1)
    deadlines = Deadlines([answered, hanging])
    deadlines.watch(loop.time() + 0.05)  # of the first; the second begins while its timer is on

    answered.until = None
    deadlines.watch(loop.time() + 0.1)
    await asyncio.sleep(0.3)

    assert answered.told == []
    assert len(hanging.told) == 1


async def test_after_a_pause_somebody_new_is_looked_after() -> None:
    loop = asyncio.get_running_loop()
    requests = [Request(loop.time() + 0.02)]
    deadlines = Deadlines(requests)
    deadlines.watch(loop.time() + 0.02)
    await asyncio.sleep(0.1)

    later = Request(loop.time() + 0.02)
    requests.append(later)
    deadlines.watch(loop.time() + 0.02)
    await asyncio.sleep(0.1)

    assert len(later.told) == 1


async def test_nobody_is_told_after_the_end() -> None:
    request = Request(asyncio.get_running_loop().time() + 0.02)
    deadlines = Deadlines([request])
    deadlines.watch(asyncio.get_running_loop().time() + 0.02)

    deadlines.close()
    await asyncio.sleep(0.1)

    assert request.told == []
