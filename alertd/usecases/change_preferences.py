"""A caregiver chooses on our own page: channels, quiet hours, language, holdings, stop (R12, R17)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from alertd.domain.choosing import filled, judge, offer, silences, stop_everything
from alertd.domain.chosen import choose_here
from alertd.domain.explain import AtNight, Told, explain
from alertd.domain.family import AddressId, AddressStatus, Caregiver, Family
from alertd.domain.incident import IncidentId, Severity
from alertd.domain.links import Purpose
from alertd.domain.offer import Choice, Filled, Offer, Unreadable, Use
from alertd.domain.policy import Policy
from alertd.domain.quiet import LOUD_CHANNELS
from alertd.ports.choosing import Chooser, ChoosingPage, ComposeChoosing, Happens, Showing
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.follow_link import Expired, follow
from alertd.usecases.reached import Reached

ACT = "choose"
"""What the record of acts calls it."""

WHO = "caregiver"

_NOWHERE = IncidentId(UUID(int=0))  # an incident that nobody has a watch in


class Pressed(StrEnum):
    """The button that was pressed."""

    OPEN = "open"
    SAVE = "save"
    STOP = "stop"  # stop everything: asks first
    STOP_YES = "stop_yes"
    BACK = "back"  # better not


@dataclass(frozen=True, slots=True)
class _Self:
    """The caregiver whose page it is: the first who has the address that the message went to, as `acknowledge`."""

    family: Family
    caregiver: Caregiver
    policy: Policy
    services: tuple[str, ...]
    addresses: Mapping[AddressId, AddressStatus]
    offer: Offer


async def look_at_preferences(deps: Deps, token: str) -> str:
    """The page behind the link, closed: looking changes nothing and shows nothing. Raises Forged, Expired."""
    async with deps.store.reading() as rows:
        reached = await _follow(deps, rows, token)
        first, caregiver = reached.holders[0]
        family = next(each for each in reached.families if each.id == first)
    return _compose(deps)(ChoosingPage(Showing.CLOSED, caregiver.locale or family.locale))


async def change_preferences(deps: Deps, token: str, pressed: Pressed, given: Filled | None = None) -> str:
    """The page after a button was pressed; `given`: what was filled in, None before the form was shown.

    All of it is saved, or nothing; the same again changes nothing. What was saved is theirs from then on (R17),
    and whatever is open for their family is planned anew. Raises Forged, Expired.
    """
    if given is None or pressed in (Pressed.OPEN, Pressed.BACK, Pressed.STOP):
        async with deps.store.reading() as rows:
            me = await _self(deps, rows, await _follow(deps, rows, token))
            showing = Showing.STOPPING if pressed is Pressed.STOP else Showing.FORM
            return _show(deps, me, showing, given)
    async with deps.store.transaction() as rows:
        reached = await _follow(deps, rows, token)
        await rows.locked_family(reached.holders[0][0])
        me = await _self(deps, rows, await _follow(deps, rows, token))
        page, choice = _judge(deps, me, given, sure=pressed is Pressed.STOP_YES)
        if page is not None:
            return page
        if choice:
            await _write(deps, rows, me, choice)
        me = await _self(deps, rows, await _follow(deps, rows, token))
    if choice:
        changed = sorted(choice.changes)
        deps.log.info(
            "preferences_chosen",
            family=str(me.family.id),
            changed=changed,
            stopped=len(choice.stop),
            started=len(choice.start),
        )
    return _show(deps, me, Showing.SAVED)


def _judge(deps: Deps, me: _Self, given: Filled, *, sure: bool) -> tuple[str | None, Choice]:
    """What to write; or the page to show instead."""
    nothing = Choice({})
    everything = stop_everything(me.caregiver, me.addresses) if sure else nothing
    try:
        choice = judge(me.offer, given)
    except Unreadable as error:
        if sure:  # whatever else they filled in: that they want nothing is clear
            return None, everything
        return _show(deps, me, Showing.FORM, given, mistakes=error.mistakes), nothing
    if sure:
        return None, Choice(choice.changes if given.stands == me.offer.stands else {}, stop=everything.stop)
    if choice and given.stands != me.offer.stands:
        return _show(deps, me, Showing.FORM, given, overtaken=True), nothing
    if silences(me.offer, choice):
        return _show(deps, me, Showing.STOPPING, given), nothing
    return None, choice


async def _write(deps: Deps, rows: Rows, me: _Self, choice: Choice) -> None:
    now = deps.clock.now()
    mine = choose_here(me.caregiver, choice.changes, now) if choice.changes else me.caregiver
    people = tuple(mine if each.id == mine.id else each for each in me.family.caregivers)
    await rows.write_choice(replace(me.family, caregivers=people), choice.stop, choice.start, now)
    detail: dict[str, object] = {
        "family": str(me.family.id),
        "caregiver": str(mine.id),
        "changed": sorted(choice.changes),
        "stopped": len(choice.stop),
        "started": len(choice.start),
    }
    await rows.add_act(deps.new_id(), now, WHO, ACT, None, detail)


async def _follow(deps: Deps, rows: Rows, token: str) -> Reached:
    return await follow(deps, rows, Purpose.PREFERENCES, token)


async def _self(deps: Deps, rows: Rows, reached: Reached) -> _Self:
    first, caregiver = reached.holders[0]
    found = next(await rows.candidates(_NOWHERE, [first], lock=False), None)
    if found is None:
        raise Expired("this link is no longer valid")
    family, policy = found.family, reached.policy
    owned = tuple(each for each in family.services if deps.policy_for(each).name == policy.name)
    services = owned or family.services
    channels, locales = frozenset(deps.channels), sorted(deps.locales)
    mine = offer(caregiver, family, policy, services, found.addresses, channels, locales)
    return _Self(family, caregiver, policy, services, found.addresses, mine)


def _show(
    deps: Deps,
    me: _Self,
    showing: Showing,
    given: Filled | None = None,
    *,
    mistakes: Mapping[str, str] | None = None,
    overtaken: bool = False,
) -> str:
    chooser = _chooser(deps, me, given, deps.clock.now())
    return _compose(deps)(ChoosingPage(showing, me.offer.locale, chooser, mistakes or {}, overtaken))


def _chooser(deps: Deps, me: _Self, given: Filled | None, now: datetime) -> Chooser:
    explained = explain(me.family, me.policy, me.services, me.addresses, frozenset(deps.channels), now)
    caring = next(each for each in explained.people if each.caregiver.id == me.caregiver.id)
    floor = [own for own in me.offer.addresses if own.address.channel in me.policy.floor]
    mine = {address.id for address in me.caregiver.addresses}
    # What they choose holds for everything that they use, whoever's policy it falls under.
    policies = [me.policy, *map(deps.policy_for, me.family.services)]
    return Chooser(
        offer=me.offer,
        # What was typed stays; that it was filled in before something changed is said once.
        filled=replace(given, stands=me.offer.stands) if given is not None else filled(me.offer),
        happens=tuple(_happens(severity, caring.told) for severity in Severity),
        hears=caring.hears.value,
        floor=tuple(own.address for own in floor if own.use is Use.USED),
        stopped_floor=tuple(own.address for own in floor if own.use is Use.STOPPED_HERE),
        wakes=tuple(severity for severity in Severity if any(each.wakes.get(severity) for each in policies)),
        # What they share with somebody stops for both of them.
        others=any(a.id not in mine for each in explained.people for a in each.usable),
        name=me.caregiver.name,
    )


def _happens(severity: Severity, told: Sequence[Told]) -> Happens:
    """Of all their services together: they differ where somebody asked for something by service."""
    of = [each for each in told if each.severity is severity]
    over = tuple(dict(carried for each in of for carried in each.over).items())
    at_night = of[0].at_night  # by the severity and by what they have, whatever the service
    softly = tuple(dict.fromkeys(address for each in of for address in each.softly))
    if at_night is AtNight.WAKES and not any(address.channel in LOUD_CHANNELS for address, _ in over):
        at_night, softly = AtNight.SOFTLY, tuple(address for address, _ in over)  # mail wakes nobody
    return Happens(
        severity=severity,
        muted=not any(each.choice.channels for each in of),
        over=over,
        at_night=at_night.value,
        softly=softly,
    )


def _compose(deps: Deps) -> ComposeChoosing:
    if deps.compose_choosing is None:
        raise Expired("there is no such page here")
    return deps.compose_choosing
