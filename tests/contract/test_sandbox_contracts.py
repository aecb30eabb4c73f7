"""The contracts in the wheel are the providers' own, cut down; the quick check never takes what they refuse."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.sandbox.contract import Contract
from alertd.sandbox.fcm_contract import SEND, canonical
from alertd.sandbox.twilio_contract import CREATE

DATA = Path(__file__).parents[1] / "data"
PACKAGED = resources.files("alertd.sandbox") / "contracts"

# --- where the packaged files come from -------------------------------------------------------------

COLLECTION = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
RESOURCE = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"
LEFT_OUT = frozenset({"description", "summary", "example", "examples", "x-twilio", "headers"})


def cut_twilio(openapi: dict[str, Any]) -> dict[str, Any]:
    """Messages only (create, list, fetch), without prose and examples."""

    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: bare(value) for key, value in node.items() if key not in LEFT_OUT}
        return [bare(item) for item in node] if isinstance(node, list) else node

    paths = openapi["paths"]
    return {
        "openapi": openapi["openapi"],
        "info": openapi["info"],
        "paths": {
            COLLECTION: {method: bare(paths[COLLECTION][method]) for method in ("post", "get")},
            RESOURCE: {"get": bare(paths[RESOURCE]["get"])},
        },
        "components": {
            "schemas": {
                name: bare(schema)
                for name, schema in openapi["components"]["schemas"].items()
                if name == "api.v2010.account.message" or name.startswith("message_enum_")
            },
            "securitySchemes": openapi["components"]["securitySchemes"],
        },
    }


FORMATS = {"google-duration": {"pattern": r"^\d+(\.\d{1,9})?s$"}}
KEPT = ("type", "enum")


def fcm_schema(discovery: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema 2020-12 out of Google's discovery document."""

    def one(node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in node:
            return {"$ref": f"#/$defs/{node['$ref']}"}
        if node.get("type") == "any":
            return {}
        schema: dict[str, Any] = {}
        if node.get("type") == "object" and "additionalProperties" not in node:
            schema["properties"] = {name: one(child) for name, child in node.get("properties", {}).items()}
            schema["additionalProperties"] = False
        elif "additionalProperties" in node:
            schema["additionalProperties"] = one(node["additionalProperties"])
        if "items" in node:
            schema["items"] = one(node["items"])
        return (
            schema
            | {key: node[key] for key in KEPT if key in node}
            | FORMATS.get(node.get("format", ""), {})
        )

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/SendMessageRequest",
        "$defs": {name: one(schema) for name, schema in discovery["schemas"].items()},
    }
