"""What a message is made of, part by part."""

from collections.abc import Callable
from dataclasses import dataclass

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Parts:
    """The parts of one message, each a whole sentence unless it says otherwise; empty = not said.

    Templates see exactly these names.
    """

    framing: str
    locale: str
    tone: str  # critical, major, minor or good: the colour
    services: str  # no full stop: their names
    headline: str  # no full stop: what is the matter with which services
    named: str  # no full stop: what a title that has room for the brief headline alone leaves to be said
    headline_brief: str  # the same, naming the first service and how many more, and without times
    exercise: bool  # a test: nothing is really down
    corrects: bool = False  # takes back what was said: the human's words are what matters
    worse: bool = False  # worse than this reader knew: what it means for them matters more than the human's words
    unproven: bool = False  # it may work again: that nobody may rely on it yet matters most
    prefix: str = ""  # "Update 4:"
    prefix_brief: str = ""  # what of it must be said: that it is a test, or a correction
    since: str = ""  # no full stop: "since 11:40 PM"
    lasting: str = ""  # no full stop: "15 h now"
    elapsed: str = ""  # no full stop: "15 h"
    late: str = ""  # that it comes late, through an outage of our own
    missed: str = ""
    news: str = ""  # when the last real news came
    change: str = ""
    bad: str = ""  # what it means for the person cared for
    state: str = ""  # what we are doing
    message: str = ""  # the human's words, in one line
    works: str = ""
    do: str = ""
    do_brief: str = ""  # the same without what our own phrases hold in brackets
    next: str = ""
    next_brief: str = ""  # the same in fewer words, where there are such
    lines: tuple[str, ...] = ()  # the human's words, line by line
    message_locale: str = ""
    message_heading: str = ""
    works_list: tuple[str, ...] = ()  # long forms
    do_list: tuple[str, ...] = ()  # long forms
    heading_do: str = ""
    heading_works: str = ""
    heading_since: str = ""
    heading_doing: str = ""
    zone: str = ""  # whose clock the times are of
    ask: str = ""  # please say that you know; no full stop where a link follows it
    link: str = ""  # where to say so
    button: str = ""  # of the page
    page: str = ""  # what the page says beside the state of the outage
    answered: str = ""  # who else has answered
    greeting: str = ""  # of a call: that it is one, and about what
    once_more: str = ""  # of a call: that all is said again
    goodbye: str = ""  # of a call that asks for nothing
