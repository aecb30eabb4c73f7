"""Twilio's error codes as its REST API gives them: https://www.twilio.com/docs/api/errors"""

from dataclasses import dataclass

from aiohttp import web

from alertd.sandbox.contract import Violation
from alertd.sandbox.http_answers import json_answer


@dataclass(frozen=True, slots=True)
class TwilioError:
    """A code with the HTTP status it comes with; `{to}` and `{field}` stand in the message."""

    code: int
    status: int
    message: str

    def answer(self, *, to: str = "", field: str = "", headers: dict[str, str] | None = None) -> web.Response:
        """The response, in the shape of Twilio's API: code, message, more_info, status."""
        body = {
            "code": self.code,
            "message": self.message.format(to=to, field=field),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return json_answer(body, self.status, headers)


UNKNOWN_PARAMETER = TwilioError(20001, 400, "Unknown parameters: {field}")  # Twilio ignores them and warns
AUTHENTICATE = TwilioError(20003, 401, "Authenticate")
NOT_FOUND = TwilioError(20404, 404, "The requested resource was not found")
INVALID_PARAMETER = TwilioError(20422, 400, "Invalid Parameter: {field}")
TOO_MANY_REQUESTS = TwilioError(20429, 429, "Too Many Requests")
INTERNAL = TwilioError(20500, 500, "Internal Server Error")
UNAVAILABLE = TwilioError(20503, 503, "Service unavailable")
INVALID_TO = TwilioError(21211, 400, "The 'To' number {to} is not a valid phone number.")
INVALID_FROM = TwilioError(21212, 400, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID.")  # fmt: skip  # noqa: E501
BAD_TWIML = TwilioError(12100, 400, "Document parse failure: {field}")
INVALID_URL = TwilioError(21205, 400, "Url is not a valid URL: {field}")
INVALID_CALLED = TwilioError(21217, 400, "Phone number does not appear to be valid")
CANNOT_CALL = TwilioError(21214, 400, "'To' phone number cannot be reached")
NO_PERMISSION_TO_CALL = TwilioError(21215, 400, "Account not authorized to call {to}. Perhaps you need to enable some international permissions")  # fmt: skip  # noqa: E501
CALL_BLOCKED = TwilioError(21216, 400, "Account not allowed to call {to}")
NO_PERMISSION = TwilioError(21408, 400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number.")  # fmt: skip  # noqa: E501
BODY_REQUIRED = TwilioError(21602, 400, "Message body is required.")
FROM_REQUIRED = TwilioError(21603, 400, "A 'From' phone number is required.")
TO_REQUIRED = TwilioError(21604, 400, "A 'To' phone number is required.")
FROM_NOT_OURS = TwilioError(21606, 400, "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination.")  # fmt: skip  # noqa: E501
INVALID_CALLBACK = TwilioError(21609, 400, "The 'StatusCallback' URL is not a valid URL.")
OPTED_OUT = TwilioError(21610, 400, "Attempt to send to unsubscribed recipient")
QUEUE_FULL = TwilioError(21611, 429, "This 'From' number has exceeded the maximum number of queued messages")
UNROUTABLE = TwilioError(21612, 400, "Message cannot be sent with the current combination of 'To' and 'From' parameters")  # fmt: skip  # noqa: E501
NOT_MOBILE = TwilioError(21614, 400, "'To' number is not a valid mobile number")
BODY_TOO_LONG = TwilioError(21617, 400, "The concatenated message body exceeds the 1600 character limit")
INVALID_VALIDITY = TwilioError(21624, 400, "Invalid validity period value")

MAGIC_TO = {
    "+15005550001": INVALID_TO,
    "+15005550002": UNROUTABLE,
    "+15005550003": NO_PERMISSION,
    "+15005550004": OPTED_OUT,
    "+15005550009": NOT_MOBILE,
}
"""Numbers that Twilio's test credentials always refuse: https://www.twilio.com/docs/iam/test-credentials"""

MAGIC_FROM = {"+15005550001": INVALID_FROM, "+15005550007": FROM_NOT_OURS, "+15005550008": QUEUE_FULL}
"""The same page, senders."""

MAGIC_CALLED = {
    "+15005550001": INVALID_CALLED,
    "+15005550002": CANNOT_CALL,
    "+15005550003": NO_PERMISSION_TO_CALL,
    "+15005550004": CALL_BLOCKED,
}
"""The same page, numbers to call."""

_BY_FIELD = {
    "To": INVALID_TO,
    "From": INVALID_FROM,
    "Body": BODY_TOO_LONG,
    "StatusCallback": INVALID_CALLBACK,
    "ValidityPeriod": INVALID_VALIDITY,
}


def of_violation(violation: Violation) -> TwilioError:
    """The code that Twilio has for a broken rule of its contract; 20422 where none is more exact."""
    if violation.rule == "required" and violation.field == "To":
        return TO_REQUIRED
    if violation.rule == "additionalProperties":
        return UNKNOWN_PARAMETER
    return _BY_FIELD.get(violation.field, INVALID_PARAMETER)


_OF_CALL = {"To": INVALID_TO, "From": INVALID_FROM, "StatusCallback": INVALID_URL, "Url": INVALID_URL}


def of_call_violation(violation: Violation) -> TwilioError:
    """The same for the contract of a call."""
    if violation.rule == "additionalProperties":
        return UNKNOWN_PARAMETER
    return _OF_CALL.get(violation.field, INVALID_PARAMETER)
