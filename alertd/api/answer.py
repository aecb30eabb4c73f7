"""The page behind the link in a message: how things stand, and one button. For people, hence not in the schema."""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from alertd.api.link_page import link_page, plain_page
from alertd.api.served import Here
from alertd.ports import Content
from alertd.usecases.acknowledge import Expired, Forged, acknowledge, look

router = APIRouter(include_in_schema=False)

_FORGED = (
    ("en", "This link is not complete.", "Please open it again from our message, or copy all of it."),
    ("es", "Este enlace no está completo.", "Ábralo de nuevo desde nuestro mensaje, o cópielo entero."),
)
_EXPIRED = (
    ("en", "This link is no longer valid.", "There is nothing to confirm any more."),
    ("es", "Este enlace ya no es válido.", "Ya no hay nada que confirmar."),
)


@router.get("/a/{token}")
async def show(token: str, here: Here) -> HTMLResponse:
    """How things stand for whoever was sent this link; opening it changes nothing."""
    try:
        return _page(await look(here.deps, token))
    except Forged:
        return _sorry(_FORGED, 403)
    except Expired:
        return _sorry(_EXPIRED, 410)


@router.post("/a/{token}")
async def answer(token: str, here: Here) -> HTMLResponse:
    """The button was pressed: whoever was sent this link knows."""
    try:
        return _page(await acknowledge(here.deps, token))
    except Forged:
        return _sorry(_FORGED, 403)
    except Expired:
        return _sorry(_EXPIRED, 410)


def _page(content: Content) -> HTMLResponse:
    return link_page(content.html or "")


def _sorry(words: tuple[tuple[str, str, str], ...], status: int) -> HTMLResponse:
    """Nobody knows whose link it was, nor which language they read."""
    said = "".join(
        f'<div lang="{language}"><h1>{escape(what)}</h1><p>{escape(way_out)}</p></div>'
        for language, what, way_out in words
    )
    return plain_page(status, escape(words[0][1]), said)
