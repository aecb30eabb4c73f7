"""What people wrote is data: it is never run, never markup, never a new line of a header."""

import re
from html.parser import HTMLParser

import pytest

from alertd.domain.delivery import Framing
from alertd.domain.incident import Kind, State
from alertd.texts import Composer
from tests.unit.texts_story import ADVICE, CASES, composer, saying

ATTACKS = (
    "<script>alert(1)</script>",
    "{{ 7*7 }} {% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{0.__class__} %s %(name)s ${HOME}",
    "Quote \" and ' and & and </div>",
    "First\r\nBcc: everyone@example.org\r\n\r\nSecond",
    "Bell\x07 null\x00 escape\x1b[2J bidi\u202etxt",
)
CHANNELS = ("sms", "push", "email", "console")


class Tags(HTMLParser):
    """Collects the tags and the visible text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.said += data


def tags(html: str | None) -> Tags:
    assert html is not None
    found = Tags()
    found.feed(html)
    return found


@pytest.fixture(scope="module")
def compose() -> Composer:
    return composer()


@pytest.mark.parametrize("attack", ATTACKS)
def test_words_stay_words_in_html(compose: Composer, attack: str) -> None:
    plain = tags(compose(saying(channel="email", message={"en": "x"}, do=("x",), works=("x",))).html)
    told = tags(compose(saying(channel="email", message={"en": attack}, do=(attack,), works=(attack,))).html)
    paragraphs = len([line for line in attack.splitlines() if line])
    assert [tag for tag in told.tags if tag != "p"] == [tag for tag in plain.tags if tag != "p"]
    assert told.tags.count("p") == plain.tags.count("p") + paragraphs - 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_words_are_not_run(compose: Composer, channel: str) -> None:
    told = compose(
        saying(Framing.UPDATE, channel=channel, message={"en": ATTACKS[1]}, do=("{{ 7*7 }}",), works=())
    )
    assert "{{ 7*7 }}" in told.text
    assert "49" not in told.text
    assert "49" not in tags(told.html).said if told.html else True


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("where", ["message", "do", "works", "name"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_line_is_forged_and_no_control_character_passes(channel: str, where: str, attack: str) -> None:
    names = {"follow": {"en": attack if where == "name" else "Follow"}}
    told = composer(names)(
        saying(
            channel=channel,
            services=("follow",),
            message={"en": attack} if where == "message" else {},
            do=(attack,) if where == "do" else ADVICE,
            works=(attack,) if where == "works" else (),
        )
    )
    assert len(told.title.splitlines()) == 1
    if channel in ("sms", "push"):
        assert len(told.text.splitlines()) == 1
    for text in (told.title, told.text, told.html or ""):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search("^Bcc:", told.text, re.MULTILINE)


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_e_mail_fetches_nothing_and_is_one_column(compose: Composer, case, locale: str) -> None:
    told = case.told("email", locale)
    html = compose(told).html
    page = tags(html)
    assert not {"script", "img", "link", "iframe", "table", "form", "object", "svg"} & set(page.tags)
    assert not {name for name, _ in page.attributes} & {"src", "background", "srcset", "onclick"}
    # The one link there may be is our own, for an answer.
    assert [value for name, value in page.attributes if name == "href"] == [told.link] * page.tags.count("a")
    assert page.tags.count("a") == bool(told.link)
    assert "url(" not in str(html)
    assert "@import" not in str(html)
    assert str(html).count("http") == bool(told.link)
    assert max(map(len, str(html).splitlines())) < 998  # SMTP's longest line, RFC 5321 section 4.5.3.1.6


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("locale", ["en", "es"])
def test_no_text_holds_a_link_but_for_the_one_that_asks_for_an_answer(
    compose: Composer, channel: str, locale: str
) -> None:
    for case in CASES:
        told = case.told(channel, locale)
        text = compose(told).text
        assert text.count("http") == (bool(told.link) and channel != "push")
        assert not told.link or channel == "push" or told.link in text


def test_what_a_machine_wrote_reaches_nobody_until_a_human_confirms(compose: Composer) -> None:
    for channel in CHANNELS:
        told = compose(saying(channel=channel, state=State.SUSPECTED, message={"en": "fanout p99 > 4s"}))
        assert "p99" not in f"{told.title} {told.text} {told.html}"
        confirmed = compose(saying(channel=channel, state=State.INVESTIGATING, message={"en": "fanout p99 > 4s"}))
        assert "p99" in confirmed.text


def test_a_message_of_several_lines_becomes_paragraphs_in_the_e_mail_only(compose: Composer) -> None:
    words = {"en": "The servers were overloaded.\n\nWe have added more\nand test them weekly."}
    email = compose(saying(Framing.UPDATE, channel="email", message=words))
    assert "  The servers were overloaded.\n  We have added more\n  and test them weekly.\n" in email.text
    sms = compose(saying(Framing.UPDATE, message=words, services=("follow",)))
    assert "overloaded. We have added more and test them weekly. You" in sms.text


def test_what_the_outage_advised_is_not_repeated_when_it_is_over(compose: Composer) -> None:
    for framing in (Framing.RESOLUTION, Framing.CANCELLATION, Framing.WAS_DOWN, Framing.NOT_AFFECTED):
        state = State.CANCELLED if framing is Framing.CANCELLATION else State.RESOLVED
        text = compose(saying(framing, state=state, kind=Kind.RESOLUTION)).text
        assert "reinstall" not in text
        assert "Still works" not in text
