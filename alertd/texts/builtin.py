"""The plain words that alertd speaks when a template, a phrase, a locale or a name fails (R14).

No template, no file, nothing that could be missing: only what the saying itself holds.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from html import escape
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alertd.domain.delivery import ENDS, Change, Framing
from alertd.domain.incident import Kind, Severity, State
from alertd.ports import Content, Names, Page, Saying
from alertd.texts.clean import clean, sentence
from alertd.texts.fit import PUSH_BODY, PUSH_TITLE, SUBJECT, Fits, shorten, sms_fits
from alertd.texts.phrase import Phrase
from alertd.texts.segments import fold
from alertd.texts.spoken import spoken
from alertd.texts.times import local, minute

PHRASES: Mapping[str, Mapping[str, Phrase]] = {
    "en": {
        "sensor_works": Phrase("the sensor and its own alarms", "the sensor and its own alarms"),
        "check_by_hand": Phrase("Check glucose directly", "Check glucose directly"),
        "do_not_reinstall": Phrase("Do not reinstall the app", "Do not reinstall the app"),
    },
    "es": {
        "sensor_works": Phrase("el sensor y sus propias alarmas", "el sensor y sus propias alarmas"),
        "check_by_hand": Phrase("Mida la glucosa directamente", "Mida la glucosa directamente"),
        "do_not_reinstall": Phrase("No reinstale la app", "No reinstale la app"),
    },
}
"""What the keys of `--works` and `--do` stand for where a catalogue lacks them."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "critical": "not working. You get no readings and no alarms",
        "major": "problems. Readings and alarms may be late or missing",
        "minor": "a small problem",
        "suspected": "may not be working. Readings and alarms may not reach you",
        "monitoring": "may work again. Do not rely on it yet",
        "resolved": "working again",
        "cancelled": "working. It was a false alarm",
        "cancelled_again": "working. It had not failed again, we were wrong",
        "not_affected": "working for you, as far as we know",
        "by_list": "a problem goes on, by our list not for you. If our list is wrong, it may still be yours",
        "exercise": "TEST ONLY, nothing is down",
        "elsewhere": "a problem goes on, another is over",
        "elsewhere_false": "a problem goes on, another of our messages was wrong",
        "elsewhere_none": "a problem goes on, another that we suspected was none",
        "exercise_elsewhere": "TEST ONLY, but a real problem goes on",
        "unreached": "Readings and alarms may still not reach you",
        "was_down": "It was not working properly for a time",
        "postmortem": "what happened",
        "explained": "We write what happened by",
        "since": "Since",
        "no_news": "No news since",
        "late": "Sorry, this comes late: our message service was down",
        "works": "Still works:",
        "next": "Next update by",
        "quiet": "We wake you only if it gets worse or is fixed; otherwise you hear from us at",
        "quiet_worse": "We wake you only if it gets much worse; otherwise you hear from us at",
        "answer": "Please tell us that you know",
        "press": "If you know about this now, press 1 on your phone",
        "unheard": "We could not take this as your answer, and will ask again",
        "button": "I know about it",
        "thanks": "Thank you",
        "older": "Please use the link in our newest message",
        "older_call": "Things have got worse since we called you. Please look at our newest message",
        "over": "There is nothing to confirm any more",
    },
    "es": {
        "critical": "no funciona. No le llegan ni lecturas ni alarmas",
        "major": "problemas. Las lecturas y alarmas pueden llegar tarde o faltar",
        "minor": "un problema menor",
        "suspected": "puede que no funcione. Puede que no le lleguen lecturas ni alarmas",
        "monitoring": "puede que ya funcione. No se confíe todavía",
        "resolved": "ya funciona",
        "cancelled": "funciona. Fue una falsa alarma",
        "cancelled_again": "funciona. No había vuelto a fallar, fue un error nuestro",
        "not_affected": "a usted le funciona, por lo que sabemos",
        "by_list": "sigue un problema; según nuestros datos no para usted. Si son erróneos, puede que le afecte",
        "exercise": "SOLO UNA PRUEBA, no hay ningún fallo",
        "elsewhere": "sigue un problema; otro ha terminado",
        "elsewhere_false": "sigue un problema; otro de nuestros avisos era un error",
        "elsewhere_none": "sigue un problema; otro que sospechábamos no lo era",
        "exercise_elsewhere": "SOLO UNA PRUEBA, pero sigue un problema real",
        "unreached": "Puede que todavía no le lleguen lecturas ni alarmas",
        "was_down": "Durante un tiempo no ha funcionado bien",
        "postmortem": "qué ha ocurrido",
        "explained": "Le escribimos qué ha ocurrido a más tardar:",
        "since": "Desde",
        "no_news": "Sin novedades desde",
        "late": "Disculpe el retraso: un fallo en nuestros avisos",
        "works": "Sigue funcionando:",
        "next": "Próximo aviso a más tardar:",
        "quiet": "Solo le despertamos si empeora o se arregla; si no, le escribimos:",
        "quiet_worse": "Solo le despertamos si empeora mucho; si no, le escribimos:",
        "answer": "Díganos que lo sabe",
        "press": "Si ya lo sabe, pulse 1 en su teléfono",
        "unheard": "No hemos podido tomar esto como su respuesta y volveremos a preguntar",
        "button": "Ya lo sé",
        "thanks": "Gracias",
        "older": "Use el enlace de nuestro mensaje más reciente",
        "older_call": "Desde que le llamamos la situación ha empeorado. Mire nuestro mensaje más reciente",
        "over": "No hay nada que confirmar",
    },
}


_REPLIES: Mapping[Page, str] = {
    Page.ASK: "press",
    Page.ASK_NO_MORE: "press",
    Page.THANKS: "thanks",
    Page.NOTED: "thanks",
    Page.OLDER: "older_call",
    Page.OVER: "over",
    Page.UNHEARD: "unheard",
}
"""What whoever has pressed a key in a call is told."""


def phrase(locale: str, key: str) -> Phrase | None:
    """What a phrase key stands for, in Spanish for Spanish readers, else in English."""
    return PHRASES[_language(locale)].get(key)


def content(saying: Saying, names: Names) -> Content:
    """The message in plain words. Never fails."""
    update, reader, framing = saying.update, saying.reader, saying.framing
    facts, words = update.facts, _WORDS[_language(saying.reader.locale)]
    services = ", ".join(
        _name(service, reader.locale, names) for service in reader.services or facts.scope.services
    )
    condition = _condition(saying)
    title = f"{services}: {words[condition].partition('.')[0]}"
    unreached = [words["unreached"]] if saying.elsewhere and saying.elsewhere_worst is not Severity.MINOR else []
    if saying.exercise or update.kind is Kind.EXERCISE:
        if saying.elsewhere:  # what really fails is named, in place of what the test is about
            real = ", ".join(_name(service, reader.locale, names) for service in saying.elsewhere)
            test = f"{words['exercise_elsewhere']}: {real}"
            return _channel(saying, test, [test, *unreached], [], "")
        test = words["exercise"]
        return _channel(saying, f"{test}: {services}", [test, services], [], "")
    going_on = condition in ("critical", "major", "minor", "suspected", "monitoring")
    said = [f"{services}: {words[condition]}"]
    if condition in ("elsewhere", "elsewhere_false", "elsewhere_none"):
        said += unreached
    if framing is Framing.WAS_DOWN and facts.state is not State.CANCELLED and not saying.elsewhere:
        said.append(words["was_down"])
    if update.kind is Kind.RESOLUTION and update.promise is not None and update.promise > minute(saying.now):
        said.append(f"{words['explained']} {_time(update.promise, saying)}")
    if reader.late:
        said.append(words["late"])
    if going_on:
        if framing is Framing.HOLDING and facts.last_news_at is not None:
            said.append(f"{words['no_news']} {_time(facts.last_news_at, saying)}")
        said += [_phrase(entry, reader.locale) for entry in facts.do]
        if reader.hears_by is not None:
            until = ("quiet" if reader.end_wakes else "quiet_worse") if reader.quiet else "next"
            said.append(f"{words[until]} {_time(reader.hears_by, saying)}")
    more = [f"{words['since']} {_time(facts.since, saying)}"] if going_on else []
    silent = framing in (Framing.HOLDING, Framing.NOT_AFFECTED) or facts.state is State.SUSPECTED
    if not silent and not (saying.elsewhere and framing in ENDS):
        more.append(clean(_message(facts.message, reader.locale)))
    if going_on and facts.works:
        more.append(f"{words['works']} {'; '.join(_phrase(entry, reader.locale) for entry in facts.works)}")
    more = [part for part in more if part]
    if saying.page is not None and saying.channel == "voice":
        return Content(title, sentence(words[_REPLIES[saying.page]]), locale=_language(reader.locale))
    if saying.page is not None:
        return Content(title, title, _page(saying.page, reader.locale, title, said + more))
    asks = f"{words['answer']}: {saying.link}" if reader.asks and saying.link else ""
    if asks and saying.channel == "voice":
        asks = sentence(words["press"])
    return _channel(saying, title, said, more, asks)


def _channel(saying: Saying, title: str, said: list[str], more: list[str], asks: str) -> Content:
    channel = saying.channel
    if channel == "voice":
        aloud = (spoken(sentence(line)) for line in (*said, *more, asks))
        return Content(title, "\n".join(filter(None, aloud)), locale=_language(saying.reader.locale))
    if channel == "sms":
        return Content(title, _fill(said, more, sms_fits, lambda text: fold(f"{text} {asks}".strip())))
    if channel == "push":
        short = shorten(title, lambda text: len(text) <= PUSH_TITLE)
        return Content(short, _fill(said, more, lambda text: len(text) <= PUSH_BODY, str))
    subject = shorten(title, lambda text: len(text) <= SUBJECT)
    lines = [*map(sentence, said + more), *filter(None, (asks,))]
    return Content(subject, "\n".join(lines) + "\n")


def _page(page: Page, locale: str, title: str, said: list[str]) -> str:
    """The page in plain words: it has its button whatever fails."""
    words = _WORDS[_language(locale)]
    asks = page in (Page.ASK, Page.ASK_NO_MORE)
    about = words["answer"] if asks else words["thanks" if page is Page.NOTED else page.value]
    button = f'<form method="post"><button>{escape(words["button"])}</button></form>' if asks else ""
    lines = "".join(f"<p>{escape(sentence(line))}</p>" for line in (about, *said))
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    )
    document = f"<head>{head}</head><body>{button}{lines}</body>"
    return f'<!doctype html><html lang="{escape(_language(locale))}">{document}</html>'


def _fill(said: list[str], more: list[str], fits: Fits, finish: Callable[[str], str]) -> str:
    """All that must be said, and as much more as there is room for."""
    text = " ".join(map(sentence, said))

    def joined(part: str) -> str:
        return f"{text} {part}"

    for part in map(sentence, more):
        longer = shorten(part, lambda some: fits(finish(joined(some))), keep=40)
        if fits(finish(joined(longer))):
            text = joined(longer)
    return finish(text)


def _condition(saying: Saying) -> str:
    state = saying.update.facts.state
    if saying.elsewhere and saying.framing in ENDS:
        false = saying.framing is Framing.CANCELLATION
        return "elsewhere_false" if false else "elsewhere_none" if state is State.CANCELLED else "elsewhere"
    if saying.framing is Framing.NOT_AFFECTED:
        return "by_list" if saying.reader.by_list else "not_affected"
    if saying.framing is Framing.POSTMORTEM:
        return "postmortem"
    if saying.framing is Framing.CANCELLATION or state is State.CANCELLED:
        return "cancelled_again" if saying.reader.change is Change.AGAIN else "cancelled"
    if saying.framing in (Framing.RESOLUTION, Framing.WAS_DOWN) or state is State.RESOLVED:
        return "resolved"
    if state in (State.SUSPECTED, State.MONITORING):
        return state.value
    return saying.update.facts.severity.value


def _language(locale: str) -> str:
    language = locale.partition("-")[0]
    return language if language in _WORDS else "en"


def _name(service: str, locale: str, names: Names) -> str:
    known = names.get(service) or {}
    wanted = (known.get(locale), known.get(_language(locale)), *known.values(), service)
    return next(name for name in (clean(name or "") for name in wanted) if name)


def _phrase(entry: str, locale: str) -> str:
    known = phrase(locale, entry)
    return known.short if known is not None else clean(entry)


def _message(message: Mapping[str, str], locale: str) -> str:
    return message.get(locale) or message.get(_language(locale)) or next(iter(message.values()), "")


def _time(moment: datetime, saying: Saying) -> str:
    zone = _zone(saying.reader.zone)
    here = local(moment, zone)
    form = "%H:%M" if here.date() == local(saying.now, zone).date() else "%Y-%m-%d %H:%M"
    return f"{here:{form}} {'UTC' if zone is UTC else ''}".strip()


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC  # and says so: the time is followed by "UTC"


CANNOT_BE_SHOWN = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
    'content="width=device-width, initial-scale=1"><title>alertd</title></head><body>'
    "<h1>This page cannot be shown now.</h1><p>Please try again later. Messages go on as before.</p>"
    '<div lang="es"><h1>Ahora no se puede mostrar esta página.</h1>'
    "<p>Inténtelo más tarde. Los avisos siguen como antes.</p></div></body></html>"
)
"""Where a caregiver would choose how they are told, when no language has words for it."""
