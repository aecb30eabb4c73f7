"""JSON answers over HTTP, and the ways in which a provider's answer goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from alertd.sandbox.faults import Armed
from alertd.sandbox.log import Channel
from alertd.sandbox.records import Records

JSON = "application/json"
REDIRECTED = "/redirected"
DRIP_PAUSE_S = 0.1  # well inside any limit on a single read

_encode = msgspec.json.Encoder().encode

AFTER_ACCEPT = frozenset({"slow_drip", "drop_after_accept", "bad_json"})
"""Faults under which the provider has the message."""


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON response."""
    return web.Response(body=_encode(value), status=status, content_type=JSON, charset="utf-8", headers=headers)


class Provider:
    """One stand-in's side of a fault: how it words errors, and where it notes what it did not accept.

    `error` makes the provider's own answer out of a fault: its code for the record, and the response.
    """

    def __init__(
        self, channel: Channel, records: Records, error: Callable[[Armed], tuple[str, web.Response]]
    ) -> None:
        self._channel, self._records, self._error = channel, records, error

    async def answer(
        self,
        request: web.Request,
        armed: Armed | None,
        to: str | None,
        fields: dict[str, Any],
        accept: Callable[[str | None], Awaitable[web.Response]],
    ) -> web.StreamResponse:
        """Answer one request: well, or as the fault has it.

        `accept` checks and keeps the message (it is given the fault's kind) and returns the good answer, or a
        refusal if the message breaks the contract; faults that come after acceptance spoil only good answers.
        """
        if armed is None:
            return await accept(None)
        kind = armed.fault.kind
        if kind in AFTER_ACCEPT:
            response = await accept(kind)
            return response if response.status >= 400 else await _spoil(request, armed, response)
        if kind in {"hang", "drop", "redirect"}:
            await self._records.refuse(self._channel, to, kind, request=fields)
            if kind == "redirect":
                location = f"{request.url.origin()}{REDIRECTED}?channel={self._channel}"
                return json_answer({}, 307, {"Location": location})
            if kind == "hang":
                await _hold(armed)
            return _cut_off(request)
        code, response = self._error(armed)
        await self._records.refuse(self._channel, to, kind, code=code, request=fields)
        return response


def retry_after(armed: Armed) -> dict[str, str]:
    """The Retry-After header of a fault, if it has one."""
    seconds = armed.fault.retry_after
    return {} if seconds is None else {"Retry-After": str(seconds)}


async def _spoil(request: web.Request, armed: Armed, good: web.Response) -> web.StreamResponse:
    body = good.body if isinstance(good.body, bytes) else b""
    match armed.fault.kind:
        case "bad_json":
            return web.Response(body=body[: len(body) // 2], status=good.status, content_type=JSON)
        case "slow_drip":
            return await _drip(request, armed, body, good.status)
        case _:
            return _cut_off(request)


async def _drip(request: web.Request, armed: Armed, body: bytes, status: int) -> web.StreamResponse:
    """The answer, a few bytes at a time, evenly over the fault's time; the rest at once when it is lifted."""
    response = web.StreamResponse(status=status, headers={"Content-Type": JSON})
    response.content_length = len(body)
    await response.prepare(request)
    whole = armed.fault.drip_s
    drops = max(2, min(len(body), int(whole / DRIP_PAUSE_S)))
    size = -(-len(body) // drops)
    for position in range(0, len(body), size):
        await response.write(body[position : position + size])
        if await _lifted(armed, whole / drops):
            await response.write(body[position + size :])
            break
    await response.write_eof()
    return response


async def _hold(armed: Armed) -> None:
    await _lifted(armed, armed.fault.hold_s)


async def _lifted(armed: Armed, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await armed.lifted.wait()
    except TimeoutError:
        return False
    return True


def _cut_off(request: web.Request) -> web.Response:
    """Close the connection; the response returned is written to nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
