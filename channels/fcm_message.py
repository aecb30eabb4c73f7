"""The push message: built and validated by `firebase_admin` once per content, then filled in per phone.

- Message: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
- Android's channels: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#androidnotification
- APNs headers: https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
- Interruption levels: https://developer.apple.com/documentation/usernotifications/unnotificationinterruptionlevel
- Critical sound: https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification
- Payload limit: https://firebase.google.com/docs/cloud-messaging/customize-messages/set-message-type
"""

import json
import warnings
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec

from alertd.ports import Message
from channels import Now
from channels.sendable import sendable

PAYLOAD_LIMIT = 4096
"""Bytes of notification and data together. Source: the last URL above."""

LONGEST_TTL = timedelta(weeks=4)
"""How long FCM keeps a message at most. Source: the first URL above (AndroidConfig.ttl)."""

_FOR_THE_REST = 600
"""Bytes of the payload that are not the text: keys, UUIDs, a number, a link and a channel, well rounded up."""

_TEMPLATES = 512
"""Contents kept; a process that needs more at once builds some twice."""

_NOTHING = timedelta()

_quoted = msgspec.json.encode


class AndroidChannels(NamedTuple):
    """The app's notification channels: from Android 8 on, how a message sounds is the channel's matter."""

    loud: str = "outage_loud"
    soft: str = "outage_soft"


ANDROID_CHANNELS = AndroidChannels()
"""What they are called unless a setting says otherwise."""


class FcmMessages:
    """Makes the body of `messages:send` for a message."""

    def __init__(
        self, now: Now, *, critical_sound: bool = False, channels: AndroidChannels = ANDROID_CHANNELS
    ) -> None:
        """`critical_sound`: what is loud and critical sounds on an iPhone that is muted or asleep, too."""
        self._now = now
        self._critical_sound = critical_sound
        self._channels = channels
        self._template = lru_cache(_TEMPLATES)(_template)

    def body(self, message: Message) -> bytes:
        """The request's body. Raises ValueError for a message that `firebase_admin` does not let pass."""
        useful_for = min(max(message.useful_for, _NOTHING), LONGEST_TTL).total_seconds()
        template = self._template(
            message.title,
            message.text,
            message.incident,
            message.update,
            message.loud,
            message.ends,
            message.link is not None,
            self._critical_sound and message.critical and message.loud and not message.ends,
            self._channels.loud if message.loud else self._channels.soft,
        )
        return template % {
            b"token": _quoted(message.to),
            b"acknowledge": _quoted(message.link),
            b"attempt": message.attempt_id.encode(),
            b"ttl": useful_for,
            b"expiration": self._now().timestamp() + useful_for,
        }


def _template(
    title: str,
    text: str,
    incident: UUID,
    update: int,
    loud: bool,
    ends: bool,
    asks: bool,
    breaks_through: bool,
    channel: str,
) -> bytes:
    """The body as a format, with the names of what is filled in per message."""
    document = _document(
        sendable(title), sendable(text), str(incident), update, loud, ends, breaks_through, channel
    )
    acknowledge = uuid4().hex
    if asks:
        document["data"]["acknowledge"] = acknowledge
    marks = {form: uuid4().hex for form in ("%(token)b", '"%(attempt)b"', '"%(ttl)ds"', '"%(expiration)d"')}
    document["token"], document["data"]["attempt"], document["android"]["ttl"], expiration = marks.values()
    document["apns"]["headers"]["apns-expiration"] = expiration
    body = json.dumps({"message": document}, separators=(",", ":")).replace("%", "%%")
    for form, mark in marks.items():
        body = body.replace(f'"{mark}"', form)
    return body.replace(f'"{acknowledge}"', "%(acknowledge)b").encode()


def _document(
    title: str, text: str, incident: str, update: int, loud: bool, ends: bool, breaks_through: bool, channel: str
) -> dict[str, Any]:
    """The validated message, with samples in the place of what is filled in later."""
    # An Android phone that was off gets the newest loud one and the newest silent one: no silent message may erase
    # what was to wake somebody. The end takes the place of the loud one: what it told is over. On its screen the
    # tag lets each replace the one before. An iPhone knows one id for both: with two of them, "still down" would
    # stay beside the all-clear. While it is off, Apple keeps only the newest message of an app, whatever its id.
    collapse = incident if loud or ends else f"{incident}-soft"
    from firebase_admin import messaging

    text = _fitting(text, PAYLOAD_LIMIT - _FOR_THE_REST - len(title.encode()))
    alert = {"sound": "default"} if loud else {}
    sound: Any = alert.get("sound")
    level = "time-sensitive" if loud else "passive"
    if breaks_through:  # for apps with Apple's entitlement only
        sound = messaging.CriticalSound("default", critical=True, volume=1.0)
        level = "critical"
    # Deprecated by the SDK in favour of installation ids, which apps have to send first.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        message = messaging.Message(
            token="sample",  # noqa: S106 (filled in later)
            notification=messaging.Notification(title=title, body=text),
            data={"incident": incident, "update": str(update), "attempt": "sample"},
            android=messaging.AndroidConfig(
                priority="high" if loud else "normal",
                ttl=timedelta(seconds=1),
                collapse_key=collapse,
                notification=messaging.AndroidNotification(
                    tag=incident,
                    channel_id=channel,
                    priority="high" if loud else "low",  # before Android 8 there are no channels
                    **alert,
                ),
            ),
            apns=messaging.APNSConfig(
                headers={
                    "apns-priority": "10" if loud else "5",
                    "apns-collapse-id": incident,
                    "apns-expiration": "0",
                },
                payload=messaging.APNSPayload(
                    aps=messaging.Aps(
                        thread_id=incident,
                        custom_data={"interruption-level": level},
                        sound=sound,
                    )
                ),
            ),
        )
    document: dict[str, Any] = json.loads(str(message))  # the SDK's encoder, which validates
    return document


def _fitting(text: str, limit: int) -> str:
    """The text cut to `limit` bytes: better a push without its end than none."""
    whole = text.encode()
    return text if len(whole) <= limit else whole[: limit - 3].decode(errors="ignore").rstrip() + "..."
