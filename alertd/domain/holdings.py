"""How holdings thin out: in silence after the first in a row, and so many a day by phone (R3). Pure.

News, a raise, a reopening, the end and what a ladder says are no holdings: they are never reduced.
"""

from datetime import datetime, timedelta

from alertd.domain.family import Caregiver, Family
from alertd.domain.knowledge import Knowledge, Sent
from alertd.domain.policy import Policy
from alertd.domain.quiet import Person

PHONE = frozenset({"sms", "voice"})
"""Channels that ring, each time: the cap is about them."""

DAY = timedelta(hours=24)
"""Any so many hours, not those from midnight: nobody gets twice as many around it."""

FEW, ALL = "few", "all"
"""What a caregiver, or a family, may ask for; who asks for nothing gets them as the policy has it."""


def goes_soft(person: Person, knowledge: Knowledge, family: Family, policy: Policy, news: int) -> bool:
    """Whether the next holding goes to this person's silent addresses, if they have any.

    `news`: the newest human update. Those who asked for few get none loud, those who asked for all get all loud.
    """
    asked = _asked(person, family)
    if asked is not None:
        return asked == FEW
    most = policy.silence.holdings.loud
    return sum(number > news for number in _sent(person, knowledge, by_phone=False)) >= most


def hold(person: Person, knowledge: Knowledge, family: Family, policy: Policy, now: datetime) -> None:
    """Note until when no holding may go to a person who has nothing but a phone number.

    `held_until`: by what was taken, as a deadline stands until then; `held_after`: once what is on its
    way is there, and another one that they may be sent now, in place of what waits to set out.
    """
    if not _only_phone(person):
        return
    most = most_by_phone(person, family, policy)
    today = _today(person, knowledge, now)
    if len(today) >= most - 1:
        person.held_until = _freed([each.at for each in today if each.told], most)
        sent = [each.at for each in today if not each.waits]
        person.held_after = _freed([*sent, now] if len(sent) < most else sent, most)


def hold_after_call(person: Person, knowledge: Knowledge, family: Family, policy: Policy, now: datetime) -> None:
    """The same for what is said to them on the phone: that is no SMS, and those on their way count."""
    if _only_phone(person):
        person.held_until = freed_at(person, knowledge, family, policy, now)


def freed_at(
    person: Person, knowledge: Knowledge, family: Family, policy: Policy, now: datetime
) -> datetime | None:
    """When the next holding may come by phone, where those that they may get in a day are used up; None: now."""
    today = [each.at for each in _today(person, knowledge, now)]
    return _freed(today, most_by_phone(person, family, policy))


def most_by_phone(person: Person, family: Family, policy: Policy) -> int:
    """How many holdings a day may come by phone: for those who asked for few, as many as are loud in a row."""
    rules = policy.silence.holdings
    if _asked(person, family) == FEW:
        return max(1, min(rules.loud, rules.sms_per_day))
    return rules.sms_per_day


def less_or_more(caregiver: Caregiver, family: Family, *, more: bool) -> str | None:
    """What a caregiver asks for who writes LESS or MORE; None: as the policy has it.

    LESS is few at once. MORE goes one step up, from few to as usual and from there to all: whoever takes LESS back
    wants no more noise than before. Where their family asks for something of its own there is no step between.
    """
    if not more:
        return FEW
    asked, of_family = caregiver.preferences.holdings, family.preferences.holdings
    return None if of_family is None and asked == FEW else ALL


def _asked(person: Person, family: Family) -> str | None:
    return person.caregiver.preferences.holdings or family.preferences.holdings


def _only_phone(person: Person) -> bool:
    return all(address.channel in PHONE for address in person.usable)


def _today(person: Person, knowledge: Knowledge, now: datetime) -> list[Sent]:
    sent = _sent(person, knowledge, by_phone=True)
    return sorted(each for each in sent.values() if each.at > now - DAY)


def _sent(person: Person, knowledge: Knowledge, *, by_phone: bool) -> dict[int, Sent]:
    """The holdings that were told to a person, or are on their way, by number."""
    sent: dict[int, Sent] = {}
    for address in person.caregiver.addresses:
        if not by_phone or address.channel in PHONE:
            sent |= knowledge.at(address.id).holdings or {}
    return sent


def _freed(today: list[datetime], most: int) -> datetime | None:
    """When the next one may come; None: now."""
    return today[-most] + DAY if len(today) >= most else None
