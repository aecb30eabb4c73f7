"""Trying a channel over HTTP: one message, by the way of all others, and nobody and nothing else notices."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from alertd.domain.receipt import Word
from alertd.ports import Later, Misconfigured, Refused, Report, Unknown
from alertd.store.tables import act, address, attempt, delivery, incident, incident_update, trouble, watch
from alertd.usecases.audit import audit
from alertd.usecases.census import take_census
from alertd.usecases.take_receipt import Receipts
from alertd.usecases.try_channel import forget_trials
from tests import make
from tests.fakes import FakeChannel
from tests.served import Served, fresh_served

served = fresh_served

PATH = "/v1/channel-tests"
TO = "+14155550177"


async def begin(served: Served, channel: str = "sms", to: str = TO, **more: Any) -> httpx.Response:
    return await served.ask("POST", PATH, {"channel": channel, "to": to, **more})


async def stands(served: Served, begun: httpx.Response) -> dict[str, Any]:
    assert begun.status_code == 202, begun.text
    answer = await served.ask("GET", f"{PATH}/{begun.json()['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def count(served: Served, table: Any) -> int:
    from sqlalchemy import func, select

    async with served.deps.store.reading() as rows:
        found = await rows.sql.rows(select(func.count()).select_from(table))  # type: ignore[attr-defined]
    return int(found[0][0])


async def test_it_goes_as_every_message_does_and_says_that_it_is_a_test(served: Served) -> None:
    begun = await begin(served)
    assert (await stands(served, begun))["state"] == "pending"
    assert served.deps.doorbell.rung == ["urgent"]  # type: ignore[attr-defined]
    served.clock.advance(seconds=0.2)
    await served.work()
    [message] = served.channel("sms").accepted
    assert message.to == TO
    assert message.text == (
        "TEST ONLY: Follow is down. This is a test. Nothing is down. There is nothing you need to do. "
        "It changes nothing about our real messages."
    )
    assert (message.loud, message.link, message.useful_for) == (True, None, timedelta(minutes=5))
    found = await stands(served, begun)
    assert (found["state"], found["accepted_after"], found["over"], found["code"]) == (
        "accepted",
        0.2,
        True,
        None,
    )
    assert (found["to"], found["channel"]) == ("+1***0177", "sms")


@pytest.mark.parametrize(
    ("channel", "to", "loud"), [("push", "a-token-1", True), ("email", "mia@example.org", False)]
)
async def test_every_channel_can_be_tried_in_every_language(
    served: Served, channel: str, to: str, loud: bool
) -> None:
    await begin(served, channel, to, locale="es", time_zone="America/Bogota", service="share")
    await served.work()
    [message] = served.channel(channel).accepted
    assert (message.to, message.locale, message.loud) == (to, "es", loud)
    assert message.title == "PRUEBA: Compartir no funciona"
    assert message.critical, "whoever tries a channel tries its loudest, too"


async def test_nobody_else_is_told_and_nothing_else_moves_while_an_outage_goes_on(served: Served) -> None:
    """Neither the family that has the number, nor its clocks, metrics, lists, reports, nor the auditor."""
    await served.families(make.family(make.caregiver("mia", "sms"), id="fam-1"))
    mia = make.own("mia", "sms").to
    await served.open()
    await served.work()

    async def seen() -> list[Any]:
        reads = ("/v1/incidents/1", "/v1/incidents/1/progress", "/v1/incidents/1/timeline", "/v1/families/fam-1")
        answers = [(await served.ask("GET", path)).json() for path in reads]
        answers.append((await served.ask("GET", "/v1/incidents", state="all")).json())
        async with served.deps.store.reading() as rows:
            [row] = await rows.sql.rows(watch.select().where(watch.c.family_id == "fam-1"))  # type: ignore[attr-defined]
        census = await take_census(served.deps)
        return [*answers, tuple(row), census.counted, census.ladders]

    before = await seen()
    begun = await begin(served, to=mia)
    await served.work()
    assert [message.to for message in served.channel("sms").accepted] == [mia, mia]
    assert (await stands(served, begun))["state"] == "accepted"
    assert await seen() == before
    assert (await audit(served.deps)).passed


async def test_a_test_during_an_outage_does_not_say_that_nothing_is_down(served: Served) -> None:
    """Found by a reviewer. Nobody knows whose phone it is."""
    await served.families(make.family(make.caregiver("ana", "push")))
    await served.open()
    await begin(served, to=make.own("mia", "sms").to)
    await served.work()
    (said,) = served.channel("sms").accepted
    assert "Nothing is down" not in said.text
    assert "a real problem" in said.text


async def test_what_is_refused_says_why_and_what_to_do(served: Served) -> None:
    served.channel("sms").fail(TO, Refused("21211"))
    begun = await begin(served)
    served.clock.advance(seconds=1)
    await served.work()
    found = await stands(served, begun)
    assert (found["state"], found["code"], found["over"], found["accepted_after"]) == (
        "refused",
        "21211",
        True,
        None,
    )
    assert "correct it" in found["way_out"]
    assert found["failed"] == [{"attempt": 1, "after": 1.0, "outcome": "refused", "code": "21211"}]


async def test_a_refusal_holds_for_families_too_who_are_told_otherwise_at_once(served: Served) -> None:
    """It is what the provider says of the number, whoever asked."""
    await served.families(make.family(make.caregiver("mia", "sms", "email"), id="fam-1"))
    mia = make.own("mia", "sms").to
    await served.open()
    await served.work()
    served.channel("sms").fail(mia, Refused("30005"))
    await begin(served, to=mia)
    await served.work()
    await served.ask("POST", "/v1/incidents/1/updates", {"message": {"en": "news"}, "state": "identified"})
    await served.work()
    assert len(served.channel("email").accepted) == 1
    again = await begin(served, to=mia)
    assert again.status_code == 409
    assert "suspended" in again.json()["error"]["message"]
    assert "30005" in again.json()["error"]["message"]


async def test_who_has_opted_out_gets_no_test_either(served: Served) -> None:
    served.channel("sms").fail(TO, Refused("21610", opted_out=True))
    await begin(served)
    await served.work()
    again = await begin(served)
    assert again.status_code == 409
    assert "opted out" in again.json()["error"]["message"]
    assert TO not in again.text


async def test_our_own_fault_names_no_address_and_pages_nobody(served: Served) -> None:
    served.channel("sms").fail(TO, Misconfigured("20003", "wrong", account=True))
    begun = await begin(served)
    await served.work()
    found = await stands(served, begun)
    assert (found["state"], found["code"], found["over"]) == ("parked", "misconfigured: 20003", True)
    assert "alertd doctor" in found["way_out"]
    assert await count(served, trouble) == 0
    served.clock.advance(seconds=6)
    await begin(served)
    await served.work()
    assert len(served.channel("sms").accepted) == 1, "the address did not suffer"


async def test_it_is_tried_again_as_others_are_and_given_up_after_five_minutes(served: Served) -> None:
    served.channel("sms").fail(TO, Later("20503"), Unknown("timeout"))
    begun = await begin(served)
    await served.work()
    found = await stands(served, begun)
    assert (found["state"], found["over"], found["code"]) == ("pending", False, "20503")
    assert "tries again" in found["way_out"]
    served.channel("sms").fail_always(TO, lambda: Later("20503"))
    for _ in range(6):
        served.clock.advance(minutes=1)
        await served.work()
    found = await stands(served, begun)
    assert (found["state"], found["over"]) == ("superseded", True)
    assert "alertd doctor" in found["way_out"]
    assert served.channel("sms").accepted == []


async def test_what_the_provider_says_later_is_told(served: Served) -> None:
    reporting = FakeChannel("sms", has_callbacks=True)
    served.deps.channels["sms"] = reporting  # type: ignore[index]
    begun = await begin(served)
    await served.work()
    found = await stands(served, begun)
    assert (found["state"], found["reports"], found["over"]) == ("accepted", True, False)
    receipts = Receipts(served.deps)
    [message] = reporting.accepted
    await receipts.take("sms", Report(message.delivery, 1, Word.UNDELIVERED, "sms-1", "30034", ours=True))
    found = await stands(served, begun)
    assert (found["state"], found["code"], found["over"]) == ("parked", "misconfigured: 30034", True)
    assert await count(served, trouble) == 0
    second = await begin(served)
    await served.work()
    await receipts.take("sms", Report(reporting.accepted[1].delivery, 1, Word.DELIVERED, "sms-2"))
    found = await stands(served, second)
    assert (found["state"], found["over"], found["way_out"]) == ("delivered", True, None)


async def test_after_an_hour_all_of_it_is_forgotten_with_an_address_that_nobody_has(served: Served) -> None:
    await served.families(make.family(make.caregiver("mia", "sms"), id="fam-1"))
    mia = make.own("mia", "sms").to
    first, second = await begin(served), await begin(served, to=mia)
    served.channel("sms").fail(TO, Later("20503"))
    await served.work()
    served.clock.advance(minutes=30)
    third = await begin(served)
    await served.work()
    served.clock.advance(minutes=31)
    assert await forget_trials(served.deps) == 2
    for gone in (first, second):
        assert (await served.ask("GET", f"{PATH}/{gone.json()['id']}")).status_code == 404
    assert (await stands(served, third))["state"] == "accepted", "a younger one keeps the address"
    served.clock.advance(minutes=30)
    assert await forget_trials(served.deps) == 1
    assert await forget_trials(served.deps) == 0
    for table in (delivery, attempt, incident, incident_update, watch, trouble):
        assert await count(served, table) == 0, table.name
    assert await count(served, address) == 1, "Mia's, who is a family's"


async def test_a_family_that_comes_meanwhile_keeps_the_address_and_has_to_verify_it_as_ever(
    served: Served,
) -> None:
    await begin(served, to=make.own("mia", "sms").to)
    mia = make.caregiver("mia", addresses=(make.address("sms", make.own("mia", "sms").to, verified=False),))
    await served.families(make.family(mia, id="fam-1"))
    await served.open()
    await served.work()
    assert len(served.channel("sms").accepted) == 1, "the test; an unverified number gets nothing else"
    served.clock.advance(hours=2)
    await forget_trials(served.deps)
    assert await count(served, address) == 1


async def test_two_with_one_key_are_one(served: Served) -> None:
    headers = {"Idempotency-Key": "one"}
    first, second = [
        await served.ask("POST", PATH, {"channel": "sms", "to": TO}, headers=headers) for _ in range(2)
    ]
    assert first.json() == second.json()
    await served.work()
    assert len(served.channel("sms").accepted) == 1


async def test_who_did_it_is_kept_and_not_to_whom(served: Served) -> None:
    await begin(served)
    async with served.deps.store.reading() as rows:
        acts = await rows.sql.rows(act.select())  # type: ignore[attr-defined]
    [mine] = [each for each in acts if each.what == "test channel"]
    assert mine.who.startswith("test (")
    assert mine.detail == '{"channel":"sms"}'
    assert all(TO not in str(each) for each in (*acts, *served.log.lines))


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"channel": "fax"}, "channel", "email, push, sms"),
        ({"to": "12"}, "to", "+14155550123"),
        ({"to": "mia@example.org"}, "to", "+14155550123"),
        ({"locale": "tlh"}, "locale", "en, es"),
        ({"locale": "?"}, "locale", "write for example"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "no time zone"),
        ({"service": "fax"}, "service", "follow"),
    ],
)
async def test_what_cannot_be_is_named_with_the_way_out(
    served: Served, changes: dict[str, str], field: str, said: str
) -> None:
    answer = await begin(served, **{"channel": "sms", "to": TO, **changes})
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["field"] == field
    assert said in error["message"]
    assert "mia@" not in answer.text


async def test_it_takes_a_key_that_may_write(served: Served) -> None:
    await served.sign_in("incident:read")
    assert (await begin(served)).status_code == 403
    await served.sign_in("family:write")
    assert (await served.ask("GET", f"{PATH}/019acc2a-7c00-7d3e-9a51-0c2f5d1b7a11")).status_code == 403


async def test_a_real_message_is_no_test(served: Served) -> None:
    await served.families(make.family(make.caregiver("mia", "sms"), id="fam-1"))
    await served.open()
    await served.work()
    [message] = served.channel("sms").accepted
    assert (await served.ask("GET", f"{PATH}/{message.delivery}")).status_code == 404
    assert (await served.ask("GET", "/v1/incidents/-1")).status_code == 404
