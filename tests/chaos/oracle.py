"""What became of every family, by what the providers accepted; our own database is held against that.

Imports nothing of `alertd.domain`: the rules are as a person reads them in the design, not as the code has them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from alertd.sandbox.log import Accepted
from tests.chaos.evidence import Address, Allowed, Booked, Evidence, Key, Word
from tests.integration.judge import phase_of
from tests.integration.town import HOLDING, NOTICE

MOVES: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"leased", "accepted", "superseded", "cancelled", "expired", "parked"})
    | {"delivered", "read"},  # an earlier try arrived after all
    "leased": frozenset({"pending", "accepted", "unknown", "refused"})
    | {"superseded", "cancelled", "expired", "parked"}
    | {"delivered", "read", "undelivered"},  # the provider's later word came before we wrote its first
    "unknown": frozenset({"pending", "accepted", "delivered", "read", "undelivered", "refused"})
    | {"superseded", "cancelled", "expired", "parked"},
    "accepted": frozenset({"delivered", "read", "undelivered", "refused", "parked"}),
    "delivered": frozenset({"read"}),
    "undelivered": frozenset({"delivered", "read"}),
}
"""From each state to those that design.md section 3 names; from all others nothing moves any more."""

_TOLD = frozenset({"accepted", "delivered", "read"})
_NAMED_END = frozenset({"refused", "undelivered", "parked"})
"""States that name why somebody was not told."""

_SHOWN = 3

STOPS = 5.0
"""Seconds after an answer within which what is on its way may still arrive; no step of a ladder comes later."""


@dataclass(frozen=True)
class Ruling:
    """One line of the table."""

    lost: int  # families that were not told of something in time, and nobody said why
    repeats: int  # messages beyond the one that was owed
    unknown: int  # tries of which nobody knew the outcome at first: so many might have been repeated
    delay: float  # seconds: the longest from a word to the first message of a family about it
    silence: float  # seconds: the longest that a family heard nothing while the outage lasted
    broken: tuple[str, ...]  # a sentence for each invariant that does not hold

    @property
    def holds(self) -> bool:
        return not self.broken


def judge(evidence: Evidence, allowed: Allowed) -> Ruling:
    """Hold what was accepted against what was owed, and the database against both."""
    heard = _by_family(evidence)
    lost, delay, late = _told(evidence, heard, allowed)
    repeats, forbidden = _repeats(evidence, allowed)
    silence, silent = _silence(evidence, heard, allowed)
    broken = [
        *_some("lost", lost),
        *_some("told too late", late),
        *_some("told twice without a reason", forbidden),
        *_some("left in silence", silent),
        *_some("promised a time, and not told by then", _promises(evidence, heard, allowed)),
        *_some("told by the ladder after their answer", _climbs_on(evidence)),
        *_some("moved back", _backwards(evidence.moves)),
        *_some("not as the providers have it", _books(evidence)),
        *_some("left to do", evidence.left),
        *_some("personal data", evidence.leaks),
        *evidence.said,
    ]
    unknown = sum(booked.unknown for booked in evidence.booked.values())
    return Ruling(len(set(lost)), repeats, unknown, delay, silence, tuple(broken))


def _some(what: str, which: Sequence[str]) -> Iterator[str]:
    if which:
        more = f" and {len(which) - _SHOWN} more" if len(which) > _SHOWN else ""
        yield f"{what}: {'; '.join(which[:_SHOWN])}{more}"


def delivery_of(message: Accepted) -> str:
    """The delivery that a message says it is; the reference is `<delivery>.<attempt>`."""
    return (message.reference or "").partition(".")[0]


@dataclass(frozen=True)
class _Hearing:
    at: float
    incident: int
    update: int
    next_by: float | None


def _by_family(evidence: Evidence) -> dict[str, list[_Hearing]]:
    """What each family was told, in order; by whose address it came to, not by what our books say of it."""
    whose = _whose(evidence)
    heard: dict[str, list[_Hearing]] = defaultdict(list)
    for message in evidence.accepted:
        booked = evidence.booked.get(delivery_of(message))
        if booked is not None:
            for family in whose[message.channel, message.to]:
                heard[family].append(_Hearing(message.at, booked.key[0], booked.update, booked.next_by))
    return heard


def _whose(evidence: Evidence) -> Mapping[Address, Set[str]]:
    """The families of each address: somebody may have several, and is told once for all of them."""
    whose: dict[Address, set[str]] = defaultdict(set)
    for family, addresses in evidence.homes.items():
        for address in addresses:
            whose[address].add(family)
    return whose


def _told(
    evidence: Evidence, heard: Mapping[str, Sequence[_Hearing]], allowed: Allowed
) -> tuple[list[str], float, list[str]]:
    """(families that were lost, the longest delay in seconds, families told too late)"""
    ended = {(booked.family, booked.update) for booked in evidence.booked.values() if booked.state in _NAMED_END}
    lost, late, worst = [], [], 0.0
    for word in evidence.words:
        for family in evidence.touched[word.incident]:
            first = _first_told(word, heard.get(family, ()))
            if first is None:
                if (family, word.update) not in ended:
                    lost.append(family)
                continue
            delay = first - word.at
            worst = max(worst, delay)
            if delay > _faulty(evidence.faults, word.at, first, 0.0) + allowed.recovery + allowed.machine:
                late.append(f"{family} heard of update {word.update} after {delay:.1f} s")
    return lost, worst, late


def _first_told(word: Word, hearings: Iterable[_Hearing]) -> float | None:
    """When a family was first told this or something newer, before humans spoke again."""
    told = [
        each.at
        for each in hearings
        if each.incident == word.incident
        and each.at >= word.at
        and each.update >= word.update
        and (word.until is None or each.at < word.until)
    ]
    return min(told, default=None)


def _repeats(evidence: Evidence, allowed: Allowed) -> tuple[int, list[str]]:
    """(how many messages were one too many, those that no crash and no lost answer explains)"""
    times: Counter[Key] = Counter()
    unknown: Counter[Key] = Counter()
    slow: Counter[Key] = Counter()
    for message in evidence.accepted:
        booked = evidence.booked.get(delivery_of(message))
        if booked is not None:
            times[booked.key] += 1
    for booked in evidence.booked.values():
        unknown[booked.key] += booked.unknown
        slow[booked.key] += booked.slow
    repeats, forbidden = 0, []
    for key, count in times.items():
        more = count - 1
        repeats += more
        most = unknown[key] if allowed.crashes is None else min(unknown[key], allowed.crashes + slow[key])
        if more > most:
            forbidden.append(f"update {key[1]} {count} times over {key[2][0]}, step {key[4]}")
    return repeats, forbidden


def _silence(
    evidence: Evidence, heard: Mapping[str, Sequence[_Hearing]], allowed: Allowed
) -> tuple[float, list[str]]:
    """(the longest that any family heard nothing, those who waited longer than the window beside all faults)"""
    longest, silent = 0.0, []
    for incident, families in evidence.touched.items():
        words = [word for word in evidence.words if word.incident == incident]
        if not words:
            continue
        for family in families:
            times = [words[0].at, *(each.at for each in heard.get(family, ()))]
            for before, after in pairwise(times):
                longest = max(longest, after - before)
                unhurt = after - before - _faulty(evidence.faults, before, after, allowed.recovery)
                if unhurt > allowed.window + allowed.machine:
                    silent.append(f"{family} for {after - before:.1f} s")
    return longest, silent


def _promises(evidence: Evidence, heard: Mapping[str, Sequence[_Hearing]], allowed: Allowed) -> list[str]:
    """Each message says when its family hears again: the next update came by then, but for faults."""
    found = []
    for family, hearings in heard.items():
        firsts: dict[tuple[int, int], _Hearing] = {}
        for each in hearings:
            firsts.setdefault((each.incident, each.update), each)
        for before, after in pairwise(firsts[number] for number in sorted(firsts)):
            if before.next_by is None or before.incident != after.incident:
                continue
            late = after.at - before.next_by - _faulty(evidence.faults, before.at, after.at, allowed.recovery)
            if late > allowed.machine:
                found.append(f"{family} {late:.1f} s late")
    return found


def _climbs_on(evidence: Evidence) -> list[str]:
    """Whoever was told that their answer is noted hears no further step; no fault excuses one."""
    found = []
    for message in evidence.accepted:
        booked = evidence.booked.get(delivery_of(message))
        if booked is None or booked.step == 0:
            continue
        after = message.at - evidence.answered.get(booked.family, message.at)
        if after > STOPS:
            found.append(f"{booked.family} step {booked.step} {after:.1f} s after it")
    return found


def _faulty(faults: Iterable[tuple[float, float]], begin: float, end: float, recovery: float) -> float:
    """Seconds of a stretch that lie in a fault, or in the time after it that recovery may take; none counts twice."""
    total, until = 0.0, begin
    for began, healed in sorted(faults):
        total += max(0.0, min(end, healed + recovery) - max(until, began))
        until = max(until, min(end, healed + recovery))
    return total


def _backwards(moves: Sequence[tuple[str, str, str]]) -> list[str]:
    return [f"{was} -> {became}" for _, was, became in moves if became not in MOVES.get(was, frozenset())]


def _books(evidence: Evidence) -> list[str]:
    """Whatever was accepted is known and is called told; whatever is called told was accepted; each says what it is."""
    found = []
    taken: set[str] = set()
    whose = _whose(evidence)
    for message in evidence.accepted:
        name = delivery_of(message)
        booked = evidence.booked.get(name)
        if booked is None:
            found.append(f"a message over {message.channel} of which we know nothing")
            continue
        taken.add(name)
        if booked.key[2] != (message.channel, message.to) or booked.family not in whose[booked.key[2]]:
            found.append(f"a message over {message.channel} for somebody else")
        if phase_of(message)[0] not in _sayings(evidence.words, booked):
            found.append(f"update {booked.update} over {message.channel} in words of another")
    found += [_contradicts(name, booked, name in taken) for name, booked in evidence.booked.items()
              if _wrong(booked, taken=name in taken)]  # fmt: skip
    return found


def _sayings(words: Sequence[Word], booked: Booked) -> tuple[str, ...]:
    """In whose words it may be said: a number that no human wrote tells their newest word, or that there is none."""
    incident, update, _, _, step = booked.key
    human = {word.update: word.phase for word in words if word.incident == incident and word.update <= update}
    newest = human[max(human)] if human else NOTICE
    return (newest,) if update in human and step == 0 else (newest, HOLDING)


def _wrong(booked: Booked, *, taken: bool) -> bool:
    if taken:
        # What may have arrived and was overtaken by something newer is told by that.
        return booked.state in {"pending", "leased", "unknown"}
    return booked.state in _TOLD


def _contradicts(name: str, booked: Booked, taken: bool) -> str:
    return f"delivery {name[-6:]} is {booked.state}, and was {'' if taken else 'not '}accepted"
