"""One of the two processes of `bench.bare`: sends its share of the pushes and stores nothing.

Lean, so that it is an honest ceiling: the URL is parsed once, the headers belong to the session, the body is
bytes around the token, the answer is read but not parsed. `python -m bench.bare_sender URL FIRST COUNT`
says `ready`, waits for a line, sends, says `done`, and waits for its input to close, so that its CPU and
memory can be read from outside. It imports nothing it does not need.
"""

import asyncio
import json
import sys
from collections.abc import Iterator

import aiohttp
import uvloop
from yarl import URL

from bench.messages import payload, token

CONCURRENCY = 150
ATTEMPT_SECONDS = 10.0


class NotAccepted(Exception):
    """The provider did not say 200."""


def bodies(first: int, count: int) -> Iterator[bytes]:
    """The requests' bodies, made while sending."""
    mark = "the-token"
    before, _, after = json.dumps(payload(mark)).encode().partition(mark.encode())
    for index in range(first, first + count):
        yield before + token(index).encode() + after


async def send_all(url: URL, todo: Iterator[bytes]) -> None:
    """Send every body over at most `CONCURRENCY` connections; raises on the first that is not accepted."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONCURRENCY),
        headers={"Content-Type": "application/json", "Authorization": "Bearer loopback"},
        timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    async with session, asyncio.TaskGroup() as senders:
        for _ in range(CONCURRENCY):
            senders.create_task(_send(session, url, todo))


async def _send(session: aiohttp.ClientSession, url: URL, todo: Iterator[bytes]) -> None:
    for body in todo:
        async with session.post(url, data=body) as response:
            await response.read()
            if response.status != 200:
                raise NotAccepted(str(response.status))


def main(url: str, first: int, count: int) -> None:
    """Follow the harness's words on standard input."""
    print("ready", flush=True)
    if sys.stdin.readline():
        uvloop.run(send_all(URL(url), bodies(first, count)))
        print("done", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
