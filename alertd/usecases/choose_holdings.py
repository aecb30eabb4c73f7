"""A caregiver chooses by SMS how much they hear while there is nothing new (R3); no older import undoes it."""

from dataclasses import replace
from datetime import datetime

from alertd.domain.chosen import HOLDINGS, choose_here
from alertd.domain.family import AddressId, Family
from alertd.domain.inbox import Correspondent
from alertd.ports.store import Rows


async def choose_holdings(rows: Rows, who: Correspondent, value: str, now: datetime) -> int:
    """Write it for everyone who has this address; returns how many duties are to be planned anew at once.

    `value`: "few" or "all". It is kept as what is chosen on the caregiver's page is.
    """
    ordered = sorted(each.id for each in who.families)
    locked = [await rows.locked_family(each) for each in ordered]  # all of them before any duty: no knot of locks
    found = [family for family in locked if family is not None]
    changed = [_choosing(family, who.address, value, now) for family in found]
    return sum([await rows.write_choice(each, (), (), now) for each in changed])


def _choosing(family: Family, address: AddressId, value: str, now: datetime) -> Family:
    """A family in which everyone who has this address chooses so."""
    return replace(
        family,
        caregivers=tuple(
            choose_here(each, {HOLDINGS: value}, now) if any(a.id == address for a in each.addresses) else each
            for each in family.caregivers
        ),
    )
