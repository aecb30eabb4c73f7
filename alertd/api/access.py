"""Who asks, and whether they may: API keys in the Authorization header, and nowhere else."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from alertd.api.errors import Denied
from alertd.api.parameters import refuse_undeclared
from alertd.api.served import Here
from alertd.domain.errors import quote
from alertd.ports.deps import Deps
from alertd.records import SIGNATURE, Key
from alertd.usecases.keys import check_key, may, may_speak_as

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="ald_...",
    description="A key made with `alertd key create`: `Authorization: Bearer ald_...`.",
)
_Header = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
_WAY_OUT = "alertd key create makes one; alertd up keeps one in its data folder"


class _Needs:
    """The caller's key, if it has every one of these rights. Raises Denied.

    Every protected route has one, and names it first: so it is also where a parameter that the route does not
    declare is refused (Mistakes), before the body is read and only to callers who may ask.
    """

    def __init__(self, *rights: str) -> None:
        self._rights = rights

    async def __call__(self, request: Request, here: Here, header: _Header) -> Key:
        if header is None:
            raise Denied(401, f"send an API key as `Authorization: Bearer ald_...`; {_WAY_OUT}")
        key = await check_key(here.deps, header.credentials)
        if key is None:
            raise Denied(401, f"this API key is unknown or was revoked; {_WAY_OUT}")
        for right in self._rights:
            if not may(key, right):
                raise Denied(403, f"key {key.id} lacks the right {right}; {_WAY_OUT}")
        refuse_undeclared(request)
        return key


ReadsIncidents = Annotated[Key, Depends(_Needs("incident:read"))]
WritesIncidents = Annotated[Key, Depends(_Needs("incident:write"))]
WritesEvents = Annotated[Key, Depends(_Needs("event:write"))]
ReadsFamilies = Annotated[Key, Depends(_Needs("family:read"))]
WritesFamilies = Annotated[Key, Depends(_Needs("family:write"))]
LiftsSuspensions = Annotated[Key, Depends(_Needs("family:read", "family:write"))]
"""An import's key writes only: it may neither lift what a provider has refused, nor ask what alertd knows."""


def refuse_other_source(deps: Deps, key: Key, source: str, *, field: str | None = None, which: str = "") -> None:
    """Refuse, as what a wrong key asks for, an event in the name of a source that the key is not bound to.

    `which` says where the source was named, if it is not a `field` of the body. Raises Denied.
    """
    if may_speak_as(key, source):
        return
    # A security event: a key has leaked, or two were mixed up.
    deps.log.warning("source_forged", key=key.id, source=quote(source))
    bound = ", ".join(f'"{each}"' for each in key.sources)
    raise Denied(
        403,
        f'key {key.id} may not speak as source "{source}"{which}, only as {bound}; '
        f"alertd key create --right event:write --source {source} makes one that may",
        field=field,
    )


def who(key: Key) -> str:
    """How an act of this key is signed, for the record: its note, if it has one, and always its id."""
    signed = f" ({key.id})"
    return f"{key.note[: SIGNATURE - len(signed)]}{signed}" if key.note else key.id
