"""Judges an outage by what the providers accepted, and by nothing that alertd says of itself."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise

from alertd.sandbox.log import Accepted, Refusal
from tests.integration.town import (
    HOLDING,
    LEAD_AFTER,
    MAY,
    NO_NEWS,
    NOTICE,
    PHASES,
    SAID,
    THIRD,
    Address,
    Expected,
    Town,
)

ON_ITS_WAY = 3.0  # seconds that a page may take on a busy machine
LATE = 0.5
"""Of a window: for so long nothing was heard of a mail that a phone stands in for. Its last message may have been late as
well, so that there is less between the two than a holding's time."""
MARGIN = 0.25
"""Of a window: so long before its end a holding sets out at the earliest (R2). A mail of this time may be on its way to us
still, though its server has taken it."""
WAIT = MARGIN / 2
"""Of a window: what a mail gets before the second of two ways is tried as well (decision 46). So whatever comes beside a
mail that was in time came sooner than this after the margin's beginning."""

Extra = Mapping[tuple[Address, str], int]
"""How many more times than once an address may have been told a phase."""


def phase_of(message: Accepted) -> tuple[str, str]:
    """(phase, locale) of a message, by its words. Raises AssertionError for one nobody could have written."""
    text = f"{message.title or ''}\n{message.text}"
    found = [(phase, locale) for phase, words in SAID.items() for locale, said in words.items() if said in text]
    if not found:
        found = [(HOLDING, locale) for locale, words in NO_NEWS.items() if any(word in text for word in words)]
    if not found:
        found = [(NOTICE, locale) for locale, words in MAY.items() if words in text]
    assert len(found) == 1, (
        f"a message of {message.channel} that says neither news nor that there are none: {text!r}"
    )
    return found[0]


def repeated(accepted: Iterable[Accepted]) -> Counter[tuple[Address, str]]:
    """What an address was told more than once, and how many times too many."""
    counts = Counter(
        ((m.channel, m.to), phase)
        for m in accepted
        if m.channel != "page" and (phase := phase_of(m)[0]) != HOLDING
    )
    return Counter({what: count - 1 for what, count in counts.items() if count > 1})


def heard(accepted: Iterable[Accepted]) -> dict[Address, list[tuple[str, Accepted]]]:
    """Every message of families by its address, in order, with its phase."""
    by_address: dict[Address, list[tuple[str, Accepted]]] = {}
    for message in accepted:
        by_address.setdefault((message.channel, message.to), []).append((phase_of(message)[0], message))
    return by_address


class Roll:
    """Who has been told what so far; takes messages as they come."""

    def __init__(self, town: Town) -> None:
        self._owed = {
            phase: {a for a, what in town.expected.items() if phase in what.phases} for phase in PHASES
        } | {HOLDING: {a for a, what in town.expected.items() if _holds(what)}}
        self._told: dict[str, set[Address]] = {phase: set() for phase in self._owed}

    def call(self, accepted: Iterable[Accepted]) -> None:
        """Take further messages."""
        for message in accepted:
            if message.channel == "page":
                continue
            self._told[phase_of(message)[0]].add((message.channel, message.to))

    def missing(self, phase: str) -> set[Address]:
        """Who has not been told a phase yet, and is owed it."""
        return self._owed[phase] - self._told[phase]


def _holds(what: Expected) -> bool:
    return what.holdings and not what.asleep


def problems(
    town: Town,
    accepted: Sequence[Accepted],
    refused: Sequence[Refusal],
    *,
    window: float,
    silence: bool,
    slack: float | None,
    extra: Extra | None = None,
    by_machine: bool = False,
    words: Sequence[float] = (),
) -> list[str]:
    """Everything that is not as it should be; a sentence each. Times are real seconds.

    `by_machine`: a machine opened it, and families were told in built-in words. `silence`: the humans were silent for a window before the end. `slack`: how much longer than the window a
    family may have waited; None where a provider hung or a worker died meanwhile. `words`: when humans spoke.
    """
    accepted = [message for message in accepted if message.channel != "page"]
    books = heard(accepted)
    found = [
        f"nobody expected a message at {masked(address)}" for address in books if address not in town.expected
    ]
    for address, what in town.expected.items():
        messages = books.get(address, [])
        found += _order(address, what, messages, extra or {})
        found += _tone(address, what, messages)
        found += _opening(address, messages, by_machine=by_machine)
        repeated = any((address, phase) in (extra or {}) for phase in PHASES)
        late = partial(_is_late, town, books, address, window, words)
        found += _holdings(address, what, messages, late, window=0 if repeated else window, silence=silence)
    if slack is not None:
        found += _silence(town, books, window + slack)
    return found + _refusals(town, refused, extra or {})


def _order(address: Address, what: Expected, messages: Sequence[tuple[str, Accepted]], extra: Extra) -> list[str]:
    """Each phase once, in order; a repeat only where the provider's word was lost, and then at once."""
    phases = [phase for phase, _ in messages if phase != HOLDING]
    found = []
    counts = Counter(phases)
    for phase, count in counts.items():
        if count > 1 + extra.get((address, phase), 0):
            found.append(f"{masked(address)} was told {phase} {count} times")
    once = list(dict.fromkeys(phases))
    if once != list(what.phases):
        found.append(f"{masked(address)} was told {once} instead of {list(what.phases)}")
    ranks = [PHASES.index(phase) for phase in phases]
    if ranks != sorted(ranks):
        found.append(f"{masked(address)} was told {phases}: numbers went down")
    return found


def _tone(address: Address, what: Expected, messages: Sequence[tuple[str, Accepted]]) -> list[str]:
    found = []
    for phase, message in messages:
        if phase_of(message)[1] != what.locale:
            found.append(f"{masked(address)} was told {phase} in another language")
        if message.channel == "push" and (message.priority == "normal") is not (phase in what.soft):
            found.append(f"{masked(address)} was told {phase} with priority {message.priority}")
    return found


def _opening(address: Address, messages: Sequence[tuple[str, Accepted]], *, by_machine: bool) -> list[str]:
    """What only a machine says "may be", and what a human says is theirs."""
    return [
        f"{masked(address)} was told the opening in words of somebody else"
        for phase, message in messages
        if phase == NOTICE
        and any(words in f"{message.title or ''}\n{message.text}" for words in MAY.values()) is not by_machine
    ]


def pages(
    accepted: Iterable[Accepted], *, opened: float | None, words: Sequence[float], window: float, minute: float
) -> list[str]:
    """What is wrong with what the responders received: R8, by hand. Times are real seconds.

    `opened`: when a machine did; `words`: when humans spoke, the last of them before a silence of a window. The
    owner is paged at once where a machine opens, and nudged ten minutes before the next update is due; the lead
    has an hour more. The machine's webhook has one alert that maps to nothing. Nobody reads the same twice, and nobody else is told.
    """
    found = []
    told = [message for message in accepted if message.channel == "page"]
    began = min([*words, *([opened] if opened is not None else [])])
    opening = [each for each in told if "was opened by a machine" in (each.title or "")]
    ignored = [each for each in told if "1 alert ignored" in (each.title or "")]
    due = [each for each in told if "needs an update by" in (each.title or "")]
    if [each.to for each in opening] != (["owner"] if opened is not None else []):
        found.append(f"of the opening were told: {[each.to for each in opening]}")
    if [each.to for each in ignored] != (["owner"] if opened is not None else []):
        found.append(f"of the alert that maps to nothing were told: {[each.to for each in ignored]}")
    found += [f"{each.to} read: {each.title}" for each in told if each not in (*opening, *ignored, *due)]
    for (to, title), count in Counter((each.to, each.title) for each in told).items():
        if count > 1:
            found.append(f"{to} read {count} times: {title}")
    for each in due:
        # What was on its way when somebody spoke belongs to the word before.
        spoken = max([at for at in (*words, began) if at <= each.at - ON_ITS_WAY], default=began)
        # Ten minutes before it is due, and at most a quarter of the window earlier.
        soonest = spoken + 0.75 * window - (10 * minute if each.to == "owner" else -LEAD_AFTER * minute)
        if each.to not in ("owner", "lead") or each.at < soonest:
            found.append(f"{each.to} read too soon: {each.title}")
    if not any(each.to == "owner" and each.at > words[-1] for each in due):
        found.append("nobody asked the owner for an update")
    return found


def _is_late(
    town: Town,
    books: Mapping[Address, Sequence[tuple[str, Accepted]]],
    address: Address,
    window: float,
    words: Sequence[float],
    at: float,
) -> bool:
    """Whether a family that nobody could tell in time over its other addresses may hear over this one at a moment."""
    others = {each for home in town.homes.values() if address in home for each in home} - {address}
    before = at - MARGIN * window
    heard = [message.at for each in others for _, message in books.get(each, ()) if message.at < before]
    spoken = [word for word in words if word < at]
    return (
        bool(heard)
        and max(heard) <= at - window * LATE
        and (not spoken or at - max(spoken) >= window * (1 - MARGIN + WAIT))
    )


def _holdings(
    address: Address,
    what: Expected,
    messages: Sequence[tuple[str, Accepted]],
    late: Callable[[float], bool],
    *,
    window: float,
    silence: bool,
) -> list[str]:
    """A holding never comes before a quarter of the window has passed in silence, and one comes before it is over.

    A message that is handed over when half of its time has passed still is: its family hears a quarter before the end.
    Where a machine is so slow that nobody takes it in time, it goes over the next address too (R2), also one that hears
    no holdings else: `late` says of a moment whether that may be.
    """
    found = []
    before = None
    for number, (phase, message) in enumerate(messages):
        if phase == HOLDING:
            if not what.holdings and (what.asleep or not late(message.at)):
                found.append(f"{masked(address)} was told that there is no news")
            elif before is None or (message.at - before < window / 4 and not (what.called and number == 1)):
                found.append(f"{masked(address)} was told that there is no news too soon")
        before = message.at
    if silence and _holds(what):
        order = [phase for phase, _ in messages]
        last = order[order.index(THIRD) + 1 :] if THIRD in order else []
        if HOLDING not in last:
            found.append(f"{masked(address)} was left in silence")
    return found


def _silence(town: Town, books: Mapping[Address, Sequence[tuple[str, Accepted]]], longest: float) -> list[str]:
    """The one promise: no family goes longer than the window without hearing from us."""
    found = []
    for name, addresses in town.homes.items():
        if any(town.expected[address].asleep for address in addresses):
            continue  # the quiet window is longer than this whole story
        times = sorted(message.at for address in addresses for _, message in books.get(address, ()))
        gap = max((after - before for before, after in pairwise(times)), default=0.0)
        if gap > longest:
            found.append(f"{name} heard nothing for {gap:.1f} s")
    return found


_AT_ONCE = 5.0  # seconds: outcomes are written twice a second, by a machine that may be busy elsewhere


def _refusals(town: Town, refused: Sequence[Refusal], extra: Extra) -> list[str]:
    """A dead address is asked once and then never again; nothing else was refused.

    Two messages that were on their way at once are one asking: of neither the refusal was written yet.
    """
    asked: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], float] = {}
    for refusal in refused:
        address = (refusal.channel, refusal.to or "")
        if refusal.outcome == "dead" and refusal.at - last.get(address, -_AT_ONCE) >= _AT_ONCE:
            asked[address] += 1
            last[address] = refusal.at
    dead = {(channel, to) for channel, addresses in town.dead.items() for to in addresses}
    found = [f"{masked(address)} is dead and was asked {asked[address]} times" for address in dead
             if not 1 <= asked[address] <= 1 + extra.get((address, NOTICE), 0)]  # fmt: skip
    broken = {refusal.outcome for refusal in refused} & {"contract", "auth", "not_found", "followed_redirect"}
    return found + [f"a provider was asked wrongly: {outcome}" for outcome in sorted(broken)]


def masked(address: Address) -> str:
    """An address as a failure may show it."""
    return f"{address[0]} ...{address[1][-24:]}" if address[0] != "sms" else f"sms ...{address[1][-4:]}"
