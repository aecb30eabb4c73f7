"""The sample families: made up, the same every time, with the truth about which of their addresses are dead."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alertd.demo.people import NURSE, Directory, caregivers_of, nurse, person

Document = dict[str, Any]
"""A family in the form it has on the wire; see `alertd/ingest/family.py`."""

FAMILIES = 200
AT_SCHOOL = 12
"""Families of one school, which share the school nurse and her one number."""

_SEED = 2019
_SPANISH = 0.35  # share of families that read Spanish
_ZONES = (  # share, zone, region
    (0.40, "America/Los_Angeles", "us-west"),
    (0.25, "America/Denver", "us-mountain"),
    (0.35, "America/New_York", "us-east"),
)
_SERVICES = (
    (0.62, ("follow", "share")),
    (0.20, ("follow",)),
    (0.08, ("share",)),
    (0.10, ("follow", "share", "login")),
)
_DEAD = {
    "sms": 0.06,
    "push": 0.08,
    "email": 0.03,
}  # share of addresses that are gone without anybody having said so


@dataclass(frozen=True, slots=True)
class Sample:
    """Families, and what only the stand-ins know: dead addresses, and the families that have no other."""

    documents: tuple[Document, ...]
    dead: Mapping[str, frozenset[str]] = field(default_factory=dict)  # channel -> addresses
    unreachable: frozenset[str] = frozenset()  # ids of families without one live address


def sample(count: int = FAMILIES) -> Sample:
    """`count` families, at least 30; deterministic."""
    if count < 30:
        raise ValueError("the sample needs at least 30 families to hold one of each kind")
    rng = random.Random(_SEED)  # noqa: S311  sample data, no secret
    directory = Directory(rng)
    documents = [_family(number, count, rng, directory) for number in range(1, count + 1)]
    special = _Special(documents, directory)
    dead = _dead(documents, rng, special.spared())
    for channel, addresses in special.dead.items():
        dead[channel] |= addresses
    _leave_one_alive(documents, dead, special.unreachable)
    return Sample(
        tuple(documents),
        {c: frozenset(addresses) for c, addresses in dead.items()},
        frozenset(special.unreachable),
    )


def _family(number: int, count: int, rng: random.Random, directory: Directory) -> Document:
    zone, region = _zone(number, count)
    locale = "es" if rng.random() < _SPANISH else "en"
    return {
        "id": f"fam-{number:03}",
        "updated_at": "2019-11-01T00:00:00Z",
        "services": list(rng.choices([s for _, s in _SERVICES], [w for w, _ in _SERVICES])[0]),
        "region": region,
        "time_zone": zone,
        "locale": locale,
        "caregivers": caregivers_of(number, zone, locale, rng, directory),
    }


def _zone(number: int, count: int) -> tuple[str, str]:
    reached = 0.0
    for share, zone, region in _ZONES:
        reached += share
        if number <= round(reached * count):
            return zone, region
    return _ZONES[-1][1], _ZONES[-1][2]


class _Special:
    """The families that a demo must not leave to chance; all others are as they come."""

    def __init__(self, documents: Sequence[Document], directory: Directory) -> None:
        self.dead: dict[str, set[str]] = {"sms": set(), "push": set(), "email": set()}
        self.unreachable: set[str] = set()
        self._documents = documents
        west = [d for d in documents if d["time_zone"] == "America/Los_Angeles"]
        mountain = [d for d in documents if d["time_zone"] == "America/Denver"]
        east = [d for d in documents if d["time_zone"] == "America/New_York"]
        for document in mountain[: min(AT_SCHOOL, len(mountain))]:
            document["caregivers"].append(nurse(len(document["caregivers"]) + 1))
        # No live address: dead ones in four families, and none at all in the fifth.
        for document in (west[1], west[4], mountain[-1], east[2]):
            self._bury(document["caregivers"])
            self.unreachable.add(document["id"])
        for caregiver in east[5]["caregivers"]:
            caregiver.pop("addresses", None)
        self.unreachable.add(east[5]["id"])
        # The parents' addresses are all dead; the neighbour, who is told only then, has a live one.
        standing_in = west[7]
        self._bury(standing_in["caregivers"])
        standing_in["caregivers"].append(
            person("Neighbour", "neighbour", len(standing_in["caregivers"]) + 1, sms=directory.phone(standing_in))
        )
        # Only mailboxes live: the loudest that can be done for this family is an e-mail.
        only_mail = east[8]
        for caregiver in only_mail["caregivers"]:
            for address in caregiver["addresses"]:
                if address["channel"] != "email":
                    self.dead[address["channel"]].add(address["to"])
        first = only_mail["caregivers"][0]
        if not any(a["channel"] == "email" for a in first["addresses"]):
            first["addresses"].append({"channel": "email", "to": directory.mailbox(only_mail, first["name"])})
        self._only_mail, self._standing_in = only_mail, standing_in
        for document in (*(d for d in documents if d["id"] in self.unreachable), standing_in, only_mail):
            if "follow" not in document["services"]:  # whatever fails, it fails for them
                document["services"] = ["follow", "share"]

    def spared(self) -> set[str]:
        """Addresses that must not die by chance."""
        spared = {NURSE}
        for document in (self._only_mail, self._standing_in):
            spared |= {a["to"] for c in document["caregivers"] for a in c.get("addresses", ())}
        return spared

    def _bury(self, caregivers: Sequence[Mapping[str, Any]]) -> None:
        for caregiver in caregivers:
            for address in caregiver.get("addresses", ()):
                self.dead[address["channel"]].add(address["to"])


def _dead(documents: Sequence[Document], rng: random.Random, spared: set[str]) -> dict[str, set[str]]:
    dead: dict[str, set[str]] = {channel: set() for channel in _DEAD}
    for document in documents:
        for caregiver in document["caregivers"]:
            for address in caregiver.get("addresses", ()):
                if address["to"] not in spared and rng.random() < _DEAD[address["channel"]]:
                    dead[address["channel"]].add(address["to"])
    return dead


def _leave_one_alive(documents: Sequence[Document], dead: Mapping[str, set[str]], unreachable: set[str]) -> None:
    """Chance may not add to the families without a live address, nor leave one to the school nurse alone."""
    for document in documents:
        own = [a for c in document["caregivers"] if c["role"] != "nurse" for a in c.get("addresses", ())]
        if document["id"] not in unreachable and all(a["to"] in dead[a["channel"]] for a in own):
            dead[own[0]["channel"]].discard(own[0]["to"])
