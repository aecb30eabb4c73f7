"""What people write back to us: a channel that hears it, and the words in which they are answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from alertd.domain.reply import Meaning, Words
from alertd.ports import Callback, Spoken


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that somebody sent us, as its provider tells of it."""

    id: str  # the provider's own: told again, it is the same message
    sender: str = field(repr=False)  # an address of this channel, as alertd writes them
    text: str = field(repr=False)
    beside: str = ""  # what came with it and is not kept: "1 picture"
    handled: Meaning | None = None  # the provider knew this word, acted on it, and has answered it


@runtime_checkable
class Hears(Protocol):
    """A channel whose readers can write back. Its answer travels in the provider's own request."""

    name: str
    provider: str  # its name in the URL that it calls

    def hear(self, callback: Callback) -> Heard | None:
        """What somebody wrote; None where it is no message that anybody could be answered for.

        Raises Forged unless the provider signed it.
        """

    def speak(self, text: str | None) -> Spoken:
        """The answer to such a request: one message to whoever wrote, or none."""


@dataclass(frozen=True, slots=True)
class Told:
    """Where a provider tells of what people write: what its own console was told."""

    url: str = ""  # none: it tells nobody
    method: str = "POST"
    elsewhere: str = ""  # it is not said there but here, where we did not look


@runtime_checkable
class Tells(Protocol):
    """A channel that can ask its provider where replies go, for `alertd doctor`."""

    async def tells(self) -> Told | None:
        """What it was told; None: it knows no such sender of ours, or it cannot be asked about this sort of one.

        Raises Later if it does not answer, Misconfigured if it refuses us.
        """


class ReplyTexts(Protocol):
    """Which words are understood, and what is said to them."""

    @property
    def words(self) -> Words:
        """The words of every language."""

    def say(self, locale: str, key: str, values: Mapping[str, object] | None = None) -> str:
        """One sentence in a reader's language, fit for an SMS. Never fails (R14)."""

    def names(self, locale: str, services: tuple[str, ...]) -> str:
        """Services by the names that this reader knows: "Follow and Share"."""

    def either(self, locale: str, words: tuple[str, ...]) -> str:
        """Several words in one row, of which one is true: "e-mail or phone"."""
