"""Pages behind links, for people: nothing is run, fetched, framed, indexed or passed on; any phone shows them."""

from collections.abc import Mapping
from html import escape

from fastapi.responses import HTMLResponse

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "X-Robots-Tag": "noindex",
}
_STYLE = (
    "body{font:18px/1.45 sans-serif;margin:1em;max-width:36em;overflow-wrap:break-word}"
    "body{background:#fff;color:#1a1d21}"
    "h1{font-size:1.3em}"
    "button{font-size:1.2em;padding:.6em 1em;border:0;border-radius:8px;background:#1d5fbf;color:#fff}"
    # Whoever opens it at night is not blinded.
    "@media(prefers-color-scheme:dark){body{background:#101214;color:#f1f3f5}}"
)

_LATER = (
    (
        "en",
        "We cannot do this right now.",
        "Please press again in a minute, or open the link in our message again. Doing it twice does no harm.",
    ),
    (
        "es",
        "Ahora mismo no podemos hacerlo.",
        "Pulse de nuevo dentro de un minuto, o abra otra vez el enlace de nuestro mensaje. "
        "Hacerlo dos veces no hace daño.",
    ),
)
_NOTHING = (
    ("en", "There is nothing at this address.", "Please open the link in our message again, or copy all of it."),
    ("es", "No hay nada en esta dirección.", "Abra de nuevo el enlace de nuestro mensaje, o cópielo entero."),
)


def link_page(html: str, status: int = 200) -> HTMLResponse:
    """A whole page."""
    return HTMLResponse(html, status, headers=_HEADERS)


def sorry_page(words: tuple[tuple[str, str, str], ...], status: int) -> HTMLResponse:
    """What went wrong, and the way out, in every language: (language, what, way out).

    Nobody knows whose link it was, nor which language they read.
    """
    said = "".join(
        f'<div lang="{language}"><h1>{escape(what)}</h1><p>{escape(way_out)}</p></div>'
        for language, what, way_out in words
    )
    return plain_page(status, escape(words[0][1]), said)


def trouble_page(status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """For whoever followed a link where alertd could not answer, or where there is nothing."""
    page = sorry_page(_LATER if status >= 500 else _NOTHING, status)
    page.headers.update(headers or {})
    return page


def plain_page(status: int, title: str, body: str) -> HTMLResponse:
    """A page around `body`; both are HTML already."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{_STYLE}</style>"
    )
    return link_page(f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>', status)
