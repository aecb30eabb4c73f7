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

ACCOUNT = "/2010-04-01/Accounts/{AccountSid}"
LEFT_OUT = frozenset({"description", "summary", "example", "examples", "x-twilio", "headers"})


def cut_twilio(openapi: dict[str, Any], resources: str, schema: str, methods: tuple[str, ...]) -> dict[str, Any]:
    """One resource (create, fetch, and perhaps list), without prose and examples."""
    collection, one = f"{ACCOUNT}/{resources}.json", f"{ACCOUNT}/{resources}/{{Sid}}.json"

    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: bare(value) for key, value in node.items() if key not in LEFT_OUT}
        return [bare(item) for item in node] if isinstance(node, list) else node

    paths = openapi["paths"]
    return {
        "openapi": openapi["openapi"],
        "info": openapi["info"],
        "paths": {
            collection: {method: bare(paths[collection][method]) for method in methods},
            one: {"get": bare(paths[one]["get"])},
        },
        "components": {
            "schemas": {
                name: bare(found)
                for name, found in openapi["components"]["schemas"].items()
                if name == f"api.v2010.account.{schema}" or name.startswith(f"{schema}_enum_")
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
        return schema | {key: node[key] for key in KEPT if key in node} | FORMATS.get(node.get("format", ""), {})

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/SendMessageRequest",
        "$defs": {name: one(schema) for name, schema in discovery["schemas"].items()},
    }


def packaged(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((PACKAGED / name).read_text("utf-8"))
    return document


def published(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DATA / name).read_text("utf-8"))
    return document


TWILIO = [("messages", "Messages", "message", ("post", "get")), ("calls", "Calls", "call", ("post",))]


@pytest.mark.parametrize(("file", "resources", "schema", "methods"), TWILIO)
def test_the_packaged_twilio_contracts_are_the_published_one_cut_down(
    file: str, resources: str, schema: str, methods: tuple[str, ...]
) -> None:
    whole = published("twilio/twilio_messages_calls.openapi.json")
    assert packaged(f"twilio.{file}.openapi.json") == cut_twilio(whole, resources, schema, methods)


def test_the_packaged_fcm_schema_is_made_from_the_published_one() -> None:
    assert packaged("fcm.v1.send.schema.json") == fcm_schema(published("fcm/fcm.v1.discovery.json"))


@pytest.mark.parametrize("file", ["SOURCES.md", "LICENSE.Apache-2.0.txt", "LICENSE.twilio-MIT.txt"])
def test_source_and_licence_ship_with_the_contracts(file: str) -> None:
    assert (PACKAGED / file).is_file()


# --- the quick check against the book ---------------------------------------------------------------

_FCM = packaged("fcm.v1.send.schema.json")
_JUDGE = jsonschema.Draft202012Validator(_FCM)

_GOOD: dict[str, Any] = {
    "message": {
        "token": "token",
        "notification": {"title": "t", "body": "b"},
        "data": {"k": "v"},
        "android": {
            "priority": "HIGH",
            "ttl": "90.5s",
            "notification": {"vibrateTimings": ["0.1s"], "notificationCount": 1, "sticky": True},
        },
        "apns": {"headers": {"apns-priority": "10"}, "payload": {"aps": {"sound": "default"}, "n": [1, None]}},
        "webpush": {"notification": {"title": "t"}},
    },
    "validateOnly": False,
}

_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["HIGH", "high", "1s", "1.5s", "1 s", "s", "PRIVATE"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["token", "data", "android", "ttl", "priority", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, by its path."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


def with_(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value in one place."""
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = with_(copy[path[0]], path[1:], value)
    return copy


@given(place=st.sampled_from(places(_GOOD)), value=_ANYTHING, extra=st.booleans())
@settings(max_examples=400, deadline=None)
def test_the_quick_check_never_takes_what_the_schema_refuses(place: Any, value: Any, extra: bool) -> None:
    changed = with_(_GOOD, place, value)
    if extra and isinstance(changed, dict) and isinstance(changed.get("message"), dict):
        changed["message"] = changed["message"] | {"colour": value}
    by_the_book = [tuple(error.absolute_path) for error in _JUDGE.iter_errors(changed)]
    if SEND.quickly_ok(changed):
        assert by_the_book == []
    assert bool(SEND.violations(changed)) == bool(by_the_book)


def test_the_quick_check_takes_what_is_sent_all_day() -> None:
    assert SEND.quickly_ok(_GOOD)
    assert CREATE.quickly_ok({"To": "+14155550123", "From": "+14155550100", "Body": "x", "ValidityPeriod": 900})


def test_google_takes_both_spellings() -> None:
    spelled = canonical(
        {
            "validate_only": True,
            "message": {
                "data": {"keep_me": "as_i_am"},
                "android": {"priority": "high", "collapse_key": "k", "notification": {"channel_id": "c"}},
                "apns": {"payload": {"free_key": "high"}},
            },
        }
    )
    assert spelled == {
        "validateOnly": True,
        "message": {
            "data": {"keep_me": "as_i_am"},
            "android": {"priority": "HIGH", "collapseKey": "k", "notification": {"channelId": "c"}},
            "apns": {"payload": {"free_key": "high"}},
        },
    }
    assert SEND.violations(spelled) == []


def test_violations_name_the_place_and_never_the_value() -> None:
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"a": {"type": "integer", "minimum": 3}, "b": {"$ref": "#/x/Secret"}},
        "additionalProperties": False,
    }
    contract = Contract(schema, {"Secret": {"type": "string", "pattern": "^x"}})
    assert contract.violations({"a": 3, "b": "x"}) == []
    found = contract.violations({"a": 2, "b": "hush", "c": "hush"})
    assert sorted((v.field, v.rule) for v in found) == [
        ("a", "minimum"), ("b", "pattern"), ("c", "additionalProperties"),
    ]  # fmt: skip
    assert "hush" not in " ".join(str(v) for v in found)
    assert sorted(v.field for v in contract.violations({})) == ["a", "b"]
