"""/metrics: what Prometheus reads of it, and what it costs."""

import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from sqlalchemy import update

from alertd.api.metric_words import METRICS
from alertd.domain.audit import Audit, Unaccounted
from alertd.domain.paging import OwedPage, PageKey, ResponderLadder
from alertd.ports.store import Store
from alertd.store.tables import watch
from alertd.usecases.audit import audit
from alertd.usecases.beat import beat, tell_lost_hints
from alertd.usecases.census import Counting, take_census
from alertd.usecases.fan_out import fan_out
from alertd.usecases.page_responders import tend_responders
from tests import make
from tests.fakes import FakeDoorbell, FakePace
from tests.served import Served, fresh_served

served = fresh_served


async def scraped(served: Served) -> dict[str, list[Sample]]:
    """Every sample by the name of its metric."""
    served.clock.advance(seconds=6)  # an answer is kept for five
    answer = await served.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {family.name: family.samples for family in text_string_to_metric_families(answer.text)}


def value(samples: list[Sample], **labels: str) -> float:
    [found] = [sample.value for sample in samples if sample.labels == labels]
    return found


def seconds(at: object) -> float:
    assert isinstance(at, type(make.NOON))
    return at.timestamp()


async def test_it_needs_no_key_and_tells_of_a_town_where_nothing_happened(served: Served) -> None:
    del served.http.headers["Authorization"]
    found = await scraped(served)
    assert value(found["alertd_open_incidents"], severity="critical", held="false") == 0
    assert value(found["alertd_oldest_due_delivery_seconds"], lane="bulk") == 0
    assert value(found["alertd_hints_lost"]) == 0
    assert found["alertd_audit_passed"] == [], "nobody has asked: neither well nor not"
    assert found["alertd_ping_timestamp_seconds"] == []


async def test_it_tells_for_how_long_messages_waited_for_a_rate(served: Served) -> None:
    pace = FakePace()
    pace.lost = 3
    deps = replace(served.deps, pace=pace)
    await beat(deps, "sweeper", None, lambda: {("sms", "urgent"): 1.5, ("sms", "bulk"): 2.0})
    found = await scraped(served)
    assert value(found["alertd_rate_waited_seconds"], channel="sms") == 3.5
    assert value(found["alertd_rate_waited_seconds"], channel="push") == 0
    assert value(found["alertd_rates_not_shared"]) == 3
    assert [each.labels for each in found["alertd_heartbeat_timestamp_seconds"]] == [{"part": "sweeper"}]


async def test_it_tells_what_waits_what_was_told_and_whether_all_are_accounted_for(served: Served) -> None:
    await served.families(make.family(id="fam-1"), make.family(id="fam-2", caregivers=(make.caregiver("ben"),)))
    await served.open()
    await fan_out(served.deps, "urgent", send=False)
    served.clock.advance(seconds=14)
    found = await scraped(served)
    assert value(found["alertd_oldest_due_delivery_seconds"], lane="urgent") == 20
    assert value(found["alertd_open_incidents"], severity="critical", held="false") == 1

    await served.work()
    await take_census(served.deps)
    counted_at = served.clock.machine()
    await audit(served.deps)
    found = await scraped(served)
    sent = {"channel": "push", "state": "accepted", "reason": "first_notice"}
    assert value(found["alertd_deliveries"], **sent) == 2
    assert value(found["alertd_ladders"], state="climbing") == 2
    assert value(found["alertd_deliveries_counted_timestamp_seconds"]) == seconds(counted_at)
    assert value(found["alertd_audit_passed"]) == 1
    assert value(found["alertd_families_touched"]) == 2
    assert value(found["alertd_families_unaccounted"]) == 0
    assert value(found["alertd_silence_headroom_seconds"], incident="1") == pytest.approx(1780)
    assert value(found["alertd_audits"], result="passed") == 1
    assert value(found["alertd_heartbeat_timestamp_seconds"], part="sweeper") == seconds(counted_at)


async def test_it_tells_when_families_are_forgotten_and_when_nobody_asks(served: Served) -> None:
    now = served.clock.machine()
    bad = Audit(now, now, 7, 4, (Unaccounted(3, 3, ("fam-1",)),), {"quiet": 2}, {3: -40.5}, ("nobody_on_call",))
    async with served.deps.store.transaction() as rows:
        await rows.keep_audit(replace(bad, unaccounted=(), machine_at=now - timedelta(seconds=30)))
        await rows.keep_ping(now - timedelta(seconds=29))
        await rows.keep_audit(bad)
    found = await scraped(served)
    assert value(found["alertd_audit_passed"]) == 0
    assert value(found["alertd_families_unaccounted"]) == 3
    assert value(found["alertd_families_excused"], excuse="quiet") == 2
    assert value(found["alertd_silence_headroom_seconds"], incident="3") == -40.5
    assert value(found["alertd_ping_withheld"], condition="nobody_on_call") == 1
    assert value(found["alertd_audit_timestamp_seconds"]) == seconds(now)
    assert value(found["alertd_audit_passed_timestamp_seconds"]) == seconds(now - timedelta(seconds=30))
    assert value(found["alertd_ping_timestamp_seconds"]) == seconds(now - timedelta(seconds=29))
    async with served.deps.store.transaction() as rows:
        await rows.keep_audit(Audit(now, now, failed="OperationalError"))
    found = await scraped(served)
    assert value(found["alertd_audit_passed"]) == 0
    assert found["alertd_families_unaccounted"] == [], "nobody knows"


async def test_hints_that_any_process_lost_are_added_up(served: Served) -> None:
    bell = served.deps.doorbell
    assert isinstance(bell, FakeDoorbell)
    bell.lost = 3
    await served.beat()
    bell.lost = 2
    await tell_lost_hints(served.deps)
    await tell_lost_hints(served.deps)
    assert value((await scraped(served))["alertd_hints_lost"]) == 5


async def test_an_answer_is_kept_for_some_seconds(served: Served) -> None:
    await scraped(served)
    await served.families()
    await served.open()
    assert 'alertd_open_incidents{held="false",severity="critical"} 0' in _sorted(
        (await served.http.get("/metrics")).text
    )
    found = await scraped(served)
    assert value(found["alertd_open_incidents"], severity="critical", held="false") == 1


def _sorted(text: str) -> str:
    """Labels in the order of their names."""
    return text.replace('{severity="critical",held="false"}', '{held="false",severity="critical"}')


async def test_a_database_that_is_away_is_told_without_a_traceback(served: Served) -> None:
    broken = replace(served.app.state.served, deps=replace(served.deps, store=cast(Store, Away())))
    served.app.state.served = broken
    answer = await served.http.get("/metrics")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert answer.headers["retry-after"]


class Away:
    """A store whose database does not answer."""

    dialect = "sqlite"

    def reading(self) -> object:
        raise OSError("a path and a password")


async def test_the_families_in_it_are_numbers_and_nothing_else(served: Served) -> None:
    """No id of a family, no address, no text of an outage."""
    await served.families()
    await served.open(title="Follow is down in Duluth")
    await served.work()
    await take_census(served.deps)
    served.clock.advance(hours=2)
    await audit(served.deps)
    served.clock.advance(seconds=6)
    text = (await served.http.get("/metrics")).text
    assert "fam-1" not in text
    assert "Duluth" not in text
    assert "mia" not in text


async def test_every_metric_is_in_the_table_and_told_in_its_order(served: Served) -> None:
    found = await scraped(served)
    assert list(found) == [metric.name.removesuffix("_total") for metric in METRICS]


def promtool(text: str) -> tuple[int, str]:
    """Exit code and words of Prometheus's own judge."""
    words = ["promtool", "check", "metrics"]
    checked = subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=20)
    return checked.returncode, checked.stdout + checked.stderr


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="NOT TRIED: no promtool on PATH; Debian's prometheus has it"
)
async def test_promtool_finds_nothing_to_say(served: Served) -> None:
    await served.families()
    await served.open()
    await served.work()
    await take_census(served.deps)
    await audit(served.deps)
    served.clock.advance(seconds=6)
    text = (await served.http.get("/metrics")).text
    assert promtool(text) == (0, "")


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="NOT TRIED: no promtool on PATH; Debian's prometheus has it"
)
def test_promtool_takes_the_rules() -> None:
    rules = Path(__file__).parents[2] / "deploy" / "prometheus" / "alertd.rules.yml"
    words = ["promtool", "check", "rules", str(rules)]
    checked = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    assert checked.returncode == 0, checked.stderr


async def test_it_tells_how_ladders_stand_and_what_became_of_pages(served: Served) -> None:
    await served.families(*[make.family(id=f"fam-{n}", caregivers=(make.caregiver(f"c{n}"),)) for n in range(3)])
    await served.open()
    await served.work()
    async with served.deps.store.transaction() as rows:
        [incident] = await rows.incidents(open_only=True, limit=10)
        sql = rows.sql  # type: ignore[attr-defined]
        for name, state in (("fam-0", "answered"), ("fam-1", "unanswered"), ("fam-2", "unanswered")):
            await sql.run(update(watch).where(watch.c.family_id == name).values(ladder=state))
        key = PageKey(ResponderLadder.POST, make.NOON, 0)
        owed = [OwedPage(key, "owner", page=False), OwedPage(replace(key, step=1), "lead", page=True)]
        await rows.add_pages(incident.id, owed, 1, make.NOON, make.NOON)
    await take_census(served.deps)

    found = await scraped(served)

    ladders = {sample.labels["state"]: sample.value for sample in found["alertd_ladders"]}
    assert ladders == {"climbing": 0, "answered": 1, "unanswered": 2, "unreachable": 0}
    assert value(found["alertd_pages"], how="nudge", state="pending") == 1
    assert value(found["alertd_pages"], how="page", state="pending") == 1


async def test_what_stays_the_same_is_counted_ever_more_seldom(served: Served) -> None:
    """Asked every 30 s; what happens meanwhile is counted at the next time."""
    await served.families(make.family(id="fam-1"))
    await served.open(severity="minor")
    await served.work()
    await tend_responders(served.deps)
    counting = Counting(served.deps)

    async def counted(minutes: int) -> list[int]:
        found = []
        for tick in range(2 * minutes):
            if await counting.count() is not None:
                found.append(30 * tick)
            served.clock.advance(seconds=30)
        return found

    assert await counted(9) == [0, 30, 60, 120, 240, 480]
    await served.open(services=["share"])
    assert await counted(1) == [0, 30], "a cursor waits: it is not calm"
    await served.families(make.family(id="fam-2", services=("share",)))
    await served.work()
    await tend_responders(served.deps)
    assert await counting.count() is None, "calm again, and young enough"
    served.clock.advance(minutes=5)
    assert await counting.count() is not None

    await served.open(services=["login"], severity="minor")
    await served.work()
    await tend_responders(served.deps)
    assert await counting.count() is not None, "calm, and yet an incident was opened and told meanwhile"
