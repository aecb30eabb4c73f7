"""Making a message fit its channel: the least important parts go first, and no word is ever cut. Pure."""

import re
from collections.abc import Callable
from copy import copy

from alertd.texts.parts import Parts
from alertd.texts.segments import Accents, fold, measure, plain_marks
from alertd.texts.spoken import spoken

SMS_SEGMENTS = 2
PUSH_TITLE = 65  # characters; what phones show of a title in one line or two
PUSH_BODY = 240  # characters; what phones show of an opened notification
CALL = 1300  # characters of all that is said, most of it twice: at 15 a second a minute and a half
SUBJECT = 120  # characters; the phone shows the first 40 or so

Stage = tuple[tuple[str, ...], int | None]

_LEAST_ADVICE = 28  # characters: "check glucose directly" in any language
_BEGUN = re.compile(r"[.!?] \S+(?: \S+)?\.\.\.$")  # "Check glucose directly. Do not...": advises nothing
_BRIEF = ("state", "works", "lasting", "since")
_FOR_ACCENTS = tuple(_BRIEF[:count] for count in range(len(_BRIEF) + 1))
_WORDLESS = (*_BRIEF, "message", "change", "missed")
_TO_FEWER = ("next", "prefix", "do", "late")  # said in fewer words, in this order


def _pared(dropped: tuple[str, ...]) -> tuple[Stage, ...]:
    return tuple(((*dropped, *_TO_FEWER[:count]), None) for count in range(len(_TO_FEWER) + 1))


_LAST: tuple[Stage, ...] = (
    (_BRIEF, None),
    (_BRIEF, 40),
    ((*_BRIEF, "bad"), None),  # they were told before what it means for them; nothing else says the news
    ((*_BRIEF, "bad"), 40),
    ((*_BRIEF, "message"), None),  # where the news goes, what it means may come back
    ((*_BRIEF, "message", "next"), None),
    ((*_BRIEF, "message", "next", "do"), None),
    ((*_BRIEF, "bad", "message"), None),
    *_pared((*_WORDLESS, "bad")),
)
_UNTOLD: tuple[Stage, ...] = (
    (_BRIEF, None),
    (_BRIEF, 40),
    *((("message", *_BRIEF[:count]), None) for count in range(len(_BRIEF) + 1)),  # their room is for the rest
    *_pared(_WORDLESS),
)
"""What it means for them is new to these readers: it stays when the human's words go. The e-mail and the page of
the link hold these whole, and whoever writes them is told beforehand that messages do not (`Content.whole`)."""
_ASKING: Stage = ((*_WORDLESS, *_TO_FEWER, "news"), None)
"""Where an answer is asked for: the link stays, and "still down" says that there is no news."""
_ASKING_TOLD: Stage = ((*_ASKING[0], "bad"), None)
"""The same where they know what it means. Where that is new, an operator's own advice is shortened first."""
_SHORT = (("state",), ("state", "works"), ("state", "works", "lasting"), _BRIEF, (*_BRIEF, "bad"))
CORRECTING: tuple[Stage, ...] = (((), None), *((dropped, None) for dropped in _SHORT), *_LAST)
EXPLAINING: tuple[Stage, ...] = (((), None), (("bad",), None), (("bad",), 40), *_LAST)
FIRST_WORDS: tuple[Stage, ...] = (
    ((), None),
    (("state",), None),
    (("state",), 80),
    (("state", "works"), 40),
    *_UNTOLD,
)
_LATER: tuple[Stage, ...] = (
    ((), None),
    (("state",), None),
    (("state", "works"), None),
    (("state", "works", "lasting"), None),
    (("state", "works", "lasting"), 120),
)
LATER_WORDS: tuple[Stage, ...] = (*_LATER, *_LAST)
WORSE_WORDS: tuple[Stage, ...] = (*_LATER, *_UNTOLD)
"""Tried in turn: the parts left out, and how many characters of the human's words must remain (None: all).

A first notice keeps what still works longer than the human's words; later messages, the news; a correction cut
short could say what it takes back and not what is true, so its words are cut last of all; what happened is
worth more than how long it took. What it means for the person cared for goes after the human's words where it is
new: in a first notice, and where it is worse than they knew. Never left out: which services, that there is no
news, that it is a test or a correction, what to do, when they hear again (`prefix`, `do` and `next` in a stage are
said in fewer words), and the link that asks for an answer; nor, while it may work again, that nobody may rely on
it yet, as the headline sounds like the opposite.
"""

Draw = Callable[[Parts], str]
Fits = Callable[[str], bool]


def sms_fits(text: str) -> bool:
    """Whether a text goes into the segments allowed."""
    return measure(text).segments <= SMS_SEGMENTS


def sms(parts: Parts, draw: Draw, accents: Accents = Accents.FOLD) -> str:
    """One text message: in GSM-7 where the language allows, in at most two segments.

    Where accents are kept, they are worth leaving out what the first stages leave out, and no more.
    """
    if accents is Accents.KEEP:
        for dropped in _FOR_ACCENTS:
            text = one_line(plain_marks(draw(_with(parts, **dict.fromkeys(dropped, "")))))
            if sms_fits(text):
                return text
    return fit(parts, lambda some: one_line(fold(draw(some))), sms_fits)


def push_body(parts: Parts, draw: Draw) -> str:
    """The body of a push, at most 240 characters."""
    return fit(parts, lambda some: one_line(draw(some)), lambda text: len(text) <= PUSH_BODY)


def call(parts: Parts, draw: Draw) -> str:
    """What a voice says, a line to a breath, at most 1,300 characters."""
    text = fit(parts, draw, lambda drawn: len(drawn.strip()) <= CALL)
    return "\n".join(filter(None, map(spoken, text.splitlines())))


def stands_whole(message: str, text: str) -> bool:
    """Whether a human's words can be read in full in what `sms`, `push_body` or `call` made of them."""
    said = one_line(text)
    return any(one_line(form(message)) in said for form in (str, fold, plain_marks, spoken))


def title(parts: Parts, most: int) -> tuple[str, str]:
    """A push title or e-mail subject of at most `most` characters, and what it had no room for.

    A title that had to be cut may end before it says what is the matter: then all of it is said again below.
    """
    holding = (
        f"{parts.headline} ({parts.elapsed})" if parts.framing == "holding" and parts.elapsed else parts.headline
    )
    named = f"{parts.named}."
    candidates = (
        (f"{parts.prefix} {holding}", ""),
        (f"{parts.prefix} {parts.headline}", ""),
        (f"{parts.prefix} {parts.headline_brief}", named),
        (parts.headline, parts.prefix),
        (parts.headline_brief, f"{parts.prefix} {named}"),
    )
    for candidate, unsaid in candidates[: 3 if parts.exercise else 5]:
        if len(candidate.strip()) <= most:
            return candidate.strip(), unsaid
    first = parts.prefix if parts.exercise else ""
    cut = shorten(f"{first} {parts.headline_brief}", lambda text: len(text) <= most)
    return cut, f"{parts.prefix} {parts.headline}."


def fit(parts: Parts, draw: Draw, fits: Fits) -> str:
    """Draw the parts so that the text fits; past the last stage free text on what to do is shortened too."""
    text = ""
    kept = ("bad",) if parts.exercise or parts.unproven else ()  # of an exercise, that nothing is down
    stages = _stages(parts)
    untold = (_ASKING,) if stages in (FIRST_WORDS, WORSE_WORDS) else ()
    asking = (*untold, _ASKING_TOLD) if parts.ask else ()
    for dropped, keep in (*stages, *asking):
        fewer = _with(parts, **{part: _left(parts, part) for part in dropped if part not in kept})
        text = draw(fewer)
        if fits(text):
            return text
        name, least = ("do", _LEAST_ADVICE) if (dropped, keep) in untold else ("message", keep)
        if least is not None and len(getattr(fewer, name)) > least:
            drawn = _shortened(fewer, name, draw, fits, least)
            if drawn is not None:
                return drawn
    return _shortened(fewer, "do", draw, fits, _LEAST_ADVICE) or text


def shorten(text: str, fits: Fits, keep: int = 0) -> str:
    """The most whole words that fit, with "..." after them; at least `keep` characters' worth, and one word."""
    words = text.split()
    least, most = 1, len(words)
    while least < most and len(_cut(words, least)) < keep:
        least += 1
    if not fits(_cut(words, least)):
        return _cut(words, least)
    while least < most:
        middle = (least + most + 1) // 2
        if fits(_cut(words, middle)):
            least = middle
        else:
            most = middle - 1
    return _cut(words, least)


def one_line(text: str) -> str:
    """Runs of white space become one space."""
    return " ".join(text.split())


def paragraphs(text: str) -> str:
    """No spaces at the ends of lines, and never two empty lines in a row."""
    lines: list[str] = []
    for line in map(str.rstrip, text.strip().splitlines()):
        if line or lines[-1]:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _stages(parts: Parts) -> tuple[Stage, ...]:
    if parts.framing == "notice":
        return FIRST_WORDS
    if parts.framing == "postmortem":
        return EXPLAINING
    if parts.corrects:
        return CORRECTING
    return WORSE_WORDS if parts.worse or parts.unproven else LATER_WORDS


def _left(parts: Parts, part: str) -> str:
    """What is left of a part that is left out."""
    if part == "next":
        return parts.next_brief or parts.next
    if part == "do":
        return parts.do_brief
    return parts.prefix_brief if part == "prefix" else ""


def _with(parts: Parts, **texts: str) -> Parts:
    if not texts:
        return parts
    made = copy(parts)
    vars(made).update(texts)  # `replace` would give all forty to a constructor, for each try
    return made


def _shortened(parts: Parts, name: str, draw: Draw, fits: Fits, keep: int) -> str | None:
    whole: str = getattr(parts, name)

    def drawn(some: str) -> str:
        return draw(_with(parts, **{name: some}))

    short = shorten(whole, lambda some: fits(drawn(some)), keep)
    text = drawn(_BEGUN.sub("...", short) if name == "do" else short)
    return text if fits(text) else None


def _cut(words: list[str], count: int) -> str:
    if count >= len(words):
        return " ".join(words)
    return " ".join(words[:count]).rstrip(",;:.-(") + "..."
