"""A token bucket for two lanes: how much a sender may hand over now. Pure; whoever asks brings the time.

What its provider allows flows into two vessels, a fifth of it into the urgent one, and what one of them cannot
hold flows over into the other. So each lane is sure of its part, has all of it while the other rests, and neither
can starve the other. A unit is what the provider counts: a message, a call, or a segment of an SMS.
"""

from dataclasses import dataclass, field

from alertd.domain.delivery import Lane

URGENT_SHARE = 0.2
"""Of the rate, which is kept for what is urgent: one family's page never waits behind a million messages."""

SAVED = 1.0
"""Seconds of the whole rate that a vessel holds: so much may come at once after a rest."""

URGENT_AT_LEAST = 10.0
"""Units that the urgent vessel holds however slow the sender is: two parents are sent two long texts at once."""

STEP = 0.1
"""Seconds: nobody is granted less than a lane's part of so long, or a process would ask for every message."""

LONGEST_WAIT = 1.0
"""Seconds after which whoever got nothing asks again: the other lane may rest by then."""

_SHORTEST_WAIT = 0.001


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be handed over at once, in units; and seconds until it is worth asking for more."""

    units: int
    wait: float


@dataclass(slots=True)
class Bucket:
    """Of one sender. `rate`: units a second; times are seconds of any clock that does not run backwards."""

    rate: float
    _urgent: float = field(init=False)
    _bulk: float = field(init=False)
    _at: float | None = None

    def __post_init__(self) -> None:
        self._urgent, self._bulk = most(self.rate)

    def take(self, lane: str, units: int, now: float) -> Grant:
        """Grant up to so many units, whole ones; none where that would be too few to be worth the asking."""
        self._flow(now)
        urgent = lane == Lane.URGENT
        held = self._urgent if urgent else self._bulk
        least = worth_asking(self.rate, lane, units)
        if held >= least:
            granted = min(units, int(held))
            if urgent:
                self._urgent -= granted
            else:
                self._bulk -= granted
            return Grant(granted, STEP)
        urgent_most, bulk_most = most(self.rate)
        alone = self._bulk >= bulk_most if urgent else self._urgent >= urgent_most
        inflow = self.rate if alone else self.rate * share(lane)
        return Grant(0, min(max((least - held) / inflow, _SHORTEST_WAIT), LONGEST_WAIT))

    def change(self, rate: float, now: float) -> None:
        """From now on it fills at another rate; what it holds stays, as far as it may."""
        self._flow(now)
        self.rate = rate

    def _flow(self, now: float) -> None:
        came = self.rate * max(now - self._at, 0.0) if self._at is not None else 0.0
        self._at = now
        urgent_most, bulk_most = most(self.rate)
        urgent = self._urgent + came * URGENT_SHARE
        bulk = self._bulk + came * (1 - URGENT_SHARE) + max(urgent - urgent_most, 0.0)
        self._urgent = min(urgent + max(bulk - bulk_most, 0.0), urgent_most)
        self._bulk = min(bulk, bulk_most)


def most(rate: float) -> tuple[float, float]:
    """What the urgent and the bulk vessel hold at the most, in units."""
    return max(rate * SAVED, URGENT_AT_LEAST), max(rate * SAVED, 1.0)


def share(lane: str) -> float:
    """Of the rate, which part flows into a lane's vessel whatever the other lane does."""
    return URGENT_SHARE if lane == Lane.URGENT else 1 - URGENT_SHARE


def worth_asking(rate: float, lane: str, units: int) -> float:
    """The least that is granted to whoever asks for so many units."""
    return min(float(units), max(rate * share(lane) * STEP, 1.0))
