"""An alert as Alertmanager's webhook tells it, version 4, one group with one alert."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from alertd.demo.script import Alert

_NEVER = "0001-01-01T00:00:00Z"  # Go's zero time: it has not ended
_RECEIVER = "alertd"


def firing(alert: Alert) -> dict[str, Any]:
    """The body that Alertmanager posts for an alert that fires."""
    labels, notes = dict(sorted(alert.labels.items())), {"summary": alert.summary}
    grouped = {name: labels[name] for name in ("alertname", "cluster") if name in labels}
    spelled = ", ".join(f'{name}="{value}"' for name, value in grouped.items())
    return {
        "receiver": _RECEIVER,
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": notes,
                "startsAt": _go_time(alert.began),
                "endsAt": _NEVER,
                "generatorURL": "http://prometheus.example.org/graph?g0.expr=follower_readings_received+%3D%3D+0&g0.tab=1",
                "fingerprint": _fingerprint(labels),
            }
        ],
        "groupLabels": grouped,
        "commonLabels": labels,
        "commonAnnotations": notes,
        "externalURL": "http://alertmanager.example.org",
        "version": "4",
        "groupKey": f"{{}}:{{{spelled}}}",
        "truncatedAlerts": 0,
    }


def _go_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _fingerprint(labels: dict[str, str]) -> str:
    """Sixteen hexadecimal digits that follow from the labels alone."""
    spelled = "\xff".join(f"{name}\xff{value}" for name, value in labels.items())
    return hashlib.sha256(spelled.encode()).hexdigest()[:16]
