"""Where a provider listens, and how to get a connection to it; until there is one, nothing was sent."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from alertd.ports import Later
from channels.addresses import Addresses, connect, look_up
from channels.http_connection import Connection
from channels.standstill import Patience

_SAME_ADDRESS = 10.0
"""Seconds for which addresses are used again: an outage opens all connections at once, and looks up one name."""


@dataclass(slots=True)
class Origin:
    """Scheme, host and port of a provider."""

    host: str
    port: int
    tls: bool
    _addresses: Addresses = field(default_factory=list)
    _looked_up_at: float = 0.0
    _looking_up: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, url: str) -> "Origin":
        """The origin of an http or https URL. Raises ValueError for any other."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not the URL of a web server")
        host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode("ascii")
        tls = parts.scheme == "https"
        return cls(host, parts.port or (443 if tls else 80), tls)

    @property
    def header(self) -> str:
        """As the header Host has it (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    async def connect(self, seconds: float) -> Connection:
        """A new connection; name look-up, TCP and TLS within `seconds`. Raises Later."""
        try:
            async with Patience(asyncio.get_running_loop().time() + seconds):
                return await self._connect()
        except TimeoutError:
            raise Later("connect_timeout", "no connection in time; nothing was sent") from None
        except socket.gaierror:
            raise Later("dns", "the provider's name could not be looked up; nothing was sent") from None
        except ssl.SSLError:
            raise Later("tls", "no TLS connection that can be trusted; nothing was sent") from None
        except OSError:
            raise Later("unreachable", "no connection; nothing was sent") from None

    async def _connect(self) -> Connection:
        return await connect(Connection, await self._look_up(), self.host if self.tls else None)

    async def _look_up(self) -> Addresses:
        loop = asyncio.get_running_loop()
        async with self._looking_up:
            if not self._addresses or loop.time() - self._looked_up_at > _SAME_ADDRESS:
                self._addresses = await look_up(self.host, self.port)
                self._looked_up_at = loop.time()
            return self._addresses
