"""What providers tell us of themselves. They have no key: their signature says who they are."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from alertd.api.bodies import read_body
from alertd.api.errors import Denied, errors
from alertd.api.served import Here, Served
from alertd.ports import Callback, Forged
from alertd.usecases.hear_key import hear_key
from alertd.usecases.security import FORGED, OVERSIZED
from alertd.usecases.take_receipt import CALLBACK_UNKNOWN

router = APIRouter(prefix="/v1/providers", tags=["providers"])
MOST_BYTES = 64 * 1024
"""Of a callback, read before anybody has signed for it; Twilio sends less than one."""

Provider = Annotated[str, Path(pattern=r"^[a-z]{1,32}$", description="Like `twilio`.", examples=["twilio"])]

_FORM: dict[str, Any] = {
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "examples": {
        "delivered": {"value": {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered"}},
        "undelivered": {
            "value": {"MessageSid": "SM" + "0" * 32, "MessageStatus": "undelivered", "ErrorCode": "30003"}
        },
    },
}
_KEY: dict[str, Any] = {
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "examples": {
        "I know": {"value": {"CallSid": "CA" + "0" * 32, "CallStatus": "in-progress", "Digits": "1"}},
    },
}
_SAID = '<Response><Say language="en-US">There is nothing to confirm any more. Goodbye.</Say></Response>'


@router.post(
    "/{provider}/status",
    status_code=204,
    summary="What became of a message or call",
    responses=errors(404, 413),
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": _FORM}},
        "security": [],
    },
)
async def status(provider: Provider, request: Request, here: Here) -> Response:
    """For the provider's servers, at the URL that messages and calls name; its `attempt` is the try meant.

    Signed by the provider, for `ALERTD_PUBLIC_URL` with this path, or refused (403). What is signed and about
    nothing that alertd knows is answered like the rest: the provider would only send it again.
    """
    try:
        known = await here.receipts.take_callback(provider, await told(request, here))
    except Forged:
        raise await not_signed(here) from None
    if not known:
        await here.security.note(CALLBACK_UNKNOWN)
    return Response(status_code=204)


@router.post(
    "/{provider}/voice",
    summary="Which key was pressed in a call",
    response_class=Response,
    responses=errors(404, 413)
    | {
        200: {
            "description": "What the provider is to say in the call: TwiML.",
            "content": {"application/xml": {"schema": {"type": "string"}, "example": _SAID}},
        }
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": _KEY}},
        "security": [],
    },
)
async def voice(provider: Provider, request: Request, here: Here) -> Response:
    """For the provider's servers, at the URL that each call names; `attempt` in its query is the try meant.

    Signed by the provider, for `ALERTD_PUBLIC_URL` with this path, or refused (403). 1 says that whoever was
    called knows, as the link in a message does; after another key it may be pressed. What an answering machine
    presses is no answer.
    """
    try:
        spoken = await hear_key(here.deps, provider, await told(request, here))
    except Forged:
        raise await not_signed(here) from None
    return Response(spoken.body, media_type=spoken.media_type)


async def told(request: Request, here: Served) -> Callback:
    """A provider's request as it was received.

    Raises Denied: 408, and 413, which is a security event as none is so large. Raises ClientDisconnect.
    """
    try:
        body = await read_body(request, MOST_BYTES)
    except Denied as error:
        if error.status == 413:
            here.deps.log.warning(OVERSIZED, bytes=MOST_BYTES)
            await here.security.note(OVERSIZED)
        raise
    return Callback(
        query=request.scope["query_string"].decode("latin-1"),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )


async def not_signed(here: Served) -> Denied:
    """What whoever forges a provider's request is answered; it is counted."""
    await here.security.note(FORGED)
    return Denied(403, "this was not signed by the provider for this URL; nothing was changed")
