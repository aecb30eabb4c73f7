"""E-mail: the letter itself, whatever words stand in it, and whoever is asked."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.ports import Message, Refused
from channels.smtp_letter import STAND_IN, Letters
from tests.contract.letters import SENDER, TO, delivered, lines_of, mail_to, parsed
from tests.contract.samples.mail_server import mail_server
from tests.contract.samples.situations import NOW, message_to

LINK = "https://alerts.example.org/u/"


@settings(max_examples=150, deadline=None)
@given(
    title=st.text(max_size=200),
    text=st.text(max_size=600),
    html=st.none() | st.text(max_size=600),
    loud=st.booleans(),
)
def test_any_words_arrive_as_they_were(title: str, text: str, html: str | None, loud: bool) -> None:
    message = message_to(TO, title=title, text=text, html=html, loud=loud)
    content = delivered(Letters(SENDER, lambda: NOW).letter(message))
    assert content.isascii()
    assert all(b"\r" not in line and len(line) <= 998 for line in content.replace(b"\r\n", b"\n").split(b"\n"))
    letter = parsed(content)
    assert set(letter.keys()) >= {"To", "From", "Subject", "Message-ID", "Date", "References", "Auto-Submitted"}
    assert letter.get_all("To") == [TO]
    assert "Bcc" not in letter
    assert (letter["Importance"] == "high") is loud
    for words, kind in ((text, "plain"), (html, "html")):
        part = letter.get_body((kind,))
        if words is None:
            assert part is None
        else:
            assert part is not None
            assert lines_of(part.get_content()) == lines_of(words)


@pytest.mark.parametrize("text", [".", "..", ".\n.", "a\n.\nb", "\n.\n", ".\r\n.\r\n", "x" * 998 + "\n.", "a\r.b"])
def test_a_dot_never_ends_a_letter_early(text: str) -> None:
    message = message_to(TO, text=text, html=None)
    part = parsed(delivered(Letters(SENDER, lambda: NOW).letter(message))).get_body(("plain",))
    assert part is not None
    assert lines_of(part.get_content()) == lines_of(text)


@pytest.mark.parametrize(
    "title", ["a\r\nBcc: eve@example.org", "a\nBcc: eve@example.org\n\nbody", "a\rb", "\u2028"]
)
def test_a_title_stays_in_its_header(title: str) -> None:
    letter = parsed(delivered(Letters(SENDER, lambda: NOW).letter(message_to(TO, title=title))))
    assert letter.get_all("Bcc") is None
    assert letter["Subject"] == " ".join(title.split())


@pytest.mark.parametrize(
    "to",
    [
        "",
        "mia",
        "a@b\r\nDATA",
        "a b@example.org",
        "a@example.org>\r\n",
        "<a@example.org>",
        "a@b@c",
        "ñ@example.org",
    ],
)
async def test_what_is_no_mailbox_reaches_no_server(to: str) -> None:
    async with mail_server() as server, mail_to(server) as channel:
        with pytest.raises(Refused) as caught:
            await channel.send(message_to(to))
    assert caught.value.code == "invalid_address"
    assert server.commands == []


def test_a_soft_letter_has_no_importance() -> None:
    letter = parsed(delivered(Letters(SENDER, lambda: NOW).letter(message_to(TO, loud=False))))
    assert (letter["Importance"], letter["X-Priority"]) == (None, None)


def test_equal_content_is_composed_once_and_addressed_per_reader() -> None:
    letters = Letters(SENDER, lambda: NOW)
    one, two = (letters.letter(message_to(to)) for to in ("a@example.org", "b@example.org"))
    boundary = parsed(delivered(one)).get_boundary()  # made anew whenever a letter is composed
    assert boundary == parsed(delivered(two)).get_boundary()
    assert b"To: b@example.org\r\n" in two
    assert b"a@example.org\r\n" not in two
    other = letters.letter(message_to("a@example.org", title="other"))
    assert boundary != parsed(delivered(other)).get_boundary()


def test_letters_of_one_incident_are_one_thread() -> None:
    letters = Letters(SENDER, lambda: NOW)
    first, second = (parsed(delivered(letters.letter(message_to(TO, delivery=UUID(int=n))))) for n in (1, 2))
    assert first["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"] == "<019a0000-0000-7000-8000-000000000002@example.org>"


TOKENS = ("AZM7Xn0afD6KS1tsfY6fAHkR0sVqT3Zb", "BZM7Xn0afD6KS1tsfY6fAHkR0sVqT3Zc")


def asking(token: str, text: str = "¿Lo sabe?\n{}\n.", html: str = '<a href="{}">.Sí</a>', **more: Any) -> Message:
    link = f"https://alerts.example.org/a/{token}"
    return message_to(TO, text=text.replace("{}", link), html=html.replace("{}", link), link=link, **more)


def test_who_is_asked_has_a_link_of_their_own_and_the_letter_is_composed_once_all_the_same() -> None:
    """The first message of an outage asks everybody: to compose each anew costs 2 ms (notes of the bench)."""
    letters = Letters(SENDER, lambda: NOW)
    first, second = (parsed(delivered(letters.letter(asking(token)))) for token in TOKENS)
    assert first.get_boundary() == second.get_boundary()
    for letter, own, other in ((first, TOKENS[0], TOKENS[1]), (second, TOKENS[1], TOKENS[0])):
        for kind in ("plain", "html"):
            part = letter.get_body((kind,))
            assert part is not None
            assert part.get_content().count(f"https://alerts.example.org/a/{own}") == 1
            assert other not in part.get_content()


@settings(max_examples=200, deadline=None)
@given(before=st.text(max_size=200), after=st.text(max_size=200), again=st.booleans())
def test_a_link_stands_whole_in_any_words(before: str, after: str, again: bool) -> None:
    words = before + "{}" + after + ("{}" if again else "")
    message = asking(TOKENS[0], text=words, html=words)
    content = delivered(Letters(SENDER, lambda: NOW).letter(message))
    assert content.isascii()
    assert all(len(line) <= 76 for line in content.partition(b"\r\n\r\n")[2].split(b"\r\n"))
    for wanted, kind in ((message.text, "plain"), (message.html, "html")):
        part = parsed(content).get_body((kind,))
        assert part is not None
        assert wanted is not None
        assert lines_of(part.get_content()) == lines_of(wanted)


def test_whoever_writes_what_stands_in_for_links_is_read_as_they_wrote() -> None:
    message = asking(TOKENS[0], text=f"{STAND_IN} {{}}")
    part = parsed(delivered(Letters(SENDER, lambda: NOW).letter(message))).get_body(("plain",))
    assert part is not None
    assert part.get_content().strip() == f"{STAND_IN} https://alerts.example.org/a/{TOKENS[0]}"


def test_every_try_of_a_letter_is_the_same_letter() -> None:
    """Where the answer to the first was lost, servers and mail programs know the second by its Message-ID."""
    letters = Letters(SENDER, lambda: NOW)
    ids = {parsed(delivered(letters.letter(message_to(TO, attempt=n))))["Message-ID"] for n in (1, 2, 3)}
    assert ids == {"<019a0000-0000-7000-8000-000000000001@example.org>"}


def test_a_letter_says_where_to_stop_it_with_one_press() -> None:
    """RFC 8058: both headers, once each, and only over https; each reader has a link of their own."""
    letters = Letters(SENDER, lambda: NOW)
    one, two = (parsed(delivered(letters.letter(message_to(TO, unsubscribe=LINK + each)))) for each in "ab")
    assert one.get_all("List-Unsubscribe") == [f"<{LINK}a>"]
    assert two.get_all("List-Unsubscribe") == [f"<{LINK}b>"]
    assert one.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    assert one.get_boundary() == two.get_boundary(), "composed once"


def test_over_plain_http_nobody_presses_unseen() -> None:
    letter = parsed(
        delivered(Letters(SENDER, lambda: NOW).letter(message_to(TO, unsubscribe="http://a.test/u/x")))
    )
    assert letter["List-Unsubscribe"] == "<http://a.test/u/x>"
    assert "List-Unsubscribe-Post" not in letter


@pytest.mark.parametrize(
    "link", [None, "", "mailto:a@example.org", LINK + "a>\r\nBcc: eve@example.org", LINK + "a b", LINK + "ñ"]
)
def test_what_is_no_link_is_left_out(link: str | None) -> None:
    letter = parsed(delivered(Letters(SENDER, lambda: NOW).letter(message_to(TO, unsubscribe=link))))
    assert not {"List-Unsubscribe", "List-Unsubscribe-Post", "Bcc"} & set(letter.keys())


def test_a_message_is_found_again_by_its_id() -> None:
    message: Message = message_to(TO)
    assert Letters(SENDER, lambda: NOW).message_id(message) == f"{message.delivery}@example.org"
