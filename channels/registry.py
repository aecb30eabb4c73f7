"""Every channel there is: its name, its configuration, its class. A new channel is one more line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from alertd.ports import Channel, Message, Misconfigured, Receipt
from channels import Now
from channels.apprise_page import AppriseConfig, ApprisePage
from channels.console import Console, ConsoleConfig
from channels.fcm_push import FcmConfig, FcmPush
from channels.smtp_email import SmtpConfig, SmtpEmail
from channels.twilio_sms import TwilioConfig, TwilioSms
from channels.twilio_voice import TwilioVoice, TwilioVoiceConfig


class Config(Protocol):
    """A frozen dataclass with a default for every field."""

    @property
    def connections(self) -> int:
        """How many sends may be under way."""

    @property
    def deadline(self) -> float:
        """Seconds that one send may take."""

    def problems(self) -> list[str]:
        """What is not configured, each with the setting that mends it; empty: ready."""


class _Factory(Protocol):
    """A channel's class, as far as making one goes; only called with a configuration that has no problems."""

    name: str
    has_callbacks: bool

    def __call__(self, config: Any, now: Now) -> Channel: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A channel that can be made: `CHANNELS["sms"].build(TwilioConfig(...), clock.machine)`."""

    config: type[Config]
    channel: _Factory

    def build(self, config: Config, now: Now) -> Channel:
        """The channel; one with problems is made too, and its `send` raises Misconfigured until they are gone."""
        return NotReady(self, config, now) if config.problems() else self.channel(config, now)


class NotReady:
    """Stands in for a channel that is not configured, or whose files are not there yet."""

    def __init__(self, kind: Kind, config: Config, now: Now) -> None:
        self.name, self.has_callbacks = kind.channel.name, kind.channel.has_callbacks
        self.at_once, self.deadline = config.connections, config.deadline
        self._kind, self._config, self._now = kind, config, now
        self._channel: Channel | None = None

    async def send(self, message: Message) -> Receipt:
        if self._channel is None:
            if problems := self._config.problems():
                raise Misconfigured("not_configured", "; ".join(problems), account=True)
            self._channel = self._kind.channel(self._config, self._now)
        return await self._channel.send(message)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()


CHANNELS: Mapping[str, Kind] = {
    "sms": Kind(TwilioConfig, TwilioSms),
    "push": Kind(FcmConfig, FcmPush),
    "email": Kind(SmtpConfig, SmtpEmail),
    "voice": Kind(TwilioVoiceConfig, TwilioVoice),
    "console": Kind(ConsoleConfig, Console),
}

PAGERS: Mapping[str, Kind] = {"apprise": Kind(AppriseConfig, ApprisePage)}
"""Over which responders are paged, and families never; besides SMS, which serves both."""
