"""What FCM v1 takes as the body of `messages:send`: Google's published schema, and the rules beside it."""

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from alertd.sandbox.contract import Contract, Schema

PAYLOAD_LIMIT = 4096
"""Bytes of notification and data. https://firebase.google.com/docs/cloud-messaging/customize-messages/set-message-type"""

TTL_LIMIT_S = 2_419_200
"""Four weeks. https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#AndroidConfig (ttl)"""

_RESERVED = re.compile(r"from|message_type|(google|gcm)(\..*)?")
"""Data keys nobody may use. https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages (data)"""

_document: dict[str, Any] = json.loads(
    (resources.files(__package__) / "contracts" / "fcm.v1.send.schema.json").read_text("utf-8")
)
_definitions: Mapping[str, Schema] = _document["$defs"]
SEND = Contract(_document, _definitions)


def canonical(body: object) -> object:
    """The body as the schema spells it.

    Google takes proto3 JSON: `collapse_key` for `collapseKey` and, which firebase-admin relies on, `high` for
    `HIGH`. Free maps (data, headers, the APNs payload) are left as they are.
    """
    return _canonical(body, _document)


def _canonical(value: object, schema: Schema) -> object:
    if "$ref" in schema:
        return _canonical(value, _definitions[schema["$ref"].rsplit("/", 1)[-1]])
    if "enum" in schema:
        return value.upper() if isinstance(value, str) else value
    known: Mapping[str, Schema] | None = schema.get("properties")
    if known is None or not isinstance(value, dict):
        return value
    spelled = {}
    for key, child in value.items():
        name = key if key in known else _camel(key)
        spelled[name] = _canonical(child, known[name]) if name in known else child
    return spelled


def _camel(key: str) -> str:
    if "_" not in key:
        return key
    first, *rest = key.split("_")
    return first + "".join(part.title() for part in rest)


def recipient(body: object) -> str | None:
    """Whom a body in the schema's spelling is for: a token, `/topics/<topic>` or a condition; None if unclear."""
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, dict):
        return None
    named = [(kind, message[kind]) for kind in ("token", "fid", "topic", "condition") if message.get(kind)]
    if len(named) != 1 or not isinstance(named[0][1], str):
        return None
    kind, value = named[0]
    return f"/topics/{value.removeprefix('/topics/')}" if kind == "topic" else value


def broken_rule(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Field and reason where a body that keeps the schema breaks a rule that the schema cannot say."""
    message = body.get("message")
    if message is None:
        return "message", "Recipient of the message is not set."
    if recipient(body) is None:
        return "message", "Exactly one of token, topic or condition names the recipient."
    data: dict[str, str] = message.get("data", {})
    if any(_RESERVED.fullmatch(key) for key in data):
        return "message.data", "Invalid data payload key: reserved by Google."
    if _payload_bytes(message) > PAYLOAD_LIMIT:
        return "message", f"Android message is too big: more than {PAYLOAD_LIMIT} bytes."
    ttl = message.get("android", {}).get("ttl")
    if ttl is not None and float(ttl[:-1]) > TTL_LIMIT_S:
        return "message.android.ttl", "Invalid ttl: at most four weeks."
    return None


def _payload_bytes(message: Mapping[str, Any]) -> int:
    data = message.get("data", {}) | message.get("android", {}).get("data", {})
    notification = message.get("notification", {})
    words = [*data.keys(), *data.values(), *(v for v in notification.values() if isinstance(v, str))]
    return sum(len(word.encode("utf-8", "replace")) for word in words)
