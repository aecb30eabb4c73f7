"""Google's error shape, and FCM's codes in it: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from alertd.sandbox.http_answers import json_answer

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@dataclass(frozen=True, slots=True)
class FcmError:
    """An HTTP status, the canonical status, and FCM's own code where it gives one."""

    http: int
    status: str
    message: str
    code: str | None = None

    @property
    def name(self) -> str:
        """FCM's code, else the canonical status."""
        return self.code or self.status

    def answer(
        self, *, violations: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """The response; `violations` maps fields to what is wrong with them."""
        details: list[dict[str, object]] = []
        if self.code is not None:
            details.append({"@type": _FCM_ERROR, "errorCode": self.code})
        message = self.message
        if violations:
            fields = [{"field": field, "description": text} for field, text in violations.items()]
            details.append({"@type": _BAD_REQUEST, "fieldViolations": fields})
            message = "; ".join(violations.values())
        error = {"code": self.http, "message": message, "status": self.status}
        return json_answer({"error": error | ({"details": details} if details else {})}, self.http, headers)


UNREGISTERED = FcmError(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED")
INVALID_TOKEN = FcmError(
    400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", "INVALID_ARGUMENT"
)
INVALID_PAYLOAD = FcmError(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
"""A body that breaks the contract carries a BadRequest and no FCM code: not the token's fault."""

BROKEN_RULE = FcmError(400, "INVALID_ARGUMENT", "Request contains an invalid argument.", "INVALID_ARGUMENT")
UNAUTHENTICATED = FcmError(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
)
PERMISSION_DENIED = FcmError(
    403, "PERMISSION_DENIED", "Permission 'cloudmessaging.messages.create' denied on resource."
)
QUOTA_EXCEEDED = FcmError(429, "RESOURCE_EXHAUSTED", "Quota exceeded for the message target.", "QUOTA_EXCEEDED")
UNAVAILABLE = FcmError(503, "UNAVAILABLE", "The service is currently unavailable.", "UNAVAILABLE")
INTERNAL = FcmError(500, "INTERNAL", "Internal error encountered.", "INTERNAL")
