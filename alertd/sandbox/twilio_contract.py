"""What Twilio takes to create a message: its published OpenAPI contract, made as strict as its own prose."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any
from urllib.parse import parse_qs

from alertd.sandbox.contract import Contract, Schema

COLLECTION = "/2010-04-01/Accounts/{AccountSid}/Messages.json"

BODY_LIMIT = 1600
"""Characters. https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource (Body)"""

VALIDITY_LIMIT_S = 36_000
"""Ten hours. Same page (ValidityPeriod)."""

E164 = r"^\+[1-9]\d{1,14}\Z"
"""https://www.twilio.com/docs/glossary/what-e164"""

_SENDER = r"^(\+[1-9]\d{1,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11})\Z"
"""A number, a short code, or an alphanumeric sender. https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id"""

URL = r"^https?://[A-Za-z0-9.-]+(:\d+)?([/?#]\S*)?\Z|^https?://\[[0-9a-fA-F:]+\](:\d+)?([/?#]\S*)?\Z"
"""The contract's own words: "URL must contain a valid hostname and underscores are not allowed"."""

_STRICTER: dict[str, dict[str, Any]] = {
    "To": {"pattern": E164},
    "From": {"pattern": _SENDER},
    "FallbackFrom": {"pattern": _SENDER},
    "StatusCallback": {"pattern": URL},
    "Body": {"maxLength": BODY_LIMIT},
    "ValidityPeriod": {"minimum": 1, "maximum": VALIDITY_LIMIT_S},
}

_document: dict[str, Any] = json.loads(
    (resources.files(__package__) / "contracts" / "twilio.messages.openapi.json").read_text("utf-8")
)
_request: Schema = _document["paths"][COLLECTION]["post"]["requestBody"]["content"][
    "application/x-www-form-urlencoded"
]["schema"]
_properties: dict[str, Schema] = {
    name: {**schema, **_STRICTER.get(name, {})} for name, schema in _request["properties"].items()
}

CREATE = Contract(
    {**_request, "properties": _properties, "additionalProperties": False}, _document["components"]["schemas"]
)

_INTEGER = re.compile(r"-?\d+")
_BOOLEANS = {"true": True, "false": False}


def parse_form(body: bytes) -> dict[str, list[str]]:
    """The fields of a form; an empty one counts as not sent. Raises ValueError for bytes that are no form."""
    return parse_qs(body.decode("ascii"), max_num_fields=200)


def typed(fields: Mapping[str, Sequence[str]], properties: Mapping[str, Schema] = _properties) -> dict[str, Any]:
    """The fields with the types of the contract; a value that has none of them stays as it was sent."""
    return {name: _typed(values, properties.get(name, {})) for name, values in fields.items()}


def _typed(values: Sequence[str], schema: Schema) -> object:
    kind = schema.get("type")
    if kind == "array" or len(values) != 1:
        return list(values)
    value = values[0]
    if kind == "integer" and _INTEGER.fullmatch(value):
        return int(value)
    if kind == "boolean":
        return _BOOLEANS.get(value.lower(), value)
    if kind == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return value
