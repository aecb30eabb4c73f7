"""The snapshot of a policy that stays with an incident for its whole life."""

import msgspec

from alertd.domain.policy import Policy


def dump(policy: Policy) -> bytes:
    """The policy as JSON; equal policies give equal bytes."""
    return msgspec.json.encode(policy, order="deterministic")


def load_snapshot(data: bytes) -> Policy:
    """The policy that `dump` wrote. Raises msgspec.DecodeError when the bytes are none of ours."""
    return msgspec.json.decode(data, type=Policy)
