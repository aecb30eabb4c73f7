"""What an e-mail's List-Unsubscribe leads to, for people and for their mail providers; not in the schema.

A provider's POST (https://www.rfc-editor.org/rfc/rfc8058#section-3.2) comes without cookies or a look at the page,
and acts. A GET only shows the page: mail scanners open links.
"""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from alertd.api.link_page import link_page, plain_page
from alertd.api.served import Here
from alertd.usecases.follow_link import Expired, Forged
from alertd.usecases.opt_out import look, opt_in, opt_out

router = APIRouter(include_in_schema=False)

_FORGED = (
    ("en", "This link is not complete.", "Please open it again from our message, or copy all of it."),
    ("es", "Este enlace no está completo.", "Ábralo de nuevo desde nuestro mensaje, o cópielo entero."),
)
_GONE = (
    ("en", "This link is no longer valid.", "We send nothing to this address any more."),
    ("es", "Este enlace ya no es válido.", "Ya no enviamos nada a esta dirección."),
)


@router.get("/u/{token}")
async def show(token: str, here: Here) -> HTMLResponse:
    """What it would mean for whoever was sent this link; opening it changes nothing."""
    try:
        return link_page((await look(here.deps, token)).html or "")
    except Forged:
        return _sorry(_FORGED, 403)
    except Expired:
        return _sorry(_GONE, 410)


@router.post("/u/{token}")
async def stop(token: str, here: Here, *, again: bool = False) -> HTMLResponse:
    """Nothing more goes to the address that was sent this link; `again`: it does, after all."""
    try:
        return link_page((await (opt_in if again else opt_out)(here.deps, token)).html or "")
    except Forged:
        return _sorry(_FORGED, 403)
    except Expired:  # what was asked for holds already: a provider that is told of an error would ask again
        return _sorry(_GONE, 410 if again else 200)


def _sorry(words: tuple[tuple[str, str, str], ...], status: int) -> HTMLResponse:
    """Nobody knows whose link it was, nor which language they read."""
    said = "".join(
        f'<div lang="{language}"><h1>{escape(what)}</h1><p>{escape(more)}</p></div>'
        for language, what, more in words
    )
    return plain_page(status, escape(words[0][1]), said)
