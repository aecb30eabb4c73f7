"""Asks in a process of its own, which the test stops in the middle: `python -m tests.contract.samples.asks LOOP URL`.

Says "under way" once everything is, and at the end in JSON what came of each, and what the loop complained of.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable
from typing import Any
from unittest.mock import patch

import uvloop

from alertd.ports import ChannelError
from channels import apprise_page
from channels.apprise_page import AppriseConfig, ApprisePage
from channels.http import HttpClient
from channels.http_origin import Origin
from tests.contract.samples.situations import NOW, message_to

LONG_PAST, JUST_PAST = 0.8, 1.8
"""Deadlines in seconds, of which the one is long over when the process goes on after two, the other just is."""

ANSWER = 0.3  # seconds that everybody takes to answer: all of it in time

_look_up = Origin._look_up


async def _slowly(origin: Origin) -> Any:
    """Names are looked up in a thread; it goes on with the process."""
    await asyncio.to_thread(time.sleep, ANSWER)
    return await _look_up(origin)


async def _word(of: Awaitable[object]) -> str:
    try:
        await of
    except ChannelError as error:
        return f"{type(error).__name__} {error.code}"
    return "ok"


async def _again_and_again(client: HttpClient) -> None:
    """The grace of the first one ends within the others, on the same connection."""
    for _ in range(6):
        await client.post("/soon", b"")


async def main(url: str) -> dict[str, Any]:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what["message"]))
    deadlines = (LONG_PAST, JUST_PAST, LONG_PAST, LONG_PAST)
    warm = [HttpClient(url, {}, connections=1, deadline=deadline) for deadline in deadlines]
    for client in warm:
        await client.post("/now", b"")
    cold = HttpClient(url, {}, connections=1, deadline=LONG_PAST)
    pager = ApprisePage(AppriseConfig(deadline=LONG_PAST), lambda: NOW)
    with (
        patch.object(Origin, "_look_up", _slowly),
        patch.object(apprise_page, "_notify", lambda *_: time.sleep(ANSWER)),
    ):
        asked = {
            "long past": _word(_again_and_again(warm[0])),
            "just past": _word(warm[1].post("/soon", b"")),
            "hangs": _word(warm[2].post("/never", b"")),
            "comes just after": _word(warm[3].post("/after", b"")),
            "sent too late": _word(cold.post("/cold", b"")),
            "connected": _word(Origin.of(url).connect(LONG_PAST)),
            "paged": _word(pager.send(message_to("json://127.0.0.1"))),
        }
        tasks = {name: asyncio.create_task(_word_of) for name, _word_of in asked.items()}
        await asyncio.sleep(0.05)
        print("under way", flush=True)
        found = {name: await task for name, task in tasks.items()}
    for client in (*warm, cold):
        await client.close()
    await pager.close()
    return {**found, "complaints": complaints}


if __name__ == "__main__":
    factory = uvloop.new_event_loop if sys.argv[1] == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        print(json.dumps(runner.run(main(sys.argv[2]))))
