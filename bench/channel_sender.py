"""One way of sending, in a process of its own: `python -m bench.channel_sender WAY COUNT WARM`.

Where the stand-ins are stands in the environment: `BENCH_HTTP`, `BENCH_SMTP_PORT`, `BENCH_CREDENTIALS`. Sends WARM
messages, so that it has its modules, connections and token; says `ready`; waits for a line; sends COUNT; says in
JSON how many seconds that took, and how many of the processor. The readers' words are made before.
"""

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import Sequence

import uvloop

from bench.channel_messages import Told, told
from bench.channel_ways import WAYS, Send, SendAsync, Servers


def main(name: str, count: int, warm: int) -> None:
    """Follow the harness's words on standard input."""
    way = WAYS[name]
    made = way.make(
        Servers(os.environ["BENCH_HTTP"], int(os.environ["BENCH_SMTP_PORT"]), os.environ["BENCH_CREDENTIALS"])
    )
    one = told(way.channel)
    batch, first = [one(index) for index in range(count)], [one(count + index) for index in range(warm)]
    if not inspect.iscoroutinefunction(made):
        _run(made, first, batch)
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _run(lambda part: runner.run(made(part)), first, batch)


def _run(send: Send | SendAsync, first: Sequence[Told], batch: Sequence[Told]) -> None:
    send(first)
    print("ready", flush=True)
    if sys.stdin.readline():
        began, cpu = time.perf_counter(), time.process_time()
        send(batch)
        used = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
        print(json.dumps(used), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
