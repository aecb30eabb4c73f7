"""A terminal is a provider that can only be there or not."""

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from alertd.ports import Message
from tests.contract.samples.situations import Case, Situation

_NO_NETWORK = "printing needs no network and gets no answer"


@asynccontextmanager
async def terminal() -> AsyncIterator[io.StringIO]:
    yield io.StringIO()


def close(stream: io.StringIO) -> None:
    stream.close()


_CASES = {
    Situation.ACCEPTED: Case(),
    Situation.UNREACHABLE: Case(close, "console"),
    Situation.NOT_CONFIGURED: Case(code="not_configured", settings={"enabled": False}),
}


class _Console:
    name = "console"
    to = "a-terminal-of-mia-0123"
    secrets: tuple[str, ...] = ()
    cases: Mapping[Situation, Case] = _CASES
    not_applicable: Mapping[Situation, str] = dict.fromkeys(set(Situation) - set(_CASES), _NO_NETWORK)

    def provider(self) -> AbstractAsyncContextManager[io.StringIO]:
        return terminal()

    def settings(self, provider: io.StringIO, folder: Path) -> dict[str, Any]:
        return {"enabled": True, "stream": provider}

    def check(self, provider: io.StringIO, message: Message, provider_id: str) -> None:
        assert provider_id == message.attempt_id
        assert provider.getvalue() == f"! to ***0123: {message.title}\n  {message.text}\n"

    def keeps_contract(self, provider: io.StringIO) -> int:
        return 0  # a terminal publishes none


SAMPLE = _Console()
