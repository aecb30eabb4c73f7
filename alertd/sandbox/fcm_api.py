"""FCM's HTTP v1 API: `messages:send` for one project, behind bearer tokens of the sandbox's own endpoint."""

import re
from typing import Any, Literal
from uuid import uuid4

import msgspec
from aiohttp import web

from alertd.sandbox import fcm_errors, reference
from alertd.sandbox.dead import DeadAddresses
from alertd.sandbox.faults import Armed, Faults
from alertd.sandbox.fcm_contract import SEND, broken_rule, canonical, recipient
from alertd.sandbox.fcm_errors import FcmError
from alertd.sandbox.http_answers import Provider, json_answer, retry_after
from alertd.sandbox.oauth import TokenEndpoint
from alertd.sandbox.records import Records

_TOKEN = re.compile(r"[A-Za-z0-9_:.%=-]{1,4096}")
"""The alphabet of registration tokens; Google promises neither their length nor their form."""


class FcmApi:
    """The stand-in for one Firebase project."""

    def __init__(
        self, records: Records, faults: Faults, dead: DeadAddresses, tokens: TokenEndpoint, *, project_id: str
    ) -> None:
        self._records, self._faults, self._dead, self._tokens = records, faults, dead, tokens
        self._project_id = project_id
        self._provider = Provider("push", records, _error_of_fault)

    def routes(self) -> list[web.RouteDef]:
        """What to serve, and where."""
        return [web.post("/v1/projects/{project}/messages:send", self._send)]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        try:
            body = canonical(msgspec.json.decode(await request.read()))
        except msgspec.DecodeError:
            body = None
        fields = body if isinstance(body, dict) else {}
        to = recipient(body)

        async def accept(fault: str | None) -> web.Response:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not self._tokens.is_good(token):
                return await self._refuse(fcm_errors.UNAUTHENTICATED, to, fields, "auth")
            if request.match_info["project"] != self._project_id:
                return await self._refuse(fcm_errors.PERMISSION_DENIED, to, fields, "not_found")
            return await self._check_and_keep(body, fields, to, fault)

        return await self._provider.answer(request, self._faults.pick("push", to), to, fields, accept)

    async def _check_and_keep(
        self, body: object, fields: dict[str, Any], to: str | None, fault: str | None
    ) -> web.Response:
        wrong = {violation.field: str(violation) for violation in SEND.violations(body)}
        if wrong:
            return await self._refuse(fcm_errors.INVALID_PAYLOAD, to, fields, "contract", wrong)
        broken = broken_rule(fields)
        if broken is not None:
            field, reason = broken
            return await self._refuse(fcm_errors.BROKEN_RULE, to, fields, "contract", {field: reason})
        assert to is not None
        message: dict[str, Any] = fields["message"]
        if "token" in message and not _TOKEN.fullmatch(to):
            return await self._refuse(fcm_errors.INVALID_TOKEN, to, fields, "contract")
        if ("push", to) in self._dead:
            return await self._refuse(fcm_errors.UNREGISTERED, to, fields, "dead")
        if fields.get("validateOnly"):
            await self._records.refuse("push", to, "dry_run", request=fields)
            return json_answer({"name": f"projects/{self._project_id}/messages/fake_message_id"})
        notification = message.get("notification", {})
        android = message.get("android", {}).get("notification", {})
        data: dict[str, str] = message.get("data", {})
        accepted = await self._records.accept(
            "push",
            to,
            provider_id=f"projects/{self._project_id}/messages/0:{uuid4().hex}",
            title=notification.get("title") or android.get("title") or data.get("title"),
            text=notification.get("body") or android.get("body") or data.get("body") or data.get("text") or "",
            sender=self._project_id,
            priority=_priority(message),
            reference=reference.of_data(data | message.get("android", {}).get("data", {})),
            request=fields,
            fault=fault,
        )
        return json_answer({"name": accepted.provider_id})

    async def _refuse(
        self,
        error: FcmError,
        to: str | None,
        fields: dict[str, Any],
        outcome: str,
        violations: dict[str, str] | None = None,
    ) -> web.Response:
        detail = "; ".join(violations.values()) if violations else error.message
        await self._records.refuse("push", to, outcome, code=error.name, detail=detail, request=fields)
        return error.answer(violations=violations)


def _priority(message: dict[str, Any]) -> Literal["high", "normal"]:
    """Whether the push wakes: as its Android part says, else its APNs part, else as FCM does by default.

    https://firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-priority: what shows a
    notification is high unless told otherwise, mere data is normal.
    """
    asked = message.get("android", {}).get("priority")
    if asked is None:
        asked = {"10": "HIGH", "5": "NORMAL"}.get(message.get("apns", {}).get("headers", {}).get("apns-priority"))
    if asked is None:
        asked = "HIGH" if "notification" in message else "NORMAL"
    return "high" if asked == "HIGH" else "normal"


def _error_of_fault(armed: Armed) -> tuple[str, web.Response]:
    fault = armed.fault
    match fault.kind:
        case "429":
            error = fcm_errors.QUOTA_EXCEEDED
        case "auth":
            error = fcm_errors.UNAUTHENTICATED
        case "unregistered":
            error = fcm_errors.UNREGISTERED
        case _:
            known = fcm_errors.INTERNAL if fault.status == 500 else fcm_errors.UNAVAILABLE
            error = FcmError(fault.status, known.status, known.message, known.code)
    return error.name, error.answer(headers=retry_after(armed))
