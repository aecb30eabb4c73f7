"""Remembers what was composed, so that equal sayings are composed once."""

from itertools import count

from alertd.domain.incident import Kind, Update
from alertd.ports import Content, Saying
from alertd.texts.times import minute_number

Key = tuple[object, ...]


class Cache:
    """Contents by saying, at most twice `limit` of them; what was not asked for lately goes first.

    An update holds a mapping and cannot be hashed, and hashing all of its facts for each message would cost
    more than the rest. So each update object met gets a number, found again by its identity; the object is kept
    alive beside the number, so that no other can take its identity. Equal updates, read twice from the
    store, get the same number, by value. Nothing is taken for granted about incidents and update numbers.
    """

    def __init__(self, limit: int = 2048, updates: int = 256) -> None:
        self._limit, self._updates_limit = limit, updates
        self._new: dict[Key, Content] = {}
        self._old: dict[Key, Content] = {}
        self._met: dict[int, tuple[Update, int]] = {}
        self._numbers: dict[Key, int] = {}
        self._fresh = count()  # safe between threads

    def key(self, saying: Saying) -> Key:
        """Equal for sayings that read alike: times count by the minute, the destination not at all."""
        reader = saying.reader
        return (
            self.number(saying.update),
            saying.channel,
            saying.framing,
            saying.news_number,
            saying.references,
            saying.exercise,
            reader.locale,
            reader.zone,
            reader.services,
            reader.quiet,
            reader.end_wakes,
            reader.change,
            reader.missed,
            reader.released,
            minute_number(reader.all_since),
            reader.asks,
            reader.late,
            reader.by_list,
            saying.link,
            saying.replies,
            saying.page,
            saying.answered,
            saying.elsewhere,
            saying.elsewhere_worst,
            saying.unasked,
            minute_number(reader.hears_by),
            minute_number(reader.since),
            minute_number(saying.now),
            minute_number(saying.ended_at),
        )

    def get(self, key: Key) -> Content | None:
        """What was composed for this key, if it is still remembered."""
        found = self._new.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: Key, content: Content) -> None:
        """Remember it."""
        if len(self._new) >= self._limit:
            self._old, self._new = self._new, {}
        self._new[key] = content

    def __len__(self) -> int:
        return len(self._new.keys() | self._old.keys())

    def number(self, update: Update) -> int:
        """A number for the facts of an update: the same for equal updates, never used for others."""
        met = self._met.get(id(update))
        if met is not None and met[0] is update:
            return met[1]
        if len(self._met) >= self._updates_limit:
            self._met.clear()
            self._numbers.clear()
        value = _value(update)
        number = self._numbers.get(value)
        if number is None:
            number = self._numbers[value] = next(self._fresh)
        self._met[id(update)] = (update, number)
        return number


def _value(update: Update) -> tuple[object, ...]:
    """Everything in an update that words may depend on."""
    facts = update.facts
    return (
        update.kind,
        facts.severity,
        facts.state,
        facts.scope,
        facts.since,
        facts.works,
        facts.do,
        tuple(facts.message.items()),
        facts.last_news_at,
        update.promise if update.kind is Kind.RESOLUTION else None,  # of all others the reader's own time is told
    )
