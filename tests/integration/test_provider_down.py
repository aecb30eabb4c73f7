"""A provider dies in the middle of a fan-out, with all of alertd running: nobody is lost, and everybody else is told."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import DIALECTS
from tests.integration import judge, town
from tests.integration.rig import WINDOW, Rig
from tests.servers import wait_until

pytestmark = pytest.mark.integration
PATIENCE = 180.0  # seconds, on a machine that is very busy
FAMILIES = 2000
SOON = "10m"  # ten real seconds
DOWN = 30.0  # real seconds; after 15 the next channel is used: half a lease
LATER = "{after: 10h, tell: always, via: [email]}"  # no ladder helps
QUIET = "wakes: {critical: []}"  # or an SMS would go beside each push from the beginning: the floor
LOST = 100  # SMS that the provider takes and gives up later
PLACES = (
    "415", "212", "303", "312", "206", "617", "702", "503", "214", "305",
    "404", "713", "512", "602", "619", "816", "314", "412", "410", "216",
)  # fmt: skip


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d == "postgresql"])
def test_push_is_dead_for_thirty_seconds(
    fresh_database: Callable[[str], str], tmp_path: Path, dialect: str
) -> None:
    with Rig(
        tmp_path / "rig", fresh_database(dialect), window=2 * WINDOW, policy=QUIET, step=LATER, first_notice=SOON
    ) as rig:
        rig.sign_in()
        place = town.Town()
        numbers = []
        for n in range(FAMILIES):
            token, number = f"push-{n:04}", f"+1{PLACES[n // 100]}55501{n % 100:02}"
            addresses = town.on("push", token), town.on("sms", number), town.on("email", f"p{n:04}@example.org")
            place.add(f"fam-{n:04}", [town.person("mia", *addresses, preferences=town.want("push"))])
            numbers.append(number)
        rig.move_in(place)
        lost = set(numbers[:LOST])
        rig.sandbox(
            "POST",
            "/faults",
            [
                {"kind": "5xx", "channel": "push", "status": 503, "retry_after_s": None, "for_s": DOWN},
                {"kind": "undelivered", "channel": "sms", "to": sorted(lost)},
            ],
        )
        rig.open(town.SAID[town.NOTICE])

        def told(channel: str) -> Counter[str]:
            return Counter(m.to for m in rig.accepted() if m.channel == channel)

        def otherwise() -> bool:
            push, mail = told("push"), told("email")  # whichever could be used first
            return all(f"push-{n:04}" in push or f"p{n:04}@example.org" in mail for n in range(LOST))

        def everybody() -> bool:
            push, sms = told("push"), told("sms")
            return all(number in sms or f"push-{n:04}" in push for n, number in enumerate(numbers))

        wait_until("everybody is told", everybody, PATIENCE, every=0.5)
        wait_until("who got no SMS is told otherwise", otherwise, PATIENCE, every=0.5)
        wait_until("push works again", lambda: len(told("push")) > 0, PATIENCE, every=0.5)
        wait_until("all of it was carried out", rig.at_rest, PATIENCE)

        news = Counter(
            (m.channel, m.to)
            for m in rig.accepted()
            if m.channel != "page" and judge.phase_of(m)[0] == town.NOTICE
        )
        assert max(news.values()) == 1, "nobody is told twice over one channel"
        assert len(told("sms")) >= LOST, "who was asked first could not wait for push"
        assert rig.rows("SELECT count(*) FROM watch WHERE heard_at IS NULL OR told = 0") == [(0,)]
        assert rig.rows("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]

        asked = Counter(refusal.channel for refusal in rig.refused())
        assert set(asked) == {"push"}
        assert asked["push"] < FAMILIES / 2, "the breaker asks in place of all who wait"
        reasons = dict(rig.rows("SELECT channel, min(reason) FROM delivery GROUP BY channel"))
        assert (reasons["push"], reasons["sms"]) == ("first_notice", "not_taken")
        held = "SELECT count(*) FROM attempt WHERE outcome = 'pending' AND code LIKE 'held: %%'"
        assert rig.rows(held)[0][0] > 0
        said = [entry["text"] for entry in rig.ask("GET", "/v1/incidents/1/timeline")["entries"]]
        assert any("channel push fails" in text for text in said), said
        assert any("sms" in text and "30003" in text for text in said), said
