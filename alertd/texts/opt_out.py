"""The page behind an e-mail's List-Unsubscribe: what stops, what still reaches its reader, and one button."""

from collections.abc import Iterator, Mapping
from html import escape
from itertools import product

from jinja2 import Template

from alertd.ports import Content, OptOutSaying
from alertd.texts.catalogue import Catalogue

LAYOUT = "opt_out.html"
_WAYS = ("push", "sms", "voice", "email", "console")
_PLAIN: Mapping[str, Mapping[str, str]] = {
    "en": {
        "ask": "Stop all e-mails to this address?",
        "last": "E-mail is our only way to tell you.",
        "done": "We send no more e-mails to this address.",
        "last_done": "We have no way to tell you any more.",
        "button": "Stop the e-mails",
        "back_button": "Send me e-mails again",
    },
    "es": {
        "ask": "¿Dejar de recibir correos en esta dirección?",
        "last": "El correo es nuestra única forma de avisarle.",
        "done": "Ya no enviamos correos a esta dirección.",
        "last_done": "Ya no tenemos forma de avisarle.",
        "button": "No enviarme más correos",
        "back_button": "Volver a enviarme correos",
    },
}


def compose(saying: OptOutSaying, catalogue: Catalogue, layout: Template) -> Content:
    """The page. Raises Missing, or what a broken sentence or layout raises."""
    done, last = saying.opted_out, not saying.ways

    def say(key: str, **values: object) -> str:
        return " ".join(catalogue.say(f"opt_out.{key}", **values).split())

    means = [say("last_done" if done else "last"), say("others" if saying.others else "nobody")] if last else []
    title = say("title_done" if done else "title")
    html = layout.render(
        locale=catalogue.locale,
        title=title,
        what=say("done" if done else "ask"),
        means=means or [say("still", ways=_list(catalogue, [say(f"ways.{way}") for way in saying.ways]))],
        last=last,
        opted_out=done,
        back=say("back") if done else "",
        button=say("back_button" if done else "button"),
    )
    return Content(title, title, html)


def _list(catalogue: Catalogue, ways: list[str]) -> str:
    if len(ways) < 2:
        return "".join(ways)
    return f"{', '.join(ways[:-1])} {catalogue.say('list.and', last=ways[-1])} {ways[-1]}"


def plain(saying: OptOutSaying) -> Content:
    """The same in plain words, where a sentence or the layout fails: it has its button (R14). Never fails."""
    language = saying.locale.partition("-")[0]
    language = language if language in _PLAIN else "en"
    words, done = _PLAIN[language], saying.opted_out
    said = [words["done" if done else "ask"], *([] if saying.ways else [words["last_done" if done else "last"]])]
    title = said[0]
    lines = "".join(f"<p>{escape(line)}</p>" for line in said)
    action, button = ("?again=true", "back_button") if done else ("?", "button")
    form = f'<form method="post" action="{action}"><button>{escape(words[button])}</button></form>'
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    )
    html = f'<!doctype html><html lang="{language}"><head>{head}</head><body>{lines}{form}</body></html>'
    return Content(title, title, html)


def sayings(locale: str) -> Iterator[OptOutSaying]:
    """Every page there may be, for whoever checks the texts."""
    for opted_out, ways, others in product((False, True), ((), _WAYS[:1], _WAYS), (False, True)):
        yield OptOutSaying(locale, opted_out, ways, others)
