"""The description of the API: valid, complete, with examples that really work."""

from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy import update

from alertd.api.events import EXAMPLES as EVENTS
from alertd.api.events import Event
from alertd.domain.family import AddressId
from alertd.domain.reply import Meaning
from alertd.domain.service import Services
from alertd.ingest import event as event_format
from alertd.ingest.reading import Mistakes
from alertd.store.ids import uuid7
from alertd.store.tables import address
from tests import make
from tests.served import Served, fresh_served

served = fresh_served

KEYLESS = ("/v1/providers/", "/v1/acknowledgements")
"""A signature stands in for a key; see test_api_providers and test_api_acknowledgements."""

REFUSALS = {"401", "403", "405", "422", "500", "503"}
"""What every protected route may answer."""


def operations(served: Served) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every protected route."""
    paths = served.app.openapi()["paths"]
    ours = {p: item for p, item in paths.items() if p.startswith("/v1/") and not p.startswith(KEYLESS)}
    return [(m.upper(), p, o) for p, item in ours.items() for m, o in item.items()]


async def letter(served: Served) -> UUID:
    """Somebody writes to us in their own words."""
    made, at = uuid7(), served.clock.now()
    async with served.deps.store.transaction() as rows:
        assert await rows.take_reply(made, str(made), AddressId(made), at, at, Meaning.OTHER, "What now?")
    return made


async def suspend(served: Served, to: str) -> None:
    """A provider refuses a number."""
    async with served.deps.store.transaction() as rows:
        if await rows.known_address("sms", to) is None:
            await rows.add_address(AddressId(uuid7()), "sms", to)
        refused = (
            update(address)
            .where(address.c.dest == to)
            .values(suspended_at=served.clock.now(), suspended_code="21211", notable=True)
        )
        assert await rows.sql.run(refused) == 1  # type: ignore[attr-defined]


async def test_it_is_valid_and_served(served: Served) -> None:
    """Without a key, as a document and as a page."""
    del served.http.headers["Authorization"]
    document = (await served.ask("GET", "/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    assert (await served.ask("GET", "/docs")).status_code == 200
    assert "HTTPValidationError" not in document["components"]["schemas"], "the one shape of errors is ErrorAnswer"


def test_every_route_declares_its_errors_in_the_one_shape(served: Served) -> None:
    """Also what a body and an id may bring."""
    for method, path, operation in operations(served):
        where = f"{method} {path}"
        declared = set(operation["responses"])
        assert declared >= REFUSALS, where
        if method in ("POST", "PUT"):
            assert declared >= {"409", "413"}, where
        if "application/json" in operation.get("requestBody", {}).get("content", {}):
            assert declared >= {"400", "415"}, where
        if "{" in path and method != "PUT":
            assert "404" in declared, where
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, f"{where} {status}"
        assert operation["security"] == [{"ApiKey": []}], where
        assert operation["summary"]
        assert operation["description"], where


def test_every_body_has_examples_and_every_post_takes_an_idempotency_key(served: Served) -> None:
    """Bodies refer to a described model, or are lines of one."""
    for method, path, operation in operations(served):
        if method in ("POST", "PUT"):
            for content in operation["requestBody"]["content"].values():
                assert content["examples"], path
        if method == "POST":
            assert "Idempotency-Key" in [p["name"] for p in operation["parameters"]], path


def test_every_answer_has_an_example_that_keeps_its_schema(served: Served) -> None:
    """Successes and errors alike, of the health routes too; only an answer without a body has none."""
    document = served.app.openapi()
    answers = [
        (f"{method.upper()} {path} {status}", answer)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for status, answer in operation["responses"].items()
        if status != "204"
    ]
    assert len(answers) > 100
    for where, answer in answers:
        [content] = answer["content"].values()
        schema = {**content["schema"], "components": document["components"]}
        assert "example" in content, where
        problems = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
        assert problems == [], where
    for status in ("405", "409", "422"):
        example = document["paths"]["/v1/incidents"]["post"]["responses"][status]["content"]["application/json"]
        assert example["example"]["error"]["code"] in ("method_not_allowed", "conflict", "invalid")
    for path in ("/v1/incidents", "/v1/events"):
        assert "200" in document["paths"][path]["post"]["responses"], "a dry run answers so"


async def test_its_examples_work(served: Served) -> None:
    """Each example of a command is sent as it stands, and taken."""
    await served.families(make.family(id="fam-1001", services=("follow", "share", "login"), region="us-west"))
    for method, path, operation in operations(served):
        if method != "POST" or "application/json" not in operation["requestBody"]["content"]:
            continue
        for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
            opened = await served.open(services=["share"], title="Something else")
            number = opened.json().get("incident") or opened.json()["error"]["incident"]
            if path.endswith(("/reopen", "/postmortem")):
                await served.ask("POST", f"/v1/incidents/{number}/resolve", {})
            if path.endswith("/reach"):
                await served.work()
            if path.endswith(":unsuspend"):
                await suspend(served, "+14155550123")
            query: dict[str, Any] = {"dry_run": True} if path.startswith("/v1/incidents") else {}
            where = path.replace("{incident}", str(number)).replace("{letter}", str(await letter(served)))
            answer = await served.ask(method, where, example["value"], **query)
            assert answer.status_code in (200, 202), f"{path}: {answer.text}"


@pytest.mark.parametrize("example", EVENTS)
def test_the_described_event_is_the_one_that_is_read(example: dict[str, Any]) -> None:
    """The model describes every key that the parser knows, and takes what it takes."""
    services = Services({"follow": {"en": "Follow"}})
    Event.model_validate(example)
    event_format.parse(example, services)
    every = {name: example.get(name, "?") for name in Event.model_fields} | {"unknown": 1}
    with pytest.raises(Mistakes) as caught:
        event_format.parse(every, services)
    assert "unknown" in {problem.field for problem in caught.value.problems}
    not_known = {p.field for p in caught.value.problems if "is not known here" in p.message}
    assert not_known == {"unknown"}
