"""The link in a message over HTTP: a page for people, of which mail scanners may open as much as they like."""

from alertd import settings
from tests import make
from tests.served import LINKS, Served, fresh_served

served = fresh_served


async def asked(served: Served) -> str:
    """The path of the link that a family was sent."""
    await served.families(make.family(make.caregiver("mia", "sms", locale="es"), id="fam-1"))
    await served.open()
    await served.work()
    [message] = served.channel("sms").accepted
    assert message.link is not None
    assert message.link in message.text
    return message.link.removeprefix(LINKS.base)


async def test_the_page_has_one_button_and_no_name(served: Served) -> None:
    """It needs no key and no script, and may be kept, framed, indexed and passed on by nobody."""
    path = await asked(served)
    page = await served.http.get(path, headers={"Authorization": ""})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.count("<button") == 1
    for secret in ("Mia", "+1415", "fam-1", "<script"):
        assert secret not in page.text
    for header, value in {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex",
        "x-frame-options": "DENY",
    }.items():
        assert page.headers[header] == value
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_the_link_in_a_text_is_the_one_that_was_signed(served: Served) -> None:
    """Also where the setting has letters that no SMS has: folded, it would lead to somebody else."""
    home = {"ALERTD_DATA_DIR": "/tmp", "ALERTD_PUBLIC_URL": "https://álertas.example.org/šta"}
    assert served.deps.links is not None
    served.deps.links.base = settings.load(home).public_url
    await served.families(make.family(make.caregiver("mia", "sms", locale="es"), id="fam-1"))
    await served.open()
    await served.work()
    [message] = served.channel("sms").accepted
    assert message.link is not None
    assert message.link in message.text


async def test_only_the_button_answers(served: Served) -> None:
    path = await asked(served)
    for _ in range(3):
        await served.http.get(path)
    await served.http.head(path)
    assert (await served.ask("GET", "/v1/incidents/1/reach")).json()["ladders"]["answered"] == 0
    pressed = await served.http.post(path)
    assert pressed.status_code == 200
    assert "Gracias" in pressed.text
    assert "<button" not in pressed.text
    await served.work()
    reached = (await served.ask("GET", "/v1/incidents/1/reach")).json()
    assert reached["ladders"] == {"climbing": 0, "answered": 1, "unanswered": 0, "unreachable": 0}
    assert "Gracias" in (await served.http.post(path)).text


async def test_a_link_that_is_not_ours_or_too_old_gets_a_friendly_page(served: Served) -> None:
    path = await asked(served)
    for forged in (path[:-2], path[:-1] + "~", "/a/" + "A" * 32, "/a/%00", "/a/" + "é" * 32):
        for method in ("GET", "POST"):
            answer = await served.http.request(method, forged)
            assert answer.status_code == 403, forged
            assert "This link is not complete" in answer.text
            assert "Este enlace no está completo" in answer.text
    noted = served.log.named("link_forged")
    assert len(noted) == 10
    assert all(path.removeprefix("/a/") not in str(line) for line in served.log.lines)
    reached = (await served.ask("GET", "/v1/incidents/1/reach")).json()
    assert reached["ladders"]["answered"] == 0
    await served.ask("POST", "/v1/incidents/1/resolve", {})
    served.clock.advance(days=7, minutes=1)
    answer = await served.http.post(path)
    assert answer.status_code == 410
    assert "no longer valid" in answer.text


async def test_a_family_that_is_gone_answers_nothing(served: Served) -> None:
    path = await asked(served)
    await served.ask("DELETE", "/v1/families/fam-1")
    assert (await served.http.post(path)).status_code == 410


async def test_whom_it_has_reached(served: Served) -> None:
    """Two lists, cut to the limit; the counts are of all."""
    await served.families(
        *(make.family(make.caregiver(f"p{n}", "sms"), id=f"fam-{n}") for n in range(3)),
        make.family(make.caregiver("soft", "email"), id="fam-9"),
    )
    await served.open()
    await served.work()
    for _ in range(4):
        served.clock.advance(minutes=10)
        await served.work()
    reached = (await served.ask("GET", "/v1/incidents/1/reach", limit=2)).json()
    assert (reached["touched"], reached["heard"]) == (4, 4)
    assert reached["ladders"] == {"climbing": 0, "answered": 0, "unanswered": 3, "unreachable": 1}
    assert [each["family"] for each in reached["unanswered"]] == ["fam-0", "fam-1"]
    assert [each["family"] for each in reached["unreachable"]] == ["fam-9"]
    assert (await served.ask("GET", "/v1/incidents/2/reach")).status_code == 404
