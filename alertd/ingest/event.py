"""The generic outage event: the JSON that any source can send."""

from collections.abc import Mapping
from functools import partial

from alertd.domain.errors import Invalid, quote
from alertd.domain.event import EventStatus, OutageEvent
from alertd.domain.incident import Severity
from alertd.domain.service import Services
from alertd.ingest import shapes
from alertd.ingest.json_text import read_json
from alertd.ingest.reading import Field, Mistakes, Problem, Reading, hint

MOST_BYTES = 64 * 1024

_name = partial(shapes.text, longest=200)
_sentence = partial(shapes.text, longest=2000, lines=True)
_status = shapes.one_of(tuple(EventStatus), "a status")


def parse(
    document: bytes | Mapping[str, object], services: Services, *, default_locale: str = "en"
) -> OutageEvent:
    """Read one event from JSON, or from JSON already decoded.

    A `message` that is a text, not a set of locales, is taken to be in `default_locale`.
    Raises Mistakes (an Invalid) that names every wrong field with the way out.
    """
    value: object = document
    if isinstance(document, bytes):
        try:
            value = read_json(document, MOST_BYTES)
        except Invalid as error:
            raise Mistakes([Problem(error.message)]) from None
    reading = Reading(null_is_absent=True)
    event = _event(reading.root(value), services, default_locale)
    reading.finish()
    return event


def _event(document: Field, services: Services, default_locale: str) -> OutageEvent:
    keys = document.entries(
        required=("source", "id", "alert", "service", "severity", "status", "title"),
        optional=("message", "regions", "detected_at"),
    )
    service = keys.take("service", shapes.one_of(services.names, "a declared service"), "")
    return OutageEvent(
        source=keys.take("source", shapes.key, ""),
        id=keys.take("id", _name, ""),
        alert=keys.take("alert", _name, ""),
        service=service,
        severity=keys.take("severity", shapes.severity, Severity.CRITICAL),
        status=EventStatus(keys.take("status", _status, EventStatus.FIRING)),
        title=keys.take("title", _name, ""),
        message=_message(keys["message"], default_locale) if "message" in keys else {},
        regions=_regions(keys["regions"], service, services) if "regions" in keys else (),
        detected_at=keys.take("detected_at", shapes.began, None),
    )


def _message(field: Field, default_locale: str) -> Mapping[str, str]:
    if isinstance(field.value, str):
        return {default_locale: field.take(_sentence, "")}
    if not isinstance(field.value, dict):
        field.wrong('must be a text, or texts by locale such as {"en": "...", "es": "..."}')
        return {}
    sentences: dict[str, str] = {}
    for name, entry in field.named().items():
        try:
            sentences[shapes.locale(name)] = entry.take(_sentence, "")
        except Invalid as error:
            entry.wrong(error.message)
    return sentences


def _regions(field: Field, service: str, services: Services) -> tuple[str, ...]:
    regions: list[str] = []
    for member in field.each(most=100):
        region = member.take(shapes.region, "")
        if region and service and not services.runs_in(service, region):
            known = services.regions.get(service, ())
            member.wrong(f'"{quote(region)}" is no region of {service}{hint(region, known)}')
        regions.append(region)
    return tuple(dict.fromkeys(regions))
