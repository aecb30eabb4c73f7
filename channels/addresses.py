"""From a provider's name to a connection: an address that does not answer keeps nobody from the next one."""

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

from aiohappyeyeballs import AddrInfoType, start_connection

from channels.tls import tls_context

P = TypeVar("P", bound=asyncio.BaseProtocol)

Addresses = list[AddrInfoType]

_NEXT_ADDRESS = 0.25
"""Seconds until the next address is tried beside one that does not answer. Source: RFC 8305 section 8."""


async def look_up(host: str, port: int) -> Addresses:
    """All addresses of a name, in the resolver's order. Raises socket.gaierror."""
    return list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))


async def connect(make: Callable[[], P], addresses: Addresses, tls: str | None) -> P:
    """A protocol that is connected to the first address that answers; `tls`: the name in its certificate, if any.

    Raises OSError, ssl.SSLError among them; whoever is cancelled leaves no socket behind.
    """
    try:
        opened = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS)
    except RuntimeError as error:  # uvloop's word for some of them
        raise OSError(str(error)) from None
    try:
        _, protocol = await asyncio.get_running_loop().create_connection(
            make, sock=opened, ssl=tls_context() if tls is not None else None, server_hostname=tls
        )
    except BaseException:
        opened.close()
        raise
    return protocol
