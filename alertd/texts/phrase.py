"""Phrases: what a key of `--works` or `--do` stands for in one language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words for a text message, and those for where there is room; no full stop."""

    short: str
    long: str
