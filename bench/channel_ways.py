"""The ways of sending that are compared: alertd's channels, and what people would write with the usual libraries.

A way is made once per process and keeps its connections, where its library has any to keep. What it needs is
imported when it is made, so that no way pays for another's modules. Each builds its request or letter per message,
from the same words (`bench.channel_messages`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from alertd.ports import Channel
from bench import messages
from bench.channel_messages import INCIDENT, SENDER, Told, message

ACCOUNT, SECRET, FROM = "AC" + "0" * 32, "loopback", "+14155550100"

Send = Callable[[Sequence[Told]], None]
SendAsync = Callable[[Sequence[Told]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the stand-ins are."""

    http: str
    smtp_port: int
    credentials: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way; `make` gives a plain function or a coroutine function."""

    channel: str
    full: int  # messages a run
    quick: int
    make: Callable[[Servers], Send | SendAsync]


# --- alertd ---------------------------------------------------------------------------------------


def _alertd(channel: str, make: Callable[[Servers], Channel]) -> Callable[[Servers], SendAsync]:
    def made(servers: Servers) -> SendAsync:
        kept = make(servers)

        async def send(batch: Sequence[Told]) -> None:
            queue = iter(batch)
            async with asyncio.TaskGroup() as senders:  # as `alertd.usecases.deliver` does
                for _ in range(kept.at_once):
                    senders.create_task(_work_off(kept, channel, queue))

        return send

    return made


async def _work_off(kept: Channel, channel: str, queue: Iterator[Told]) -> None:
    for one in queue:
        await kept.send(message(channel, one))


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  (not part of alertd)


def _email(servers: Servers) -> Channel:
    from channels.smtp_email import SmtpConfig, SmtpEmail

    return SmtpEmail(SmtpConfig(f"smtp://127.0.0.1:{servers.smtp_port}", SENDER), _now)


def _push(servers: Servers) -> Channel:
    from channels.fcm_push import FcmConfig, FcmPush

    return FcmPush(FcmConfig(servers.credentials, base_url=servers.http), _now)


def _sms(servers: Servers) -> Channel:
    from channels.twilio_sms import TwilioConfig, TwilioSms

    return TwilioSms(TwilioConfig(ACCOUNT, SECRET, FROM, base_url=servers.http), _now)


# --- e-mail ---------------------------------------------------------------------------------------


def letter(one: Told) -> EmailMessage:
    """With the headers that alertd's e-mails have."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = SENDER, one.to, one.title
    made["Date"] = format_datetime(_now())
    made["Message-ID"] = f"<{one.delivery}@example.org>"
    made["References"] = made["In-Reply-To"] = f"<{INCIDENT}@example.org>"
    made["Auto-Submitted"] = "auto-generated"
    made["List-Unsubscribe"] = f"<{one.unsubscribe}>"
    made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(one.text)
    made.add_alternative(one.html or "", subtype="html")
    return made


def _smtplib(servers: Servers) -> Send:
    import smtplib

    connection = smtplib.SMTP("127.0.0.1", servers.smtp_port)

    def send(batch: Sequence[Told]) -> None:
        for one in batch:
            connection.send_message(letter(one))

    return send


def _apprise(servers: Servers) -> Send:
    import logging

    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)

    def send(batch: Sequence[Told]) -> None:
        for one in batch:  # each with its reader's own words, hence each its own object
            notifier = apprise.Apprise()
            notifier.add(
                f"mailto://127.0.0.1:{servers.smtp_port}?from={SENDER}&to={one.to}&mode=insecure&format=html"
            )
            if not notifier.notify(body=one.html or "", title=one.title, body_format=apprise.NotifyFormat.HTML):
                raise RuntimeError("Apprise could not send")

    return send


# --- push -----------------------------------------------------------------------------------------

_AT_ONCE = 500  # the most that the SDK takes in one call


def _firebase(servers: Servers) -> Any:
    import warnings

    import firebase_admin
    from firebase_admin import credentials, messaging

    warnings.simplefilter("ignore", DeprecationWarning)
    # The SDK has no setting for FCM's address; its sender reads this attribute when it is made.
    messaging._MessagingService.FCM_URL = servers.http + "/v1/projects/{0}/messages:send"
    firebase_admin.initialize_app(credentials.Certificate(servers.credentials))
    return messaging


def _notification(messaging: Any, one: Told) -> Any:
    incident = str(INCIDENT)
    return messaging.Message(
        token=one.to,
        notification=messaging.Notification(title=one.title, body=one.text),
        data={"incident": incident, "update": "1", "attempt": f"{one.delivery}.1", "acknowledge": one.link},
        android=messaging.AndroidConfig(
            priority="high",
            ttl=timedelta(seconds=messages.TTL_SECONDS),
            collapse_key=incident,
            notification=messaging.AndroidNotification(
                tag=incident, channel_id="outage_loud", priority="high", sound="default"
            ),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-priority": "10", "apns-collapse-id": incident, "apns-expiration": "1893456000"},
            payload=messaging.APNSPayload(
                aps=messaging.Aps(
                    thread_id=incident, sound="default", custom_data={"interruption-level": "time-sensitive"}
                )
            ),
        ),
    )


def _all_taken(answer: Any) -> None:
    if answer.failure_count:
        raise RuntimeError("the SDK could not send")


def _send_each(servers: Servers) -> Send:
    messaging = _firebase(servers)

    def send(batch: Sequence[Told]) -> None:
        for start in range(0, len(batch), _AT_ONCE):
            part = batch[start : start + _AT_ONCE]
            _all_taken(messaging.send_each([_notification(messaging, one) for one in part]))

    return send


def _send_each_async(servers: Servers) -> SendAsync:
    messaging = _firebase(servers)

    async def send(batch: Sequence[Told]) -> None:
        for start in range(0, len(batch), _AT_ONCE):
            part = batch[start : start + _AT_ONCE]
            _all_taken(await messaging.send_each_async([_notification(messaging, one) for one in part]))

    return send


# --- SMS ------------------------------------------------------------------------------------------


def _twilio(servers: Servers) -> Send:
    from urllib.parse import urlsplit

    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    place = urlsplit(servers.http)

    class Loopback(TwilioHttpClient):  # type: ignore[misc]
        """The SDK has no setting for Twilio's address."""

        def request(self, method: str, url: str, *given: Any, **named: Any) -> Any:
            here = urlsplit(url)._replace(scheme=place.scheme, netloc=place.netloc).geturl()
            return super().request(method, here, *given, **named)

    client = Client(ACCOUNT, SECRET, http_client=Loopback())

    def send(batch: Sequence[Told]) -> None:
        for one in batch:
            client.messages.create(to=one.to, from_=FROM, body=one.text, validity_period=messages.TTL_SECONDS)

    return send


WAYS: Mapping[str, Way] = {
    "alertd e-mail": Way("email", 10_000, 2_000, _alertd("email", _email)),
    "smtplib": Way("email", 1_000, 200, _smtplib),
    "Apprise": Way("email", 60, 15, _apprise),
    "alertd push": Way("push", 10_000, 2_000, _alertd("push", _push)),
    "send_each_async": Way("push", 1_500, 500, _send_each_async),
    "send_each": Way("push", 1_500, 500, _send_each),
    "alertd SMS": Way("sms", 10_000, 2_000, _alertd("sms", _sms)),
    "twilio-python": Way("sms", 1_500, 300, _twilio),
}
