"""The page on which a caregiver chooses how they are told. For people, hence not in the schema."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from alertd.api.bodies import read_body
from alertd.api.errors import Denied
from alertd.api.link_page import link_page, sorry_page
from alertd.api.served import Here
from alertd.domain.errors import Invalid
from alertd.ingest.preferences_form import MOST_BYTES, parse_form
from alertd.usecases.change_preferences import change_preferences, look_at_preferences
from alertd.usecases.follow_link import Expired, Forged

router = APIRouter(include_in_schema=False)

_FORGED = (
    ("en", "This link is not complete.", "Please open it again from the page it was on."),
    ("es", "Este enlace no está completo.", "Ábralo de nuevo desde la página en que estaba."),
)
_EXPIRED = (
    ("en", "This link is no longer valid.", "Please use the one in our newest message, or ask who signed you up."),
    ("es", "Este enlace ya no es válido.", "Use el del mensaje más reciente, o pregunte a quien le dio de alta."),
)
_UNREADABLE = (
    ("en", "Nothing was saved.", "Please open the page again and choose anew."),
    ("es", "No se ha guardado nada.", "Abra la página de nuevo y elija otra vez."),
)


@router.get("/p/{token}")
async def show(token: str, here: Here) -> HTMLResponse:
    """One button, and nothing about anybody: scanners open links, and others look on."""
    try:
        return link_page(await look_at_preferences(here.deps, token))
    except Forged:
        return sorry_page(_FORGED, 403)
    except Expired:
        return sorry_page(_EXPIRED, 410)


@router.post("/p/{token}")
async def choose(token: str, request: Request, here: Here) -> HTMLResponse:
    """A button was pressed: the form, the question before all is stopped, or what was saved."""
    try:
        pressed, given = parse_form(await read_body(request, MOST_BYTES))
        return link_page(await change_preferences(here.deps, token, pressed, given))
    except Denied as error:
        page = sorry_page(_UNREADABLE, error.status)
        page.headers["Connection"] = "close"  # what is still on its way is not read
        return page
    except Invalid:
        return sorry_page(_UNREADABLE, 400)
    except Forged:
        return sorry_page(_FORGED, 403)
    except Expired:
        return sorry_page(_EXPIRED, 410)
