"""Twilio's Calls REST API: create and fetch, behind basic authentication; and the key that somebody presses."""

from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web

from alertd.sandbox import reference, twilio_errors
from alertd.sandbox.dead import DeadAddresses
from alertd.sandbox.faults import Faults
from alertd.sandbox.http_answers import json_answer
from alertd.sandbox.log import Accepted
from alertd.sandbox.records import Records
from alertd.sandbox.twilio_call_contract import CREATE_CALL, typed
from alertd.sandbox.twilio_creating import Creating, Form
from alertd.sandbox.twilio_login import Login
from alertd.sandbox.twilio_phones import NoKey, Phones
from alertd.sandbox.twiml_reading import BadTwiml, read_twiml

ROOT = "/2010-04-01/Accounts"


class Press(msgspec.Struct, forbid_unknown_fields=True):
    """The control's body."""

    digits: str = "1"


class CallsApi:
    """The stand-in for the calls of one Twilio account."""

    def __init__(
        self,
        records: Records,
        faults: Faults,
        dead: DeadAddresses,
        phones: Phones,
        login: Login,
    ) -> None:
        self._records, self._dead, self._phones = records, dead, phones
        self._account_sid, self._login = login.account_sid, login
        self._creating = Creating("voice", records, faults, self._login, {})

    def routes(self) -> list[web.RouteDef]:
        """What to serve, and where."""
        return [
            web.post(f"{ROOT}/{{account}}/Calls.json", self._create),
            web.get(f"{ROOT}/{{account}}/Calls/{{sid}}.json", self._fetch),
            web.post("/control/calls/{sid}/press", self._press),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        return await self._creating.create(request, self._check_and_keep)

    async def _check_and_keep(self, form: Form, fault: str | None) -> web.Response:
        refuse = self._creating.refuse
        values = typed(form.values)
        for violation in CREATE_CALL.violations(values):
            error = twilio_errors.of_call_violation(violation)
            return await refuse(error, form, "contract", field=str(violation.field))
        to = form.to
        assert to is not None
        if to in twilio_errors.MAGIC_CALLED:
            return await refuse(twilio_errors.MAGIC_CALLED[to], form, "contract")
        try:
            heard = read_twiml(values["Twiml"])  # what Url fetches, this stand-in does not
        except KeyError:
            return await refuse(twilio_errors.INVALID_URL, form, "contract", field="Url")
        except BadTwiml as why:
            return await refuse(twilio_errors.BAD_TWIML, form, "contract", field=str(why))
        if ("voice", to) in self._dead:
            return await refuse(twilio_errors.CANNOT_CALL, form, "dead")
        accepted = await self._records.accept(
            "voice",
            to,
            provider_id=f"CA{uuid4().hex}",
            text="\n".join(heard.lines),
            sender=values["From"],
            reference=reference.of_callback(values.get("StatusCallback") or heard.action),
            request=form.fields,
            fault=fault,
        )
        self._phones.ring(accepted)
        return json_answer(self._resource(accepted, "queued"), 201)

    async def _fetch(self, request: web.Request) -> web.Response:
        error = self._login.stranger(request)
        if error is None:
            call = self._call(request)
            if call is not None:
                return json_answer(self._resource(call, self._records.status(call.provider_id, "completed")[0]))
        return (error or twilio_errors.NOT_FOUND).answer()

    async def _press(self, request: web.Request) -> web.Response:
        """`{"digits": "1"}`: whoever took the call presses that. Answered with what they then hear."""
        if request.content_type != "application/json":
            return json_answer({"error": "send Content-Type: application/json"}, 415)
        call = self._call(request)
        if call is None:
            return json_answer({"error": "no such call"}, 404)
        try:
            pressing = await self._phones.press(call, msgspec.json.decode(await request.read(), type=Press).digits)
        except (msgspec.MsgspecError, NoKey) as error:
            return json_answer({"error": str(error)}, 400)
        return json_answer({"answer": pressing.answer, "said": pressing.said})

    def _call(self, request: web.Request) -> Accepted | None:
        found = self._records.by_provider_id(request.match_info["sid"])
        return found if found is not None and found.channel == "voice" else None

    def _resource(self, call: Accepted, status: str) -> dict[str, Any]:
        uri = f"{ROOT}/{self._account_sid}/Calls/{call.provider_id}"
        created = format_datetime(call.time)
        return {
            "account_sid": self._account_sid,
            "answered_by": None,
            "api_version": "2010-04-01",
            "date_created": created,
            "date_updated": created,
            "direction": "outbound-api",
            "duration": None,
            "from": call.sender,
            "price": None,
            "price_unit": "USD",
            "sid": call.provider_id,
            "status": status,
            "to": call.to,
            "uri": f"{uri}.json",
        }
