"""What every use case gets, put together once in `wiring`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from alertd.domain.links import Links
from alertd.domain.policy import Policy
from alertd.domain.service import Services
from alertd.ports import Channel, Clock, Compose, ComposeOptOut, Doorbell, OnCall
from alertd.ports.choosing import ComposeChoosing
from alertd.ports.inbound import ReplyTexts
from alertd.ports.pace import Pace, Units
from alertd.ports.store import Store


class Log(Protocol):
    """Structured, few lines, no personal data."""

    def info(self, event: str, **fields: Any) -> Any:
        """Something that happened."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Something that a human should see."""

    def error(self, event: str, **fields: Any) -> Any:
        """Something that a human must see: a promise to a family is broken, or nobody can say that it is kept."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Machine durations, in seconds."""

    lease: float = 30.0  # a worker's right to a batch; a provider call's total deadline lies well inside
    sweep: float = 0.5  # between two looks of the sweeper
    unknown_critical: float = 20.0  # wait for a callback that tells an unknown outcome
    unknown: float = 60.0
    takes_hints: float = 2.0  # work older than this was not taken by a worker: the sweeper does it itself
    audit: float = 30.0  # between two questions of the auditor
    census: float = 30.0  # between two counts of the deliveries
    look_twice: float = (
        2.0  # whoever seems unaccounted for is looked at again after this: an import takes two steps
    )


@dataclass(frozen=True, slots=True)
class Deps:
    """The outside, as ports; `policies` maps a service to the policy that owns it."""

    store: Store
    clock: Clock
    channels: Mapping[str, Channel]
    compose: Compose
    doorbell: Doorbell
    new_id: Callable[[], UUID]
    spread: Callable[[], float]  # a random share of [0, 1): jitter
    policies: Mapping[str, Policy]
    default_policy: Policy
    services: Services
    log: Log
    timing: Timing = Timing()
    rates: Mapping[str, float] = field(default_factory=dict)  # channel -> units a second that its sender may send
    units: Mapping[str, Units] = field(default_factory=dict)  # of channels whose messages take more than one
    pace: Pace | None = None  # keeps to these rates; None: nothing is held back
    phrases: frozenset[str] = frozenset()  # phrase keys that exist in every locale
    locales: frozenset[str] = frozenset({"en"})
    links: Links | None = None  # None: nobody outside can reach this machine, so nobody is asked for an answer
    compose_opt_out: ComposeOptOut | None = None  # None: there is no page for it, so no e-mail offers one
    replies: ReplyTexts | None = None  # None: nobody who writes back is understood
    compose_choosing: ComposeChoosing | None = None  # None: caregivers choose nothing here
    take_failures: Callable[[], Sequence[str]] = tuple
    """Texts that failed since this was last asked, a sentence each, without personal data."""
    on_call: OnCall | None = None  # None: nobody on our side can be told
    part: int = 500  # families to a cursor of a fan-out, at least: one slice

    def policy_for(self, service: str) -> Policy:
        """The policy that owns a service, else the default one."""
        return self.policies.get(service, self.default_policy)
