"""A caregiver chooses by SMS how much they hear while there is nothing new (R3); no older import undoes it."""

from dataclasses import dataclass, replace
from datetime import datetime

from alertd.domain.chosen import HOLDINGS, choose_here
from alertd.domain.family import AddressId, Family
from alertd.domain.holdings import less_or_more
from alertd.domain.inbox import Correspondent
from alertd.ports.store import Rows


@dataclass(frozen=True, slots=True)
class HoldingsChosen:
    """What came of it."""

    due: int  # duties that are to be planned anew at once
    usual: bool  # for somebody it is now as the policy has it


async def choose_holdings(rows: Rows, who: Correspondent, now: datetime, *, more: bool) -> HoldingsChosen:
    """LESS or MORE, for everyone who has this address. It is kept as what is chosen on the caregiver's page is."""
    ordered = sorted(each.id for each in who.families)
    locked = [await rows.locked_family(each) for each in ordered]  # all of them before any duty: no knot of locks
    await rows.lock_watches_of(ordered)  # and all duties in one order: family by family would be another
    changed = [_choosing(family, who.address, now, more=more) for family in locked if family is not None]
    due = sum([await rows.write_choice(each, (), (), now) for each in changed])
    chosen = [caregiver.preferences.holdings for _, caregiver in replace(who, families=tuple(changed)).holders]
    return HoldingsChosen(due, usual=None in chosen)


def _choosing(family: Family, address: AddressId, now: datetime, *, more: bool) -> Family:
    """A family in which everyone who has this address chooses so."""
    return replace(
        family,
        caregivers=tuple(
            choose_here(each, {HOLDINGS: less_or_more(each, family, more=more)}, now)
            if any(a.id == address for a in each.addresses)
            else each
            for each in family.caregivers
        ),
    )
