"""What `alertd doctor` asks over HTTP: the API where it listens, and the address that the world knows it by."""

import json
import urllib.error
from typing import Any
from urllib.parse import urljoin, urlsplit

from alertd.ask import ask
from alertd.cli.client import Api
from alertd.cli.failed import Failed
from alertd.cli.finding import PATIENCE, Finding, Seen
from alertd.domain.errors import AlertdError
from alertd.domain.this_machine import is_this_machine
from alertd.reachable import no_answers
from alertd.settings import load

_ROUTES = "have it pass /livez, /a/, /p/, /u/, /r/, /v1/providers/ and /v1/acknowledgements on to the API"


def api(seen: Seen) -> list[Finding]:
    """Whether it answers, and whether work gets done."""
    try:
        url = Api.here(seen.env).url
    except (Failed, AlertdError) as error:
        return [Finding("wrong", "api", str(error))]
    try:
        _ask(f"{url}/readyz")
    except urllib.error.HTTPError as error:
        return [Finding("wrong", "api", f"{url} answers, but work does not get done", _reasons(error))]
    except (OSError, ValueError):
        return [Finding("wrong", "api", f"nothing answers at {url}", ("alertd up, or check ALERTD_URL",))]
    return [Finding("ok", "api", f"{url} answers, and work gets done")]


def public_url(seen: Seen) -> list[Finding]:
    """Whether phones and providers could reach the API: links in messages and delivery reports need it."""
    settings = seen.settings if seen.stand_ins is None else load({**seen.env, **seen.stand_ins.env()})
    untold = no_answers(settings)
    found = [Finding("note", "public url", untold[0], (untold[1],))] if untold is not None else []
    if is_this_machine(urlsplit(settings.public_url).hostname or ""):
        return found  # whether it answers there is told as api
    led = _leads(settings.public_url)
    return [*found, led] if led.mark != "ok" or untold is None else found


def _leads(url: str) -> Finding:
    mend = ("set ALERTD_PUBLIC_URL to the https:// address of your proxy",)
    try:
        alive = _ask(f"{url}/livez")
    except urllib.error.HTTPError as error:
        if (told := _elsewhere(url, error)) is not None:
            return told
        text = f"{url} answers {error.code}: the proxy does not lead to alertd's API"
        return Finding("note", "public url", text, (_ROUTES,))
    except (OSError, ValueError) as error:
        # From inside, a network may not lead to its own outside.
        text = f"{url} does not answer from here ({_why(error)})"
        return Finding("note", "public url", text, ("try it from outside; check the name, the proxy, its TLS",))
    if alive != {"alive": True}:
        return Finding("note", "public url", f"{url} answers, but it is not alertd", mend)
    if urlsplit(url).scheme != "https":
        return Finding("note", "public url", f"{url} answers, without encryption", mend)
    return Finding("ok", "public url", f"{url} leads to alertd")


def _elsewhere(url: str, error: urllib.error.HTTPError) -> Finding | None:
    """Where the proxy redirects to, as from http to https; None where it does not, or does not say."""
    location = error.headers.get("Location") if 300 <= error.code < 400 else None
    if not location:
        return None
    try:
        target = urljoin(f"{url}/livez", location)
    except ValueError:
        return None
    target = "".join(c if c.isprintable() else "?" for c in target)[:200]
    address = target.rstrip("/").removesuffix("/livez")
    if address != url and address != target.rstrip("/"):  # the same path at another address: it is alertd's own
        mend = f"set ALERTD_PUBLIC_URL to {address}"
        return Finding("note", "public url", f"{url} redirects to {address}", (mend,))
    return Finding("note", "public url", f"{url} redirects /livez to {target}", (_ROUTES,))


def _ask(url: str) -> Any:
    return json.loads(ask(url, PATIENCE))


def _why(error: OSError | ValueError) -> str:
    reason = getattr(error, "reason", error)
    return type(reason).__name__


def _reasons(error: urllib.error.HTTPError) -> tuple[str, ...]:
    try:
        told = json.load(error)
        return tuple(str(reason) for reason in told["reasons"])
    except (ValueError, KeyError, TypeError):
        return (f"it answered {error.code}: check ALERTD_URL",)
