"""Alertmanager's webhook, version 4: a group of alerts, each of which stands for itself.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. Read with patience: keys that are not
known are passed over, and an alert that maps to nothing is handed on with the reason. It spoils no other.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from alertd.domain.errors import Invalid, quote
from alertd.domain.event import EventStatus, OutageEvent, Told
from alertd.domain.incident import Severity
from alertd.domain.service import Services
from alertd.ingest import shapes
from alertd.ingest.reading import hint, kind
from alertd.usecases.wording import cut_title

VERSION = "4"
_FINGERPRINT = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SEVERITIES = {severity.value: severity for severity in Severity}
_STATUS = {status.value: status for status in EventStatus}


@dataclass(frozen=True, slots=True)
class Labels:
    """Which labels hold what, and what their values mean; a service, and a severity, means itself."""

    source: str = "alertmanager"
    service_label: str = "service"
    region_label: str = "region"
    severity_label: str = "severity"
    service: Mapping[str, str] = field(default_factory=dict)
    region: Mapping[str, str] = field(default_factory=dict)
    severity: Mapping[str, Severity] = field(
        default_factory=lambda: {"page": Severity.CRITICAL, "warning": Severity.MINOR}
    )


BUILT_IN = Labels()


def parse(document: object, labels: Labels, services: Services) -> list[Told]:
    """The alerts of a webhook, in its order. Raises Invalid, naming the field, for what is no such webhook."""
    if not isinstance(document, dict):
        raise Invalid(f"must be Alertmanager's webhook, a set of keys and values, not {kind(document)}")
    version = document.get("version")
    if version is None:
        raise Invalid('is missing; Alertmanager\'s webhook says "4"', field="version")
    if str(version) != VERSION:
        raise Invalid(f'is "{quote(str(version))}"; alertd reads version {VERSION}', field="version")
    alerts = document.get("alerts")
    if not isinstance(alerts, list):
        raise Invalid(f"must be a list of alerts, not {kind(alerts)}", field="alerts")
    return [_told(alert, document.get("status"), labels, services) for alert in alerts]


def _told(alert: object, status_of_group: object, labels: Labels, services: Services) -> Told:
    body = json.dumps(alert, separators=(",", ":"))
    if not isinstance(alert, dict):
        return _unreadable(body, "", f"the alert must be a set of keys and values, not {kind(alert)}")
    own, notes = _texts(alert.get("labels")), _texts(alert.get("annotations"))
    title = cut_title(notes.get("summary") or own.get("alertname") or "")
    status = _STATUS.get(str(alert.get("status", status_of_group)))
    if status is None:
        return _unreadable(body, title, "the alert's status is neither firing nor resolved")
    began = alert.get("startsAt")
    if not isinstance(began, str) or not began:
        return _unreadable(body, title, "the alert has no startsAt")
    fingerprint = _fingerprint(alert.get("fingerprint"), own)
    name = f"{fingerprint} {quote(began)} {status.value}"
    event, why = _event(name, fingerprint, status, title, own, began, labels, services)
    # Identity, not contents: the same with other annotations is a duplicate.
    return Told(name, fingerprint, status, title, _digest(name), body, event, why)


def _event(
    name: str,
    fingerprint: str,
    status: EventStatus,
    title: str,
    own: Mapping[str, str],
    began: str,
    labels: Labels,
    services: Services,
) -> tuple[OutageEvent | None, str | None]:
    """What the labels mean, and why they mean nothing, or what was assumed."""
    said = own.get(labels.service_label)
    if not said:
        return None, f"the alert has no label {labels.service_label}"
    service = labels.service.get(said, said)
    if service not in services:
        return None, f'label {labels.service_label} is "{quote(said)}", which is no service{hint(said, services)}'
    assumed: list[str] = []
    severity = _severity(own.get(labels.severity_label), labels, assumed)
    regions = _regions(own.get(labels.region_label), service, labels, services, assumed)
    event = OutageEvent(
        source=labels.source,
        id=name,
        alert=fingerprint,
        service=service,
        severity=severity,
        status=status,
        title=title,
        regions=regions,
        detected_at=_moment(began),
    )
    return event, "; ".join(assumed) or None


def _severity(said: str | None, labels: Labels, assumed: list[str]) -> Severity:
    if said:
        meant = labels.severity.get(said) or _SEVERITIES.get(said.lower())
        if meant is not None:
            return meant
        assumed.append(f'label {labels.severity_label} is "{quote(said)}", which is not mapped: taken as minor')
    else:
        assumed.append(f"the alert has no label {labels.severity_label}: taken as minor")
    return Severity.MINOR


def _regions(
    said: str | None, service: str, labels: Labels, services: Services, assumed: list[str]
) -> tuple[str, ...]:
    """None, which is everywhere, where the region is neither mapped nor declared.

    A cloud's region is not the families' one: taken at its word it would touch nobody.
    """
    if not said:
        return ()
    mapped = labels.region.get(said)
    if mapped is not None or services.regions.get(service):
        try:
            region = shapes.region(mapped if mapped is not None else said)
        except Invalid:
            region = ""
        if region and services.runs_in(service, region):
            return (region,)
    assumed.append(f'label {labels.region_label} is "{quote(said)}", no known region of {service}: taken as all')
    return ()


def _moment(began: str) -> datetime | None:
    try:
        return shapes.began(began)
    except Invalid:
        return None


def _fingerprint(given: object, own: Mapping[str, str]) -> str:
    """As Alertmanager has it; made from the labels where it has none, as versions before 0.19."""
    if isinstance(given, str) and _FINGERPRINT.fullmatch(given):
        return given
    return _digest(json.dumps([given if isinstance(given, str) else "", sorted(own.items())])).hex()[:32]


def _unreadable(body: str, title: str, why: str) -> Told:
    digest = _digest(body)
    name = f"unreadable {digest.hex()}"
    return Told(name, name, EventStatus.FIRING, title or cut_title(""), digest, body, None, why)


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {name: text for name, text in value.items() if isinstance(text, str)}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
