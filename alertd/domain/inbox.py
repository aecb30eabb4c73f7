"""What people write to us in their own words, for one of our own to read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from alertd.domain.family import Address, AddressId, Caregiver, Family
from alertd.domain.reply import Meaning

RATION = timedelta(minutes=15)
"""Of machine time, in which a number gets so many answers and one receipt: two machines must not talk for ever."""

MOST_ANSWERS = 5
"""As GoAlert has it: https://github.com/target/goalert, notification/twilio/replylimit.go."""


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Who has an address that somebody wrote from: all families that share it, in order of their ids."""

    address: AddressId
    stopped: bool  # opted out: nothing is sent there
    families: tuple[Family, ...]

    @property
    def holders(self) -> list[tuple[Family, Caregiver]]:
        """Everybody who has it."""
        return [
            (family, caregiver)
            for family in self.families
            for caregiver in family.caregivers
            if any(each.id == self.address for each in caregiver.addresses)
        ]

    @property
    def locale(self) -> str:
        """The language of the first of them: all look at the same phone."""
        for family, caregiver in self.holders:
            return caregiver.locale or family.locale
        return "en"

    @property
    def services(self) -> tuple[str, ...]:
        """All that their families use."""
        return tuple(dict.fromkeys(service for family in self.families for service in family.services))


@dataclass(frozen=True, slots=True)
class Asked:
    """The newest message of one epoch of an incident that went to an address."""

    delivery: UUID
    incident: UUID
    epoch: int


@dataclass(frozen=True, slots=True)
class Given:
    """What a number was answered lately; machine time."""

    at: datetime
    meaning: Meaning


def used_up(given: Sequence[Given]) -> bool:
    """Whether a number has had all the answers of its ration."""
    return len(given) >= MOST_ANSWERS


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in the inbox. Its text and whose it is are personal data: shown to who may read families."""

    id: UUID
    at: datetime
    text: str = field(repr=False)
    address: Address | None = field(repr=False)  # None: it is forgotten
    families: tuple[Family, ...] = field(repr=False)
    done_at: datetime | None = None
    done_by: str | None = None
