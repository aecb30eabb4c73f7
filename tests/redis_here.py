"""A Redis of a test's own: on loopback, keeping nothing, stopped by its pid."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from alertd.free_port import free_port
from alertd.redis_server import find_redis
from tests.servers import start, stop, wait_until


@dataclass(frozen=True)
class Server:
    """A Redis on loopback."""

    url: str
    client: Any
    process: "subprocess.Popen[bytes]"


@contextmanager
def running_redis(folder: Path) -> Iterator[Server]:
    """One that runs within the block, unless it is killed there."""
    found = find_redis(None)
    assert found.executable, found.describe()
    port = free_port()
    argv = [found.executable, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    process = start(argv, stdout=subprocess.DEVNULL, cwd=folder)
    client = redis.Redis(port=port)
    try:
        wait_until("redis answers", lambda: _answers(client))
        yield Server(f"redis://127.0.0.1:{port}/0", client, process)
    finally:
        client.close()
        stop(process)


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
