"""E-mail over SMTP: letters, connections, and what each reply means."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
import uvloop
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.free_port import free_port
from alertd.ports import ChannelError, Later, Message, Misconfigured, Receipt, Refused, Unknown
from channels.smtp_email import SmtpConfig, SmtpEmail
from channels.smtp_errors import Reply, Stage, error_for
from channels.smtp_letter import STAND_IN, Letters
from channels.smtp_unanswered import wait_until
from channels.tls import tls_context
from tests.contract.samples.authority import authority
from tests.contract.samples.mail_server import MailServer, Trouble, mail_server
from tests.contract.samples.situations import NOW, message_to

TO = "mia@example.org"
SENDER = "Alerts <alerts@example.org>"
OTHER = UUID("019a0000-0000-7000-8000-00000000000f")
LINK = "https://alerts.example.org/u/"


@asynccontextmanager
async def mail_to(server: MailServer, **changes: Any) -> AsyncIterator[SmtpEmail]:
    given_ = {"url": f"smtp://127.0.0.1:{server.port}", "from_": SENDER}
    channel = SmtpEmail(SmtpConfig(**(given_ | changes)), lambda: NOW)
    try:
        yield channel
    finally:
        await channel.close()


async def outcome_of(server: MailServer, **changes: Any) -> Any:
    async with mail_to(server, **changes) as channel:
        try:
            return await channel.send(message_to(TO))
        except ChannelError as error:
            return error


def parsed(content: bytes) -> EmailMessage:
    return cast(EmailMessage, email.message_from_bytes(content, policy=cast(Any, email.policy.default)))


def delivered(letter: bytes) -> bytes:
    """What a server keeps: up to the lone dot, without the dots that were added (RFC 5321 4.5.2)."""
    content, dot, rest = letter.partition(b"\r\n.\r\n")
    assert (dot, rest) == (b"\r\n.\r\n", b"")
    return b"".join(line.removeprefix(b".") for line in (content + b"\r\n").splitlines(keepends=True))


# --- letters ----------------------------------------------------------------------------------------


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
            assert _lines(part.get_content()) == _lines(words)


def _lines(words: str) -> list[str]:
    """Lines as mail knows them, without what no mail can carry, nor empty ones at the end."""
    clean = words.encode("utf-8", "replace").decode().replace("\0", "")
    lines = clean.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines


@pytest.mark.parametrize("text", [".", "..", ".\n.", "a\n.\nb", "\n.\n", ".\r\n.\r\n", "x" * 998 + "\n.", "a\r.b"])
def test_a_dot_never_ends_a_letter_early(text: str) -> None:
    message = message_to(TO, text=text, html=None)
    part = parsed(delivered(Letters(SENDER, lambda: NOW).letter(message))).get_body(("plain",))
    assert part is not None
    assert _lines(part.get_content()) == _lines(text)


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
        assert _lines(part.get_content()) == _lines(wanted)


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


# --- connections --------------------------------------------------------------------------------------


@pytest.mark.parametrize("extensions", [("PIPELINING",), ("8BITMIME", "SIZE 1000000")])
async def test_one_connection_for_many_letters(extensions: tuple[str, ...]) -> None:
    async with mail_server() as server:
        server.extensions = extensions
        async with mail_to(server) as channel:
            for n in range(5):
                await channel.send(message_to(f"mia{n}@example.org"))
        await _until(lambda: server.open == 0)
    assert server.connections == 1
    assert [mail.recipient for mail in server.mails] == [f"mia{n}@example.org" for n in range(5)]
    assert server.commands[1:4] == ["MAIL FROM:<alerts@example.org>", "RCPT TO:<mia0@example.org>", "DATA"]
    assert server.commands[-1] == "QUIT"


async def test_no_more_connections_than_allowed() -> None:
    async with mail_server() as server, mail_to(server, connections=3) as channel:
        await asyncio.gather(*(channel.send(message_to(f"mia{n}@example.org")) for n in range(60)))
        assert server.most_open <= 3
    assert sorted(mail.recipient for mail in server.mails) == sorted(f"mia{n}@example.org" for n in range(60))


@pytest.mark.parametrize("word", [Trouble.DROP, "nonsense"])
async def test_a_connection_that_died_meanwhile_costs_nothing(word: str | Trouble) -> None:
    async with mail_server() as server, mail_to(server) as channel:
        server.says["MAIL"] = ["250 Ok", word, "250 Ok"]
        assert isinstance(await channel.send(message_to(TO)), Receipt)
        assert isinstance(await channel.send(message_to(TO)), Receipt)
    assert len(server.mails) == 2
    assert server.connections == 2


async def test_a_connection_that_the_server_closed_is_not_used() -> None:
    async with mail_server() as server, mail_to(server) as channel:
        server.says["CONTENT"] = ["250 Ok", "250 Ok"]
        server.says["RSET"] = "421 4.4.2 timeout"
        await channel.send(message_to(TO))
        server.says["RCPT"] = ["550 5.1.1 no", "250 Ok"]
        with pytest.raises(Refused):
            await channel.send(message_to(TO))
        assert isinstance(await channel.send(message_to(TO)), Receipt)  # RSET was answered 421
    assert server.connections == 2


async def test_a_connection_that_was_idle_for_long_is_left_politely() -> None:
    async with mail_server() as server, mail_to(server, longest_idle=0.0) as channel:
        for _ in range(2):
            await channel.send(message_to(TO))
        await _until(lambda: server.commands.count("QUIT") == 1)
    assert server.connections == 2


async def test_a_fresh_connection_that_dies_is_told() -> None:
    async with mail_server() as server:
        server.says["MAIL"] = Trouble.DROP
        outcome = await outcome_of(server)
    assert isinstance(outcome, Later)
    assert server.connections == 1


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
async def test_a_refused_mailbox_does_not_cost_the_connection(extensions: tuple[str, ...]) -> None:
    async with mail_server() as server, mail_to(server) as channel:
        server.extensions = extensions
        server.says["RCPT"] = ["550 5.1.1 no such user", "250 Ok"]
        with pytest.raises(Refused):
            await channel.send(message_to("gone@example.org"))
        await channel.send(message_to(TO))
    assert server.connections == 1
    assert [mail.recipient for mail in server.mails] == [TO]
    assert "RSET" in server.commands


async def test_a_server_that_wants_a_letter_without_reader_gets_none() -> None:
    async with mail_server() as server, mail_to(server) as channel:
        server.says |= {"RCPT": ["550 5.1.1 no", "250 Ok"], "DATA": "354 go ahead"}
        with pytest.raises(Refused):
            await channel.send(message_to("gone@example.org"))
        await channel.send(message_to(TO))
    assert [mail.recipient for mail in server.mails] == [TO]
    assert server.connections == 2


async def test_a_server_that_says_421_is_left() -> None:
    async with mail_server() as server, mail_to(server) as channel:
        server.says["MAIL"] = ["421 4.7.0 too many messages", "250 Ok"]
        with pytest.raises(Later) as caught:
            await channel.send(message_to(TO))
        assert caught.value.code == "421 4.7.0"
        await channel.send(message_to(TO))
    assert server.connections == 2


@pytest.mark.parametrize("stage", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_before_the_letter_has_nothing(stage: str) -> None:
    async with mail_server() as server:
        server.says[stage] = Trouble.HANG
        outcome = await outcome_of(server, patience=0.3)
    assert isinstance(outcome, Later)
    assert outcome.code == "timeout"
    assert server.mails == []


@pytest.mark.parametrize("stage", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("word", [Trouble.DROP, "what? no number"])
async def test_a_server_that_hangs_up_before_the_letter_has_nothing(stage: str, word: str | Trouble) -> None:
    async with mail_server() as server:
        server.says[stage] = word
        outcome = await outcome_of(server)
    assert isinstance(outcome, Later)
    assert outcome.code == "connection_lost"


async def test_a_letter_without_answer_does_not_hold_its_connection() -> None:
    async with mail_server() as server, mail_to(server, connections=1, deadline=0.3) as channel:
        server.says["CONTENT"] = [Trouble.HANG, "250 Ok"]
        with pytest.raises(Unknown):
            await channel.send(message_to(TO))
        assert isinstance(await channel.send(message_to(TO, delivery=OTHER)), Receipt)


async def test_who_tries_again_waits_on_for_the_same_answer() -> None:
    """Ten minutes, says RFC 5321 4.5.3.2.6: who gives up before and sends again is read twice."""
    async with mail_server() as server, mail_to(server, connections=1, deadline=0.3) as channel:
        server.says["CONTENT"] = [Trouble.WAIT, "250 Ok"]
        for _ in range(2):
            with pytest.raises(Unknown) as caught:
                await channel.send(message_to(TO))
            assert caught.value.code == "timeout"
        server.speak.set()
        receipt = await channel.send(message_to(TO, attempt=3))
        await channel.send(message_to(TO, delivery=OTHER))  # its connection serves again
    assert receipt.provider_id == "019a0000-0000-7000-8000-000000000001@example.org"
    assert len(server.mails) == 2
    assert server.connections == 1


async def test_a_late_no_is_a_no() -> None:
    async with mail_server() as server, mail_to(server, deadline=0.3) as channel:
        server.says["CONTENT"] = [Trouble.WAIT, "250 Ok"]
        server.after_waiting = "451 4.3.0 try again"
        with pytest.raises(Unknown):
            await channel.send(message_to(TO))
        server.speak.set()
        with pytest.raises(Later) as caught:
            await channel.send(message_to(TO))
        assert caught.value.code == "451 4.3.0"
        await channel.send(message_to(TO))
    assert len(server.mails) == 1


async def test_an_answer_that_can_no_longer_come_is_not_waited_for() -> None:
    """The server was restarted meanwhile: better twice than never."""
    async with mail_server() as server, mail_to(server, deadline=0.3) as channel:
        server.says["CONTENT"] = [Trouble.WAIT, "250 Ok"]
        server.after_waiting = Trouble.DROP
        with pytest.raises(Unknown):
            await channel.send(message_to(TO))
        server.speak.set()
        await _until(lambda: server.open == 0)
        assert isinstance(await channel.send(message_to(TO)), Receipt)
    assert [mail.recipient for mail in server.mails] == [TO]
    assert server.connections == 2


async def test_nobody_waits_beyond_half_of_the_time_in_which_a_message_is_of_use() -> None:
    brief = message_to(TO, useful_for=timedelta(seconds=0.8))
    async with mail_server() as server, mail_to(server, deadline=0.3) as channel:
        server.says["CONTENT"] = [Trouble.HANG, "250 Ok"]
        with pytest.raises(Unknown):
            await channel.send(brief)
        assert server.open == 1
        await _until(lambda: server.open == 0)
        assert isinstance(await channel.send(brief), Receipt)
    assert wait_until(100.0, timedelta(minutes=30)) == 100.0 + 600.0
    assert wait_until(100.0, timedelta(minutes=10)) == 100.0 + 300.0


async def test_so_many_answers_are_waited_for_and_no_more() -> None:
    async with mail_server() as server, mail_to(server, connections=2, deadline=0.2) as channel:
        server.says["CONTENT"] = Trouble.HANG
        for n in range(5):
            with pytest.raises(Unknown):
                await channel.send(message_to(TO, delivery=UUID(int=n)))
        await _until(lambda: server.open == 2)
    await _until(lambda: server.open == 0)


@pytest.mark.parametrize("stage", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
async def test_a_slow_drip_holds_nobody_longer_than_a_hang(stage: str) -> None:
    """A byte now and then is no answer: what counts is the whole of it, in time."""
    async with mail_server() as server:
        server.says[stage] = Trouble.DRIP
        began = asyncio.get_running_loop().time()
        outcome = await outcome_of(server, patience=0.3, deadline=0.3)
        assert asyncio.get_running_loop().time() - began < 2.0
    assert isinstance(outcome, Unknown if stage == "CONTENT" else Later)
    assert outcome.code == "timeout"


async def test_who_never_gets_a_connection_has_sent_nothing() -> None:
    async with mail_server() as server, mail_to(server, connections=1, patience=0.3, deadline=1.0) as channel:
        server.says["CONTENT"] = Trouble.HANG
        outcomes = await asyncio.gather(
            *(channel.send(message_to(TO, delivery=UUID(int=n))) for n in (1, 2)), return_exceptions=True
        )
    later, unknown = sorted(outcomes, key=lambda outcome: type(outcome).__name__)
    assert isinstance(later, Later)
    assert later.code == "busy"
    assert isinstance(unknown, Unknown)


async def test_a_flood_of_words_is_not_kept() -> None:
    async with mail_server() as server:
        server.says["GREETING"] = "220-" + "x" * 200_000
        outcome = await outcome_of(server, patience=3.0)
    assert isinstance(outcome, Later)
    assert outcome.code == "connection_lost"


async def test_giving_up_closes_the_connection() -> None:
    async with mail_server() as server, mail_to(server, connections=1) as channel:
        words = server.says["CONTENT"] = [Trouble.HANG, "250 Ok"]
        sending = asyncio.create_task(channel.send(message_to(TO)))
        await _until(lambda: Trouble.HANG not in words)  # the server has the letter, and says nothing
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert isinstance(await channel.send(message_to(TO)), Receipt)


async def _until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 (the server has no event for each thing that may be waited for)
            await asyncio.sleep(0.005)


# --- replies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "reply", "reaction"),
    [
        (Stage.GREETING, "554 no SMTP service here", Misconfigured),
        (Stage.GREETING, "421 4.3.2 closing", Later),
        (Stage.HELLO, "502 what is EHLO", Misconfigured),
        (Stage.TLS, "454 4.7.0 TLS not available", Later),
        (Stage.LOGIN, "535 5.7.8 wrong", Misconfigured),
        (Stage.LOGIN, "534 5.7.9 use an app password", Misconfigured),
        (Stage.LOGIN, "454 4.7.0 try again", Later),
        (Stage.SENDER, "530 5.7.0 log in first", Misconfigured),
        (Stage.SENDER, "550 5.7.1 not your domain", Misconfigured),
        (Stage.SENDER, "553 5.7.1 not your address", Misconfigured),
        (Stage.SENDER, "552 5.3.4 too big", Misconfigured),
        (Stage.SENDER, "450 4.1.8 sender's domain not found", Later),
        (Stage.SENDER, "452 4.3.1 no space", Later),
        (Stage.RECIPIENT, "550 no such user", Refused),
        (Stage.RECIPIENT, "550 5.1.1 no such user", Refused),
        (Stage.RECIPIENT, "550 5.1.10 null MX", Refused),
        (Stage.RECIPIENT, "550 5.2.1 disabled", Refused),
        (Stage.RECIPIENT, "552 5.2.2 over quota", Later),
        (Stage.RECIPIENT, "550 5.4.1 access denied", Refused),  # Exchange's word for an unknown recipient
        (Stage.RECIPIENT, "551 not local", Refused),
        (Stage.RECIPIENT, "553 mailbox name not allowed", Refused),
        (Stage.RECIPIENT, "501 5.1.3 bad address syntax", Refused),
        (Stage.RECIPIENT, "550 5.1.8 sender's domain not found", Misconfigured),
        (Stage.RECIPIENT, "550 5.1.7 bad sender", Misconfigured),
        (Stage.RECIPIENT, "550 5.7.1 blocked", Misconfigured),
        (Stage.RECIPIENT, "554 5.7.1 relay access denied", Misconfigured),
        (Stage.RECIPIENT, "554 relay access denied", Misconfigured),
        (Stage.RECIPIENT, "530 5.7.0 log in first", Misconfigured),
        (Stage.RECIPIENT, "503 5.5.1 bad sequence", Misconfigured),
        (Stage.RECIPIENT, "450 4.2.1 mailbox busy", Later),
        (Stage.RECIPIENT, "451 4.7.1 greylisted", Later),
        (Stage.RECIPIENT, "452 4.2.2 full", Later),
        (Stage.DATA, "554 5.5.1 no valid recipients", Misconfigured),
        (Stage.DATA, "451 4.3.0 local error", Later),
        (Stage.CONTENT, "554 5.7.1 looks like spam", Misconfigured),
        (Stage.CONTENT, "550 content rejected", Misconfigured),
        (Stage.CONTENT, "552 5.3.4 too big", Misconfigured),
        (Stage.CONTENT, "550 5.1.1 no such user after all", Refused),
        (Stage.CONTENT, "452 4.3.1 no space", Later),
        (Stage.CONTENT, "421 4.3.0 closing", Later),
        (Stage.CONTENT, "354 go on", Unknown),
        (Stage.SENDER, "354 what", Later),
    ],
)
def test_a_reply_has_its_reaction(stage: Stage, reply: str, reaction: type[ChannelError]) -> None:
    error = error_for(stage, Reply(int(reply[:3]), reply[4:]))
    assert type(error) is reaction
    assert error.code == " ".join(word for word in reply.split()[:2] if word[0].isdigit())


async def test_our_own_mistakes_are_told_in_the_servers_words_without_addresses() -> None:
    async with mail_server() as server:
        server.says["MAIL"] = "550 5.7.1 <alerts@example.org>: not\x07 allowed to send \u2192 ask postmaster"
        outcome = await outcome_of(server)
    assert isinstance(outcome, Misconfigured)
    assert "*** not allowed to send" in outcome.detail
    assert "@" not in outcome.detail
    assert outcome.detail.isascii()


# --- TLS and log-in -----------------------------------------------------------------------------------

USER, PASSWORD = "alerts", "s3cret p@ss/word"
ENCODED = "s3cret%20p%40ss%2Fword"


class Mailbox:
    """What aiosmtpd hands over."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.says: dict[str, str] = {}  # by mailbox, at RCPT
        self.ports: set[int] = set()  # of those who spoke to it

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.ports.add(session.peer[1])
        reply = self.says.get(address, "250 2.1.5 Ok")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        encrypted = server.transport.get_extra_info("cipher") is not None
        self.mails.append((encrypted, session.authenticated, envelope))
        return "250 2.0.0 taken"


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's certificate for localhost that this process trusts."""
    trust, context = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trust))
    tls_context.cache_clear()
    yield context
    tls_context.cache_clear()


@pytest.fixture(params=["starttls", "implicit"])
def real_server(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> Iterator[tuple[str, Mailbox]]:
    """aiosmtpd with a log-in that it asks for, over either kind of TLS."""
    mailbox = Mailbox()
    how: dict[str, Any] = (
        {"tls_context": tls, "require_starttls": True}
        if request.param == "starttls"
        else {"ssl_context": tls, "auth_require_tls": False}
    )
    controller = Controller(mailbox, "localhost", free_port(), authenticator=_knows, auth_required=True, **how)
    controller.start()
    scheme = "smtp+starttls" if request.param == "starttls" else "smtps"
    try:
        yield f"{scheme}://{{user}}@localhost:{controller.port}", mailbox
    finally:
        controller.stop()


def _on_uvloop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


async def _two_letters(url: str) -> list[Receipt]:
    channel = SmtpEmail(SmtpConfig(url, SENDER), lambda: NOW)
    try:
        return [await channel.send(message_to(TO, attempt=n)) for n in (1, 2)]
    finally:
        await channel.close()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is TLS from the first byte
@pytest.mark.parametrize("run", [asyncio.run, _on_uvloop], ids=["asyncio", "uvloop"])
def test_a_real_server_takes_encrypted_letters_from_who_is_logged_in(
    real_server: tuple[str, Mailbox], run: Any
) -> None:
    url, mailbox = real_server
    receipts = run(_two_letters(url.format(user=f"{USER}:{ENCODED}")))
    assert len(receipts) == 2
    for encrypted, logged_in, envelope in mailbox.mails:
        assert encrypted
        assert logged_in
        assert (envelope.mail_from, envelope.rcpt_tos) == ("alerts@example.org", [TO])
    letter = parsed(mailbox.mails[0][2].content)
    assert letter["Message-ID"] == f"<{receipts[0].provider_id}>"
    part = letter.get_body(("plain",))
    assert part is not None
    assert _lines(part.get_content()) == _lines(message_to(TO).text)


async def _one_letter_each(url: str, to: list[str]) -> list[Any]:
    channel = SmtpEmail(SmtpConfig(url, SENDER), lambda: NOW)
    outcomes: list[Any] = []
    try:
        for n, each in enumerate(to):
            try:
                outcomes.append(await channel.send(message_to(each, delivery=UUID(int=n))))
            except ChannelError as error:
                outcomes.append(error)
    finally:
        await channel.close()
    return outcomes


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("run", [asyncio.run, _on_uvloop], ids=["asyncio", "uvloop"])
def test_a_real_server_refuses_one_mailbox_defers_another_and_takes_the_rest(
    real_server: tuple[str, Mailbox], run: Any
) -> None:
    """Each word is about one reader, and costs the others neither their letter nor their connection."""
    url, mailbox = real_server
    mailbox.says = {"gone@example.org": "550 5.1.1 no such user", "full@example.org": "452 4.2.2 mailbox full"}
    to = ["gone@example.org", TO, "full@example.org", "ben@example.org"]
    gone, mia, full, ben = run(_one_letter_each(url.format(user=f"{USER}:{ENCODED}"), to))
    assert (type(gone), gone.code) == (Refused, "550 5.1.1")
    assert (type(full), full.code) == (Later, "452 4.2.2")
    assert isinstance(mia, Receipt)
    assert isinstance(ben, Receipt)
    assert [envelope.rcpt_tos for *_, envelope in mailbox.mails] == [[TO], ["ben@example.org"]]
    assert len(mailbox.ports) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_wrong_password_is_our_fault(real_server: tuple[str, Mailbox]) -> None:
    url, mailbox = real_server
    with pytest.raises(Misconfigured) as caught:
        asyncio.run(_two_letters(url.format(user=f"{USER}:wrong")))
    assert caught.value.code.startswith("535")
    assert "wrong" not in str(caught.value)
    assert mailbox.mails == []


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
async def test_no_letter_and_no_password_without_the_encryption_that_was_asked_for(scheme: str) -> None:
    async with mail_server() as server:
        outcome = await outcome_of(
            server, url=f"{scheme}://{USER}:{ENCODED}@localhost:{server.port}", patience=0.5
        )
    assert isinstance(outcome, Misconfigured if scheme == "smtp+starttls" else Later)
    assert not any("AUTH" in command or "MAIL" in command for command in server.commands)


async def test_words_before_the_encryption_are_nobodys() -> None:
    async with mail_server() as server:
        server.extensions = ("STARTTLS",)
        server.says["UNKNOWN"] = "220 go ahead\r\n250 injected"  # STARTTLS is unknown to it
        outcome = await outcome_of(server, url=f"smtp+starttls://localhost:{server.port}", patience=2.0)
    assert isinstance(outcome, Later)
    assert server.commands[-1] == "STARTTLS"


async def test_log_in_by_questions() -> None:
    async with mail_server() as server:
        server.extensions = ("AUTH LOGIN",)
        server.says |= {"AUTH": "334 VXNlcm5hbWU6", "UNKNOWN": ["334 UGFzc3dvcmQ6", "235 welcome"]}
        outcome = await outcome_of(server, url=f"smtp://{USER}:{ENCODED}@127.0.0.1:{server.port}")
    assert isinstance(outcome, Receipt)
    assert server.commands[1:4] == ["AUTH LOGIN", "YWxlcnRz", "czNjcmV0IHBAc3Mvd29yZA=="]


async def test_a_server_without_any_known_log_in() -> None:
    async with mail_server() as server:
        server.extensions = ("AUTH GSSAPI",)
        outcome = await outcome_of(server, url=f"smtp://{USER}:{ENCODED}@127.0.0.1:{server.port}")
    assert isinstance(outcome, Misconfigured)
    assert outcome.code == "no_auth"


# --- configuration ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "user"),
    [
        ("smtp://mail.example.org", "mail.example.org", 25, "none", ""),
        ("smtp://mail.example.org:2525", "mail.example.org", 2525, "none", ""),
        ("smtp+starttls://mail.example.org", "mail.example.org", 587, "starttls", ""),
        ("smtps://u:p@mail.example.org", "mail.example.org", 465, "implicit", "u"),
        ("smtp://u:p@mail.example.org:587", "mail.example.org", 587, "starttls", "u"),
        ("smtp://u:p@localhost:25", "localhost", 25, "none", "u"),
        ("smtp://u:p@[::1]:25", "::1", 25, "none", "u"),
        ("smtp://u:p@127.0.0.2", "127.0.0.2", 25, "none", "u"),
        (
            "smtp://u%40example.org:p%3A%2F@mail.example.org:587",
            "mail.example.org",
            587,
            "starttls",
            "u@example.org",
        ),
    ],
)
def test_a_url_says_how_to_connect(url: str, host: str, port: int, tls: str, user: str) -> None:
    server = SmtpConfig(url, SENDER).server()
    assert (server.host, server.port, server.tls, server.user) == (host, port, tls, user)


@pytest.mark.parametrize(
    "url",
    ["mail.example.org", "http://x", "smtp://", "smtp://u:secret@x:99999", "smtp://u:secret%0d@x", "smtp://[x"],
)
def test_a_bad_url_is_told_without_quoting_it(url: str) -> None:
    (problem,) = SmtpConfig(url, SENDER).problems()
    assert problem.startswith("ALERTD_SMTP__URL ")
    assert "secret" not in problem


@pytest.mark.parametrize("sender", ["alerts", "Alerts <>", "a@b\r\nBcc: c@d", "<a b@example.org>", "Alerts"])
def test_a_bad_sender_is_told(sender: str) -> None:
    (problem,) = SmtpConfig("smtp://x", sender).problems()
    assert "ALERTD_SMTP__FROM" in problem


@pytest.mark.parametrize(
    "sender", ["alerts@example.org", SENDER, '"A, B" <a@example.org>', "Ñandú <a@example.org>"]
)
def test_a_good_sender_is_taken(sender: str) -> None:
    assert SmtpConfig("smtp://x", sender).problems() == []
    letter = parsed(delivered(Letters(sender, lambda: NOW).letter(message_to(TO))))
    assert letter["From"] == sender


def test_a_message_is_found_again_by_its_id() -> None:
    message: Message = message_to(TO)
    assert Letters(SENDER, lambda: NOW).message_id(message) == f"{message.delivery}@example.org"
