"""A caregiver chooses on our own page: what they are offered, and what they filled in, judged. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time

from alertd.domain import preferences
from alertd.domain.chosen import HOLDINGS, LOCALE, QUIET_HOURS
from alertd.domain.errors import Invalid
from alertd.domain.family import Address, AddressId, AddressStatus, Caregiver, Family
from alertd.domain.hours import parse_quiet_hours
from alertd.domain.incident import Severity
from alertd.domain.offer import AS_USUAL, NO_QUIET_HOURS, Choice, Filled, Offer, Own, Unreadable, Use
from alertd.domain.policy import Policy
from alertd.domain.quiet import first_there, hours_of

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)  # quiet and duty hours are the same in every week


def offer(
    caregiver: Caregiver,
    family: Family,
    policy: Policy,
    services: tuple[str, ...],
    addresses: Mapping[AddressId, AddressStatus],
    channels: frozenset[str],
    locales: Sequence[str],
) -> Offer:
    """What holds for a caregiver under a policy.

    `addresses`: the noteworthy ones, as the planner has them; `channels`: those that have an adapter;
    `locales`: those that alertd speaks, English among them.
    """
    own = tuple(
        Own(each, _use(each, addresses), _shared(each, caregiver, family, addresses))
        for each in caregiver.addresses
        if each.channel in channels
    )
    written = {
        severity: preferences.choose(caregiver, family, policy, services, severity).channels
        for severity in Severity
    }
    asked = caregiver.preferences.holdings or family.preferences.holdings
    quiet_hours, on_duty = hours_of(caregiver, policy)
    return Offer(
        addresses=own,
        lists={severity: _reaching(said, own) for severity, said in written.items()},
        written=written,
        quiet_hours=_plain(quiet_hours),
        on_duty=on_duty,
        locale=_spoken(caregiver.locale or family.locale, locales),
        locales=tuple(sorted(locales)),
        holdings=asked or AS_USUAL,
        usual=family.preferences.holdings is None,
    )


def filled(shown: Offer) -> Filled:
    """The page as it is first shown: what holds."""
    start, _, end = shown.quiet_hours.partition("-")
    quiet = shown.quiet_hours != NO_QUIET_HOURS
    return Filled(
        channels=shown.lists,
        quiet="on" if quiet else "off",
        quiet_from=start if quiet else "22:00",
        quiet_to=end if quiet else "06:30",
        locale=shown.locale,
        holdings=shown.holdings,
        stopped=tuple(str(each) for each in shown.stopped),
        stands=shown.stands,
    )


def judge(shown: Offer, given: Filled) -> Choice:
    """What differs from what holds. Raises Unreadable, with every mistake."""
    mistakes: dict[str, str] = {}
    changes: dict[str, object] = {}
    for severity in Severity:
        ticked = tuple(each for each in shown.channels if each in given.channels.get(severity, ()))
        if len(ticked) < len(set(given.channels.get(severity, ()))):
            mistakes[severity.value] = "unknown"
        elif severity is Severity.CRITICAL and not ticked and shown.channels:
            mistakes[severity.value] = "critical_empty"
        elif set(ticked) != set(shown.lists[severity]):
            # What they have no address for today stays in the list; but nothing is nothing.
            others = tuple(each for each in shown.written[severity] if each not in shown.channels)
            changes[severity.value] = (*ticked, *others) if ticked else ()
    try:
        if (quiet := _quiet(given)) != shown.quiet_hours:
            changes[QUIET_HOURS] = quiet
            if first_there(quiet, shown.on_duty, "UTC", _ANY_DAY) is None:
                mistakes[QUIET_HOURS] = "quiet_all_duty"
    except _AllDay:
        mistakes[QUIET_HOURS] = "quiet_all_day"
    except Invalid:
        mistakes[QUIET_HOURS] = "quiet_unreadable"
    if given.locale not in shown.locales:
        mistakes[LOCALE] = "unknown"
    elif given.locale != shown.locale:
        changes[LOCALE] = given.locale
    if given.holdings not in ("all", "few", *([AS_USUAL] if shown.usual else [])):
        mistakes[HOLDINGS] = "unknown"
    elif given.holdings != shown.holdings:
        changes[HOLDINGS] = None if given.holdings == AS_USUAL else given.holdings
    ids = {str(own.address.id): own.address.id for own in shown.addresses if own.may_change}
    stopped = frozenset(ids[each] for each in given.stopped if each in ids)
    if mistakes:
        raise Unreadable(mistakes)
    return Choice(changes, stop=stopped - shown.stopped, start=shown.stopped - stopped)


def silences(shown: Offer, choice: Choice) -> bool:
    """Whether nothing at all would reach them any more, though something does now."""
    used = {own.address.id for own in shown.addresses if own.use is Use.USED}
    return bool(used) and not (used - choice.stop) and not choice.start


def stop_everything(caregiver: Caregiver, addresses: Mapping[AddressId, AddressStatus]) -> Choice:
    """Every address of theirs that is not stopped yet, also one that nothing is sent to for another reason."""
    known = ((each.id, addresses.get(each.id)) for each in caregiver.addresses)
    return Choice({}, stop=frozenset(which for which, status in known if status is None or not status.opted_out))


def _use(address: Address, addresses: Mapping[AddressId, AddressStatus]) -> Use:
    status = addresses.get(address.id)
    if status is None:
        return Use.USED if address.verified else Use.UNVERIFIED
    if status.opted_out:
        return Use.STOPPED_HERE if status.here else Use.STOPPED
    if status.suspended:
        return Use.REFUSED
    return Use.USED if status.verified else Use.UNVERIFIED


def _shared(
    address: Address, caregiver: Caregiver, family: Family, addresses: Mapping[AddressId, AddressStatus]
) -> bool:
    status = addresses.get(address.id)
    beside = (other for other in family.caregivers if other.id != caregiver.id)
    return (status is not None and status.shared) or any(
        each.id == address.id for other in beside for each in other.addresses
    )


def _reaching(said: tuple[str, ...], own: tuple[Own, ...]) -> tuple[str, ...]:
    """The channels of a list that they have; where they have none of it, the one that stands in (R12)."""
    mine = tuple(dict.fromkeys(each.address.channel for each in own))
    listed = tuple(channel for channel in mine if channel in said)
    if listed or not said:
        return listed
    used = [each.address.channel for each in own if each.use is Use.USED]
    return tuple((used or list(mine))[:1])


def _plain(quiet_hours: str | None) -> str:
    hours = parse_quiet_hours(quiet_hours) if quiet_hours else None
    return f"{hours.start:%H:%M}-{hours.end:%H:%M}" if hours is not None else NO_QUIET_HOURS


def _quiet(given: Filled) -> str:
    if given.quiet == "off":
        return NO_QUIET_HOURS
    if given.quiet != "on":
        raise Invalid("must be on or off")
    start, end = f"{_time(given.quiet_from):%H:%M}", f"{_time(given.quiet_to):%H:%M}"
    if start == end:
        raise _AllDay("would be quiet for 24 hours")
    return _plain(f"{start}-{end}")


class _AllDay(Invalid):
    """Quiet hours that never end."""


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise Invalid("is no time") from None


def _spoken(locale: str, locales: Sequence[str]) -> str:
    return next((each for each in (locale, locale.partition("-")[0]) if each in locales), "en")
