"""Push messages through Firebase Cloud Messaging, HTTP v1.

- Request: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
- Errors: `channels.fcm_errors`; message: `channels.fcm_message`; access token: `channels.fcm_token`

A loud push has high priority, a sound, and is time-sensitive; a soft one is silent and wakes no screen. Where the
app has Apple's entitlement, what is critical sounds on a muted iPhone too (`critical_sound`). Google
forbids FCM for emergencies, so push is never the only channel of a critical message (design: floor).
"""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from alertd.ports import ChannelError, Later, Message, Misconfigured, Receipt, Unknown
from channels import Now
from channels.fcm_errors import error_for, explain, rejects_token
from channels.fcm_message import ANDROID_CHANNELS, AndroidChannels, FcmMessages
from channels.fcm_token import AccessToken, Token
from channels.http import DEADLINE, HttpClient
from channels.http_answer import UNREADABLE, Answer, retry_after

_WARM_SECONDS = 15.0
"""How long the start of a process waits for its first token."""

_LEAST_SECONDS = 0.2
"""Below that a request is not begun: fetching a token took all of its time."""


@dataclass(frozen=True, slots=True)
class FcmConfig:
    """The service account, whose project is the one that messages go out by."""

    credentials_file: str | os.PathLike[str] | None = None
    base_url: str = "https://fcm.googleapis.com"
    critical_sound: bool = False  # the app has Apple's entitlement for critical alerts
    android_channels: AndroidChannels = ANDROID_CHANNELS  # the app makes them
    connections: int = 150  # requests at once
    deadline: float = DEADLINE

    def problems(self) -> list[str]:
        """What keeps push from working, each with the setting that mends it; empty if nothing does."""
        if not self.credentials_file:
            return ["no Firebase service account: set ALERTD_FCM__CREDENTIALS_FILE"]
        if not os.path.isfile(self.credentials_file):
            return ["ALERTD_FCM__CREDENTIALS_FILE names no file"]
        return []


class _Sent(msgspec.Struct):
    """FCM's answer to a message that it took."""

    name: str


_read = msgspec.json.Decoder(_Sent).decode


class FcmPush:
    """The channel `push`."""

    name = "push"
    has_callbacks = False

    def __init__(self, config: FcmConfig, now: Now) -> None:
        self.at_once, self.deadline = config.connections, config.deadline
        self._config = config
        self._now = now
        self._http = HttpClient(
            config.base_url,
            {"Content-Type": "application/json; charset=UTF-8"},
            connections=config.connections,
            deadline=config.deadline,
        )
        self._token = AccessToken(os.fspath(config.credentials_file or ""))
        self._messages = FcmMessages(now, critical_sound=config.critical_sound, channels=config.android_channels)
        self._path: str | None = None

    async def warm(self) -> None:
        """Fetch the first token, so that the first push of an outage does not wait for it."""
        with suppress(ChannelError):  # the first message tells of it
            await self._token.current(_WARM_SECONDS)

    def explain(self, code: str) -> str | None:
        """See `channels.fcm_errors`."""
        return explain(code)

    async def ask(self) -> str:
        """Fetch an access token: Google knows the service account and its key."""
        token = await self._token.current(self._config.deadline)
        return f"Google gives a token for project {token.project}"

    async def send(self, message: Message) -> Receipt:
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._config.deadline
        token = await self._token.current(self._config.deadline / 2)
        body = self._body(message)
        answer = await self._post(token, body, ends_at - clock())
        if rejects_token(answer.status, answer.body):
            # Not processed, so it may be sent again; the token was revoked, or its clock is off.
            token = await self._token.other_than(token, (ends_at - clock()) / 2)
            answer = await self._post(token, body, ends_at - clock())
        if not answer.ok:
            raise error_for(answer.status, answer.body, retry_after(answer, self._now))
        return Receipt(_name(answer))

    async def close(self) -> None:
        await self._token.close()
        await self._http.close()

    def _body(self, message: Message) -> bytes:
        try:
            return self._messages.body(message)
        except ValueError:  # the SDK's validation, whose text may quote a value
            raise Misconfigured("invalid_message", "firebase_admin does not let the message pass") from None

    async def _post(self, token: Token, body: bytes, left: float) -> Answer:
        if self._path is None:
            self._path = f"/v1/projects/{quote(token.project, safe='')}/messages:send"
        # Almost the whole deadline is left unless a token had to be fetched first.
        within = None if left > self._config.deadline * 0.98 else left
        if left < _LEAST_SECONDS:
            raise Later("token_timeout", "Google's token endpoint took all the time; FCM has nothing")
        return await self._http.post(self._path, body, token.header, within)


def _name(answer: Answer) -> str:
    """The message's name, `projects/*/messages/*`. Raises Unknown if the answer holds none."""
    try:
        name = _read(answer.body).name
    except UNREADABLE:
        name = ""
    if not name.startswith("projects/"):
        raise Unknown("no_name", "accepted, it says, but names no message")
    return name
