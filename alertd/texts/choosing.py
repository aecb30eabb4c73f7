"""The page on which a caregiver chooses how they are told, put into one language: what its layout shows."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from alertd.domain.delivery import Reason
from alertd.domain.family import Address
from alertd.domain.incident import Severity
from alertd.domain.offer import AS_USUAL, NO_QUIET_HOURS, Use
from alertd.masking import mask_address
from alertd.ports.choosing import Chooser, ChoosingPage, Happens, Showing
from alertd.texts.catalogue import Catalogue
from alertd.texts.clean import clean
from alertd.texts.times import clock

NAME = "choosing.html"

_NUMBERED = "push"  # a token says nothing to anybody
_STEP = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to tick or to choose."""

    value: str
    label: str
    on: bool
    note: str = ""


class Choosing:
    """One page in one language; `languages`: every language by its own name."""

    def __init__(self, page: ChoosingPage, catalogue: Catalogue, languages: dict[str, str]) -> None:
        self._page, self._catalogue, self._languages = page, catalogue, languages

    def values(self) -> dict[str, object]:
        """Everything that the layout names. Raises Missing, or what a broken sentence raises."""
        page = self._page
        common: dict[str, object] = {
            "showing": page.showing.value,
            "locale": self._catalogue.locale,
            "headline": self._say(_HEADLINES[page.showing]),
            "text": {"closed": self._say("closed"), "open": self._say("open")},
            "mistakes": {},
        }
        if page.chooser is None:
            return common
        return common | self._of(page.chooser)

    def _of(self, chooser: Chooser) -> dict[str, object]:
        return {
            "text": self._sentences(chooser),
            "mistakes": {name: self._say(f"mistake.{what}") for name, what in self._page.mistakes.items()},
            "notice": self._notice(),
            "stands": chooser.filled.stands,
            "severities": [self._severity(chooser, severity) for severity in Severity],
            "quiet": Entry("on", self._say("quiet.on"), chooser.filled.quiet == "on"),
            "quiet_from": self._times(chooser.filled.quiet_from),
            "quiet_to": self._times(chooser.filled.quiet_to),
            "on_duty": self._say("on_duty") if chooser.offer.on_duty else "",
            "holdings": self._holdings(chooser),
            "languages": [
                Entry(each, self._languages.get(each, each), each == chooser.filled.locale)
                for each in chooser.offer.locales
            ],
            "stops": list(self._stops(chooser)),
            "fixed": list(self._fixed(chooser)),
            "may_stop": any(own.use is Use.USED for own in chooser.offer.addresses),
            "hidden": list(_hidden(chooser)),
            **self._saved(chooser),
        }

    def _say(self, key: str, **values: object) -> str:
        return " ".join(self._catalogue.say(f"preferences.{key}", **values).split())

    def _sentences(self, chooser: Chooser) -> dict[str, str]:
        others = "stopping.others" if chooser.others else "stopping.nobody"
        return {
            "who": self._say("who", name=clean(chooser.name)),
            "closed": "",
            "open": "",
            "quiet": self._say("quiet.headline"),
            "quiet_means": self._wakes(chooser),
            "quiet_from": self._say("quiet.from"),
            "quiet_to": self._say("quiet.to"),
            "holdings": self._say("holdings.headline"),
            "holdings_means": self._say("holdings.means"),
            "language": self._say("language_headline"),
            "stop": self._say("stop.headline"),
            "everything": self._say("stop.everything"),
            "save": self._say("save"),
            "stopping": self._say("stopping.means"),
            "stopping_others": self._say(others),
            "stopping_undo": self._say("stopping.undo"),
            "stopping_yes": self._say("stopping.yes"),
            "stopping_no": self._say("stopping.no"),
            "again": self._say("saved.again"),
        }

    def _notice(self) -> str:
        if self._page.mistakes:
            return self._say("mistaken")
        return self._say("overtaken") if self._page.overtaken else ""

    # --- the form -------------------------------------------------------------------------------

    def _severity(self, chooser: Chooser, severity: Severity) -> dict[str, object]:
        offer, ticked = chooser.offer, chooser.filled.channels.get(severity, ())
        boxes = [
            Entry(
                channel,
                self._list(own.address for own in offer.addresses if own.address.channel == channel),
                channel in ticked,
            )
            for channel in offer.channels
        ]
        notes = []
        if severity is Severity.CRITICAL:
            notes = [self._say("at_least"), self._floor(chooser)]
        return {
            "field": severity.value,
            "name": self._say(f"severity.{severity.value}"),
            "means": self._say(f"means.{severity.value}"),
            "boxes": boxes,
            "notes": notes,
        }

    def _floor(self, chooser: Chooser) -> str:
        """What wakes them for certain, whatever they choose (R12)."""
        if floor := self._list(chooser.floor[:1]):
            return self._say("floor", over=floor)
        stopped = self._list(chooser.stopped_floor)
        return self._say("floor_stopped", over=stopped) if stopped else self._say("no_floor")

    def _wakes(self, chooser: Chooser) -> str:
        """What may wake them in quiet hours, by its name on this page (R10)."""
        names = [self._say(f"severity.{each.value}") for each in chooser.wakes]
        quoted = [self._say("quiet.named", name=name) for name in names]
        return self._say("quiet.wakes", what=self._row(quoted)) if quoted else self._say("quiet.wakes_never")

    def _times(self, chosen: str) -> list[Entry]:
        """Every half hour, and what was chosen, if it is another time."""
        day = datetime(2000, 1, 1)  # noqa: DTZ001  any day: wall times alone
        times = {f"{day + n * _STEP:%H:%M}" for n in range(48)}
        with suppress(ValueError):  # the mistake beside it says so
            times.add(f"{time.fromisoformat(chosen):%H:%M}")
        return [Entry(each, self._clock(each), each == chosen) for each in sorted(times)]

    def _clock(self, text: str) -> str:
        return clock(self._catalogue.calendar, time.fromisoformat(text))

    def _holdings(self, chooser: Chooser) -> list[Entry]:
        ways = ([AS_USUAL] if chooser.offer.usual else []) + ["all", "few"]
        return [Entry(way, self._say(f"holdings.{way}"), way == chooser.filled.holdings) for way in ways]

    def _stops(self, chooser: Chooser) -> Iterator[Entry]:
        for own in chooser.offer.addresses:
            if own.may_change:
                which = str(own.address.id)
                note = self._say("stop.shared") if own.shared else ""
                label = self._say("stop.address", address=self._address(own.address))
                yield Entry(which, label, which in chooser.filled.stopped, note)

    def _fixed(self, chooser: Chooser) -> Iterator[str]:
        """Why nothing goes to an address that this page cannot start again, and who can."""
        for own in chooser.offer.addresses:
            address = self._address(own.address)
            if own.use is Use.STOPPED:
                way = "sms" if own.address.channel == "sms" else "other"
                yield self._say(f"stop.stopped.{way}", address=address)
            elif own.use in (Use.REFUSED, Use.UNVERIFIED):
                yield self._say(f"stop.{own.use.value}", address=address)

    # --- what was saved -------------------------------------------------------------------------

    def _saved(self, chooser: Chooser) -> dict[str, object]:
        used = any(own.use is Use.USED for own in chooser.offer.addresses)
        gone = [own for own in chooser.offer.addresses if own.use is Use.STOPPED_HERE]
        return {
            "silent": "" if used else self._say("saved.silent"),
            "hears": self._say(f"saved.hears.{chooser.hears}") if chooser.hears != "always" else "",
            "happens": [
                {"name": self._say(f"severity.{each.severity.value}"), "lines": list(self._lines(chooser, each))}
                for each in chooser.happens
            ],
            "settled": [
                {
                    "name": self._say("holdings.headline"),
                    "said": self._say(f"holdings.{chooser.offer.holdings}") + ".",
                },
                {
                    "name": self._say("language_headline"),
                    "said": self._languages.get(chooser.offer.locale, chooser.offer.locale) + ".",
                },
            ],
            "stopped": [self._say("saved.stopped", address=self._address(own.address)) for own in gone],
        }

    def _lines(self, chooser: Chooser, told: Happens) -> Iterator[str]:
        if told.muted:
            yield self._say("saved.nothing")
            return
        if not told.over:
            yield self._say("saved.nowhere")
            return
        floor = [address for address, reason in told.over if reason is Reason.FLOOR]
        stands_in = all(reason in (Reason.FALLBACK, Reason.FLOOR) for _, reason in told.over)
        chosen = [address for address, _ in told.over if address not in floor] or floor
        yield self._say("saved.fallback" if stands_in else "saved.over", over=self._list(chosen))
        if floor and floor != chosen:
            yield self._say("saved.added", over=self._list(floor))
        if chooser.offer.quiet_hours == NO_QUIET_HOURS:
            return
        start, end = (self._clock(each) for each in chooser.offer.quiet_hours.split("-"))
        values = {"over": self._list(told.softly)} if told.softly else {}
        yield self._say(f"saved.{told.at_night}", start=start, end=end, **values)

    # --- names ------------------------------------------------------------------------------------

    def _list(self, addresses: Iterable[Address]) -> str:
        return self._row(list(dict.fromkeys(self._address(each) for each in addresses)))

    def _row(self, names: list[str]) -> str:
        if len(names) < 2:
            return "".join(names)
        return self._say("and", first=", ".join(names[:-1]), last=names[-1])

    def _address(self, address: Address) -> str:
        channel = self._say(f"channel.{address.channel}")
        chooser = self._page.chooser
        own = chooser.offer.addresses if chooser is not None else ()
        if address.channel == _NUMBERED:
            same = [each.address.id for each in own if each.address.channel == address.channel]
            if len(same) < 2:
                return channel
            return self._say("address", channel=channel, to=same.index(address.id) + 1)
        return self._say("address", channel=channel, to=mask_address(address.channel, address.to))


_HEADLINES = {
    Showing.CLOSED: "headline",
    Showing.FORM: "headline",
    Showing.STOPPING: "stopping.headline",
    Showing.SAVED: "saved.headline",
}


def _hidden(chooser: Chooser) -> Iterator[tuple[str, str]]:
    """What they filled in, carried through a question."""
    filled = chooser.filled
    for severity, channels in filled.channels.items():
        yield from ((severity.value, channel) for channel in channels)
    if filled.quiet == "on":
        yield "quiet", "on"
    yield "quiet_from", filled.quiet_from
    yield "quiet_to", filled.quiet_to
    yield "locale", filled.locale
    yield "holdings", filled.holdings
    yield from (("stop", each) for each in filled.stopped)
    yield "stands", filled.stands
