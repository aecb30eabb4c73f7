"""The description of the API, with the bodies that routes read by themselves."""

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from alertd.api.acknowledgements import Acknowledge
from alertd.api.alertmanager import Webhook
from alertd.api.channel_tests import ChannelTest
from alertd.api.commands import EndIncident, OpenIncident, PublishUpdate, ReopenIncident
from alertd.api.events import Event
from alertd.api.family_body import FamilyBody
from alertd.api.inbox import CloseLetter
from alertd.api.responders import AckIncident

_BODIES: tuple[type[BaseModel], ...] = (
    OpenIncident,
    PublishUpdate,
    EndIncident,
    ReopenIncident,
    AckIncident,
    CloseLetter,
    Event,
    Webhook,
    FamilyBody,
    Acknowledge,
    ChannelTest,
)

DESCRIPTION = """
Tells families when a service they rely on is down, and keeps telling them.

Every command may be repeated: send an `Idempotency-Key` of your own, and the same request again with it is carried
out once and answered alike. Every error has the one shape `ErrorAnswer`. Moments are ISO 8601 with an offset,
durations are written like `30m`, `2h` or `1h30m`.
"""


def describe(app: FastAPI, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI document, made once; `routes` are those that were included."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            routes=app.routes,
            tags=[
                {"name": "incidents", "description": "Open, tell, resolve, look."},
                {
                    "name": "events",
                    "description": "Outages told by programs, in the name of a human or by themselves.",
                },
                {"name": "families", "description": "Whom to tell, and how."},
                {"name": "deliveries", "description": "What was told, to whom."},
                {"name": "acknowledgements", "description": "What an app tells; a signed link is its key."},
                {"name": "channels", "description": "Whether messages arrive: one, marked as a test."},
                {"name": "inbox", "description": "What families wrote to us in their own words."},
                {"name": "providers", "description": "What providers tell of messages and replies; they sign it."},
                {"name": "health", "description": "For load balancers, orchestrators and `alertd doctor`."},
            ],
        )
        _, bodies = models_json_schema(
            [(model, "validation") for model in _BODIES], ref_template="#/components/schemas/{model}"
        )
        document["components"]["schemas"] |= bodies["$defs"]
        _keep_nulls(routes, document)
        app.openapi_schema = document
    return app.openapi_schema


def _keep_nulls(routes: Iterable[BaseRoute], document: dict[str, Any]) -> None:
    """Examples of answers as they were written: FastAPI leaves out what is null, also where an answer has it."""
    for route in routes:
        if not isinstance(route, APIRoute):
            continue
        for status, answer in route.responses.items():
            example = answer.get("content", {}).get("application/json", {}).get("example")
            for method in (route.methods or ()) if example is not None else ():
                told = document["paths"][route.path_format][method.lower()]["responses"][str(status)]
                told["content"]["application/json"]["example"] = example
