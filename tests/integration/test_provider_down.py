"""A provider dies in the middle of a fan-out, with all of alertd running: nobody is lost, and everybody else is told."""

import time
from collections import Counter
from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from tests.conftest import DIALECTS
from tests.integration import judge, town
from tests.integration.rig import WINDOW, Rig
from tests.servers import wait_until
from tests.standstill import Standstill

pytestmark = pytest.mark.integration
PATIENCE = 180.0  # seconds, on a machine that is very busy
FAMILIES = 2000
DOWN = 30.0  # real seconds
STEP = 10.0  # real seconds from a family's first try
FALLBACK = "{after: 10m, tell: always, via: [sms]}"
MARGIN = 30.0
"""Real seconds after the step by which all SMS must be taken. It counts from each family's own first try, and
those of 2,000 take seconds to begin; then 2,000 SMS go over one urgent child. Two cores need 13 s for both, so
this is for a machine of less than half that speed. Push that works again by then excuses nobody: only what it
took before the step fell due does."""
LONG = "90m"  # until the next channel is used for what nobody took: the step must not need that
QUIET = "wakes: {critical: []}"  # else an SMS goes beside each push at once (the floor): nothing to fall back to
LOST = 100  # SMS that the provider takes and gives up later
PLACES = (
    "415", "212", "303", "312", "206", "617", "702", "503", "214", "305",
    "404", "713", "512", "602", "619", "816", "314", "412", "410", "216",
)  # fmt: skip


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d == "postgresql"])
def test_push_is_dead_for_thirty_seconds(
    fresh_database: Callable[[str], str], tmp_path: Path, dialect: str
) -> None:
    with (
        Standstill() as still,
        Rig(
            tmp_path / "rig",
            fresh_database(dialect),
            window=2 * WINDOW,
            policy=QUIET,
            step=FALLBACK,
            first_notice=LONG,
        ) as rig,
    ):
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
        word = time.time()  # noqa: TID251  what providers log is in real time
        rig.open(town.SAID[town.NOTICE])

        def told(channel: str) -> Counter[str]:
            return Counter(m.to for m in rig.accepted() if m.channel == channel)

        def otherwise() -> bool:
            push, mail = told("push"), told("email")  # whichever could be used first
            return all(f"push-{n:04}" in push or f"p{n:04}@example.org" in mail for n in range(LOST))

        def given_up() -> bool:
            return rig.rows("SELECT count(*) FROM delivery WHERE state = 'undelivered'") == [(LOST,)]

        def everybody() -> bool:
            push, sms = told("push"), told("sms")
            return all(number in sms or f"push-{n:04}" in push for n, number in enumerate(numbers))

        wait_until("everybody is told", everybody, PATIENCE, every=0.5)
        wait_until("Twilio has reported whom it lost", given_up, PATIENCE, every=0.5)
        wait_until("who got no SMS is told otherwise", otherwise, PATIENCE, every=0.5)
        wait_until("push works again", lambda: len(told("push")) > 0, PATIENCE, every=0.5)
        wait_until("all of it was carried out", rig.at_rest, PATIENCE)

        first = {(m.channel, m.to): m.at for m in reversed(rig.accepted())}
        pushed = [first.get(("push", f"push-{n:04}"), inf) for n in range(FAMILIES)]
        texted = [first.get(("sms", number), inf) for number in numbers]
        assert min(texted) >= word + STEP, "nothing but the step sends an SMS"
        by = word + STEP + MARGIN + still.seconds
        late = sum(push > word + STEP and sms > by for push, sms in zip(pushed, texted, strict=True))
        assert late == 0, f"{late} families had no push, and no SMS by {MARGIN:g} s after the step"

        news = Counter(
            (m.channel, m.to)
            for m in rig.accepted()
            if m.channel != "page" and judge.phase_of(m)[0] == town.NOTICE
        )
        assert max(news.values()) == 1, "nobody is told twice over one channel"
        assert rig.rows("SELECT count(*) FROM watch WHERE heard_at IS NULL OR told = 0") == [(0,)]
        assert rig.rows("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]

        asked = Counter(refusal.channel for refusal in rig.refused())
        assert set(asked) == {"push"}
        assert asked["push"] < FAMILIES / 2, "the breaker asks in place of all who wait"
        reasons = set(rig.rows("SELECT DISTINCT channel, reason FROM delivery WHERE channel IN ('push', 'sms')"))
        assert reasons == {("push", "first_notice"), ("sms", "ladder")}
        held = "SELECT count(*) FROM attempt WHERE outcome = 'pending' AND code LIKE 'held: %%'"
        assert rig.rows(held)[0][0] > 0
        said = [entry["text"] for entry in rig.ask("GET", "/v1/incidents/1/timeline")["entries"]]
        assert any("channel push fails" in text for text in said), said
        assert any("sms" in text and "30003" in text for text in said), said
