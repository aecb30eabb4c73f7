"""Incidents over HTTP: commands that may be repeated, dry runs, and the story that the timeline tells."""

import asyncio
from typing import Any

import pytest

from alertd.ports import Later, Misconfigured, Refused
from tests import make
from tests.served import Served, fresh_served, open_deps

served = fresh_served


async def sql(served: Served, table: str) -> int:
    """How many rows a table has."""
    from sqlalchemy import text

    async with served.deps.store.transaction() as rows:
        found = await rows.sql.rows(text(f"SELECT count(*) FROM {table}"))  # type: ignore[attr-defined]
    return int(found[0][0])


def texts(answer: Any) -> list[str]:
    """The timeline as it is read."""
    return [entry["text"] for entry in answer.json()["entries"]]


async def test_open_tells_families_and_says_what_it_takes(served: Served) -> None:
    """201, the number to type, families and messages; the phones ring; the doorbell was rung once."""
    await served.families(make.family(), make.family(make.caregiver("ana"), id="fam-2"))
    answer = await served.open(message="No readings, no alarms.", do=["check_by_hand"])
    assert answer.status_code == 201
    assert answer.json() == {
        "incident": 1,
        "update": 1,
        "state": "investigating",
        "dry_run": False,
        "preview": {
            "families": 2,
            "messages": {"push": 2, "sms": 2},
            "seconds": 0.4,
            "exact": True,
            "scope": [{"service": "follow", "regions": []}],
        },
    }
    assert served.deps.doorbell.rung == ["urgent"]  # type: ignore[attr-defined]
    await served.work()
    assert len(served.channel("sms").accepted) == 2
    assert "No readings, no alarms." in served.channel("push").accepted[0].text


async def test_whoever_has_a_key_with_a_long_note_can_open_and_end(served: Served) -> None:
    """An act has 64 characters for who did it, and Postgres counts: the note is cut, the key's id never."""
    await served.families()
    note = "Duty manager console, network operations centre, second floor, west wing"
    key = await served.key("incident:read", "incident:write", note=note)
    served.http.headers["Authorization"] = f"Bearer {key.secret}"
    assert (await served.open()).status_code == 201
    assert (await served.ask("POST", "/v1/incidents/1/resolve", {"message": "Over."})).status_code == 200
    story = (await served.ask("GET", "/v1/incidents/1/timeline")).json()["entries"]
    signed = f"{note[: 64 - len(key.id) - 3]} ({key.id})"
    assert len(signed) == 64
    assert {entry["who"] for entry in story if entry.get("who")} >= {signed}


async def test_a_dry_run_changes_nothing(served: Served) -> None:
    """200, the same words, and neither an incident nor a used-up Idempotency-Key."""
    await served.families()
    body = {"services": ["follow"], "severity": "critical", "title": "Follow is down"}
    key = {"Idempotency-Key": "k1"}
    dry = await served.ask("POST", "/v1/incidents", body, headers=key, dry_run=True)
    assert dry.status_code == 200
    assert dry.json()["dry_run"] is True
    assert dry.json()["preview"]["families"] == 1
    assert await sql(served, "incident") == 0
    assert (await served.ask("POST", "/v1/incidents", body, headers=key)).status_code == 201
    for command in ("updates", "resolve", "cancel"):
        dry = await served.ask("POST", f"/v1/incidents/1/{command}", {"message": "Soon."}, dry_run=True)
        assert dry.status_code == 200, dry.text
        assert dry.json()["update"] == 2
    assert await sql(served, "incident_update") == 1


async def test_the_same_command_again_is_carried_out_once(served: Served) -> None:
    """Same key, same body: the same answer; another body: 409; another caller's key is another command."""
    await served.families()
    body = {"services": ["follow"], "severity": "critical", "title": "Follow is down"}
    headers = {"Idempotency-Key": "open-1"}
    first = await served.ask("POST", "/v1/incidents", body, headers=headers)
    again = await served.ask("POST", "/v1/incidents", body, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = await served.ask("POST", "/v1/incidents", body | {"title": "Else"}, headers=headers)
    assert other.status_code == 409
    assert "Idempotency-Key" in other.json()["error"]["message"]
    elsewhere = await served.ask("POST", "/v1/incidents/1/updates", {"message": "?"}, headers=headers)
    assert elsewhere.status_code == 409
    assert await sql(served, "incident_update") == 1
    for _ in range(2):
        headers = {"Idempotency-Key": "update-1"}
        told = await served.ask("POST", "/v1/incidents/1/updates", {"message": "Still down."}, headers=headers)
        assert told.json()["update"] == 2
    assert await sql(served, "incident_update") == 2
    await served.sign_in()
    foreign = await served.ask("POST", "/v1/incidents", body, headers={"Idempotency-Key": "open-1"})
    assert foreign.status_code == 409
    assert foreign.json()["error"]["incident"] == 1


async def test_twenty_at_once_with_one_key_do_it_once(database_url: str) -> None:
    """Whoever retries in a hurry cannot open or tell twice, and everyone gets the answer; on both databases."""
    served = Served(*open_deps(database_url))
    await served.sign_in()
    await served.families()
    body = {"services": ["follow"], "severity": "critical", "title": "Follow is down"}
    for path, command, key, status in (
        ("/v1/incidents", body, "k1", 201),
        ("/v1/incidents/1/updates", {"message": "Still down."}, "k2", 200),
    ):
        headers = {"Idempotency-Key": key}
        answers = await asyncio.gather(*(served.ask("POST", path, command, headers=headers) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {status}
        assert len({answer.text for answer in answers}) == 1
    assert (await sql(served, "incident"), await sql(served, "incident_update")) == (1, 2)
    await served.close()


async def test_opening_what_is_open_shows_the_incident(served: Served) -> None:
    """409 with the number, and the command to go on with."""
    await served.families()
    await served.open()
    answer = await served.open(title="Again")
    assert answer.status_code == 409
    assert answer.json()["error"]["incident"] == 1
    assert "alertd incident update 1" in answer.json()["error"]["message"]


async def test_updates_change_what_they_name_and_nothing_else(served: Served) -> None:
    """State, severity, scope, what works: each shown as it is afterwards."""
    await served.families(make.family(services=("follow", "share", "login")))
    await served.open(services=[{"service": "follow", "regions": ["us"]}], works=["sensor_works"], next_in="30m")
    for body in (
        {"message": {"en": "Overloaded.", "es": "Sobrecarga."}, "state": "identified", "next_in": "1h"},
        {"severity": "major"},
        {"add_scope": ["share", {"service": "login", "regions": ["us"]}]},
        {"remove_scope": ["share"], "works": []},
        {"message": "Not overloaded after all.", "corrects": 2},
    ):
        answer = await served.ask("POST", "/v1/incidents/1/updates", body)
        assert answer.status_code == 200, answer.text
    shown = (await served.ask("GET", "/v1/incidents/1")).json()
    assert [u["kind"] for u in shown["updates"]] == [
        "notice", "progress", "severity", "scope", "scope", "correction",
    ]  # fmt: skip
    assert shown["state"] == "identified"
    assert shown["severity"] == "major"
    assert shown["scope"] == [
        {"service": "follow", "regions": ["us"]},
        {"service": "login", "regions": ["us"]},
    ]
    assert shown["updates"][1]["message"] == {"en": "Overloaded.", "es": "Sobrecarga."}
    assert shown["updates"][1]["promise"] == "2026-11-04T21:00:00Z"
    assert [u["works"] for u in shown["updates"]][-3:] == [["sensor_works"], [], []]
    assert shown["updates"][-1]["corrects"] == 2


async def test_an_update_that_says_nothing_new(served: Served) -> None:
    """422: the families would get an empty message."""
    await served.families()
    await served.open()
    answer = await served.ask("POST", "/v1/incidents/1/updates", {"severity": "critical"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "message"


@pytest.mark.parametrize("state", ["resolved", "cancelled", "suspected", "gone"])
async def test_a_state_that_an_update_cannot_bring(served: Served, state: str) -> None:
    """Ends have commands of their own."""
    await served.families()
    await served.open()
    answer = await served.ask("POST", "/v1/incidents/1/updates", {"state": state})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "must be one of investigating, identified or monitoring"


@pytest.mark.parametrize(("command", "state"), [("resolve", "resolved"), ("cancel", "cancelled")])
async def test_an_end_is_told_to_who_was_told_and_is_final(served: Served, command: str, state: str) -> None:
    """With or without words; afterwards nothing more may be said."""
    await served.families()
    await served.open()
    await served.work()
    ended = await served.ask("POST", f"/v1/incidents/1/{command}")
    assert ended.status_code == 200
    assert ended.json()["state"] == state
    await served.work()
    assert len(served.channel("sms").accepted) == 2
    assert (await served.ask("GET", "/v1/incidents")).json() == {"incidents": []}
    assert [i["state"] for i in (await served.ask("GET", "/v1/incidents", state="all")).json()["incidents"]] == [
        state
    ]
    for path in ("updates", "resolve", "cancel"):
        again = await served.ask("POST", f"/v1/incidents/1/{path}", {"message": "?"})
        assert again.status_code == 409
        assert again.json()["error"]["incident"] == 1


async def test_an_incident_by_its_id(served: Served) -> None:
    """The number and the id name the same."""
    await served.families()
    await served.open()
    by_number = await served.ask("GET", "/v1/incidents/1")
    by_id = await served.ask("GET", f"/v1/incidents/{by_number.json()['id']}")
    assert by_id.json() == by_number.json()
    told = await served.ask("POST", f"/v1/incidents/{by_number.json()['id']}/updates", {"message": "Soon."})
    assert told.json()["update"] == 2


async def test_the_timeline_tells_it_all(served: Served) -> None:
    """Acts with who did them, what was delivered, refusals with what was done about them, holdings."""
    await served.families(
        make.family(make.caregiver("mia"), id="fam-1"),
        make.family(make.caregiver("ana", "push", "email"), id="fam-2"),
    )
    served.channel("push").fail("push-mia", Refused("UNREGISTERED"))
    await served.open(message={"es": "Sin alarmas.", "en": "No alarms."})
    await served.work()
    served.clock.advance(minutes=5)
    await served.ask("POST", "/v1/incidents/1/updates", {"message": "Found it.", "state": "identified"})
    await served.work()
    served.clock.advance(minutes=30)
    await served.work()
    served.clock.advance(minutes=5)
    await served.ask("POST", "/v1/incidents/1/updates", {"message": "For us.", "notify": False})
    served.clock.advance(minutes=5)
    await served.ask("POST", "/v1/incidents/1/resolve", {"message": "It works again."})
    await served.work()
    answer = await served.ask("GET", "/v1/incidents/1/timeline")
    assert served.made is not None
    me = f"test ({served.made.id})"
    assert texts(answer) == [
        f'Opened by {me}: Follow is down (critical; follow). "No alarms." '
        "Told: push 1 accepted, 1 refused; sms 1 accepted.",
        "push address of family fam-1 refused by the provider (UNREGISTERED); address suspended, "
        "told over sms instead",
        f'Update 2 by {me}: identified. "Found it." Told: push 1 accepted; sms 1 accepted.',
        # Nobody has answered for ten minutes: it goes over e-mail too.
        "Holding update, written by alertd: no news yet. Told: email 2 accepted; push 1 accepted; sms 1 accepted.",
        f'Update 3 by {me}: identified. "For us." For the record only: nobody is told.',
        f'Update 4 by {me}: resolved. "It works again." Told: push 1 accepted; sms 1 accepted.',
    ]
    moments = [entry["at"] for entry in answer.json()["entries"]]
    assert moments == sorted(moments)
    assert answer.json()["more_failures"] is False


async def test_the_timeline_says_what_followed_a_failure(served: Served) -> None:
    """Told another way, by way of somebody else, or not at all; never "next one used" where there is none."""
    await served.families(
        make.family(make.caregiver("ana", "sms"), id="fam-1"),
        make.family(make.caregiver("ben", "sms"), make.caregiver("eva", "sms", order=2), id="fam-2"),
        make.family(make.caregiver("joe", "sms", "email"), id="fam-3"),
    )
    for who in ("ana", "ben", "joe"):
        served.channel("sms").fail(make.own(who, "sms").to, Refused("21610", opted_out=who == "ana"))
    await served.open()
    await served.work()
    await served.work()
    refused = [text for text in texts(await served.ask("GET", "/v1/incidents/1/timeline")) if "refused by" in text]
    assert sorted(refused) == [
        "sms address of family fam-1 refused by the provider (21610); address opted out, no other address: not told",
        "sms address of family fam-2 refused by the provider (21610); address suspended, "
        "no other address; another caregiver of the family was told",
        "sms address of family fam-3 refused by the provider (21610); address suspended, told over email instead",
    ]
    ana = (await served.ask("GET", "/v1/families/fam-1")).json()
    assert ana["caregivers"][0]["addresses"][0]["opted_out_at"] == "2026-11-04T20:00:00Z"
    joe = (await served.ask("GET", "/v1/families/fam-3")).json()
    assert joe["caregivers"][0]["addresses"][0] | {"to": ""} == {
        "channel": "sms", "to": "", "suspended_at": "2026-11-04T20:00:00Z", "suspended_code": "21610",
    }  # fmt: skip
    assert "suspended_at" not in joe["caregivers"][0]["addresses"][1]
    assert (await served.ask("PUT", "/v1/families/fam-3", joe)).status_code == 200, (
        "what is shown can be sent back"
    )


async def test_what_nobody_was_told_is_no_news(served: Served) -> None:
    """A holding counts from the last update that families got, not from one for the record."""
    await served.families()
    await served.open()
    await served.work()
    served.clock.advance(minutes=10)
    await served.ask("POST", "/v1/incidents/1/updates", {"message": "For us.", "notify": False})
    served.clock.advance(minutes=20)
    await served.work()
    said = served.channel("push").accepted[-1].text
    assert "No news since 12:00 PM" in said
    assert "For us" not in said


async def test_what_is_for_the_record_only_is_no_update_that_families_lack(served: Served) -> None:
    """Nobody will ever be told it, so everybody who was told the one before has the newest."""
    await served.families()
    await served.open()
    await served.work()
    await served.ask("POST", "/v1/incidents/1/updates", {"message": "For us.", "notify": False})
    progress = (await served.ask("GET", "/v1/incidents/1/progress")).json()
    assert progress["newest_told"] == progress["families"]


async def test_many_failures_of_one_sort_are_one_line(served: Served) -> None:
    """A provider that is not configured fails for everybody: counted, not listed a thousand times."""
    await served.families(*(make.family(make.caregiver(f"c{n}", "sms"), id=f"fam-{n}") for n in range(8)))
    served.channel("sms").fail_always("*", lambda: Misconfigured("20003", "no such account"))
    await served.open()
    await served.work()
    answer = await served.ask("GET", "/v1/incidents/1/timeline")
    parked = [entry for entry in answer.json()["entries"] if entry["what"] == "parked"]
    assert len(parked) == 1
    assert parked[0]["text"].startswith(
        "sms to 8 families not sent (misconfigured: 20003): our own fault, see alertd doctor; 8 not told"
    )
    assert len(parked[0]["families"]) == 8
    some = await served.ask("GET", "/v1/incidents/1/timeline", failures=3)
    assert some.json()["more_failures"] is True


async def test_progress_for_live_views(served: Served) -> None:
    """Who was told, who was not and why, and when the next family must hear."""
    await served.families(
        make.family(id="fam-1"), make.family(make.caregiver("nobody", "voice"), id="fam-2", services=("follow",))
    )
    await served.open()
    before = (await served.ask("GET", "/v1/incidents/1/progress")).json()
    assert (before["touched"], before["families"], before["heard"]) == (2, 0, 0)
    await served.work()
    progress = (await served.ask("GET", "/v1/incidents/1/progress")).json()
    assert (progress["touched"], progress["families"], progress["heard"], progress["newest_told"]) == (2, 2, 1, 1)
    assert progress["unheard"] == [{"family": "fam-2", "rest": "no_address"}]
    assert progress["resting"] == {"no_address": 1}
    assert progress["deliveries"] == {"push": {"accepted": 1}, "sms": {"accepted": 1}}
    assert progress["next_by"] == "2026-11-04T20:30:00Z"

    await served.ask("POST", "/v1/incidents/1/resolve", {"message": "It works."})
    over = (await served.ask("GET", "/v1/incidents/1/progress")).json()
    assert over["next_by"] is None, "nobody is promised anything more, though the all-clear is still on its way"


async def test_whoever_counts_as_heard_counts_as_touched(served: Served) -> None:
    """Whom an incident let go counts in neither number while it lasts, and in both once it is over; so does
    a family that was told and is deleted."""

    async def counted() -> tuple[int, int]:
        progress = (await served.ask("GET", "/v1/incidents/1/progress")).json()
        return progress["heard"], progress["touched"]

    share, both = ("share",), ("follow", "share")
    await served.families(
        *(make.family(make.caregiver(f"c{n}"), id=f"fam-{n}", services=share) for n in range(3)),
        *(make.family(make.caregiver(f"d{n}"), id=f"fam-{n}", services=both) for n in range(3, 5)),
    )
    await served.open(services=["follow", "share"])
    await served.work()
    assert await counted() == (5, 5)
    await served.ask("DELETE", "/v1/families/fam-4")
    assert await counted() == (5, 5)
    await served.ask("POST", "/v1/incidents/1/updates", {"message": "Share works.", "remove_scope": ["share"]})
    await served.work()
    assert await counted() == (2, 2)
    await served.ask("POST", "/v1/incidents/1/resolve", {"message": "All works."})
    await served.work()
    reach = (await served.ask("GET", "/v1/incidents/1/reach")).json()
    assert await counted() == (reach["heard"], reach["touched"]) == (5, 5)


async def test_deliveries_are_listed_masked(served: Served) -> None:
    """By incident, by family, by state; never a whole address."""
    await served.families(make.family(id="fam-1"), make.family(make.caregiver("ana"), id="fam-2"))
    served.channel("sms").fail(make.own("mia", "sms").to, Refused("21211"))
    await served.open()
    await served.work()
    for path in ("/v1/incidents/1/deliveries", "/v1/deliveries"):
        every = (await served.ask("GET", path)).json()["deliveries"]
        assert {(d["family"], d["channel"]) for d in every} >= {("fam-1", "push"), ("fam-2", "sms")}
        refused = (await served.ask("GET", path, state="refused")).json()["deliveries"]
        assert [(d["family"], d["to"], d["code"]) for d in refused] == [("fam-1", "+1***0111", "21211")]
        several = (await served.ask("GET", path, state=["refused", "accepted"], family="fam-1")).json()[
            "deliveries"
        ]
        assert {d["state"] for d in several} == {"refused", "accepted"}
        assert {d["family"] for d in several} == {"fam-1"}
        assert len((await served.ask("GET", path, limit=1)).json()["deliveries"]) == 1
        whole = (await served.ask("GET", path)).text
        assert make.own("mia", "sms").to not in whole
        assert "push-mia" not in whole


async def test_events_open_update_and_resolve(served: Served) -> None:
    """One source's story; the same telling again is a duplicate, with another body it is refused."""
    await served.families()
    event: dict[str, Any] = {
        "source": "desk", "id": "1", "alert": "a", "service": "follow", "severity": "major",
        "status": "firing", "title": "Follow is slow", "message": "Readings come late.",
    }  # fmt: skip
    opened = await served.ask("POST", "/v1/events", event)
    assert opened.status_code == 202
    assert opened.json() == {"did": "opened", "incident": 1, "update": 1}
    again = await served.ask("POST", "/v1/events", event)
    assert (again.status_code, again.json()) == (202, {"did": "duplicate", "incident": 1, "update": None})
    changed = await served.ask("POST", "/v1/events", event | {"severity": "critical"})
    assert changed.status_code == 409
    raised = await served.ask("POST", "/v1/events", event | {"id": "2", "severity": "critical"})
    assert raised.json() == {"did": "updated", "incident": 1, "update": 2}
    resolved = await served.ask("POST", "/v1/events", event | {"id": "3", "status": "resolved"})
    assert resolved.json() == {"did": "resolved", "incident": 1, "update": 3}


async def test_a_dry_run_of_an_event(served: Served) -> None:
    """It says what would become of it and whom that reaches; nothing is written, and nobody is told."""
    await served.families()
    event: dict[str, Any] = {
        "source": "desk", "id": "1", "alert": "a", "service": "follow", "severity": "major",
        "status": "firing", "title": "Follow is slow",
    }  # fmt: skip
    dry = await served.ask("POST", "/v1/events", event, headers={"Idempotency-Key": "e1"}, dry_run=True)
    assert dry.status_code == 200
    assert (dry.json()["did"], dry.json()["dry_run"], dry.json()["preview"]["families"]) == ("opened", True, 1)
    assert (await sql(served, "incident"), await sql(served, "outage_event")) == (0, 0)
    opened = await served.ask("POST", "/v1/events", event, headers={"Idempotency-Key": "e1"})
    assert opened.json() == {"did": "opened", "incident": 1, "update": 1}
    raised = event | {"id": "2", "severity": "critical"}
    dry = await served.ask("POST", "/v1/events", raised, dry_run=True)
    assert (dry.json()["did"], dry.json()["update"]) == ("updated", 2)
    dry = await served.ask("POST", "/v1/events", event | {"id": "3", "status": "resolved"}, dry_run=True)
    assert (dry.json()["did"], dry.json()["preview"]["families"]) == ("resolved", 1)
    assert (await served.ask("POST", "/v1/events", event, dry_run=True)).json()["did"] == "duplicate"
    assert (await sql(served, "incident_update"), await sql(served, "outage_event")) == (1, 1)


async def test_the_query_is_part_of_the_command(served: Served) -> None:
    """The same key with another query is another command: refused."""
    await served.families()
    body = {"services": ["follow"], "severity": "critical", "title": "Follow is down"}
    headers = {"Idempotency-Key": "open-1"}
    assert (await served.ask("POST", "/v1/incidents", body, headers=headers)).status_code == 201
    other = await served.ask("POST", "/v1/incidents", body, headers=headers, dry_run=False)
    assert other.status_code == 409
    assert "Idempotency-Key" in other.json()["error"]["message"]


async def test_an_event_with_an_idempotency_key(served: Served) -> None:
    """The same answer twice, where without the key the second were a duplicate."""
    await served.families()
    event = {
        "source": "desk", "id": "1", "alert": "a", "service": "follow", "severity": "major",
        "status": "firing", "title": "Follow is slow",
    }  # fmt: skip
    headers = {"Idempotency-Key": "e1"}
    answers = [await served.ask("POST", "/v1/events", event, headers=headers) for _ in range(2)]
    assert [answer.json()["did"] for answer in answers] == ["opened", "opened"]
    other = await served.ask("POST", "/v1/events", event | {"id": "2"}, headers=headers)
    assert other.status_code == 409


async def test_one_message_with_its_tries(served: Served) -> None:
    """What on-call looks at when somebody asks why a mother was told so late."""
    await served.families()
    served.channel("sms").fail(make.own("mia", "sms").to, Later("503"), Later("20429"))
    await served.open()
    await served.work()
    for _ in range(3):
        served.clock.advance(minutes=2)
        await served.work()
    listed = (await served.ask("GET", "/v1/deliveries", family="fam-1", state="accepted")).json()["deliveries"]
    [sms] = [each for each in listed if each["channel"] == "sms" and each["attempts"] > 1][-1:]
    answer = await served.ask("GET", f"/v1/deliveries/{sms['id']}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    more = {"incident": 1, "provider_id": found["provider_id"], "maybe": False, "next_try": None, "serves": []}
    assert found == sms | more | {"tries": found["tries"]}
    assert found["provider_id"]
    assert [(each["number"], each["code"]) for each in found["tries"]] == [(1, "503"), (2, "20429")]
    assert make.own("mia", "sms").to not in answer.text
    unknown = await served.ask("GET", "/v1/deliveries/019acc2a-8000-7b1c-8d7e-4f6a5b3c2d1e")
    assert unknown.status_code == 404
    assert "alertd delivery list" in unknown.json()["error"]["message"]
    assert (await served.ask("GET", "/v1/deliveries/mia")).status_code == 422
