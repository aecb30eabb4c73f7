"""The situations that every channel is put into, and what a channel's samples say about each."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from alertd.ports import ChannelError, Later, Message, Misconfigured, Refused, Unknown

NOW = datetime(2026, 11, 4, 20, 0, tzinfo=UTC)

SHORT = 0.5
"""Seconds of deadline where a provider hangs."""


class Situation(Enum):
    ACCEPTED = "the provider takes it"
    REFUSED = "this address never"
    THROTTLED = "too fast, come back later"
    SERVER_ERROR = "the provider has an error of its own"
    UNAVAILABLE = "the provider is closed for now"
    UNREACHABLE = "nobody listens"
    HANGS = "no answer after the message"
    DRIPS = "an answer without end, a byte now and then"
    DROPS_BEFORE = "hangs up before it has the message"
    DROPS_AFTER = "hangs up when it has the message"
    NONSENSE = "says yes, and nothing that makes sense"
    REDIRECT = "sends us elsewhere"
    NOT_ALLOWED = "does not know our account"
    NOT_CONFIGURED = "nobody has set it up"


REACTION: Mapping[Situation, type[ChannelError] | None] = {
    Situation.ACCEPTED: None,
    Situation.REFUSED: Refused,
    Situation.THROTTLED: Later,
    Situation.SERVER_ERROR: Unknown,
    Situation.UNAVAILABLE: Later,
    Situation.UNREACHABLE: Later,
    Situation.HANGS: Unknown,
    Situation.DRIPS: Unknown,
    Situation.DROPS_BEFORE: Later,
    Situation.DROPS_AFTER: Unknown,
    Situation.NONSENSE: Unknown,
    Situation.REDIRECT: Misconfigured,
    Situation.NOT_ALLOWED: Misconfigured,
    Situation.NOT_CONFIGURED: Misconfigured,
}
"""What a channel owes in each situation; a case may say otherwise, with the reason."""


@dataclass(frozen=True)
class Case:
    """How the stand-in provider is brought into a situation, and what comes out."""

    prepare: Callable[[Any], object] = lambda _: None
    code: str = ""
    retry_after: timedelta | None = None
    settings: Mapping[str, Any] | None = None  # of the channel's config, instead of the sample's
    reaction: type[ChannelError] | None = None  # where it is not the usual one ...
    because: str = ""  # ... and why


class Sample(Protocol):
    """What `samples/<name>.py` holds under the name SAMPLE."""

    name: str
    to: str
    cases: Mapping[Situation, Case]
    not_applicable: Mapping[Situation, str]  # with the reason

    @property
    def secrets(self) -> tuple[str, ...]: ...

    def provider(self) -> AbstractAsyncContextManager[Any]: ...

    def settings(self, provider: Any, folder: Path) -> dict[str, Any]: ...

    def check(self, provider: Any, message: Message, provider_id: str) -> None: ...

    def keeps_contract(self, provider: Any) -> int:
        """Hold every message that the provider was asked to take to its published contract; how many there were."""


def message_to(to: str, **changes: Any) -> Message:
    """A loud message in Spanish, with what needs quoting somewhere."""
    message = Message(
        to=to,
        title='Follow está caído: "sin lecturas" & <alarmas>',
        text="Follow no funciona desde las 23:40.\n.Compruebe a mano & no reinstale.\r\n..¿Ayuda? 100 % 🙂\\",
        html="<p>Follow no funciona desde las 23:40.</p>\n.<b>¿Ayuda?</b>\n",
        locale="es",
        loud=True,
        delivery=UUID("019a0000-0000-7000-8000-000000000001"),
        attempt=2,
        incident=UUID("019a0000-0000-7000-8000-000000000002"),
        update=3,
        useful_for=timedelta(minutes=28, seconds=3.7),
    )
    return replace(message, **changes)
