"""Pages to responders through Apprise: chat, push, e-mail or a web hook, whatever their URL says.

- URLs: https://appriseit.com/services/
- Outcomes: https://github.com/caronc/apprise (apprise/result.py): success, failure or timeout, and log lines.
  The lines hold `error=<HTTP status>` where a server answered; they are read for that and never passed on, as
  they may hold recipients.

Apprise is synchronous: each call has a thread of its own and a deadline, so a server that hangs holds nothing up.
Families are never told this way.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alertd.domain.errors import Invalid
from alertd.domain.responder_url import SCHEMES, check_responder_url
from alertd.ports import ChannelError, Later, Message, Misconfigured, Receipt, Refused, Unknown
from channels import Now
from channels.sendable import sendable
from channels.standstill import Patience

DEADLINE = 10.0
"""Seconds for one page."""

_SLACK = 1.0  # seconds that our own deadline lies behind Apprise's, which ends a call more cleanly
_STATUS = re.compile(r"\berror=(\d{3})\b")


@dataclass(frozen=True, slots=True)
class AppriseConfig:
    """Nothing has to be set up: all of it stands in each responder's URL."""

    connections: int = 10
    deadline: float = DEADLINE

    def problems(self) -> list[str]:
        """None, ever."""
        return []


class ApprisePage:
    """The pager `apprise`; a message's `to` is the responder's URL."""

    name = "apprise"
    has_callbacks = False

    def __init__(self, config: AppriseConfig, now: Now) -> None:
        self.at_once, self.deadline = config.connections, config.deadline
        self._threads = ThreadPoolExecutor(config.connections, thread_name_prefix="page")

    async def send(self, message: Message) -> Receipt:
        seconds = max(self.deadline - _SLACK, self.deadline / 2)
        call = self._threads.submit(_notify, message, seconds)
        try:
            async with Patience(asyncio.get_running_loop().time() + self.deadline):
                error = await asyncio.shield(asyncio.wrap_future(call))
        except TimeoutError:
            # The thread's own future is asked: asyncio's can be cancelled, too, while the thread pages somebody.
            if call.cancel():
                raise Later("busy", "too many pages hang; this one was not begun") from None
            raise Unknown("timeout", "no answer in time") from None
        if error is not None:
            raise error
        return Receipt(message.attempt_id)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def problem(url: str) -> str | None:
    """What is wrong with a responder's URL, for `alertd doctor`; loads Apprise, sends nothing."""
    try:
        _instance(url)
    except Misconfigured as error:
        return error.detail
    return None


def _notify(message: Message, seconds: float) -> ChannelError | None:
    """One call of one service; what went wrong, or None."""
    from apprise import Apprise, AppriseResultStatus

    try:
        service = _instance(message.to)
        with _quoting_nothing(Unknown):
            apprise = Apprise(asset=service.asset)
            apprise.add(service)
            result = apprise.notify(body=sendable(message.text), title=sendable(message.title), timeout=seconds)
    except ChannelError as error:
        return error
    if result.status is AppriseResultStatus.SUCCESS:
        return None
    if result.status is AppriseResultStatus.TIMEOUT:
        return Unknown("timeout", "no answer in time")
    if result.status is AppriseResultStatus.NOMATCH:
        return Misconfigured("no_service", "the URL names nobody to page")
    return _failed(_status(result))


def _instance(url: str) -> Any:
    """The service of a URL, with one recipient and no more. Raises Misconfigured, which never quotes the URL."""
    apprise, asset = _apprise()
    try:
        check_responder_url(url)
    except Invalid as error:
        raise Misconfigured("bad_url", f"the responder's URL {error.message}") from None
    with _quoting_nothing(Misconfigured):
        service = apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        raise Misconfigured(
            "bad_url", "the responder's URL is none that Apprise can use: something is missing in it"
        )
    if service.redirects or service.retry:
        raise Misconfigured("bad_url", "the responder's URL follows redirects or tries again by itself")
    if len(service) != 1 or getattr(service, "cc", None) or getattr(service, "bcc", None):
        raise Misconfigured("bad_url", "the responder's URL names several recipients: one responder is one person")
    return service


@contextmanager
def _quoting_nothing(reaction: type[ChannelError]) -> Iterator[None]:
    """Of what Apprise raises only the type gets out: the rest may quote the URL, and the log holds tracebacks."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  a library of 250 services; which errors it has, nobody says
        raise reaction(f"crashed: {type(error).__name__}", "Apprise itself failed") from None


_loaded: tuple[Any, Any] | None = None


def _apprise() -> tuple[Any, Any]:
    """Apprise, of which only the allowed schemes are left, and an asset that follows nothing and keeps nothing."""
    global _loaded  # noqa: PLW0603  its plugins are global too, and loading them takes half a second
    if _loaded is None:
        import apprise
        from apprise.manager_plugins import NotificationManager

        quiet = logging.getLogger("apprise")
        quiet.propagate = False  # its lines hold recipients; what matters in them is told by our own errors
        quiet.addHandler(logging.NullHandler())
        manager: Any = NotificationManager
        manager().enable_only(*sorted(SCHEMES))
        asset = apprise.AppriseAsset(
            http_redirects=False,
            async_mode=False,
            plugin_paths=[],
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            app_id="alertd",
            app_desc="alertd",
        )
        _loaded = apprise.Apprise, asset
    return _loaded


def _status(result: Iterable[Any]) -> int | None:
    """The HTTP status with which the service answered, if it did and said so."""
    lines = [str(line) for service in result for attempt in service.attempts for line in attempt.logs]
    found = [int(match.group(1)) for line in lines if (match := _STATUS.search(line))]
    return found[-1] if found else None


def _failed(status: int | None) -> ChannelError:
    if status is None:
        return Unknown("failed", "the service failed, or its answer was lost")
    code = str(status)
    if status in (408, 425, 429, 503):
        return Later(code, "the service takes nothing now")
    if 300 <= status < 400:
        return Misconfigured(code, "the service sends us elsewhere, and alertd follows nowhere")
    if status in (401, 403, 407):
        return Misconfigured(code, "the service does not accept the responder's URL")
    if 400 <= status < 500:
        return Refused(code, "the service refuses the page")
    return Unknown(code, "the service had an error of its own")
