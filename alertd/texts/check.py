"""What is wrong with the texts, found by composing all of them with the worst data that may come."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, product

from alertd.domain.delivery import AFTERWARDS, ENDS, Ask, Change, Framing, Reader
from alertd.domain.incident import Facts, Kind, Reach, Scope, Severity, State, Update
from alertd.domain.links import Links
from alertd.ports import Content, Names, OptOutSaying, Page, Saying
from alertd.texts import opt_out
from alertd.texts.catalogue import INSTEAD, OPTIONAL, Catalogue
from alertd.texts.clean import clean
from alertd.texts.fit import CALL, PUSH_BODY, PUSH_TITLE, SMS_SEGMENTS, SUBJECT, one_line
from alertd.texts.parts import Tell
from alertd.texts.segments import fold, measure
from alertd.texts.spoken import spoken

CHANNELS = ("sms", "push", "email", "voice", "console")
"""The channels that have words."""

_NOW = datetime(2019, 12, 4, 5, 5, tzinfo=UTC)  # evening of another day for half of the world
_ZONE = "America/Argentina/ComodRivadavia"  # the longest name there is
# Kinds with words of their own. The first stands for all others, and is tried with all else that varies.
_KINDS = {
    Framing.UPDATE: (Kind.PROGRESS, Kind.CORRECTION, Kind.REOPENING, Kind.EXERCISE),
    Framing.NOTICE: (Kind.NOTICE, Kind.REOPENING, Kind.EXERCISE),
    Framing.HOLDING: (Kind.PROGRESS, Kind.RECALL),
    Framing.WAKE_UP: (Kind.PROGRESS, Kind.CORRECTION, Kind.REOPENING),
    Framing.RESOLUTION: (Kind.PROGRESS, Kind.RESOLUTION),  # the latter promises to tell what happened
    Framing.WAS_DOWN: (Kind.PROGRESS, Kind.RESOLUTION),
    Framing.POSTMORTEM: (Kind.POSTMORTEM,),
}
_STATES = {
    Framing.RESOLUTION: (State.RESOLVED,),
    Framing.CANCELLATION: (State.CANCELLED,),
    Framing.WAS_DOWN: (State.RESOLVED, State.CANCELLED),
    Framing.NOT_AFFECTED: (State.INVESTIGATING,),
    Framing.POSTMORTEM: (State.RESOLVED,),
}
_OPEN = (State.INVESTIGATING, State.SUSPECTED, State.IDENTIFIED, State.MONITORING)
_GOING_ON = frozenset(Framing) - AFTERWARDS
_LINK = Links("https://status.alerts.example.org", b"").stand_in  # 32 characters of address are common
_SENTENCE = "Our servers are overloaded and we are bringing further ones into service, step by step. " * 6


def problems(
    catalogues: Mapping[str, Catalogue],
    names: Names,
    compose: Callable[[Saying, Tell], Content],
    compose_opt_out: Callable[[OptOutSaying, Tell], Content],
    *,
    thorough: bool = True,
) -> list[str]:
    """Every problem once, as a sentence that names locale, channel and framing.

    Not `thorough`: what one message of each framing, channel and page shows.
    """
    found: dict[str, str] = {}

    def note(problem: str) -> None:
        found[problem] = problem

    everything = frozenset[str]().union(*(catalogue.keys for catalogue in catalogues.values()))
    for locale, catalogue in catalogues.items():
        stood_in = {key for key, instead in INSTEAD.items() if instead in catalogue.keys}
        for key in sorted(everything - catalogue.keys - OPTIONAL - stood_in):
            note(f"{locale}: {key} is missing, though another locale has it")
        longest: dict[str, int] = {}
        phrases = tuple(sorted(catalogue.phrases))
        sayings = chain(worst(locale, tuple(names), phrases), bare(locale, tuple(names)[:1]))
        for saying in sayings if thorough else _one_each(sayings):
            place = f"{locale}/{saying.channel}/{saying.framing.value}"
            content = compose(saying, note)
            for service in unnamed(saying, content, names):
                note(f"{place}: {service} is not named")
            for what, length, most in lengths(saying.channel, content):
                longest[what] = max(length, longest.get(what, 0))
                if length > most and length == longest[what]:
                    wrong = f"{length} {what} at worst, in {saying.framing.value}; {most} are allowed"
                    found[f"{locale} {what}"] = f"{locale}: {wrong}. Shorten names or phrases"
        for page in opt_out.sayings(locale):
            compose_opt_out(page, note)
        for key in sorted(catalogue.unsaid if thorough else ()):
            if len(names) > 2 or not key.startswith("list."):  # lists need something to list
                note(f"{locale}: {key} is never said; is its name right?")
    return list(found.values())


def _one_each(sayings: Iterable[Saying]) -> Iterator[Saying]:
    seen = set[tuple[Framing, str, Page | None]]()
    for saying in sayings:
        kind = (saying.framing, saying.channel, saying.page)
        if kind not in seen:
            seen.add(kind)
            yield saying


def lengths(channel: str, content: Content) -> Iterator[tuple[str, int, int]]:
    """What is limited on a channel: what is counted, how much there is, how much is allowed."""
    if channel == "sms":
        yield "SMS segments", measure(content.text).segments, SMS_SEGMENTS
    elif channel == "push":
        yield "characters in a push title", len(content.title), PUSH_TITLE
        yield "characters in a push body", len(content.text), PUSH_BODY
    elif channel == "voice":
        yield "characters in a call", len(content.text), CALL
    elif channel == "email":
        yield "characters in an e-mail subject", len(content.title), SUBJECT


def unnamed(saying: Saying, content: Content, names: Names) -> Iterator[str]:
    """Services that the message should name and does not."""
    if saying.channel == "voice" and saying.page is not None:
        return  # a reply to a key, after a call that has named them
    said = one_line(f"{content.title} {content.text}" if saying.channel == "push" else content.text)
    over = saying.exercise and saying.framing in ENDS and saying.elsewhere  # then only what really fails is named
    for service in saying.elsewhere if over else saying.reader.services:
        known = names[service]
        name = clean(known.get(saying.reader.locale, known.get("en", "")))
        if not any(form in said for form in (name, fold(name), spoken(name))):
            yield service


def worst(locale: str, services: tuple[str, ...], phrases: tuple[str, ...]) -> Iterator[Saying]:
    """Sayings with every service down, every phrase said, long words, and times on other days.

    What is said in the same words whatever else is (that something changed, that it is late) is tried with the
    first kind and state of each framing, and not with all.
    """
    for framing in Framing:
        states, kinds = _STATES.get(framing, _OPEN), _KINDS.get(framing, (Kind.PROGRESS,))
        told = [(kinds[0], state) for state in states] + [(kind, states[0]) for kind in kinds[1:]]
        for (kind, state), severity in product(told, Severity):
            saying = _saying(locale, services, phrases, framing, kind, state, severity)
            for channel in CHANNELS:
                yield replace(saying, channel=channel)
            if kind is Kind.EXERCISE:
                test = replace(saying, exercise=True, elsewhere=services)
                yield from (replace(test, channel=channel) for channel in CHANNELS)
            if framing in AFTERWARDS:
                beside = [replace(saying, elsewhere=services), replace(saying, elsewhere=services[:1])]
                if framing is Framing.RESOLUTION:  # whoever slept through an exercise never hears of it
                    beside += [replace(each, exercise=True) for each in beside]
                    beside.append(replace(saying, elsewhere=services, elsewhere_worst=Severity.MINOR))
                yield from (replace(each, channel=channel) for each in beside for channel in CHANNELS)
                yield replace(beside[0], channel="page", page=Page.OVER)
            first = (kind, state) == told[0]
            if framing in (Framing.UPDATE, Framing.WAKE_UP, Framing.HOLDING):
                changes = [each for each in Change if each] if framing is Framing.UPDATE and first else []
                changed = [replace(saying.reader, change=change) for change in changes]
                if severity is Severity.CRITICAL or not first:
                    changed += [replace(each, released=services) for each in (saying.reader, *changed)]
                changed += [replace(saying.reader, all_since=_NOW - timedelta(days=1, hours=11, minutes=11))]
                yield from (replace(saying, channel=c, reader=reader) for reader in changed for c in CHANNELS)
            if framing is Framing.CANCELLATION:
                relapse = replace(saying.reader, change=Change.AGAIN)
                yield from (replace(saying, channel=channel, reader=relapse) for channel in CHANNELS)
            if framing is Framing.NOT_AFFECTED:
                unlisted = replace(saying.reader, by_list=True)
                yield from (replace(saying, channel=channel, reader=unlisted) for channel in CHANNELS)
            if framing not in (Framing.POSTMORTEM, Framing.WAS_DOWN) and first:
                late = replace(saying.reader, late=True)
                yield from (replace(saying, channel=channel, reader=late) for channel in CHANNELS)
            if framing in _GOING_ON and severity is Severity.CRITICAL:
                for end_wakes in (True, False):
                    reader = replace(saying.reader, quiet=True, end_wakes=end_wakes)
                    yield from (replace(saying, channel=channel, reader=reader) for channel in ("sms", "push"))
                asks = [
                    replace(saying.reader, asks=ask, quiet=ask is Ask.REMIND) for ask in (Ask.ANSWER, Ask.REMIND)
                ]
                yield from (replace(saying, channel=c, reader=r, link=_LINK) for r in asks for c in CHANNELS)
                yield from (replace(saying, channel="sms", reader=r, link=_LINK, replies=True) for r in asks)
                if kind is kinds[0]:
                    others = ("Grandmother Ana", "School nurse")
                    pages = [page for page in Page if page is not Page.UNHEARD]  # that is said in calls alone
                    asked = replace(saying, channel="page", answered=others, link=Links("", b"").on_to_preferences)
                    yield from (replace(asked, page=page) for page in pages)
                    yield from (replace(saying, channel="voice", page=page) for page in Page)


def bare(locale: str, services: tuple[str, ...]) -> Iterator[Saying]:
    """Sayings with as little data as may come: no numbers, no promise, words in another language."""
    for framing in Framing:
        for kind in _KINDS.get(framing, (Kind.PROGRESS,)):
            full = _saying(locale, services, (), framing, kind, State.INVESTIGATING, Severity.MINOR)
            facts = replace(full.update.facts, message={"tlh": "nuqneH"}, since=_NOW, last_news_at=None)
            update = replace(full.update, facts=facts, human_number=None)
            saying = replace(full, update=update, news_number=None, references=None, ended_at=None)
            for hears_by in (None, _NOW):
                reader = replace(full.reader, hears_by=hears_by, missed=0)
                yield from (replace(saying, channel=channel, reader=reader) for channel in CHANNELS)
            if framing is Framing.NOTICE:
                yield replace(saying, channel="sms", reader=replace(full.reader, hears_by=None), unasked=False)
            ended = replace(update, facts=replace(facts, state=State.RESOLVED))
            yield replace(saying, channel="sms", update=ended)


def _saying(
    locale: str,
    services: tuple[str, ...],
    phrases: tuple[str, ...],
    framing: Framing,
    kind: Kind,
    state: State,
    severity: Severity,
) -> Saying:
    facts = Facts(
        title="",
        severity=severity,
        state=state,
        scope=Scope(tuple(map(Reach, services))),
        since=_NOW - timedelta(days=12, hours=11, minutes=11),
        works=tuple(key for key in phrases if key.endswith("works")),
        do=tuple(key for key in phrases if not key.endswith("works")),
        message={locale: _SENTENCE},
        last_news_at=_NOW - timedelta(days=11),
    )
    reader = Reader("", locale, _ZONE, services, _NOW + timedelta(days=5), missed=99)
    promise = _NOW + timedelta(days=20) if kind is Kind.RESOLUTION else None
    update = Update(99, kind, _NOW, facts, promise=promise, human_number=88)
    references = 87 if kind in (Kind.CORRECTION, Kind.RECALL) else None
    return Saying("", framing, update, 88, references, reader, _NOW, _NOW - timedelta(minutes=3))
