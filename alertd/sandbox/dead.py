"""Addresses that are gone for good: each provider refuses them with the code it has for that."""

from collections.abc import Iterable
from typing import Any

import msgspec

from alertd.sandbox.log import Channel


class DeadAddresses(msgspec.Struct, forbid_unknown_fields=True):
    """Numbers that don't exist (21211), tokens of removed apps (UNREGISTERED), mailboxes nobody has (550)."""

    sms: set[str] = msgspec.field(default_factory=set)
    push: set[str] = msgspec.field(default_factory=set)
    email: set[str] = msgspec.field(default_factory=set)
    voice: set[str] = msgspec.field(default_factory=set)

    def __contains__(self, address: tuple[Channel, str]) -> bool:
        channel, to = address
        return (to.casefold() if channel == "email" else to) in self._of(channel)

    def add(self, other: "DeadAddresses") -> None:
        """Bury all of the other's addresses too."""
        self.sms |= other.sms
        self.push |= other.push
        self.email |= _folded(other.email)
        self.voice |= other.voice

    def revive(self, channel: Channel | None = None) -> None:
        """Forget all, or those of one channel."""
        for name in (channel,) if channel else ("sms", "push", "email", "voice"):
            self._of(name).clear()

    def shown(self) -> dict[str, Any]:
        """For the control endpoint: the addresses, sorted."""
        names: tuple[Channel, ...] = ("sms", "push", "email", "voice")
        return {name: sorted(self._of(name)) for name in names}

    def _of(self, channel: Channel) -> set[str]:
        return {"sms": self.sms, "push": self.push, "email": self.email, "voice": self.voice}[channel]


def _folded(mailboxes: Iterable[str]) -> set[str]:
    return {mailbox.casefold() for mailbox in mailboxes}


def read_dead(data: bytes | str) -> DeadAddresses:
    """`{"sms": [...], "push": [...], "email": [...], "voice": [...]}`.

    Raises msgspec.MsgspecError, which names the field.
    """
    return msgspec.json.decode(data, type=DeadAddresses)
