"""Whether anybody outside can reach us: providers with their delivery reports, families with their answers."""

import ipaddress
from urllib.parse import urlsplit

from alertd.domain.this_machine import is_this_machine
from alertd.settings import Settings

PATH = "/v1/providers/twilio/status"
INBOUND = "/v1/providers/twilio/inbound"
"""Where the console is told that replies go."""
KEYS = "/v1/providers/twilio/voice"

NEVER_PUBLIC = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid")
"""Ends of names that the internet does not know."""


def inbound_url(settings: Settings) -> str | None:
    """The URL at which Twilio tells of replies, as its signature covers it; None: it could not call it."""
    return settings.public_url + INBOUND if status_callback(settings) is not None else None


def status_callback(settings: Settings) -> str | None:
    """The URL that Twilio is given with each SMS and call; None: none, for it could not call it.

    Twilio refuses a message whose URL it cannot reach by its very name (21609), and from what it can never reach
    no word will come: an unknown outcome would be waited for in vain. The sandbox is Twilio on this machine, and
    calls this machine only.
    """
    ours = _host(settings.public_url)
    reached = is_this_machine(ours) if _stand_ins(settings) else _public(ours)
    return settings.public_url + PATH if reached else None


def keypad(settings: Settings) -> str | None:
    """The URL at which Twilio says which key was pressed in a call; None: nobody is asked to press one.

    As a link, it is worth something wherever an answer reaches us.
    """
    return settings.public_url + KEYS if answers_reach_us(settings) else None


def no_reports(settings: Settings) -> tuple[str, str] | None:
    """Why Twilio is asked for none, and how to mend it; None: it is asked."""
    if status_callback(settings) is not None:
        return None
    why = f"no delivery reports: public_url is {settings.public_url}, which"
    if _stand_ins(settings):
        return f"{why} is not this machine, and the sandbox calls no other", "leave ALERTD_PUBLIC_URL out with it"
    return (
        f"{why} Twilio cannot reach; an SMS counts as told once Twilio has taken it",
        "set ALERTD_PUBLIC_URL to the https:// address by which the outside reaches this API",
    )


def answers_reach_us(settings: Settings) -> bool:
    """Whether a link to `public_url` may lead a family here.

    An address of this machine or of a network of our own leads nobody's phone anywhere, unless the providers are
    stand-ins on this machine too.
    """
    ours = _host(settings.public_url)
    return _public(ours) or (is_this_machine(ours) and _stand_ins(settings))


def no_answers(settings: Settings) -> tuple[str, str] | None:
    """Why no family is asked for an answer, and how to mend it; None: they are asked."""
    if answers_reach_us(settings):
        return None
    where = "this machine" if is_this_machine(_host(settings.public_url)) else "your own network"
    return (
        f"{settings.public_url} leads nobody outside of {where} anywhere, so messages to families hold no link, "
        "and nobody is asked for an answer",
        "leave ALERTD_PUBLIC_URL out with the sandbox"
        if _stand_ins(settings)
        else "set ALERTD_PUBLIC_URL to the https:// address by which phones outside reach your proxy",
    )


def _stand_ins(settings: Settings) -> bool:
    return is_this_machine(_host(settings.twilio.base_url))


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()


def _public(host: str) -> bool:
    """Whether a host may be one that the internet knows; nobody is asked."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(NEVER_PUBLIC)
