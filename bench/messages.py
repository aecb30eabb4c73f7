"""The push that every variant sends: same texts, same blocks, about the same bytes, one token each."""

TITLE = "Follow is down"
BODY = (
    "Readings and alarms may not reach you. The sensor still works: check by hand on the receiver. "
    "Do not reinstall the app. Next update by 09:30."
)
DATA = {
    "incident": "1",
    "update": "1",
    "service": "follow",
    "next_by": "2026-11-01T09:30:00Z",
    "delivery": "0192f0c1-8a51-7cc0-8000-000000000000",
    "attempt": "1",
}
COLLAPSE = "incident-1"
TTL_SECONDS = 1800
SOUND = "alarm.caf"

_FILLER = "A1b2C3d4E5" * 14


def token(index: int) -> str:
    """Token of the index-th family, about as long (154 characters) as a real registration token."""
    return f"bench{index:08d}:{_FILLER}"


def payload(to: str) -> dict[str, object]:
    """The FCM v1 request for one token, as a plain document."""
    return {
        "message": {
            "token": to,
            "notification": {"title": TITLE, "body": BODY},
            "data": DATA,
            "android": {"priority": "high", "collapse_key": COLLAPSE, "ttl": f"{TTL_SECONDS}s"},
            "apns": {
                "headers": {"apns-priority": "10", "apns-collapse-id": COLLAPSE},
                "payload": {"aps": {"alert": {"title": TITLE, "body": BODY}, "sound": SOUND}},
            },
        }
    }
