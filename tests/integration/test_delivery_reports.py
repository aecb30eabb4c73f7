"""Real processes and a provider that calls back: what came to nothing is told over another way, what families reply is
done and answered, and no lie is believed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

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
SHARING = ("home", "school")  # a grandmother's number is in both
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
        shared = place.number()
        for name in SHARING:
            addresses = town.on("sms", shared), town.on("email", f"{name}@example.org")
            place.add(name, [town.person("nan", *addresses, preferences=town.want("sms"))])
        rig.move_in(place)
        faults = [{**fault, "to": [numbers[name]]} for name, fault in FAULTS.items() if fault]
        rig.sandbox("POST", "/faults", faults)
        rig.open(town.SAID[town.NOTICE])

        expected = dict.fromkeys(FAULTS, "delivered") | {"off": "undelivered", "dead": "refused"}

        def became() -> dict[Any, Any]:
            """By family, what became of the message to its number."""
            found = rig.rows("SELECT family_id, state FROM delivery WHERE channel = 'sms' AND update_no = 1")
            return {family: state for family, state in found if family in FAULTS}

        wait_until("Twilio has reported", lambda: became() == expected, PATIENCE)
        mail = {f"{name}@example.org" for name in LOST}
        wait_until("they have mail", lambda: mail <= {m.to for m in rig.accepted()}, PATIENCE)
        wait_until("all of it was told", rig.at_rest, PATIENCE)

        accepted = rig.accepted()
        once_each = sorted([*numbers.values(), shared])
        assert sorted(m.to for m in accepted if m.channel == "sms") == once_each
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
        families_write_back(rig, numbers["good"], shared)
        for number in once_each:
            assert number not in rig.log("api")


def families_write_back(rig: Rig, good: str, shared: str) -> None:
    """One asks, says that they know, and writes in their own words; a number of two families wants no more."""
    asked = rig.writes(good, "How is it?")
    assert asked is not None
    assert town.SAID[town.NOTICE]["en"] in asked
    assert (rig.writes(good, " Ok! ") or "").startswith("Thank you. We ask nobody of your family again")
    answered = "SELECT family_id FROM watch WHERE ladder = 'answered'"
    wait_until("nobody asks them again", lambda: rig.rows(answered) == [("good",)], PATIENCE)
    assert (rig.writes(good, "Her sensor shows LOW. What now?") or "").startswith("We got your message.")
    assert "Her sensor shows LOW. What now?" in rig.command_line("inbox", "list")
    assert "sensor shows" not in rig.log("api")

    opted_out = "SELECT count(*) FROM address WHERE opted_out_at IS NOT NULL"
    body = urlencode({"MessageSid": f"SM{7:032x}", "From": shared, "Body": "STOP", "To": "+14155550100"}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for signed in ({}, {"X-Twilio-Signature": "bm90IHR3aWxpbw=="}):
        status, _ = rig.raw("POST", "/v1/providers/twilio/inbound", body, {**kind, **signed})
        assert (status, rig.rows(opted_out)) == (403, [(0,)])

    said = rig.writes(shared, "STOP")
    assert said == "No more texts to this number. We tell you by e-mail instead. Write START to get texts again."
    assert rig.rows(opted_out) == [(1,)]
    heard = len(rig.accepted())
    rig.update(town.SAID[town.SECOND])
    mail = {f"{name}@example.org" for name in SHARING}

    def second() -> set[str]:
        """Who has the second word."""
        return {m.to for m in rig.accepted()[heard:] if town.SAID[town.SECOND]["en"] in m.text}

    wait_until("both families have it by mail, and who knows by SMS", lambda: {*mail, good} <= second(), PATIENCE)
    wait_until("all of it was told", rig.at_rest, PATIENCE)
    assert shared not in {m.to for m in rig.accepted()[heard:]}
