"""What an e-mail's List-Unsubscribe leads to: a POST acts, a GET shows, and each may come as often as it likes."""

from uuid import UUID

import pytest
from sqlalchemy import insert, select

from alertd.ports import Refused
from alertd.store.tables import act, address, delivery, one_mailbox
from tests import make
from tests.served import LINKS, Served, fresh_served

served = fresh_served
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def mailed(served: Served, *channels: str, locale: str = "en") -> str:
    """The path to which the e-mail of a mother with these channels leads, and a father's phone beside her."""
    mia = make.caregiver("mia", *channels, locale=locale, preferences=make.preferences(critical=channels))
    await served.families(make.family(mia, make.caregiver("ben", "sms", order=2, role="other"), id="fam-1"))
    await served.open()
    await served.work()
    link = served.channel("email").accepted[0].unsubscribe
    assert link is not None
    return link.removeprefix(LINKS.base)


async def post(served: Served, path: str) -> str:
    """As mail providers do (RFC 8058): no key, no cookie, one form field."""
    answer = await served.http.post(
        path, content=b"List-Unsubscribe=One-Click", headers={"Authorization": "", **FORM}
    )
    assert answer.status_code == 200
    return answer.text


async def acts(served: Served) -> list[tuple[str, str]]:
    """What was done at addresses, and by whom."""
    async with served.deps.store.reading() as rows:
        kept = await rows.sql.rows(act.select().order_by(act.c.at, act.c.id))  # type: ignore[attr-defined]
    return [(row.who, row.what) for row in kept if row.what.startswith("opt")]


async def opted_out(served: Served) -> list[str]:
    """The channels of the addresses of the family that have opted out."""
    family = (await served.ask("GET", "/v1/families/fam-1")).json()
    return [a["channel"] for c in family["caregivers"] for a in c["addresses"] if a.get("opted_out_at")]


async def test_only_e_mails_offer_it_and_each_address_has_its_own(served: Served) -> None:
    await mailed(served, "email", "sms", "push")
    assert all(m.unsubscribe is None for name in ("sms", "push") for m in served.channel(name).accepted)
    [message] = served.channel("email").accepted
    assert message.unsubscribe is not None
    assert message.unsubscribe not in message.text
    assert message.to not in message.unsubscribe


async def test_one_press_of_a_mail_program_stops_the_address(served: Served) -> None:
    path = await mailed(served, "email")
    said = await post(served, path)
    assert "We send no more e-mails to this address." in said
    assert await opted_out(served) == ["email"]
    assert await acts(served) == [("caregiver", "opt out")]
    assert served.log.named("opted_out") == [{"channel": "email", "families": ["fam-1"], "watches": 1}]
    before = len(served.channel("email").accepted)
    await served.ask("POST", "/v1/incidents/1/updates", {"message": {"en": "The cause is found."}})
    await served.work()
    assert len(served.channel("email").accepted) == before


async def test_looking_changes_nothing(served: Served) -> None:
    path = await mailed(served, "email")
    for _ in range(3):
        page = await served.http.get(path, headers={"Authorization": ""})
        assert page.status_code == 200
    assert await opted_out(served) == []
    assert await acts(served) == []
    assert page.text.count("<button") == 1
    assert page.text.count('method="post"') == 1
    for secret in ("Mia", "mia@", "fam-1", "<script"):
        assert secret not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_again_is_harmless(served: Served) -> None:
    path = await mailed(served, "email")
    assert await post(served, path) == await post(served, path)
    assert await acts(served) == [("caregiver", "opt out")]
    assert "Send me e-mails again" in (await served.http.get(path)).text


async def test_the_page_takes_it_back(served: Served) -> None:
    path = await mailed(served, "email")
    await post(served, path)
    page = await served.http.post(f"{path}?again=true")
    assert "Stop these e-mails?" in page.text
    assert await opted_out(served) == []
    assert await acts(served) == [("caregiver", "opt out"), ("caregiver", "opt in")]
    before = len(served.channel("email").accepted)
    await served.ask("POST", "/v1/incidents/1/updates", {"message": {"en": "The cause is found."}})
    await served.work()
    assert len(served.channel("email").accepted) == before + 1


async def test_the_page_says_what_still_reaches_them(served: Served) -> None:
    path = await mailed(served, "email", "sms", "push")
    assert "We can still tell you by text message and in the app." in (await served.http.get(path)).text


@pytest.mark.parametrize(
    ("locale", "last", "after"),
    [
        ("en", "E-mail is our only way to tell you.", "We have no way to tell you any more"),
        ("es", "El correo es nuestra única forma de avisarle.", "Ya no tenemos forma de avisarle"),
    ],
)
async def test_the_page_warns_of_the_last_way_in_the_language_of_its_reader(
    served: Served, locale: str, last: str, after: str
) -> None:
    path = await mailed(served, "email", locale=locale)
    page = (await served.http.get(path)).text
    assert f'<html lang="{locale}">' in page
    assert last in page
    assert ("Others in your family" in page) or ("otras personas de su familia" in page)
    assert after in await post(served, path)


async def test_a_way_that_is_stopped_too_is_none(served: Served) -> None:
    served.channel("sms").fail_always("*", lambda: Refused("21211"))
    path = await mailed(served, "email", "sms")
    page = (await served.http.get(path)).text
    assert "E-mail is our only way to tell you." in page
    assert "Nobody else in your family can be told." not in page
    await served.ask("POST", "/v1/incidents/1/updates", {"message": {"en": "The cause is found."}})
    await served.work()
    for _ in range(4):  # the ladder asks the father too, and his number is as wrong
        served.clock.advance(minutes=10)
        await served.work()
    assert "Nobody else in your family can be told." in (await served.http.get(path)).text


async def test_a_link_that_is_not_ours_says_so_and_stops_nothing(served: Served) -> None:
    path = await mailed(served, "email")
    answer_link = served.channel("email").accepted[0].link
    assert answer_link is not None
    other = "/u/" + answer_link.rpartition("/")[2]  # signed by us, for another purpose
    for forged in (path[:-2], path[:-1] + "~", "/u/" + "A" * 32, "/u/%00", other):
        for method in ("GET", "POST"):
            answer = await served.http.request(method, forged)
            assert answer.status_code == 403, forged
            assert "This link is not complete" in answer.text
            assert "Este enlace no está completo" in answer.text
    assert len(served.log.named("link_forged")) == 10
    assert await opted_out(served) == []


async def test_whoever_is_forgotten_is_sent_nothing_anyway(served: Served) -> None:
    """A provider that is told of an error would ask again."""
    path = await mailed(served, "email")
    await served.ask("DELETE", "/v1/families/fam-1")
    assert (await served.http.get(path)).status_code == 410
    gone = await served.http.post(path, headers=FORM, content=b"List-Unsubscribe=One-Click")
    assert gone.status_code == 200
    assert "We send nothing to this address any more." in gone.text


async def test_an_import_brings_nothing_back(served: Served) -> None:
    path = await mailed(served, "email")
    await post(served, path)
    await served.families(make.family(make.caregiver("mia", "email"), id="fam-1", updated_at=make.after(60)))
    assert await opted_out(served) == ["email"]


async def test_an_import_that_writes_the_mailbox_otherwise_brings_nothing_back(served: Served) -> None:
    """No mailbox differs from another by its capitals alone."""
    path = await mailed(served, "email")
    await post(served, path)
    mia = make.caregiver("mia", addresses=(make.address("email", "Mia@Example.org"),))
    assert make.own("mia", "email").to == "mia@example.org"
    await served.families(make.family(mia, id="fam-1", updated_at=make.after(60)))
    assert await opted_out(served) == ["email"]


async def test_a_link_to_another_spelling_stops_the_mailbox(served: Served) -> None:
    """An e-mail of the version before names an address that is another spelling of one that is kept."""
    path = await mailed(served, "email")
    gone, kept = await _spelled_otherwise(served)
    assert gone != kept
    assert "We send no more e-mails to this address." in await post(served, path)
    assert await opted_out(served) == ["email"]


async def _spelled_otherwise(served: Served) -> tuple[UUID, UUID]:
    """The address that was sent to is gone, and the family has the one that is kept."""
    await served.ask("DELETE", "/v1/families/fam-1")
    mia = make.caregiver("mia", "email")
    gone = served.channel("email").accepted[0].delivery
    async with served.deps.store.transaction() as rows:
        sql = rows.sql  # type: ignore[attr-defined]
        [was] = await sql.rows(select(delivery.c.address_id).where(delivery.c.id == gone))
    await served.families(make.family(mia, id="fam-1", updated_at=make.after(60)))
    async with served.deps.store.transaction() as rows:
        sql = rows.sql  # type: ignore[attr-defined]
        [now] = await sql.rows(select(address.c.id).where(address.c.channel == "email"))
        await sql.run(insert(one_mailbox).values(gone=was.address_id, kept=now.id))
    return was.address_id, now.id
