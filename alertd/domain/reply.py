"""What somebody means who answers an SMS in a word or two. Pure; the words themselves are data."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    """What a reply asks for."""

    ACKNOWLEDGE = "acknowledge"  # I know
    STATUS = "status"  # how do things stand
    STILL_DOWN = "still_down"  # the same while we say so too; else a report that only a person can take
    HELP = "help"  # what can I write
    LESS = "less"  # fewer messages without news
    MORE = "more"  # more of them again
    STOP = "stop"  # nothing more to this number
    START = "start"  # again
    OTHER = "other"  # their own words: a person reads them


STOP_WORDS = ("stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel")
"""What Twilio stops a number for, in every language: https://help.twilio.com/articles/223134027."""

START_WORDS = ("start", "yes", "unstop")
"""What lets Twilio send again, same page. "Yes" of a number that has not stopped is an answer."""

_LETTERS = frozenset("LN")

_MOST_WORDS = 6  # of a reply that says the same more than once: "ok, got it, thank you"

_LIKED = re.compile(
    r"(?:liked|reacted 👍\S* to|le gustó|a \S[^“”«»\"]{0,60} le gusta|reaccionó con 👍\S* a)"
    r"\s*[“«\"][^”»\"]*/a/[\w-]{20,}[^”»\"]*[”»\"]",
    re.IGNORECASE,
)
"""What an iPhone writes for a thumb up on a text that asks: that text, with our link, in quotes, and no more.

A thumb up on anything else, such as the all-clear of yesterday, is read by a person.
"""


def fold(text: str) -> str:
    """What is left when case, accents, punctuation and blanks do not count; of symbols alone, one of each.

    "  Ok. " is "ok", "Más!" is "mas", "Opt-out" is "optout", "1️⃣" is "1", and two thumbs up are one.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(c for c in plain if unicodedata.category(c)[0] in _LETTERS)
    return letters or "".join(dict.fromkeys(c for c in plain if unicodedata.category(c) == "So"))


def is_start_word(text: str) -> bool:
    """Whether Twilio itself sends again to a number that has stopped and writes this."""
    return fold(text) in START_WORDS


@dataclass(frozen=True, slots=True)
class Words:
    """By language, what each folded word means."""

    by_locale: Mapping[str, Mapping[str, Meaning]]

    def understand(self, text: str, locale: str, *, stopped: bool) -> Meaning:
        """What a reply means to a reader of this language: their own words first, then those of all others.

        `stopped`: nothing is sent to them, so "yes" can only mean that they want it again.
        """
        word = fold(text)
        if word in STOP_WORDS:
            return Meaning.STOP
        if stopped and word in START_WORDS:
            return Meaning.START
        asks = "?" in text or "¿" in text  # "Ok?": whoever asks does not say that they know
        if (meaning := self._known(word, locale)) is not Meaning.OTHER:
            return Meaning.OTHER if asks and meaning is Meaning.ACKNOWLEDGE else meaning
        # What is liked is our text, and a question in it ours.
        liked = _LIKED.fullmatch(unicodedata.normalize("NFC", text.strip()))
        if liked or (not asks and self._only_acknowledges(text, locale)):
            return Meaning.ACKNOWLEDGE
        return Meaning.OTHER

    def _known(self, word: str, locale: str) -> Meaning:
        return next((table[word] for table in self._tables(locale) if word in table), Meaning.OTHER)

    def _only_acknowledges(self, text: str, locale: str) -> bool:
        """Whether it says "I know" in several words, each of them known: "Got it, thanks"."""
        parts = [part for part in map(fold, text.split()) if part]
        numbers = sum(any(character.isdigit() for character in part) for part in parts)
        if len(parts) > _MOST_WORDS or numbers > 1:
            return False  # "1 1" may be a reading

        def said(begin: int) -> bool:
            return begin == len(parts) or any(
                self._known("".join(parts[begin:end]), locale) is Meaning.ACKNOWLEDGE and said(end)
                for end in range(begin + 1, len(parts) + 1)
            )

        return bool(parts) and said(0)

    def _tables(self, locale: str) -> Sequence[Mapping[str, Meaning]]:
        own = [self.by_locale[each] for each in (locale, locale.partition("-")[0]) if each in self.by_locale]
        return [*own, *self.by_locale.values()]
