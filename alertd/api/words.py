"""Small values of request bodies: durations, moments, sentences by locale, services with regions."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from alertd.domain.errors import Invalid
from alertd.domain.incident import Reach
from alertd.ingest import shapes
from alertd.ingest.durations import parse_duration

T = TypeVar("T")
DEFAULT_LOCALE = "en"
"""The language of a message that names none."""


def _reading(convert: Callable[[object], T]) -> Callable[[Any], T]:
    """The parser as a validator: pydantic wants ValueError."""

    def validate(value: Any) -> T:
        try:
            return convert(value)
        except Invalid as error:
            raise ValueError(error.message) from None

    return validate


def _texts(value: object) -> object:
    if isinstance(value, str):
        return {DEFAULT_LOCALE: value}
    if not isinstance(value, Mapping):
        raise Invalid('must be a text, or texts by locale such as {"en": "...", "es": "..."}')
    return {shapes.locale(name): text for name, text in value.items()}


def _reach(value: object) -> object:
    return {"service": value} if isinstance(value, str) else value


class ReachBody(BaseModel):
    """A service, and where it fails; no regions means everywhere."""

    model_config = ConfigDict(extra="forbid")

    service: str
    regions: list[str] = Field(default=[], max_length=100)

    def reach(self, regions: list[str]) -> Reach:
        """For the domain; `regions` hold where none are given."""
        return Reach(self.service, tuple(dict.fromkeys(self.regions or regions)))


Duration = Annotated[
    timedelta,
    BeforeValidator(_reading(parse_duration)),
    WithJsonSchema({"type": "string", "description": "90s, 10m, 2h, 1h30m or 1d", "examples": ["30m"]}),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_reading(shapes.instant)),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-01T00:00:00Z"]}),
]
Texts = Annotated[
    dict[str, str],
    BeforeValidator(_reading(_texts)),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}],
            "description": "A text (in English), or texts by locale.",
            "examples": [{"en": "We are working on it.", "es": "Estamos trabajando en ello."}],
        }
    ),
]
Place = Annotated[
    ReachBody,
    BeforeValidator(_reach),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {
                        "service": {"type": "string"},
                        "regions": {"type": "array", "items": {"type": "string"}},
                    },
                    "required": ["service"],
                    "additionalProperties": False,
                },
            ],
            "description": "A service, or a service with its regions.",
            "examples": ["follow", {"service": "login", "regions": ["us"]}],
        }
    ),
]
