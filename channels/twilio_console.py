"""Where Twilio tells of replies, as its console was told: of a number, or of a messaging service.

- Number: https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource (SmsUrl, SmsApplicationSid)
- Service: https://www.twilio.com/docs/messaging/api/service-resource (InboundRequestUrl), on a host of its own
"""

from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from alertd.ports.inbound import Told
from channels.http_answer import UNREADABLE, Answer


class _Number(msgspec.Struct):
    sms_url: Any = None
    sms_method: Any = None
    sms_application_sid: Any = None


class _Numbers(msgspec.Struct):
    incoming_phone_numbers: list[_Number] = []


class _Service(msgspec.Struct):
    inbound_request_url: Any = None
    inbound_method: Any = None
    use_inbound_webhook_on_number: Any = None


_numbers = msgspec.json.Decoder(_Numbers).decode
_service = msgspec.json.Decoder(_Service).decode


def number_path(number: str) -> str:
    """Below the account's path: the number by which we send, if it is this account's."""
    return f"/IncomingPhoneNumbers.json?PhoneNumber={quote(number, safe='')}"


def service_path(sid: str) -> str:
    """On the messaging host."""
    return f"/v1/Services/{quote(sid, safe='')}"


def messaging_host(base_url: str) -> str:
    """Where messaging services are asked about: beside the API's own host; a stand-in has one for all."""
    host = urlsplit(base_url).hostname or ""
    if not (host.startswith("api.") and host.endswith(".twilio.com")):
        return base_url
    return base_url.replace("//api.", "//messaging.", 1)


def of_number(answer: Answer) -> Told | None:
    """What Twilio says of a number; None: it is none of this account's, or nobody can tell."""
    try:
        found = _numbers(answer.body).incoming_phone_numbers
    except UNREADABLE:
        return None
    if not found:
        return None
    number = found[0]
    if number.sms_application_sid:
        return Told(elsewhere="a TwiML app")  # it goes before the number's own URL
    return _told(number.sms_url, number.sms_method)


def of_service(answer: Answer) -> Told | None:
    """What Twilio says of a messaging service; None: nobody can tell."""
    try:
        service = _service(answer.body)
    except UNREADABLE:
        return None
    if service.use_inbound_webhook_on_number is True:
        return Told(elsewhere="the webhook of each of its numbers")
    return _told(service.inbound_request_url, service.inbound_method)


def _told(url: Any, method: Any) -> Told:
    return Told(url if isinstance(url, str) else "", method if isinstance(method, str) else "POST")
