"""Machines in the store: found by their indexes, told once by any number of sweepers, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.errors import Conflict
from alertd.domain.event import EventStatus, OutageEvent
from alertd.domain.incident import Reach, Severity, State
from alertd.records import LastWord, TakenEvent
from alertd.store.store import SqlStore
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.planning import Overtaken
from alertd.usecases.publish import News, publish
from alertd.usecases.ripen import ripen
from alertd.usecases.take_machine_events import take_machine_event
from tests import make
from tests.contract.books import Books
from tests.contract.test_store_indexes import listening, plans
from tests.served import Served, open_deps


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    """A family, and a suspicion of five minutes ago."""
    made = Served(*open_deps(database_url))
    await made.sign_in()
    await made.families()
    await fires(made)
    made.clock.advance(minutes=5)
    yield made
    await made.close()


async def fires(served: Served, name: str = "1", **changes: Any) -> None:
    """A machine tells of an alert."""
    given: dict[str, Any] = {
        "source": "alertmanager", "id": name, "alert": "a", "service": "follow", "severity": Severity.CRITICAL,
        "status": EventStatus.FIRING, "title": "Probe fails",
    }  # fmt: skip
    await take_machine_event(served.deps, OutageEvent(**given | changes), name.encode())


async def incident(served: Served) -> Any:
    """As it stands."""
    async with served.deps.store.reading() as rows:
        return await rows.incident(1)


async def test_what_was_told_in_vain_waits_until_it_is_told_on(served: Served) -> None:
    """By the newest act of this name; those of incidents and those that are too old do not count."""
    day = make.minutes(24 * 60)

    async def waits(since: Any = make.NOON - day) -> bool:
        async with served.deps.store.reading() as rows:
            return await rows.ignored_wait(since, "told")

    async def acts(what: str, at: Any, incident_id: Any = None) -> None:
        async with served.deps.store.transaction() as rows:
            await rows.add_act(served.deps.new_id(), at, "x", what, incident_id, {})

    assert not await waits()
    await acts("ignored event", make.after(1))
    assert await waits()
    assert not await waits(make.after(1))
    await acts("told", make.after(5), (await incident(served)).id)
    await acts("other", make.after(5))
    assert await waits()
    await acts("told", make.after(1))
    assert not await waits()
    await acts("ignored event", make.after(2))
    assert await waits()
    async with served.deps.store.reading() as rows:
        assert await rows.last_act("told", make.NOON) == make.after(1)
        assert await rows.last_act("told", make.after(1)) is None


async def test_four_sweepers_at_once_tell_it_once(served: Served) -> None:
    written = await asyncio.gather(*(ripen(served.deps) for _ in range(4)))

    assert sum(written) == 1
    assert len((await incident(served)).updates) == 2


async def test_a_human_and_the_sweeper_at_once(served: Served) -> None:
    """Whoever is first: the human's word stands, and it is told once each."""
    await asyncio.gather(
        ripen(served.deps),
        publish(served.deps, 1, News(message={"en": "Yes, it is down."}), who="on call"),
        return_exceptions=False,
    )

    found = await incident(served)
    assert (found.state, found.held, found.newest.by_person) == (State.INVESTIGATING, False, True)
    assert [update.notify for update in found.updates[1:]] == [True] * (len(found.updates) - 1)


async def test_a_human_who_opens_and_one_who_cancels_at_once(served: Served) -> None:
    """One of them comes first, and the other is told so; nothing is half done."""
    opening = Opening((Reach("follow"),), Severity.CRITICAL, "Follow is down")
    became = await asyncio.gather(
        open_incident(served.deps, opening, who="on call"),
        publish(served.deps, 1, News(state=State.CANCELLED), who="lead"),
        return_exceptions=True,
    )

    assert all(not isinstance(each, BaseException) or isinstance(each, Conflict | Overtaken) for each in became)
    assert (await incident(served)).state in (State.CANCELLED, State.INVESTIGATING)


async def test_twenty_webhooks_at_once_open_one_incident(database_url: str) -> None:
    """Alertmanagers in a cluster all tell; each alert is a telling of its own."""
    served = Served(*open_deps(database_url))
    await served.sign_in()
    await served.families()
    await asyncio.gather(*(fires(served, str(n), alert=f"a{n}") for n in range(20)))
    async with served.deps.store.reading() as rows:
        found = await rows.incidents(open_only=False, limit=10)
        alerts = await rows.alerts_of(found[0].id)
    await served.close()

    assert [each.number for each in found] == [1]
    assert len(found[0].updates) == 1
    assert len(alerts) == 20


async def test_twenty_webhooks_at_once_judge_what_was_ignored_once(database_url: str) -> None:
    """Families were imported meanwhile: one of them opens its incident, the others are duplicates of it."""
    served = Served(*open_deps(database_url))
    await served.sign_in()
    await fires(served)
    await served.families()
    await asyncio.gather(*(fires(served) for _ in range(20)))
    async with served.deps.store.reading() as rows:
        found = await rows.incidents(open_only=False, limit=10)
        alerts = await rows.alerts_of(found[0].id)
        known = await rows.known_events("alertmanager", ["1"])
    await served.close()

    assert [(each.number, len(each.updates)) for each in found] == [(1, 1)]
    assert alerts == {("alertmanager", "a"): "firing"}
    assert known["1"][1] == found[0].id


async def test_what_an_alert_said_last(books: Books) -> None:
    """Of two at one instant the one that fires, and of two of these the later telling."""

    def event(name: str, status: str, at: float, incident_id: Any = None, alert: str = "a") -> TakenEvent:
        return TakenEvent("prober", name, alert, status, bytes(32), "{}", make.after(at), incident_id)

    async with books.store.transaction() as rows:
        await rows.add_events(
            [
                event("1", "firing", 0, books.incident.id),
                event("2", "resolved", 1),
                event("2 again", "firing", 1),
                event("3", "firing", 0, alert="b"),
                event("4", "resolved", 2, alert="b"),
            ]
        )
    async with books.store.reading() as rows:
        assert await rows.last_words("prober", ["a", "b", "c"]) == {
            "a": LastWord("2 again", "firing", None),
            "b": LastWord("4", "resolved", None),
        }
        assert await rows.last_words("other", ["a"]) == {}


async def test_an_alert_is_named_again_a_day_after_it_was_named(books: Books) -> None:
    """However often it has fired since; and an event that joins an incident after all is no longer in vain."""
    event = TakenEvent("prober", "1", "a", "firing", bytes(32), "{}", make.NOON, None)
    async with books.store.transaction() as rows:
        await rows.add_events([event, replace(event, id="2", at=make.after(30))])
        await rows.name_events("prober", ["1"], make.after(1))
    async with books.store.transaction() as rows:
        assert await rows.named_alerts("prober", ["a", "b"], make.NOON) == {"a"}
        assert await rows.named_alerts("prober", ["a"], make.after(1)) == set()
        assert await rows.named_alerts("other", ["a"], make.NOON) == set()
        await rows.join_events("prober", ["2"], books.incident.id)
    async with books.store.reading() as rows:
        known = await rows.known_events("prober", ["1", "2"])
        assert {name: which for name, (_, which) in known.items()} == {"1": None, "2": books.incident.id}


async def test_events_and_what_is_ripe_are_found_by_their_indexes(books: Books) -> None:
    with listening() as heard:
        async with books.store.reading() as rows:
            assert await rows.known_events("alertmanager", ["1"]) == {}
            assert await rows.incidents_of_alerts("alertmanager", ["a"]) == {}
            assert await rows.last_words("alertmanager", ["a"]) == {}
            assert await rows.named_alerts("alertmanager", ["a"], make.NOON) == set()
            assert await rows.ripe_incidents(make.NOON) == []
            assert await rows.ignored_events(make.NOON, 10) == []
    async with books.store.transaction() as rows:
        for words, index in (
            (("outage_event", "incident_id IS NOT NULL"), "ix_outage_event_source_alert"),
            (("outage_event", "DISTINCT"), "ix_outage_event_source_alert"),
            (("outage_event", "row_number"), "ix_outage_event_source_alert"),
            (("SELECT incident.number", "confirm_at"), "ix_incident_open"),
            (("FROM act", "what"), "ix_act_ignored"),
        ):
            [plan] = await plans(rows, heard, *words)
            assert index in plan, plan


async def test_a_store_that_is_opened_anew_knows_what_is_held(served: Served, database_url: str) -> None:
    store = SqlStore(database_url)
    async with store.reading() as rows:
        found = await rows.incident(1)
    await store.close()

    assert found == await incident(served)
    assert found is not None
    assert (found.held, found.confirm_at) == (True, make.after(5))
