"""What is wrong with the page on which caregivers choose: every state of it is composed in every language."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from alertd.domain.choosing import filled
from alertd.domain.delivery import Reason
from alertd.domain.family import CHANNELS, Address, AddressId
from alertd.domain.incident import Severity
from alertd.domain.offer import AS_USUAL, NO_QUIET_HOURS, Offer, Own, Use
from alertd.ports.choosing import Chooser, ChoosingPage, Happens, Showing
from alertd.texts.parts import Tell

_TO = {"push": "t" * 40, "sms": "+14155550100", "voice": "+14155550101", "email": "someone@example.org"}
_FLOOR = ("sms", "voice")
_MISTAKES = ("critical_empty", "quiet_all_day", "quiet_all_duty", "quiet_unreadable", "unknown")


def problems(
    locales: Sequence[str], choose: Callable[[ChoosingPage, Tell], str], *, thorough: bool = True
) -> list[str]:
    """Every problem once, as a sentence that names the locale. Not `thorough`: of each page one state."""
    found: dict[str, None] = {}
    for locale in locales:
        shown = set[Showing]()
        for page in pages(locale, locales):
            if thorough or page.showing not in shown:
                choose(page, found.setdefault)
            shown.add(page.showing)
    return list(found)


def pages(locale: str, locales: Sequence[str] = ("en", "es")) -> Iterator[ChoosingPage]:
    """The page in every state that has words of its own."""
    yield ChoosingPage(Showing.CLOSED, locale)
    full = chooser(locale, locales)
    bare = chooser(locale, locales, uses=(Use.STOPPED_HERE,) * len(CHANNELS), quiet_hours=NO_QUIET_HOURS)
    stopped = [chooser(locale, locales, uses=(use,) * len(CHANNELS)) for use in Use]
    for made in (full, replace(bare, others=False), *stopped):
        yield from (ChoosingPage(showing, locale, made) for showing in (Showing.FORM, Showing.STOPPING))
        yield from (ChoosingPage(Showing.SAVED, locale, each) for each in _happening(made))
    for mistake in _MISTAKES:
        fields = dict.fromkeys((*Severity, "quiet_hours", "holdings", "locale"), mistake)
        yield ChoosingPage(Showing.FORM, locale, full, fields)
    yield ChoosingPage(Showing.FORM, locale, full, overtaken=True)
    for wakes in ((), tuple(Severity)):
        yield ChoosingPage(Showing.FORM, locale, replace(full, wakes=wakes))


def chooser(
    locale: str,
    locales: Sequence[str] = ("en", "es"),
    uses: Sequence[Use] = (Use.USED,) * len(CHANNELS),
    quiet_hours: str = "22:00-06:30",
) -> Chooser:
    """Somebody who has an address on every channel, and two phones with the app."""
    addresses = [
        Own(Address(channel, _TO.get(channel, channel), AddressId(UUID(int=n))), use, shared=True)
        for n, (channel, use) in enumerate(zip((*CHANNELS, "push"), (*uses, uses[0]), strict=True))
    ]
    lists: Mapping[Severity, tuple[str, ...]] = dict.fromkeys(Severity, CHANNELS)
    offer = Offer(
        addresses=tuple(addresses),
        lists=lists,
        written=lists,
        quiet_hours=quiet_hours,
        on_duty="mon-fri 08:00-15:00",
        locale=locale,
        locales=tuple(locales),
        holdings=AS_USUAL,
        usual=True,
    )
    used = tuple(own.address for own in addresses if own.use is Use.USED)
    return Chooser(
        offer=offer,
        filled=filled(offer),
        happens=_told(used, Reason.FIRST_NOTICE, "waits"),
        hears="ladder",
        floor=tuple(address for address in used if address.channel in _FLOOR),
        stopped_floor=tuple(
            own.address for own in addresses if own.address.channel in _FLOOR and own.use is Use.STOPPED_HERE
        ),
        wakes=(Severity.CRITICAL,),
        others=True,
        name="Grandmother Ana",
    )


def _happening(made: Chooser) -> Iterator[Chooser]:
    used = tuple(own.address for own in made.offer.addresses if own.use is Use.USED)
    for hears, at_night, reason in (
        ("always", "wakes", Reason.FLOOR),
        ("stands_in", "softly", Reason.FALLBACK),
        ("ladder", "waits", Reason.FIRST_NOTICE),
    ):
        yield replace(made, happens=_told(used, reason, at_night), hears=hears)
    muted = tuple(replace(each, muted=True, over=()) for each in made.happens)
    yield replace(made, happens=muted, hears="if_needed")
    for holdings in ("all", "few"):
        yield replace(made, offer=replace(made.offer, holdings=holdings))


def _told(used: tuple[Address, ...], reason: Reason, at_night: str) -> tuple[Happens, ...]:
    first = [(address, Reason.FIRST_NOTICE) for address in used[:1] if reason is Reason.FLOOR]
    over = (*first, *((address, reason) for address in used[len(first) :]))
    softly = used if at_night == "softly" else ()
    return tuple(Happens(severity, False, over, at_night, softly) for severity in Severity)
