"""Whether a host is the machine that asks."""

import ipaddress


def is_this_machine(host: str) -> bool:
    """Whether a host, as it stands in a URL, is this very machine; nobody is asked.

    Names below .localhost are, too: https://www.rfc-editor.org/rfc/rfc6761#section-6.3.
    """
    host = host.rstrip(".").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
