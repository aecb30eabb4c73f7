"""The page on which a caregiver chooses how they are told, over HTTP: plain forms, and nothing about anybody at first."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx
import pytest

from alertd.domain.incident import Severity
from alertd.ports import Refused
from tests import make
from tests.served import LINKS, Served, fresh_served

served = fresh_served


class Form(HTMLParser):
    """What a browser would post of a page, and its buttons."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.buttons: list[str] = []
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self.fields.append((self._select, value))
        elif tag == "button":
            self.buttons.append(value)
        elif tag == "input" and (given["type"] == "hidden" or "checked" in given):
            self.fields.append((name, value))

    def untick(self, name: str, value: str | None = None) -> None:
        self.fields = [each for each in self.fields if each[0] != name or (value and each[1] != value)]

    def put(self, name: str, *values: str) -> None:
        self.untick(name)
        self.fields += [(name, value) for value in values]

    def body(self, pressed: str) -> bytes:
        return urlencode([*self.fields, ("do", pressed)]).encode()


class Page:
    """A caregiver with their phone."""

    def __init__(self, served: Served, path: str) -> None:
        self.served, self.path = served, path
        self.answer: httpx.Response
        self.form = Form("")

    async def press(self, pressed: str) -> str:
        return await self.post(self.form.body(pressed))

    async def post(self, body: bytes) -> str:
        headers = {"Authorization": "", "Content-Type": "application/x-www-form-urlencoded"}
        self.answer = await self.served.http.post(self.path, content=body, headers=headers)
        self.form = Form(self.answer.text)
        return self.answer.text


async def leads_on(served: Served, family: object = None, channel: str = "sms") -> Page:
    """The page that the link of a message leads on to."""
    await served.families(family or make.family(make.caregiver("mia"), id="fam-1"))  # type: ignore[arg-type]
    await served.open()
    await served.work()
    [message] = served.channel(channel).accepted
    assert message.link is not None
    first = await served.http.get(message.link.removeprefix(LINKS.base), headers={"Authorization": ""})
    found = re.search(r'href="\.\.(/p/[\w-]{32})"', first.text)
    assert found is not None, first.text
    return Page(served, found[1])


async def document(served: Served) -> dict[str, object]:
    """The only caregiver of fam-1, as an export shows her."""
    [mia] = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"]
    assert isinstance(mia, dict)
    return mia


async def test_before_the_button_it_says_nothing_about_anybody(served: Served) -> None:
    page = await leads_on(served)
    shown = await served.http.get(page.path, headers={"Authorization": ""})
    assert shown.status_code == 200
    assert Form(shown.text).buttons == ["open"]
    for secret in ("Mia", "+1", "mia@", "***", "fam-1", "22:00", "<script"):
        assert secret not in shown.text
    for header, value in {"cache-control": "no-store", "referrer-policy": "no-referrer"}.items():
        assert shown.headers[header] == value
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "form-action 'self'" in shown.headers["content-security-policy"]


async def test_the_form_shows_what_holds_and_whole_addresses_never(served: Served) -> None:
    page = await leads_on(served)
    html = await page.press("open")
    assert page.form.buttons == ["save", "stop"]
    assert page.form.fields[1:] == [
        ("critical", "push"),
        ("critical", "sms"),
        ("major", "push"),
        ("minor", "email"),
        ("quiet", "on"),
        ("quiet_from", "22:00"),
        ("quiet_to", "06:30"),
        ("holdings", "usual"),
        ("locale", "en"),
    ]
    mia = make.caregiver("mia")
    for address in mia.addresses:
        assert address.to not in html
    assert "SMS +1***" in html
    assert "m***@example.org" in html
    assert "<script" not in html


async def test_what_is_chosen_is_saved_and_said(served: Served) -> None:
    page = await leads_on(served)
    await page.press("open")
    page.form.put("critical", "push")
    page.form.put("minor")
    page.form.put("quiet_from", "21:30")
    page.form.put("holdings", "few")
    page.form.put("locale", "es")
    said = await page.press("save")
    assert "Guardado" in said
    assert "Se añade SMS +1***" in said  # push alone never wakes for certain (R12)
    assert "También entre las 21:30 y las 06:30: eso le despierta." in said
    assert "De esto no le avisamos." in said
    mia = await document(served)
    assert mia["locale"] == "es"
    assert mia["preferences"] == {
        "critical": ["push"],
        "minor": [],
        "holdings": "few",
        "quiet_hours": "21:30-06:30",
    }
    assert mia["chosen"] == dict.fromkeys(
        ("critical", "minor", "quiet_hours", "locale", "holdings"), "2026-11-04T20:00:00Z"
    )
    [chosen] = served.log.named("preferences_chosen")
    assert chosen["changed"] == ["critical", "holdings", "locale", "minor", "quiet_hours"]


async def test_what_was_not_touched_is_not_chosen(served: Served) -> None:
    """Policy and role go on deciding what nobody chose."""
    page = await leads_on(served)
    await page.press("open")
    page.form.untick("quiet")
    await page.press("save")
    mia = await document(served)
    assert mia["preferences"] == {"quiet_hours": "none"}
    assert mia["chosen"] == {"quiet_hours": "2026-11-04T20:00:00Z"}
    assert "Between" not in page.answer.text


async def test_saving_twice_changes_nothing_the_second_time(served: Served) -> None:
    page = await leads_on(served)
    await page.press("open")
    page.form.put("major", "sms", "email")
    body = page.form.body("save")
    first, again = await page.post(body), await page.post(body)
    assert first == again
    assert "Saved" in again
    assert len(served.log.named("preferences_chosen")) == 1


@pytest.mark.parametrize(
    ("field", "values", "what"),
    [
        ("critical", (), "Please leave at least one"),
        ("quiet_to", ("22:00",), "quiet all day"),
        ("quiet_to", ("half past six",), "This is no time"),
        ("locale", ("tlh",), "cannot be chosen any more"),
        ("holdings", ("none",), "cannot be chosen any more"),
        ("minor", ("pigeon",), "cannot be chosen any more"),
    ],
)
async def test_a_mistake_is_said_beside_its_field_and_the_rest_stays_filled_in(
    served: Served, field: str, values: tuple[str, ...], what: str
) -> None:
    page = await leads_on(served)
    await page.press("open")
    page.form.put("major", "email")
    page.form.put("quiet_from", "22:00")
    page.form.put(field, *values)
    html = await page.press("save")
    assert "Nothing is saved yet" in html
    assert html.count('class="wrong"') == 2  # at the top, and beside the field
    named = {"quiet_to": "quiet_hours"}.get(field, field)
    assert re.search(rf'id="{named}-wrong">[^<]*{what}', html)
    assert ("major", "email") in page.form.fields
    assert "preferences" not in await document(served)
    assert not served.log.named("preferences_chosen")


async def test_quiet_hours_over_all_duty_are_refused(served: Served) -> None:
    """The page said "it waits until 4 PM", and nothing would ever have come."""
    nurse = make.caregiver("mia", on_duty="mon-fri 08:00-15:00")
    page = await leads_on(served, make.family(nurse, id="fam-1"))
    await page.press("open")
    page.form.put("quiet", "on")
    page.form.put("quiet_from", "07:00")
    page.form.put("quiet_to", "16:00")
    assert re.search(r'id="quiet_hours-wrong">[^<]*all of your duty hours', await page.press("save"))


async def test_one_address_is_stopped_here_and_started_again(served: Served) -> None:
    page = await leads_on(served)
    html = await page.press("open")
    [sms] = re.findall(r'name="stop" value="([\w-]+)"> <span>Send nothing to SMS', html)
    page.form.put("stop", sms)
    said = await page.press("save")
    assert "Nothing goes to SMS +1***" in said
    shown = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"][0]["addresses"]
    assert [("opted_out_at" in each, each["channel"]) for each in shown] == [
        (False, "push"), (True, "sms"), (False, "email"),
    ]  # fmt: skip
    await page.press("open")
    assert ("stop", sms) in page.form.fields
    page.form.put("stop")
    await page.press("save")
    shown = (await served.ask("GET", "/v1/families/fam-1")).json()["caregivers"][0]["addresses"]
    assert not any("opted_out_at" in each for each in shown)


async def test_everything_stops_only_after_a_second_press(served: Served) -> None:
    page = await leads_on(served)
    await page.press("open")
    page.form.put("major", "email")
    asked = await page.press("stop")
    assert "Stop everything?" in asked
    assert "You are the only one of your family whom we can tell" in asked
    assert page.form.buttons == ["back", "stop_yes"]
    await page.press("back")
    assert ("major", "email") in page.form.fields  # what was filled in is still there
    await page.press("stop")
    said = await page.press("stop_yes")
    assert "We send you nothing any more" in said
    explained = (await served.ask("GET", "/v1/families/fam-1/explain")).json()
    assert all(each["stopped"] == "opted_out" for each in explained["caregivers"][0]["addresses"])
    await page.press("open")
    assert page.form.buttons == ["save"]
    page.form.put("stop")
    assert "We tell you over App" in await page.press("save")


@pytest.mark.parametrize(
    ("channels", "nobody"), [((), True), (("email",), False)], ids=["shared alone", "another beside it"]
)
async def test_whoever_has_only_the_phone_that_stops_is_nobody_who_is_still_told(
    served: Served, channels: tuple[str, ...], nobody: bool
) -> None:
    dad = make.caregiver("dad", *channels, order=2)
    shared = (make.own("mia", "sms"), *(dad.addresses if channels else ()))
    family = make.family(make.caregiver("mia", "sms"), replace(dad, addresses=shared), id="fam-1")
    page = await leads_on(served, family)
    await page.post(b"do=open")
    asked = await page.press("stop")
    assert ("Then nobody is told" in asked) is nobody
    assert ("still told" in asked) is not nobody


async def test_ticking_every_stop_asks_too(served: Served) -> None:
    page = await leads_on(served)
    html = await page.press("open")
    page.form.put("stop", *re.findall(r'name="stop" value="([\w-]+)"', html))
    assert "Stop everything?" in await page.press("save")
    mia = await document(served)
    assert "opted_out_at" not in str(mia)


async def test_whoever_was_overtaken_looks_once_more(served: Served) -> None:
    page = await leads_on(served)
    await page.press("open")
    other = Page(served, page.path)
    await other.press("open")
    other.form.put("holdings", "all")
    await other.press("save")
    page.form.put("major", "sms")
    page.form.put("holdings", "all")
    html = await page.press("save")
    assert "something has changed since you opened this page" in html
    assert ("major", "sms") in page.form.fields
    assert "preferences" in await document(served)
    await page.press("save")
    mia = await document(served)
    assert mia["preferences"] == {"major": ["sms"], "holdings": "all"}


async def test_what_a_provider_stopped_is_not_started_here(served: Served) -> None:
    page = await leads_on(served)
    mia = make.caregiver("mia")
    to = next(a.to for a in mia.addresses if a.channel == "sms")
    served.channel("sms").fail(to, Refused("21610", opted_out=True))
    await served.ask("POST", "/v1/incidents/1/updates", {"message": {"en": "We found the cause."}})
    await served.work()
    html = await page.press("open")
    assert "you have answered STOP" in html
    assert "Send nothing to SMS" not in html


async def test_an_answer_s_link_is_none_to_choose_by_and_the_other_way_round(served: Served) -> None:
    page = await leads_on(served)
    message = served.channel("sms").accepted[0]
    assert message.link is not None
    answer = message.link.rpartition("/")[2]
    chooses = page.path.rpartition("/")[2]
    assert answer != chooses
    for path in (f"/p/{answer}", f"/a/{chooses}", f"/p/{chooses[:-1]}~", "/p/" + "A" * 32, "/p/%00"):
        for method in ("GET", "POST"):
            reply = await served.http.request(method, path)
            assert reply.status_code == 403, path
            assert "Este enlace no está completo" in reply.text
    assert all(chooses not in str(line) and answer not in str(line) for line in served.log.lines)


async def test_it_serves_as_long_as_the_link_that_led_there(served: Served) -> None:
    page = await leads_on(served)
    await served.ask("POST", "/v1/incidents/1/resolve", {})
    served.clock.advance(days=7)
    assert "Quiet hours" in await page.press("open")
    served.clock.advance(minutes=1)
    page.form.put("holdings", "all")
    assert "no longer valid" in await page.press("save")
    assert page.answer.status_code == 410
    assert "preferences" not in await document(served)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"do=explode&stands=x", 400), (b"a=1&" * 300, 400), (b"x" * 20_000, 413), ("stands=é".encode(), 400)],
)
async def test_what_no_browser_posts_is_refused(served: Served, body: bytes, status: int) -> None:
    page = await leads_on(served)
    assert "Nothing was saved" in await page.post(body)
    assert page.answer.status_code == status


async def test_nothing_is_written_in_logs_that_names_anybody(served: Served) -> None:
    page = await leads_on(served)
    await page.press("open")
    page.form.put("critical", "sms")
    await page.press("save")
    lines = " ".join(map(str, served.log.lines))
    for secret in ("Mia", "+1", "example.org", page.path.rpartition("/")[2]):
        assert secret not in lines


async def test_severities_are_all_on_the_form(served: Served) -> None:
    page = await leads_on(served)
    html = await page.press("open")
    for severity in Severity:
        assert f'name="{severity.value}"' in html
