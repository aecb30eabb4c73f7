"""What Twilio takes to make a call: its published OpenAPI contract, made as strict as its own prose."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from alertd.sandbox import twilio_contract
from alertd.sandbox.contract import Contract, Schema
from alertd.sandbox.twilio_contract import E164, URL

COLLECTION = "/2010-04-01/Accounts/{AccountSid}/Calls.json"

TWIML_LIMIT = 4000
"""Characters. https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource (Twiml)"""

RING_LIMIT_S = 600
"""Same page (Timeout)."""

EVENTS = ("initiated", "ringing", "answered", "completed")
"""Same page (StatusCallbackEvent)."""

_STRICTER: dict[str, dict[str, Any]] = {
    "To": {"pattern": E164},  # families have numbers; Twilio calls SIP addresses and clients too
    "From": {"pattern": E164},
    "StatusCallback": {"pattern": URL},
    "StatusCallbackEvent": {"items": {"type": "string", "enum": list(EVENTS)}},
    "Timeout": {"minimum": 1, "maximum": RING_LIMIT_S},
    "TimeLimit": {"minimum": 1},
    "Twiml": {"maxLength": TWIML_LIMIT},
    "Url": {"pattern": URL},
    "MachineDetection": {"enum": ["Enable", "DetectMessageEnd"]},
}

_document: dict[str, Any] = json.loads(
    (resources.files(__package__) / "contracts" / "twilio.calls.openapi.json").read_text("utf-8")
)
_request: Schema = _document["paths"][COLLECTION]["post"]["requestBody"]["content"][
    "application/x-www-form-urlencoded"
]["schema"]
_properties: dict[str, Schema] = {
    name: {**schema, **_STRICTER.get(name, {})} for name, schema in _request["properties"].items()
}

CREATE_CALL = Contract(
    {**_request, "properties": _properties, "additionalProperties": False}, _document["components"]["schemas"]
)


def typed(fields: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """As `twilio_contract.typed`, with the types of a call's contract."""
    return twilio_contract.typed(fields, _properties)
