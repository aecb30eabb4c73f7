"""E-mail: what the settings of a mail server may be."""

import email
from email.header import decode_header, make_header

import pytest

from channels.smtp_email import SmtpConfig
from channels.smtp_letter import Letters
from tests.contract.letters import SENDER, TO, delivered, parsed
from tests.contract.samples.situations import NOW, message_to


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


@pytest.mark.parametrize(
    "sender",
    [
        "alerts",
        "Alerts <>",
        "a@b\r\nBcc: c@d",
        "<a b@example.org>",
        "Alerts",
        "a@example.org, b@example.org",
        "A <a@example.org>, B <b@example.org>",
        "a@example.org, B <b@example.org>",
        "Alerts: a@example.org;",
        "Alerts: A <a@example.org>;",
        "a@example.org <b@example.org>",
        "<a@example.org> Alerts",
        '"Alerts <a@example.org>',
        "=?utf-8?q?a=0d=0aBcc=3a?= <a@example.org>",
        "Alérts <á@example.org>",
    ],
)
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


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Alerts: Follow <alerts@example.org>", "Alerts: Follow"),
        ("Example Inc. <alerts@example.org>", "Example Inc."),
        ("Ñandú, S.L. <alerts@example.org>", "Ñandú, S.L."),
        ("Follow & Co; help [24 h] <alerts@example.org>", "Follow & Co; help [24 h]"),
        (f'"{"Follow, Share, " * 5}Log-in" <alerts@example.org>', "Follow, Share, " * 5 + "Log-in"),
        (f'"{"Follow, Share " * 4}Log-in" <alerts@example.org>', "Follow, Share " * 4 + "Log-in"),
        (f"{'Ñandú, ' * 60}S.L. <alerts@example.org>", "Ñandú, " * 60 + "S.L."),
        (r'"A \"B\" \\ C" <alerts@example.org>', r'A "B" \ C'),
        ("=?utf-8?q?=C3=B1?= <alerts@example.org>", "ñ"),
        (" alerts@example.org ", ""),
    ],
)
def test_a_letter_has_one_author_whatever_the_name(sender: str, name: str) -> None:
    """Else it is a group, has two authors, or a server that is strict refuses it."""
    assert SmtpConfig("smtp://x", sender).problems() == []
    sent = delivered(Letters(sender, lambda: NOW).letter(message_to(TO)))
    header = parsed(sent)["From"]
    assert header.defects == ()
    assert [each.display_name for each in header.groups] == [None]
    [author] = header.addresses
    assert author.addr_spec == "alerts@example.org"
    # Python keeps the blanks between two encoded words, which belong to neither (RFC 2047 section 6.2).
    assert "".join(author.display_name.split()) == "".join(name.split())
    shown = email.message_from_bytes(sent)["From"].rpartition("<")[0].strip()
    if shown.startswith("=?"):
        assert str(make_header(decode_header(shown))) == name
    assert max(map(len, sent.split(b"\r\n\r\n")[0].splitlines())) <= 78
