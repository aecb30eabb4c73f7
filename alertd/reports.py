"""Whether anybody outside can reach us: providers with their delivery reports, families with their answers."""

import ipaddress
from urllib.parse import urlsplit

from alertd.settings import Settings

PATH = "/v1/providers/twilio/status"
_NEVER_PUBLIC = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid")


def status_callback(settings: Settings) -> str | None:
    """The URL that Twilio is given with each SMS; None: none, for it could not call it.

    Twilio refuses a message whose URL it cannot reach by its very name (21609), and from what it can never reach
    no word will come: an unknown outcome would be waited for in vain. The sandbox is Twilio on this machine, and
    calls this machine only.
    """
    ours, theirs = _host(settings.public_url), _host(settings.twilio.base_url)
    reached = _loopback(ours) if _loopback(theirs) else _public(ours)
    return settings.public_url + PATH if reached else None


def answers_reach_us(settings: Settings) -> bool:
    """Whether a link to `public_url` may lead a family here.

    An address of this machine leads nobody's phone anywhere, unless the providers are stand-ins on it too.
    """
    ours = _host(settings.public_url)
    return _public(ours) or (_loopback(ours) and _loopback(_host(settings.twilio.base_url)))


def no_reports(settings: Settings) -> tuple[str, str] | None:
    """Why Twilio is asked for none, and how to mend it; None: it is asked."""
    if status_callback(settings) is not None:
        return None
    why = f"no delivery reports: public_url is {settings.public_url}, which"
    if _loopback(_host(settings.twilio.base_url)):
        return f"{why} is not this machine, and the sandbox calls no other", "leave ALERTD_PUBLIC_URL out with it"
    return (
        f"{why} Twilio cannot reach; an SMS counts as told once Twilio has taken it",
        "set ALERTD_PUBLIC_URL to the https:// address by which the outside reaches this API",
    )


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _public(host: str) -> bool:
    """Whether a host may be one that the internet knows; nobody is asked."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_NEVER_PUBLIC)
