"""Trials of a channel: one message each, kept for an hour."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.domain.delivery import Owed
from alertd.domain.family import AddressId
from alertd.domain.incident import Incident
from alertd.domain.policy import Policy
from alertd.records import Known, TrialRow


class TrialRows(Protocol):
    """Within one transaction."""

    async def next_trial_number(self) -> int:
        """Below zero, and no other trial's; the caller holds `lock_incidents`."""

    async def known_address(self, channel: str, to: str) -> Known | None:
        """What is known of an address; None: nobody has it."""

    async def add_address(self, address: AddressId, channel: str, to: str) -> None:
        """An address that no family has, unverified: only a trial may be sent there."""

    async def add_trial(
        self, trial: Incident, policy: Policy, delivery: UUID, owed: Owed, machine_at: datetime
    ) -> None:
        """Insert a trial with its one delivery, which any worker of the urgent lane may claim at once."""

    async def trial(self, delivery: UUID) -> TrialRow | None:
        """How a trial stands; None: there is none, or it was forgotten."""

    async def any_trial(self, before: datetime) -> bool:
        """Whether any trial began before a moment of story time."""

    async def forget_trials(self, before: datetime) -> int:
        """Remove trials that began before a moment of story time, and addresses that nobody else has.

        An opt-out stays. Returns how many there were.
        """
