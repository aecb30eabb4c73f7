"""What the judge counts over the whole log: what came twice, and how much came at all."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from alertd.demo.course import Stretch
from alertd.demo.household import Address, Household
from alertd.demo.verdict import Fault, Judgement
from alertd.sandbox.log import Accepted

Log = Mapping[Address, Sequence[Accepted]]

_SOON = timedelta(hours=2)
"""Within it the same words to one address are a duplicate."""

_TOKEN = re.compile(r"(/a/)[\w-]+")
"""What is different in each link; the words around it are what people read."""


def duplicates(log: Log, families: Mapping[Address, str]) -> Iterator[Fault]:
    """The same words twice to one address, and deliveries that were handed over twice."""
    handed_over: Counter[str] = Counter()
    for address, messages in log.items():
        last: dict[tuple[str | None, str], datetime] = {}
        for message in messages:
            words = message.title, _TOKEN.sub(r"\1", message.text)
            said = last.get(words)
            if address in families and said is not None and message.story_time - said < _SOON:
                yield Fault("duplicate", families[address], f"got the same words twice at {said:%a %H:%M} UTC")
            last[words] = message.story_time
            if message.reference:
                handed_over[message.reference.rpartition(".")[0] or message.reference] += 1
    again = sum(times - 1 for times in handed_over.values())
    if again:
        yield Fault("duplicate", "-", f"{again} deliveries were handed over twice")


def measure(found: Judgement, log: Log, families: Sequence[Household], stretches: Sequence[Stretch]) -> None:
    """Add to a judgement how much came, over what, and to how many."""
    found.first_notices.sort()
    for delays in (found.told_anew, found.grown, found.raised):
        delays.sort()
    for asked in found.asked.values():
        asked.answered.sort()
    day = timedelta(days=1)
    for (channel, _), messages in log.items():
        found.messages[channel] += len(messages)
        found.addresses[channel] += 1
        times = [message.story_time for message in messages]
        most = max(bisect_right(times, at + day) - n for n, at in enumerate(times))
        found.most_for_one_address = max(found.most_for_one_address, most)
    for family in families:
        found.reached.update({channel for channel, to in family.addresses if (channel, to) in log})
    days = sum(((each.over - each.told_from) / day for each in stretches), 0.0)
    total = sum(len(log.get(address, ())) for family in families for address in family.addresses)
    found.per_family_and_day = total / max(1, len(families)) / days
