"""An app acknowledges over HTTP: with the link that came with the push, and with nothing else."""

from typing import Any

import httpx
import pytest

from tests import make
from tests.served import LINKS, Served, fresh_served

served = fresh_served
PATH = "/v1/acknowledgements"


async def pushed(served: Served, *others: Any) -> str:
    """`data.acknowledge` of the push that Mia's phone got."""
    mia = make.caregiver("mia", "push", "sms", locale="es")
    await served.families(make.family(mia, *others, id="fam-1"))
    await served.open()
    await served.work()
    [message] = served.channel("push").accepted
    assert message.link is not None
    return message.link


async def post(served: Served, what: object) -> httpx.Response:
    """As the app asks: without a key."""
    served.http.headers.pop("Authorization", None)
    return await served.ask("POST", PATH, {"acknowledge": what})


async def ladders(served: Served) -> dict[str, int]:
    await served.sign_in()
    await served.work()
    reached: dict[str, int] = (await served.ask("GET", "/v1/incidents/1/reach")).json()["ladders"]
    return reached


@pytest.mark.parametrize("form", ["the link", "the token"])
async def test_the_app_sends_what_came_with_the_push_and_the_ladder_ends(served: Served, form: str) -> None:
    link = await pushed(served)
    answer = await post(served, link if form == "the link" else link.removeprefix(f"{LINKS.base}/a/"))
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["incident"], said["state"], said["result"]) == (1, "investigating", "thanks")
    assert (said["caregiver"], said["answered"]) == ("Mia", [])
    assert said["next_by"] == "2026-11-04T20:30:00Z"
    assert said["title"] == "Seguimiento no funciona", "in the reader's language"
    assert (await ladders(served))["answered"] == 1


async def test_again_is_the_same(served: Served) -> None:
    link = await pushed(served)
    first, second = await post(served, link), await post(served, link)
    assert first.json() == second.json()
    assert len(served.log.named("acknowledged")) == 1


async def test_what_is_kept_though_somebody_else_is_still_asked_says_so(served: Served) -> None:
    """A nurse's answer is enough for nobody; who answers later sees who did."""
    nurse = make.caregiver("nina", "sms", role="nurse", order=2)
    await served.families(make.family(make.caregiver("mia", "push", "sms"), nurse, id="fam-1"))
    await served.open()
    await served.work()
    for _ in range(2):  # the second step of the ladder asks the nurse
        served.clock.advance(minutes=10, seconds=1)
        await served.work()
    links = {message.to: message.link for name in ("push", "sms") for message in served.channel(name).accepted}
    noted = await post(served, links[make.own("nina", "sms").to])
    assert (noted.json()["result"], noted.json()["caregiver"]) == ("noted", "Nina")
    thanks = await post(served, links[make.own("mia", "push").to])
    assert (thanks.json()["result"], thanks.json()["answered"]) == ("thanks", ["Nina"])


async def test_what_it_got_worse_after_says_that_a_newer_message_asks(served: Served) -> None:
    link = await pushed(served)
    await served.ask("POST", "/v1/incidents/1/updates", {"message": {"en": "x"}, "severity": "major"})
    served.clock.advance(minutes=31)
    await served.ask("POST", "/v1/incidents/1/updates", {"message": {"en": "y"}, "severity": "critical"})
    answer = await post(served, link)
    assert (answer.status_code, answer.json()["result"]) == (200, "older")


async def test_after_the_end_there_is_nothing_to_acknowledge(served: Served) -> None:
    link = await pushed(served)
    await served.ask("POST", "/v1/incidents/1/resolve", {})
    over = await post(served, link)
    assert over.status_code == 200
    assert (over.json()["result"], over.json()["state"], over.json()["next_by"]) == ("over", "resolved", None)
    served.clock.advance(days=7, minutes=1)
    expired = await post(served, link)
    assert (expired.status_code, expired.json()["error"]["code"]) == (410, "expired")


async def test_a_forged_one_is_refused_noted_and_not_repeated(served: Served) -> None:
    link = await pushed(served)
    forged = (link[:-1] + "~", link[:-2], "A" * 32, "https://alerts.example.org/a/" + "é" * 32, "/", "\0")
    for each in forged:
        answer = await post(served, each)
        assert answer.status_code == 403, each
        told = answer.json()["error"]
        assert (told["code"], told["field"]) == ("forbidden", "acknowledge")
        assert "data.acknowledge" in told["message"]
        assert link.rpartition("/")[2][:16] not in answer.text
    assert len(served.log.named("link_forged")) == len(forged)
    assert (await ladders(served))["answered"] == 0


async def test_a_responders_link_acknowledges_for_no_family(served: Served) -> None:
    """Signed by us, and for something else."""
    from alertd.domain.links import Purpose, sign

    await pushed(served)
    token = sign(LINKS.secret, Purpose.PAGE, served.channel("push").accepted[0].delivery)
    assert (await post(served, token)).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"acknowledge": ""}, 422),
        ({"acknowledge": 5}, 422),
        ({"acknowledge": "x" * 1001}, 422),
        ({"acknowledge": "x", "who": "y"}, 422),
        ({"acknowledge": "x" * 5000}, 413),
    ],
)
async def test_what_is_no_link_at_all_is_named(served: Served, body: object, status: int) -> None:
    served.http.headers.pop("Authorization", None)
    answer = await served.ask("POST", PATH, body)
    assert answer.status_code == status, answer.text


async def test_a_parameter_that_it_does_not_have_is_named(served: Served) -> None:
    link = await pushed(served)
    answer = await served.ask("POST", PATH, {"acknowledge": link}, dry_run=True)
    assert answer.status_code == 422
    assert (await ladders(served))["answered"] == 0
