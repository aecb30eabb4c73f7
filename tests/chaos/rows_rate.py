"""How much slower a fan-out is without its broker: updates with Redis and without it take turns in one run."""

import socket
from statistics import median

from tests.chaos.drill import PATIENCE, Drill, now
from tests.chaos.row import PRODUCTION, Row
from tests.integration.town import SECOND
from tests.servers import wait_until

PAIRS = 3
LEAST = 0.25
"""Of the rate with Redis, which the design promises without it."""


def _rates(drill: Drill) -> None:
    """Each pair: an update while workers listen, and one right after Redis was killed."""
    drill.rig.sandbox(
        "POST", "/faults", {"kind": "callback_never", "channel": "sms"}
    )  # they would cost more than the rest
    drill.opens()
    rates: dict[bool, list[float]] = {True: [], False: []}
    for pair in range(PAIRS):
        for up in (True, False):
            if not up:
                drill.rig.kill("redis")
            rates[up].append(_rate(drill, f" ({pair}, {'with' if up else 'without'} Redis)"))
        drill.rig.start_redis()
        wait_until("both workers wait for hints", lambda: _listening(drill) == 2, PATIENCE, every=0.1)
    with_it, without = median(rates[True]), median(rates[False])
    each = ", ".join(f"{there:.0f}/{gone:.0f}" for there, gone in zip(rates[True], rates[False], strict=True))
    found = f"{with_it:.0f} messages a second with Redis, {without:.0f} without ({each}): {without / with_it:.2f}"
    drill.noted(found)
    if without < LEAST * with_it:
        drill.said.append(f"slower than a quarter: {found}")
    drill.ends()


def _rate(drill: Drill, more: str) -> float:
    """Messages a second, from the command until the last family has heard of it."""
    before, began = len(drill.rig.accepted()), now()
    drill.says(SECOND, more)
    drill.until_all_told(SECOND)
    accepted = drill.rig.accepted()[before:]
    return len(accepted) / (max(message.at for message in accepted) - began)


def _listening(drill: Drill) -> int:
    """How many clients of Redis wait for what comes: each worker has one such connection."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(drill.rig.redis_socket))
            client.sendall(b"INFO clients\r\n")
            answer = client.recv(4096).decode()
        except OSError:  # it has not come up yet
            return 0
    _, _, rest = answer.partition("blocked_clients:")
    return int(rest.partition("\r")[0] or 0)


ROWS = (
    Row(
        name="redis-down-rate",
        what="Redis is killed before every other update; without it the fan-out keeps a quarter of its rate",
        run=_rates,
        families=2000,
        pace=PRODUCTION,
        window=120.0,
    ),
)
