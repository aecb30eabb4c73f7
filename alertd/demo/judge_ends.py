"""Whether everybody who was told hears that it is over: all works, or it does not affect them any more."""

from collections.abc import Iterator
from datetime import datetime

from alertd.demo import spans
from alertd.demo.course import Stretch, Touch
from alertd.demo.household import Household, Person
from alertd.demo.judge_counts import Log
from alertd.demo.judge_words import is_all_clear, is_not_affected
from alertd.demo.verdict import Fault, Judgement, Rules, spell


def judge_ends(
    family: Household, stretch: Stretch, touch: Touch, until: datetime, log: Log, rules: Rules, found: Judgement
) -> Iterator[Fault]:
    """What was wrong with the last word to one family; `until`: when something new begins, or the story ends."""
    for person in (*family.people, *family.others):
        yield from _person(family, person, stretch, touch, until, log, rules, found)


def _person(
    family: Household,
    person: Person,
    stretch: Stretch,
    touch: Touch,
    until: datetime,
    log: Log,
    rules: Rules,
    found: Judgement,
) -> Iterator[Fault]:
    messages = [message for address in person.addresses for message in log.get(address, ())]
    since, over = touch.begins - rules.skew, touch.over
    ends = is_not_affected if touch.released else is_all_clear
    what = "that it does not affect them any more" if touch.released else "that it is over"
    late = min(over + rules.slack, until)  # what was on its way when it ended
    told = any(
        since <= m.story_time < late and not is_all_clear(m) and not (over <= m.story_time and ends(m))
        for m in messages
    )
    cleared = [m.story_time for m in messages if over <= m.story_time < until and ends(m)]
    limit = rules.levels[stretch.at(touch.over).severity].first_notice + rules.slack
    if cleared:
        if touch.released:
            found.released += 1
        else:
            found.all_clear += 1
        if not told and spans.length(spans.within(person.may_hear, touch.begins, over)):
            yield Fault("all-clear", family.id, f"{person.id} heard {what}, and of nothing before")
        waited = spans.length(spans.within(person.may_hear, over, min(cleared)))
        if told and waited > limit:
            yield Fault("all-clear", family.id, f"{person.id} heard only after {spell(waited)} {what}")
    elif told:
        if spans.length(spans.within(person.may_hear, over, until)) > limit:
            yield Fault("all-clear", family.id, f"{person.id} was told of the outage, and not {what}")
        else:
            found.all_clear_waits += not touch.released
