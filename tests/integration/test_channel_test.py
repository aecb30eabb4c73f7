"""`alertd channel test` against all of alertd as it runs in production: real workers send, real callbacks come back."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration import town
from tests.integration.rig import Rig
from tests.servers import wait_until

pytestmark = pytest.mark.integration

GOOD, OFF, DEAD = "+14155550171", "+14155550172", "+14155550173"


def try_(rig: Rig, channel: str, to: str, *more: str) -> tuple[int, str]:
    """Exit code and output of the command, as somebody runs it who has a key."""
    argv = [sys.executable, "-m", "alertd", "channel", "test", channel, to, "--wait", "30", *more]
    done = subprocess.run(argv, env=rig.env_of_a_person(), capture_output=True, text=True, timeout=90, check=False)
    return done.returncode, done.stdout + done.stderr


def test_it_tells_what_becomes_of_a_message_while_an_outage_goes_on(
    fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    with Rig(tmp_path / "rig", fresh_database("sqlite")) as rig:
        rig.sign_in()
        place = town.Town()
        family = place.number()
        place.add("fam", [town.person("mia", town.on("sms", family), preferences=town.want("sms"))])
        rig.move_in(place)
        rig.open(town.SAID[town.NOTICE])
        rig.sandbox(
            "POST",
            "/faults",
            [
                {"kind": "undelivered", "to": [OFF]},
                {"kind": "undelivered", "code": 30005, "to": [DEAD]},
            ],
        )
        wait_until("the family was told", lambda: any(m.to == family for m in rig.accepted()), 60)
        for channel, to in (("sms", GOOD), ("push", "a-token-of-mine"), ("email", "ann@example.org")):
            code, said = try_(rig, channel, to, "--locale", "es")
            assert code == 0, said
            assert "  accepted after " in said
            assert to not in said
            assert ("  delivered after " in said) == (channel == "sms")
        for to, number, way_out in ((OFF, "30003", "has reception"), (DEAD, "30005", "correct it")):
            code, said = try_(rig, "sms", to)
            assert code == 1, said
            assert f": {number}" in said
            assert f"https://www.twilio.com/docs/api/errors/{number}" in said
            assert way_out in said
        tests = [m for m in rig.accepted() if m.to != family]
        assert [m.to for m in tests] == [GOOD, "a-token-of-mine", "ann@example.org", OFF, DEAD]
        spoken: dict[str, str] = {m.channel: f"{m.title or ''} {m.text}" for m in tests[:3]}
        assert all("PRUEBA" in text for text in spoken.values()), spoken
        code, said = try_(rig, "sms", DEAD, "-o", "json")
        assert (code, "suspended" in said) == (1, True)
        listed: list[dict[str, Any]] = json.loads(json.dumps(rig.ask("GET", "/v1/incidents?state=all")))[
            "incidents"
        ]
        assert [each["number"] for each in listed] == [1]
        assert rig.rows("SELECT count(*) FROM trouble") == [(0,)]
        rig.change("UPDATE incident SET opened_at = 0 WHERE number < 0")  # long ago
        left = "SELECT (SELECT count(*) FROM incident WHERE number < 0), (SELECT count(*) FROM address)"
        wait_until("the sweeper has forgotten them", lambda: rig.rows(left) == [(0, 1)], 30)
        for name in ("api", "sweeper", "worker-urgent", "worker-bulk"):
            assert all(to not in rig.log(name) for to in (GOOD, OFF, DEAD, "ann@example.org"))
