"""The pages behind our links in a real browser, and e-mails as a mail program shows them.

On a small phone, by day and by night, in both languages, without a script.

The API answers over a real socket; what is pressed is pressed with a pointer. With ALERTD_PICTURES=folder every page is
also drawn there, to be looked at.
"""

import asyncio
import os
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn

from alertd.api.link_page import plain_page
from alertd.domain.family import Family, FamilyId
from alertd.texts.check_choosing import pages
from alertd.texts.opt_out import sayings
from tests import make
from tests.integration.chromium import HOW_TO_GET_IT, Tab, browsing, find_chromium
from tests.served import LINKS, Served, open_deps
from tests.unit.texts_story import CASES, PAGES

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(CHROMIUM is None, reason=f"NOT TRIED in a browser: no Chromium on PATH; {HOW_TO_GET_IT}"),
]

SIZES = ((320, 568), (360, 640), (412, 915))  # CSS pixels: an iPhone SE of 2016, and two usual Androids
SCHEMES = ("light", "dark")
NAMES = {"en": "Maximiliana Hernández-Quintanilla", "es": "Wolfeschlegelsteinhausen"}
PICTURES = os.environ.get("ALERTD_PICTURES", "")
MEASURES = (Path(__file__).parent / "page_measures.js").read_text()


@dataclass
class Reader:
    """Somebody with a small phone, who follows our links."""

    tab: Tab
    base: str
    locale: str
    drawn: set[str] = field(default_factory=set)

    async def text(self) -> str:
        """What they can read."""
        return str(await self.tab.run("document.body.innerText"))

    async def looks(self, name: str, sizes: tuple[tuple[int, int], ...] = SIZES) -> str:
        """They read the page by day and by night, on every phone; returns what it says."""
        wrong: list[str] = []
        for scheme in SCHEMES:
            await self.tab.prefer(scheme)
            for width, height in sizes:
                await self.tab.screen(width, height)
                found = await self.tab.run(f"({MEASURES})({width})")
                wrong += [f"{scheme}, {width} px: {each}" for each in found]
            if PICTURES:
                await self.tab.screen(*sizes[0])
                await self.tab.picture(Path(PICTURES) / f"{name}-{self.locale}-{scheme}.png")
        assert not wrong, f"{name}, {self.locale}:\n" + "\n".join(wrong)
        return await self.text()

    async def follows(self, path: str, status: int = 200) -> None:
        """They open a link of ours."""
        await self.tab.go(self.base + path)
        assert self.tab.statuses[-1] == status

    async def shows(self, html: str) -> None:
        """Put a page before them that no link leads to."""
        frame = (await self.tab.tell("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        await self.tab.tell("Page.setDocumentContent", frameId=frame, html=html)

    async def presses(self, button: str = "") -> None:
        """They press a button, by its value."""
        await self.tab.tap(f'button[value="{button}"]' if button else "button", leads_on=True)
        assert self.tab.statuses[-1] == 200


@dataclass
class Home:
    """A family that is told of an outage, and the links that it got."""

    served: Served
    database: str
    family: Family

    @property
    def name(self) -> str:
        return self.family.caregivers[0].name

    @property
    def to(self) -> Mapping[str, str]:
        """Its parent's addresses."""
        return {each.channel: each.to for each in self.family.caregivers[0].addresses}

    def link(self) -> str:
        """Of the SMS, on this machine."""
        [message] = [each for each in self.served.channel("sms").accepted if each.to == self.to["sms"]]
        assert message.link is not None
        return message.link.removeprefix(LINKS.base)

    async def stored(self) -> Family:
        async with self.served.deps.store.reading() as rows:
            found = await rows.family(self.family.id)
        assert found is not None
        return found

    def everything(self) -> str:
        """All that the database holds."""
        with sqlite3.connect(self.database.removeprefix("sqlite:///")) as connection:
            return "\n".join(connection.iterdump())


@asynccontextmanager
async def listening(served: Served) -> AsyncIterator[str]:
    """The API on a port of this machine."""
    server = uvicorn.Server(uvicorn.Config(served.app, lifespan="off", log_config=None, access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def test_families_can_read_and_use_every_page(fresh_database: Callable[[str], str]) -> None:
    assert CHROMIUM is not None
    url = fresh_database("sqlite")
    served = Served(*open_deps(url))
    await served.sign_in()
    homes = [await move_in(served, url, locale) for locale in ("en", "es")]
    await served.open(
        message={
            "en": "Our servers are overloaded; we are adding more. ",
            "es": "Nuestros servidores están saturados.",
        },
        works=["sensor_works"],
        do=["check_by_hand", "do_not_reinstall"],
    )
    await served.work()
    async with listening(served) as base, browsing(CHROMIUM) as tab:
        for home in homes:
            reader = Reader(tab, base, home.family.locale)
            await says_that_they_know(reader, home)
            await chooses(reader, home)
            await stops_everything(reader, home)
            await stops_the_mail(reader, home)
            await follows_broken_links(reader)
            await reads_every_other_page(reader, served)
        await served.ask("POST", "/v1/incidents/1/resolve", {})
        served.clock.advance(days=8)
        for home in homes:
            reader = Reader(tab, base, home.family.locale)
            await reader.follows(home.link(), 410)
            assert "Este enlace ya no es válido" in await reader.looks("expired")
        hosts = {urlsplit(each).netloc for each in tab.requested if not each.startswith(("about:", "data:"))}
        assert hosts == {urlsplit(base).netloc}, "a page asks somebody else"
    await served.close()


async def move_in(served: Served, url: str, locale: str) -> Home:
    mother = replace(make.caregiver(f"mia-{locale}"), name=NAMES[locale])
    grandma = make.caregiver(f"ana-{locale}", "sms", role="grandparent", order=3)
    family = make.family(mother, grandma, id=FamilyId(f"fam-{locale}"), locale=locale)
    await served.families(family)
    async with served.deps.store.reading() as rows:
        stored = await rows.family(family.id)
    assert stored is not None
    return Home(served, url, stored)


def is_about_nobody(home: Home, page: str, source: str) -> None:
    """Whoever looks over a shoulder, and every scanner, learns no name, no address and no family."""
    people = [part for each in home.family.caregivers for part in each.name.split()]
    for secret in (*people, *home.to.values(), "***", "+1", "example.org", str(home.family.id)):
        assert secret not in page + source, page


async def says_that_they_know(reader: Reader, home: Home) -> None:
    before = home.everything()
    await reader.follows(home.link())
    page = await reader.looks("ask")
    is_about_nobody(home, page, await reader.tab.run("document.documentElement.outerHTML"))
    assert home.everything() == before, "opening the link has changed something"
    await reader.presses()
    assert {"en": "Thank you.", "es": "Gracias."}[reader.locale] in await reader.looks("thanks")
    assert home.everything() != before


async def chooses(reader: Reader, home: Home) -> None:
    before = home.everything()
    await reader.tab.tap('a[href*="/p/"]', leads_on=True)
    page = await reader.looks("closed")
    is_about_nobody(home, page, await reader.tab.run("document.documentElement.outerHTML"))
    await reader.presses("open")
    page = await reader.looks("form")
    assert home.name in page
    assert "SMS +1***" in page
    assert not any(to in page for to in home.to.values()), "a whole address is shown"
    assert home.everything() == before, "opening the form has changed something"

    for channel in ("push", "sms"):
        await reader.tab.tap(f'input[name="critical"][value="{channel}"]')
    await reader.presses("save")
    page = await reader.looks("mistake")
    assert {"en": "Please leave at least one.", "es": "Deje al menos uno."}[reader.locale] in page
    assert home.everything() == before, "a mistake has changed something"

    await reader.tab.tap('input[name="critical"][value="email"]')
    await reader.tab.key('select[name="quiet_from"]', "ArrowDown")
    await reader.tab.tap('input[name="holdings"][value="few"]')
    await reader.presses("save")
    assert {"en": "Saved", "es": "Guardado"}[reader.locale] in await reader.looks("saved")
    mine = (await home.stored()).caregivers[0]
    assert mine.preferences == make.preferences(critical=("email",), quiet_hours="22:30-06:30", holdings="few")
    assert set(mine.chosen or ()) == {"critical", "quiet_hours", "holdings"}


async def stops_everything(reader: Reader, home: Home) -> None:
    await reader.presses("open")
    before = home.everything()
    await reader.presses("stop")
    await reader.looks("stopping")
    await reader.presses("back")
    assert home.everything() == before, "the question has stopped something"
    await reader.presses("stop")
    await reader.presses("stop_yes")
    silent = {"en": "We send you nothing any more.", "es": "Ya no le enviamos nada."}
    assert silent[reader.locale] in await reader.looks("silent")
    async with home.served.deps.store.reading() as rows:
        states = await rows.address_states(home.family.id)
    mine = {each.id for each in home.family.caregivers[0].addresses}
    assert {each for each in states if states[each].opted_out_at is not None} == mine
    await reader.presses("open")
    await reader.looks("form-stopped")
    for number in range(len(mine)):
        await reader.tab.tap(f'.choice:nth-of-type({number + 1}) input[name="stop"]')
    await reader.presses("save")
    assert silent[reader.locale] not in await reader.text()


async def stops_the_mail(reader: Reader, home: Home) -> None:
    mailbox = next(each for each in home.family.caregivers[0].addresses if each.channel == "email")
    before = home.everything()
    await reader.follows(LINKS.opt_out(mailbox.id).removeprefix(LINKS.base))
    page = await reader.looks("mail")
    is_about_nobody(home, page, await reader.tab.run("document.documentElement.outerHTML"))
    assert home.everything() == before, "opening the link has changed something"
    await reader.presses()
    await reader.looks("mail-stopped")
    async with home.served.deps.store.reading() as rows:
        assert (await rows.address_states(home.family.id))[mailbox.id].opted_out_at is not None
    await reader.presses()
    async with home.served.deps.store.reading() as rows:
        assert mailbox.id not in await rows.address_states(home.family.id)


async def follows_broken_links(reader: Reader) -> None:
    for kind in ("a", "p", "u"):
        await reader.follows(f"/{kind}/{'A' * 32}", 403)
        assert "Este enlace no está completo" in await reader.looks(f"broken-{kind}", SIZES[:1])


async def reads_every_other_page(reader: Reader, served: Served) -> None:
    """States of the pages that would take an hour to bring about, as they are composed; and every e-mail."""
    deps, locale = served.deps, reader.locale
    assert deps.compose_choosing is not None
    assert deps.compose_opt_out is not None
    choosing = dict.fromkeys(deps.compose_choosing(page) for page in pages(locale))
    answers = {case.name: deps.compose(case.told("page", locale)).html or "" for case in PAGES}
    mails = [deps.compose_opt_out(each).html or "" for each in sayings(locale)]
    on_call = plain_page(200, "3", '<h1>Incident 3</h1><form method="post"><button>I am on it</button></form>')
    layouts = {"choosing": below_each_other(choosing), "on-call": bytes(on_call.body).decode(), **answers}
    layouts |= {f"mail-{n}": html for n, html in enumerate(dict.fromkeys(mails))}
    layouts |= {f"email-{case.name}": deps.compose(case.told("email", locale)).html or "" for case in CASES}
    for name, html in layouts.items():
        await reader.shows(html)
        await reader.looks(f"composed-{name}", SIZES[:1])


def below_each_other(found: Iterable[str]) -> str:
    """Pages of one layout as one long page, to be looked at once."""
    first, *others = found
    bodies = "".join(each.partition("<body>")[2].partition("</body>")[0] for each in others)
    return first.replace("</body>", f"{bodies}</body>")
