"""Requests whose body does not come, over a real socket: anybody may begin one, and nobody is waited for long."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import uvicorn

from tests.served import Served, fresh_served

served = fresh_served

UNSIGNED = [
    "/v1/providers/twilio/inbound",
    "/v1/providers/twilio/status",
    "/v1/providers/twilio/voice",
    "/v1/acknowledgements",
    "/p/" + "A" * 32,
]


@asynccontextmanager
async def begun(
    served: Served, path: str, length: str = "Content-Length: 1000", key: str = ""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A request that promises a thousand bytes and has sent one."""
    server = uvicorn.Server(uvicorn.Config(served.app, lifespan="off", log_config=None, access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{key}{length}\r\n\r\n{{"
        writer.write(head.encode())
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


@pytest.mark.parametrize("path", UNSIGNED)
async def test_a_body_that_does_not_come_is_not_waited_for(served: Served, path: str) -> None:
    """408, and the connection is free for others."""
    served.app.state.served = replace(served.app.state.served, body_seconds=0.05)
    async with begun(served, path) as (reader, _), asyncio.timeout(10):
        told = await reader.read()  # to the end: the server closes
    assert told.startswith(b"HTTP/1.1 408 "), told


SIGNED = ["/v1/incidents", "/v1/events", "/v1/events/alertmanager", "/v1/families:import"]


@pytest.mark.parametrize("path", SIGNED)
async def test_how_long_it_is_waited_for_goes_by_what_was_announced(served: Served, path: str) -> None:
    """Not by the largest body that the path takes, which for an import is an hour and more."""
    served.app.state.served = replace(served.app.state.served, body_seconds=0.2)
    key = f"Authorization: {served.http.headers['Authorization']}\r\n"
    async with begun(served, path, key=key) as (reader, _), asyncio.timeout(10):
        told = await reader.read()
    assert told.startswith(b"HTTP/1.1 408 "), told
    assert b"within 0.2 seconds" in told


@pytest.mark.parametrize("path", SIGNED)
async def test_more_that_was_announced_may_take_longer(served: Served, path: str) -> None:
    served.app.state.served = replace(served.app.state.served, body_seconds=0.05)
    key = f"Authorization: {served.http.headers['Authorization']}\r\n"
    async with begun(served, path, f"Content-Length: {10 * 64 * 1024}", key) as (reader, _), asyncio.timeout(10):
        told = await reader.read()
    assert b"within 0.5 seconds" in told, told


@pytest.mark.parametrize("path", UNSIGNED)
async def test_a_client_that_hangs_up_is_no_mistake_of_ours(
    served: Served, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with begun(served, path) as (_, writer):
            await asyncio.sleep(0.05)  # the route waits for the body by now
            writer.close()
            await writer.wait_closed()
    assert "Exception" not in caplog.text
