"""Real processes and a provider that reports: what came to nothing is told over another way, and no lie is believed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DIALECTS
from tests.integration import town
from tests.integration.rig import Rig
from tests.servers import wait_until

pytestmark = pytest.mark.integration
PATIENCE = 60.0  # seconds, on a machine that is very busy

FAULTS: Mapping[str, Mapping[str, Any] | None] = {
    "good": None,
    "off": {"kind": "undelivered"},
    "dead": {"kind": "undelivered", "code": 30005},
    "forged": {"kind": "callback_forged"},
    "twice": {"kind": "callback_twice"},
    "reversed": {"kind": "callback_reversed"},
    "unanswered": {"kind": "drop_after_accept"},
}
LOST = {"off": "30003", "dead": "30005"}


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d == "postgresql"])
def test_an_sms_that_comes_to_nothing_is_heard_by_mail(
    fresh_database: Callable[[str], str], tmp_path: Path, dialect: str
) -> None:
    with Rig(tmp_path / "rig", fresh_database(dialect)) as rig:
        rig.sign_in()
        place = town.Town()
        numbers = {name: place.number() for name in FAULTS}
        for name, number in numbers.items():
            addresses = town.on("sms", number), town.on("email", f"{name}@example.org")
            place.add(name, [town.person("mia", *addresses, preferences=town.want("sms"))])
        rig.move_in(place)
        faults = [{**fault, "to": [numbers[name]]} for name, fault in FAULTS.items() if fault]
        rig.sandbox("POST", "/faults", faults)
        rig.open(town.SAID[town.NOTICE])

        expected = dict.fromkeys(FAULTS, "delivered") | {"off": "undelivered", "dead": "refused"}

        def became() -> dict[Any, Any]:
            """By family, what became of the message to its number."""
            return dict(rig.rows("SELECT family_id, state FROM delivery WHERE channel = 'sms' AND update_no = 1"))

        wait_until("Twilio has reported", lambda: became() == expected, PATIENCE)
        mail = {f"{name}@example.org" for name in LOST}
        wait_until("they have mail", lambda: mail <= {m.to for m in rig.accepted()}, PATIENCE)
        wait_until("all of it was told", rig.at_rest, PATIENCE)

        accepted = rig.accepted()
        assert sorted(m.to for m in accepted if m.channel == "sms") == sorted(numbers.values())  # once each
        assert {m.to for m in accepted if m.channel == "email"} == mail
        for family, code, suspended in rig.rows(
            "SELECT d.family_id, d.code, a.suspended_code FROM delivery d JOIN address a ON a.id = d.address_id "
            "WHERE d.channel = 'sms'"
        ):
            assert (code, suspended) == (LOST.get(family), "30005" if family == "dead" else None)
        assert rig.rows("SELECT count(*) FROM watch WHERE heard_at IS NULL OR told = 0") == [(0,)]

        told = rig.told()
        assert {(line.forged, line.answer) for line in told} == {(False, 204), (True, 403)}
        assert "callback_forged" in rig.log("api")
        for number in numbers.values():
            assert number not in rig.log("api")
