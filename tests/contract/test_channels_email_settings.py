"""E-mail: what the settings of a mail server may be."""

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
