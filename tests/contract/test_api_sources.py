"""A key that is bound to sources speaks as these and no other, on both databases (R0)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from alertd.ingest.alertmanager import Labels
from tests.contract.test_api_machines import FIRING, PATH, alert, webhook
from tests.served import Served, open_deps


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    """A family, statusbot that may say that it is over, and Alertmanager with a key for itself alone."""
    made = Served(*open_deps(database_url))
    await made.sign_in()
    await made.families()
    policy = replace(
        made.deps.policies["follow"],
        sources={"alertmanager": ("open", "raise"), "statusbot": ("open", "widen", "resolve")},
    )
    deps = replace(made.deps, policies={"follow": policy})
    made.app.state.served = replace(made.app.state.served, deps=deps)
    await takes_key(made, "alertmanager")
    yield made
    await made.close()


async def takes_key(served: Served, *sources: str, rights: tuple[str, ...] = ("event:write",)) -> str:
    """Every request from now on is a machine's that has a key for these; returns the key's id."""
    made = await served.key(*rights, note="Mia's laptop", sources=sources)
    served.http.headers["Authorization"] = f"Bearer {made.secret}"
    return made.id


async def kept(served: Served) -> tuple[set[str], int | None, bool]:
    """Whose events are kept, the newest incident, and whether that is about to end by itself."""
    async with served.deps.store.reading() as rows:
        known = {
            source
            for source in ("alertmanager", "statusbot")
            if await rows.known_events(source, ["1", "2", "takes over"])
        }
        incidents = await rows.incidents(open_only=False, limit=10)
    newest = incidents[0] if incidents else None
    return known, newest.number if newest else None, newest is not None and newest.resolve_at is not None


async def test_a_leaked_key_of_alertmanager_ends_nothing(served: Served) -> None:
    """Whoever has it pretends to be the one source that may say "it is over": refused, with the way out."""
    key = await takes_key(served, "alertmanager")
    assert (await served.ask("POST", "/v1/events", FIRING)).json()["did"] == "opened"

    for status in ("firing", "resolved"):
        body = FIRING | {"source": "statusbot", "id": "takes over", "status": status}
        for dry_run in (False, True):
            answer = await served.ask("POST", "/v1/events", body, dry_run=dry_run)
            assert answer.status_code == 403
            assert answer.json()["error"] == {
                "code": "forbidden",
                "field": "source",
                "message": f'key {key} may not speak as source "statusbot", only as "alertmanager"; '
                "alertd key create --right event:write --source statusbot makes one that may",
            }
    assert await kept(served) == ({"alertmanager"}, 1, False)
    assert served.log.named("source_forged") == [{"key": key, "source": "statusbot"}] * 4
    assert "Mia" not in str(served.log.lines)


async def test_a_refusal_is_remembered_for_nobody(served: Served) -> None:
    """The same Idempotency-Key with a key that may does it."""
    body, headers = FIRING | {"source": "statusbot"}, {"Idempotency-Key": "k"}
    assert (await served.ask("POST", "/v1/events", body, headers=headers)).status_code == 403
    await takes_key(served, "statusbot", "prober")
    assert (await served.ask("POST", "/v1/events", body, headers=headers)).json()["did"] == "opened"


async def test_a_key_may_be_bound_to_several(served: Served) -> None:
    await takes_key(served, "alertmanager", "statusbot")
    for source in ("alertmanager", "statusbot"):
        assert (await served.ask("POST", "/v1/events", FIRING | {"source": source})).status_code == 202
    answer = await served.ask("POST", "/v1/events", FIRING | {"source": "prober"})
    assert answer.status_code == 403
    assert 'only as "alertmanager", "statusbot"' in answer.json()["error"]["message"]


async def test_a_key_without_sources_speaks_as_any(served: Served) -> None:
    await takes_key(served)
    for source in ("alertmanager", "statusbot", "prober"):
        assert (await served.ask("POST", "/v1/events", FIRING | {"source": source})).status_code == 202
    assert (await served.ask("POST", PATH, webhook(alert()))).status_code == 202
    assert served.log.named("source_forged") == []


async def test_a_persons_key_is_bound_like_a_machines(served: Served) -> None:
    """What they tell by events is told as a source; what they tell by incidents is their own."""
    await takes_key(served, "desk", rights=("event:write", "incident:write"))
    assert (await served.ask("POST", "/v1/events", FIRING)).status_code == 403
    assert (await served.ask("POST", "/v1/events", FIRING | {"source": "desk"})).json()["update"] == 1
    assert (await served.ask("POST", "/v1/incidents/1/resolve", {})).status_code == 200


async def test_alertmanager_with_a_key_of_its_own(served: Served) -> None:
    """What maps to nothing is no reason to refuse a group."""
    answer = await served.ask("POST", PATH, webhook(alert("f1", service="nothing"), alert("f2")))
    assert answer.status_code == 202
    assert answer.json()["did"] == {"noted": 1, "opened": 1}


@pytest.mark.parametrize("source", ["alertmanager", "statusbot"])
async def test_alertmanager_with_the_key_of_another(served: Served, source: str) -> None:
    """It is the wrong key, whatever the settings call Alertmanager and whatever is in the group."""
    served.app.state.served = replace(served.app.state.served, labels=Labels(source=source))
    key = await takes_key(served, "prober")
    groups: tuple[Any, ...] = (webhook(alert()), webhook(), webhook(alert(service="nothing")), {"version": "3"})
    for group in groups:
        answer = await served.ask("POST", PATH, group)
        assert answer.status_code == 403
        assert answer.json()["error"] == {
            "code": "forbidden",
            "message": f'key {key} may not speak as source "{source}", which the settings say Alertmanager is, '
            f'only as "prober"; alertd key create --right event:write --source {source} makes one that may',
        }
    assert await kept(served) == (set(), None, False)
    assert served.log.named("source_forged") == [{"key": key, "source": source}] * len(groups)
