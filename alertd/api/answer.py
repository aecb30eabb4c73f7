"""The page behind the link in a message: how things stand, and one button. For people, hence not in the schema."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from alertd.api.link_page import link_page, sorry_page
from alertd.api.served import Here
from alertd.ports import Content
from alertd.usecases.acknowledge import acknowledge, look
from alertd.usecases.follow_link import Expired, Forged

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
        return sorry_page(_FORGED, 403)
    except Expired:
        return sorry_page(_EXPIRED, 410)


@router.post("/a/{token}")
async def answer(token: str, here: Here) -> HTMLResponse:
    """The button was pressed: whoever was sent this link knows."""
    try:
        return _page(await acknowledge(here.deps, token))
    except Forged:
        return sorry_page(_FORGED, 403)
    except Expired:
        return sorry_page(_EXPIRED, 410)


def _page(content: Content) -> HTMLResponse:
    return link_page(content.html or "")
