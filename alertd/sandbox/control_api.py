"""The controls: faults, dead addresses and the story clock, while the sandbox runs."""

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web

from alertd.sandbox.dead import DeadAddresses, read_dead
from alertd.sandbox.faults import BadFault, Faults, read_faults
from alertd.sandbox.http_answers import json_answer
from alertd.sandbox.log import CHANNELS
from alertd.sandbox.oauth import TokenEndpoint
from alertd.sandbox.records import Records
from alertd.sandbox.story_clock import StoryClock, machine_time
from alertd.sandbox.twilio_login import Login

ROOT = "/control"


class StoryTelling(msgspec.Struct, forbid_unknown_fields=True):
    """A story clock as it is set: where the story stands now, or stood at `real_start`."""

    story_start: datetime
    rate: float = 1.0
    real_start: float | None = None  # Unix seconds; None: now


class Tokens(msgspec.Struct, forbid_unknown_fields=True):
    """The tokens that the Twilio account has."""

    auth_token: Annotated[str, msgspec.Meta(min_length=1)]
    secondary: str | None = None


class ControlApi:
    """Every change is answered with the state that it leaves."""

    def __init__(
        self, records: Records, faults: Faults, dead: DeadAddresses, tokens: TokenEndpoint, login: Login
    ) -> None:
        self._records, self._faults, self._dead, self._tokens = records, faults, dead, tokens
        self._login = login

    def routes(self) -> list[web.RouteDef]:
        """What to serve, and where."""
        return [
            web.get(f"{ROOT}/faults", self._show_faults),
            web.post(f"{ROOT}/faults", self._add_faults),
            web.delete(f"{ROOT}/faults", self._remove_faults),
            web.delete(f"{ROOT}/faults/{{number:\\d+}}", self._remove_faults),
            web.get(f"{ROOT}/dead", self._show_dead),
            web.post(f"{ROOT}/dead", self._bury),
            web.delete(f"{ROOT}/dead", self._revive),
            web.put(f"{ROOT}/clock", self._set_clock),
            web.delete(f"{ROOT}/tokens", self._revoke),
            web.put(f"{ROOT}/login", self._set_login),
        ]

    async def _show_faults(self, _request: web.Request) -> web.Response:
        return json_answer({"faults": self._faults.shown()})

    async def _add_faults(self, request: web.Request) -> web.Response:
        try:
            added = self._faults.add(read_faults(await _json_body(request)))
        except BadFault as error:
            return _bad(str(error))
        return json_answer({"added": [armed.number for armed in added], "faults": self._faults.shown()}, 201)

    async def _remove_faults(self, request: web.Request) -> web.Response:
        number = request.match_info.get("number")
        removed = self._faults.remove(None if number is None else int(number))
        if number is not None and not removed:
            return json_answer({"error": f"no fault has number {number}"}, 404)
        return json_answer({"removed": removed, "faults": self._faults.shown()})

    async def _show_dead(self, _request: web.Request) -> web.Response:
        return json_answer(self._dead.shown())

    async def _bury(self, request: web.Request) -> web.Response:
        try:
            self._dead.add(read_dead(await _json_body(request)))
        except msgspec.MsgspecError as error:
            return _bad(str(error))
        return json_answer({channel: len(addresses) for channel, addresses in self._dead.shown().items()}, 201)

    async def _revive(self, request: web.Request) -> web.Response:
        asked = request.query.get("channel")
        channel = next((known for known in CHANNELS if known == asked), None)
        if asked is not None and channel is None:
            return _bad(f"channel: one of {', '.join(CHANNELS)}")
        self._dead.revive(channel)
        return json_answer(self._dead.shown())

    async def _set_clock(self, request: web.Request) -> web.Response:
        try:
            told = msgspec.json.decode(await _json_body(request), type=StoryTelling)
            started = machine_time() if told.real_start is None else told.real_start
            self._records.clock = StoryClock(told.story_start, started, told.rate)
        except ValueError as error:  # msgspec's errors are ValueErrors too
            return _bad(str(error))
        return json_answer({"story_time": self._records.clock.at(machine_time()), "rate": told.rate})

    async def _set_login(self, request: web.Request) -> web.Response:
        try:
            told = msgspec.json.decode(await _json_body(request), type=Tokens)
        except msgspec.MsgspecError as error:
            return _bad(str(error))
        self._login.auth_token, self._login.secondary = told.auth_token, told.secondary
        return json_answer({"secondary": told.secondary is not None})

    async def _revoke(self, _request: web.Request) -> web.Response:
        return json_answer({"revoked": self._tokens.revoke_all()})


async def _json_body(request: web.Request) -> bytes:
    """The body, if it says that it is JSON: a form on some web page cannot send that without being asked."""
    if request.content_type != "application/json":
        reason = '{"error": "send Content-Type: application/json"}'
        raise web.HTTPUnsupportedMediaType(text=reason, content_type="application/json")
    return await request.read()


def _bad(reason: str) -> web.Response:
    return json_answer({"error": reason}, 400)
