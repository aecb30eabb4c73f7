"""Policies and services as product teams write them: YAML to the domain's types, with every mistake named."""

from alertd.policy_file.doubts import doubts
from alertd.policy_file.folder import (
    check,
    load_policies,
    load_services,
    read_one,
    sound_policies,
    unspoken_names,
)
from alertd.policy_file.snapshot import dump, load_snapshot

__all__ = [
    "check",
    "doubts",
    "dump",
    "load_policies",
    "load_services",
    "load_snapshot",
    "read_one",
    "sound_policies",
    "unspoken_names",
]
