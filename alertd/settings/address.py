"""Where the API of this machine is asked, by where it listens."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  where it listens, not where to ask


def address(host: str, port: int) -> str:
    """`http://` and a host that can be asked, an IPv6 one in brackets, and the port."""
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
