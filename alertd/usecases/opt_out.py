"""Whoever reads at an address wants no more messages there, or wants them again: they follow a link (R12)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from alertd.domain.delivery import Lane
from alertd.domain.family import AddressId, Caregiver, Family
from alertd.domain.links import Purpose
from alertd.ports import Content, OptOutSaying
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import OPT_IN, OPT_OUT, AddressState, AddressUse
from alertd.usecases.follow_link import Expired, Forged
from alertd.usecases.link_keys import signed

_FAMILIES = 50  # are looked at for what the page says; the opt-out counts in all of them
_WHO = "caregiver"  # nobody knows more: whoever was sent the link


@dataclass(frozen=True, slots=True)
class _Home:
    """A family that has the address, and what the whole system knows of its addresses."""

    family: Family
    states: Mapping[UUID, AddressState]

    def holders(self, address: AddressId) -> list[Caregiver]:
        """Whose address it is."""
        return [each for each in self.family.caregivers if any(a.id == address for a in each.addresses)]

    def ways(self, caregiver: Caregiver, channels: Mapping[str, object], but: AddressId) -> tuple[str, ...]:
        """The channels over which a caregiver can be told at another address."""
        usable = [
            each.channel
            for each in caregiver.addresses
            if each.id != but and each.verified and each.channel in channels and each.id not in self.states
        ]
        return tuple(dict.fromkeys(usable))


async def look(deps: Deps, token: str) -> Content:
    """The page that the link leads to; looking changes nothing, as mail scanners look too.

    Raises Forged, Expired.
    """
    async with deps.store.reading() as rows:
        address, use = await _reach(deps, rows, token)
        return await _page(deps, rows, address, use)


async def opt_out(deps: Deps, token: str) -> Content:
    """Nothing more is sent to the address of this link, whoever has it; returns the page that says so.

    Whoever is owed something is told over their next channel at once. Again is the same.
    Raises Forged, Expired.
    """
    return await _change(deps, token, opted_out=True)


async def opt_in(deps: Deps, token: str) -> Content:
    """Take it back. Raises Forged, Expired."""
    return await _change(deps, token, opted_out=False)


async def _change(deps: Deps, token: str, *, opted_out: bool) -> Content:
    now = deps.clock.now()
    async with deps.store.transaction() as rows:
        address, use = await _reach(deps, rows, token)
        due = await (rows.opt_out(address, now, here=True) if opted_out else rows.opt_in(address, now))
        if due is not None:
            act = OPT_OUT if opted_out else OPT_IN
            detail: dict[str, object] = {"channel": use.channel, "address": str(address), "by": "link"}
            await rows.add_act(deps.new_id(), now, _WHO, act, None, detail)
        page = await _page(deps, rows, address, replace(use, opted_out=opted_out))
    if due is not None:
        event = "opted_out" if opted_out else "opted_in"
        deps.log.info(event, channel=use.channel, families=list(use.families), watches=due)
    if due:
        deps.doorbell.ring(Lane.URGENT.value)
    return page


async def _reach(deps: Deps, rows: Rows, token: str) -> tuple[AddressId, AddressUse]:
    found = await signed(rows, Purpose.OPT_OUT, token) if deps.links is not None else None
    if found is None:
        deps.log.warning("link_forged", link="opt_out")  # a security event, or one was cut on its way
        raise Forged("this is no link of ours")
    use = await rows.address_use(found, _FAMILIES)
    if use is None and (kept := await rows.same_mailbox(found)) is not None:
        found, use = kept, await rows.address_use(kept, _FAMILIES)
    if use is None:
        raise Expired("this address is not known any more")
    return AddressId(found), use


async def _page(deps: Deps, rows: Rows, address: AddressId, use: AddressUse) -> Content:
    """What it means for whoever reads there, in the language of the first of them. Raises Expired."""
    homes = [
        _Home(family, await rows.address_states(family.id))
        for each in use.families
        if (family := await rows.family(each)) is not None
    ]
    held = [(home, holder) for home in homes for holder in home.holders(address)]
    if not held or deps.compose_opt_out is None:
        raise Expired("nobody has this address any more")
    ways = [home.ways(holder, deps.channels, address) for home, holder in held]
    first, reader = held[0]
    return deps.compose_opt_out(
        OptOutSaying(
            locale=reader.locale or first.family.locale,
            opted_out=use.opted_out,
            ways=tuple(way for way in ways[0] if all(way in others for others in ways)),
            others=all(_others(deps, home, address) for home in homes),
        )
    )


def _others(deps: Deps, home: _Home, address: AddressId) -> bool:
    """Whether somebody in this family who does not read there can be told."""
    holders = {each.id for each in home.holders(address)}
    return any(
        home.ways(each, deps.channels, address) for each in home.family.caregivers if each.id not in holders
    )
