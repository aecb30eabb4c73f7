"""The sample families are good documents, the same every time, and of all the kinds that the demo promises."""

import re
from collections import Counter
from typing import Any

import pytest

from alertd.demo.families import AT_SCHOOL, FAMILIES, Document, sample
from alertd.demo.people import NURSE
from alertd.ingest.family import parse
from alertd.policy_file import load_services
from alertd.settings.reading import shipped_config

SAMPLE = sample()


def addresses(document: Document, channel: str | None = None) -> list[tuple[Any, Any]]:
    return [
        (caregiver, address)
        for caregiver in document["caregivers"]
        for address in caregiver.get("addresses", ())
        if channel in (None, address["channel"])
    ]


def lives(address: Any) -> bool:
    return address["to"] not in SAMPLE.dead[address["channel"]]


def test_every_document_is_read_by_the_daemon_as_it_stands() -> None:
    services = load_services(shipped_config() / "scenarios" / "demo" / "services.yaml")
    for document in SAMPLE.documents:
        family = parse(document, services)
        given = {address["to"] for _, address in addresses(document)}
        assert {address.to for caregiver in family.caregivers for address in caregiver.addresses} == given


def test_the_same_families_every_time() -> None:
    assert sample() == SAMPLE
    assert len({document["id"] for document in SAMPLE.documents}) == FAMILIES == 200


def test_phones_are_fictional_and_mailboxes_are_nobodys() -> None:
    for document in SAMPLE.documents:
        for _, address in addresses(document, "sms"):
            assert re.fullmatch(r"\+1[2-9]\d{2}55501\d{2}", address["to"])
        for _, address in addresses(document, "email"):
            assert address["to"].endswith("@example.org")


def test_only_the_nurse_shares_an_address() -> None:
    counts = Counter((address["channel"], address["to"]) for d in SAMPLE.documents for _, address in addresses(d))
    assert {key: n for key, n in counts.items() if n > 1} == {("sms", NURSE): AT_SCHOOL}
    assert AT_SCHOOL == 12


def test_the_mix_that_the_demo_promises() -> None:
    documents = SAMPLE.documents
    assert len({document["time_zone"] for document in documents}) == 3
    languages = Counter(document["locale"] for document in documents)
    assert set(languages) == {"en", "es"}
    assert min(languages.values()) >= 50
    people = [caregiver for document in documents for caregiver in document["caregivers"]]
    assert all(len(document["caregivers"]) >= 2 for document in documents)
    wishes = Counter(str(p.get("preferences", {}).get("critical")) for p in people)
    assert len(wishes) >= 5
    nights = Counter(p.get("preferences", {}).get("quiet_hours") for p in people)
    assert len(nights) >= 5
    assert all(n >= 5 for n in nights.values())
    assert len({tuple(document["services"]) for document in documents}) == 4
    only_share = [document for document in documents if document["services"] == ["share"]]
    assert 10 <= len(only_share) <= 20  # whom only a growing scope touches
    assert {document["locale"] for document in only_share} == {"en", "es"}


def test_some_addresses_are_dead_in_families_that_can_be_reached() -> None:
    for channel in ("sms", "push", "email"):
        reachable = [
            address
            for document in SAMPLE.documents
            if document["id"] not in SAMPLE.unreachable
            for _, address in addresses(document, channel)
        ]
        dead = [address for address in reachable if not lives(address)]
        assert 3 <= len(dead) < len(reachable) / 5


def test_exactly_the_unreachable_have_no_live_address() -> None:
    without = {
        document["id"]
        for document in SAMPLE.documents
        if not any(lives(address) for _, address in addresses(document))
    }
    assert without == SAMPLE.unreachable
    assert len(without) == 5
    assert any(not addresses(document) for document in SAMPLE.documents if document["id"] in without)


def test_whoever_cannot_be_reached_is_touched_by_whatever_fails() -> None:
    services = {d["id"]: d["services"] for d in SAMPLE.documents}
    assert all("follow" in services[family] for family in SAMPLE.unreachable)


def test_nobody_depends_on_the_nurse_alone() -> None:
    for document in SAMPLE.documents:
        own = [address for caregiver, address in addresses(document) if caregiver["role"] != "nurse"]
        assert document["id"] in SAMPLE.unreachable or any(lives(address) for address in own)


def test_too_few_families_cannot_hold_every_kind() -> None:
    with pytest.raises(ValueError, match="at least 30"):
        sample(29)
