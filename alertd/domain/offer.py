"""What a caregiver may choose on our own page, and what they filled in: data that the page is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from alertd.domain.errors import Invalid
from alertd.domain.family import Address, AddressId
from alertd.domain.incident import Severity

NO_QUIET_HOURS = "none"
AS_USUAL = "usual"
"""Of holdings: as the policy has it, neither all nor few."""


class Use(StrEnum):
    """Whether messages go to an address, and if not, why."""

    USED = "used"
    STOPPED_HERE = "stopped_here"  # on our own page: there it may be started again
    STOPPED = "stopped"  # by STOP, or at the provider: only there it may be started again
    REFUSED = "refused"  # the provider does not take it
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Own:
    """An address of a caregiver as their page shows it."""

    address: Address
    use: Use
    shared: bool  # others have it too

    @property
    def may_change(self) -> bool:
        """Whether it may be stopped, or started again, on the page."""
        return self.use in (Use.USED, Use.STOPPED_HERE)


@dataclass(frozen=True, slots=True)
class Offer:
    """What holds for a caregiver now; all else that the page shows comes from this."""

    addresses: tuple[Own, ...]  # over which alertd can send at all, in the order written
    lists: Mapping[Severity, tuple[str, ...]]  # of the channels of these
    written: Mapping[Severity, tuple[str, ...]]  # the whole lists, with channels that they have no address for
    quiet_hours: str  # "22:00-06:30", or "none"
    on_duty: str | None
    locale: str
    locales: tuple[str, ...]
    holdings: str  # all, few or usual
    usual: bool  # whether "usual" may be chosen: the family asks for nothing else

    @property
    def channels(self) -> tuple[str, ...]:
        """Those that they have an address for, each once."""
        return tuple(dict.fromkeys(own.address.channel for own in self.addresses))

    @property
    def stopped(self) -> frozenset[AddressId]:
        """The addresses that were stopped on the page."""
        return frozenset(own.address.id for own in self.addresses if own.use is Use.STOPPED_HERE)

    @property
    def stands(self) -> str:
        """Changes with anything that may be chosen: whoever fills in an older one is told so."""
        state = (
            [(str(own.address.id), own.use.value) for own in self.addresses],
            sorted((severity.value, channels) for severity, channels in self.lists.items()),
            self.quiet_hours,
            self.locale,
            self.holdings,
        )
        return sha256(repr(state).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Filled:
    """The page as it came back: words, nothing of them judged."""

    channels: Mapping[Severity, tuple[str, ...]]
    quiet: str  # on or off
    quiet_from: str  # "22:00"
    quiet_to: str
    locale: str
    holdings: str
    stopped: tuple[str, ...]  # addresses by their ids
    stands: str = ""  # `Offer.stands` when the page was shown


@dataclass(frozen=True, slots=True)
class Choice:
    """What they chose, as far as it differs from what holds."""

    changes: Mapping[str, object]  # as `chosen.choose_here` takes them
    stop: frozenset[AddressId] = frozenset()
    start: frozenset[AddressId] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.changes or self.stop or self.start)


class Unreadable(Invalid):
    """What was filled in cannot hold; `mistakes` says by field which sentence belongs beside it."""

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        super().__init__("some of it cannot hold", field=", ".join(mistakes))
        self.mistakes = mistakes
