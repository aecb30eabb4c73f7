"""Whether the people on call were paged when they should, and left alone when they should.

- A machine opens: the first of them is paged at once.
- News is due when the last human word promised it, else `window` after that word (twice that while a fix is
  watched), or after the opening; where a machine raises it meanwhile, `window` after that, if it is earlier. From
  shortly before, each of them is paged at their step, if no human has spoken.
- Nobody is paged for nothing: not while the last word is fresh, and not after the end. That a channel fails is
  told whenever it does, as on a machine that stands still; it stands for no page about news.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from alertd.demo.course import Moment, Stretch
from alertd.demo.verdict import Fault, Rules
from alertd.sandbox.log import Accepted

_PAGE = "PAGE:"
"""How the title of a page begins; that of a nudge, which wakes nobody, does not."""

_CHANNEL = "PAGE: channel "
"""How that of a page begins which says that a channel fails."""


def judge_pages(pages: Sequence[Accepted], stretches: Sequence[Stretch], rules: Rules) -> Iterator[Fault]:
    """What was wrong with the pages of a whole story."""
    known = {duty.who for duty in rules.duties}
    if not known:
        return
    for page in pages:
        if page.to not in known:
            yield Fault("paging", page.to, "was paged and is not on call")
    titled = [(page.title or "", page) for page in pages]
    loud = [page for title, page in titled if title.startswith(_PAGE) and not title.startswith(_CHANNEL)]
    words = [m for stretch in stretches for m in stretch.moments if m is stretch.moments[0] or m.what != "alert"]
    raises = [m for stretch in stretches for m in stretch.moments[1:] if m.what == "alert"]
    for word, following in zip(words, [*words[1:], None], strict=True):
        until = following.at if following else None
        meanwhile = [each for each in raises if each.at > word.at and (until is None or each.at < until)]
        yield from _after(word, meanwhile, until, loud, rules)


def _after(
    word: Moment, raises: Sequence[Moment], until: datetime | None, pages: Sequence[Accepted], rules: Rules
) -> Iterator[Fault]:
    """From one word to the next; `raises`: those by machines in between, which only bring nearer what is due."""
    if word.what == "resolve":
        yield from _nobody(word.at + rules.slack, until, pages, "after it was over")
        return
    if word.what == "alert":
        yield from _somebody(rules.duties[0].who, word.at, word.at + rules.slack, pages)
    due = min([word.promised or _window_after(word, rules), *(_window_after(each, rules) for each in raises)])
    level = rules.levels[[word, *raises][-1].severity]
    early = level.window / 4 + rules.skew  # alertd begins before a deadline, by a quarter of the window at most
    for duty in rules.duties:
        by = due + duty.after + rules.slack
        if until is not None and by < until:
            yield from _somebody(duty.who, due + duty.after - early, by, pages)
    if word.what != "alert":
        fresh = min(due, word.at + level.news) if level.news is not None else due
        end = fresh - early if until is None else min(fresh - early, until)  # the next word may promise less
        yield from _nobody(word.at + rules.slack, end, pages, "though a human had just spoken")


def _window_after(word: Moment, rules: Rules) -> datetime:
    window = rules.levels[word.severity].window
    return word.at + (2 * window if word.watching else window)


def _somebody(who: str, start: datetime, end: datetime, pages: Sequence[Accepted]) -> Iterator[Fault]:
    if not any(page.to == who and start <= page.story_time <= end for page in pages):
        yield Fault("paging", who, f"was not paged between {start:%a %H:%M} and {end:%a %H:%M} UTC")


def _nobody(start: datetime, end: datetime | None, pages: Sequence[Accepted], why: str) -> Iterator[Fault]:
    for page in pages:
        if start < page.story_time and (end is None or page.story_time < end):
            yield Fault("paging", page.to, f"was paged at {page.story_time:%a %H:%M} UTC {why}")
