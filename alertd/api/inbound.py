"""What people reply to an SMS, as the provider tells of it; its answer is what they are answered."""

from typing import Any

from fastapi import APIRouter, Request, Response

from alertd.api.errors import errors
from alertd.api.providers import Provider, not_signed, told
from alertd.api.served import Here
from alertd.ports import Forged
from alertd.usecases.take_reply import take_inbound

router = APIRouter(prefix="/v1/providers", tags=["providers"])

_FORM: dict[str, Any] = {
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "examples": {
        "confirmed": {"value": {"MessageSid": "SM" + "0" * 32, "From": "+14155550123", "Body": "1"}},
        "stop": {"value": {"MessageSid": "SM" + "1" * 32, "From": "+14155550123", "Body": "STOP"}},
    },
}
_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response><Message>You get texts again.</Message></Response>'

_XML = {"text/xml": {"schema": {"type": "string"}, "example": _ANSWER}}


@router.post(
    "/{provider}/inbound",
    summary="What somebody replied",
    response_class=Response,
    responses=errors(404, 413) | {200: {"description": "What to answer them, if anything.", "content": _XML}},
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": _FORM}},
        "security": [],
    },
)
async def inbound(provider: Provider, request: Request, here: Here) -> Response:
    """For the provider's servers: the messaging webhook of the sender, as its console is told.

    Signed by the provider, for `ALERTD_PUBLIC_URL` with this path, or refused (403). Told again, nothing is done
    twice, and the answer is the same. Who is unknown is answered nothing.
    """
    try:
        answered = await take_inbound(here.deps, provider, await told(request, here))
    except Forged as error:
        here.deps.log.warning("callback_forged", provider=provider, why=error.why)
        raise await not_signed(here) from None
    if answered.event is not None:
        await here.security.note(answered.event)
    return Response(answered.spoken.body, media_type=answered.spoken.media_type)
