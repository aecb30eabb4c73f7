"""A web hook for each responder, as Apprise's `json://` calls it; pages lie in the inbox under their names.

The body: https://appriseit.com/services/json/ (version, title, message, attachments, type).
"""

from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web

from alertd.sandbox.http_answers import json_answer
from alertd.sandbox.records import Records
from alertd.sandbox.settings import PAGES

_NAME = r"[a-z0-9-]{1,60}"


class _Body(msgspec.Struct):
    message: str
    title: str = ""
    attachments: list[Any] = []


class PageApi:
    """Takes whatever keeps the form; anybody on this machine may page."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def routes(self) -> list[web.RouteDef]:
        """What to serve, and where."""
        return [web.post(f"{PAGES}/{{name:{_NAME}}}", self._page)]

    async def _page(self, request: web.Request) -> web.Response:
        name, raw = request.match_info["name"], await request.read()
        try:
            body = msgspec.json.decode(raw, type=_Body)
        except msgspec.MsgspecError as error:
            return await self._refuse(name, str(error))
        if body.attachments:
            return await self._refuse(name, "attachments: pages carry none")
        accepted = await self._records.accept(
            "page",
            name,
            provider_id=uuid4().hex,
            sender="alertd",
            title=body.title or None,
            text=body.message,
            request=msgspec.json.decode(raw),
        )
        return json_answer({"id": accepted.provider_id})

    async def _refuse(self, name: str, reason: str) -> web.Response:
        await self._records.refuse("page", name, "contract", code="400", detail=reason)
        return json_answer({"error": reason}, 400)
