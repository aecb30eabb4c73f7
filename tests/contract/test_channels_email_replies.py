"""E-mail: what each reply of a server means."""

import pytest

from alertd.ports import Cause, ChannelError, Later, Misconfigured, Refused, Unknown
from channels.smtp_errors import Reply, Stage, error_for
from tests.contract.letters import outcome_of
from tests.contract.samples.mail_server import mail_server


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
        (Stage.RECIPIENT, "551 User not local; please try <mia@example.net>", Refused),
        (Stage.RECIPIENT, "553 mailbox name not allowed", Refused),
        (Stage.RECIPIENT, "501 5.1.3 bad address syntax", Refused),
        (Stage.RECIPIENT, "550 5.1.1 <mia@example.org>: User unknown in relay recipient table", Refused),
        (Stage.RECIPIENT, "550 5.1.1 <spam.limit@sender.example.org>: User unknown", Refused),
        (Stage.RECIPIENT, "550 5.1.1 User unknown, see https://example.org/policy/sender", Refused),
        (Stage.RECIPIENT, "550 5.1.2 no such domain", Refused),
        (Stage.RECIPIENT, "551 5.1.6 has moved", Refused),
        (Stage.RECIPIENT, "556 takes no mail", Refused),
        (Stage.RECIPIENT, "550 5.1.0 address rejected", Misconfigured),
        (Stage.RECIPIENT, "550 5.1.1 Sender address rejected: User unknown", Misconfigured),
        (Stage.RECIPIENT, "550 5.1.20 several senders in From", Misconfigured),
        (Stage.RECIPIENT, "550 5.2.0 not taken", Misconfigured),
        (Stage.RECIPIENT, "550 5.4.1 Relay Access Denied", Misconfigured),
        (Stage.RECIPIENT, "501 syntax error in parameters", Misconfigured),
        (Stage.RECIPIENT, "550 relay not permitted", Misconfigured),
        (Stage.RECIPIENT, "551 relaying denied", Misconfigured),
        (Stage.RECIPIENT, "550 Sender verify failed", Misconfigured),
        (Stage.RECIPIENT, "550 authentication required", Misconfigured),
        (Stage.RECIPIENT, "550 you are not authorized to send here", Misconfigured),
        (Stage.RECIPIENT, "550 SPF check failed", Misconfigured),
        (Stage.RECIPIENT, "550 rejected by policy", Misconfigured),
        (Stage.RECIPIENT, "550 your IP is blocked", Misconfigured),
        (Stage.RECIPIENT, "550 looks like spam", Misconfigured),
        (Stage.RECIPIENT, "553 sorry, that domain isn't in my list of allowed rcpthosts", Misconfigured),
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
        (Stage.CONTENT, "552 5.2.3 message exceeds the size limit", Misconfigured),
        (Stage.CONTENT, "550 5.2.1 will not accept delivery of this message", Misconfigured),
        (Stage.CONTENT, "550 5.1.2 From: no such domain", Misconfigured),
        (Stage.CONTENT, "550 5.4.1 access denied", Misconfigured),
        (Stage.CONTENT, "550 5.2.0 spam", Misconfigured),
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


@pytest.mark.parametrize(
    "words",
    [
        "<mia@example.org>: Recipient address rejected: User unknown in local recipient table",  # Postfix
        "<mia@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
        "<mia@example.org>: User unknown in relay recipient table",
        "Unrouteable address",  # Exim
        "No such user here",
        'unknown local-part "mia" in domain "example.org"',
        "RESOLVER.ADR.RecipNotFound; not found",  # Exchange
        "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "The email account that you tried to reach does not exist. Please try double-checking the recipient's "
        "email address for typos or unnecessary spaces. https://support.example.org/mail/?p=NoSuchUser",  # Gmail
        "sorry, no mailbox here by that name. (#5.1.1)",  # qmail
        "<mia@example.org>... User unknown",  # Sendmail
        "delivery error: dd This user doesn't have a example.org account (mia@example.org) [0]",  # Yahoo
        "No such recipient",
        "Invalid recipient",
        "Invalid mailbox",
        "Unknown user",
        "Recipient unknown",
        "mailbox <mia@example.org> not found",
        "User (mia@example.org) does not exist",
        "User mia@example.org is unknown",
        "This address no longer exists.",
        "Mailbox disabled",
        "recipient is inactive",
    ],
)
@pytest.mark.parametrize("code", [550, 551, 553, 554])
def test_a_bare_code_with_words_of_no_mailbox_is_about_the_mailbox(words: str, code: int) -> None:
    assert type(error_for(Stage.RECIPIENT, Reply(code, words))) is Refused


@pytest.mark.parametrize(
    "words",
    [
        "",
        "no",
        "Your IP has been banned",
        "Access denied",
        "Administrative prohibition",
        "we do not accept mail from your server",
        "Bad HELO",
        "rDNS missing",
        "DNS reverse lookup failed",
        "unknown client address",
        "PTR record for the address not found",
        "TLS required",
        "Message rejected due to reputation",
        "Callout verification failed",
        "Callout verification failed: 550 No such user here",
        "Verification failed for <alerts@example.net>",
        "Verification failed for <alerts@example.net> The mail server could not deliver: No such user",
        "Domain of <alerts@example.net> does not exist",
        "domain of address <alerts@example.net> does not exist",
        "sender address does not exist",
        "your account is disabled",
        "account disabled",  # which? it may be ours
        "invalid user or password",
        "Requested action not taken: mailbox unavailable",  # what 550 says for reasons of policy too
        "user unknown or access denied",
        "not local",
        "El buz\u00f3n no existe",  # words in other languages are not read
        "Empf\u00e4nger unbekannt",
        "message size exceeds what this mailbox takes",
    ],
)
@pytest.mark.parametrize("code", [550, 551, 553, 554])
def test_a_bare_code_with_other_words_suspends_no_mailbox(words: str, code: int) -> None:
    assert type(error_for(Stage.RECIPIENT, Reply(code, words))) is Misconfigured


@pytest.mark.parametrize(
    ("stage", "reply", "cause"),
    [
        (Stage.CONTENT, "550 5.1.90 daily limit for recipients reached", Cause.PROVIDER),
        (Stage.RECIPIENT, "550 5.2.121 per hour receive limit from this sender exceeded", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 5.2.122 per hour receive limit exceeded", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 5.2.1 the user is receiving mail too quickly", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 5.2.1 the user is receiving mail at a rate that prevents more", Cause.ADDRESS),
        (Stage.CONTENT, "550 5.2.1 the user is receiving mail too quickly", Cause.ADDRESS),
        (Stage.RECIPIENT, "552 exceeded storage allocation", Cause.ADDRESS),
        (Stage.RECIPIENT, "552 5.2.2 over quota", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 Domain example.org has exceeded the max emails per hour", Cause.PACE),
        (Stage.RECIPIENT, "550 hourly limit reached", Cause.PACE),
        (Stage.RECIPIENT, "550 Sending quota exceeded", Cause.PACE),
        (Stage.RECIPIENT, "550 Too many connections, try again later", Cause.PACE),
        (Stage.RECIPIENT, "550 Greylisted, please try later", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 try again later", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 mailbox temporarily disabled", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 Mailbox is full", Cause.ADDRESS),
        (Stage.RECIPIENT, "554 mailbox full", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 mailbox quota exceeded", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 user is over quota", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 user's mailbox exceeds allowed size", Cause.ADDRESS),
        (Stage.RECIPIENT, "550 5.2.1 mailbox temporarily disabled", Cause.ADDRESS),
    ],
)
def test_a_limit_passes_and_says_whose_it_is(stage: Stage, reply: str, cause: Cause) -> None:
    error = error_for(stage, Reply(int(reply[:3]), reply[4:]))
    assert isinstance(error, Later)
    assert error.cause is cause


@pytest.mark.parametrize(
    ("stage", "reply", "account"),
    [
        (
            Stage.CONTENT,
            "554 5.2.252 SendAsDenied; alerts@example.org not allowed to send as mia@example.org",
            True,
        ),
        (
            Stage.CONTENT,
            "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
            True,
        ),
        (Stage.CONTENT, "550 5.7.60 client does not have permissions to send as this sender", True),
        (Stage.RECIPIENT, "530 5.7.0 must issue a STARTTLS command first", True),
        (Stage.LOGIN, "535 5.7.8 wrong", True),
        (Stage.RECIPIENT, "554 5.7.1 relay access denied", False),  # to others it may relay
        (Stage.CONTENT, "554 5.7.1 looks like spam", False),
    ],
)
def test_what_stops_everybody_is_told_apart(stage: Stage, reply: str, account: bool) -> None:
    error = error_for(stage, Reply(int(reply[:3]), reply[4:]))
    assert isinstance(error, Misconfigured)
    assert error.account is account
    assert "@" not in error.detail


async def test_our_own_mistakes_are_told_in_the_servers_words_without_addresses() -> None:
    async with mail_server() as server:
        server.says["MAIL"] = "550 5.7.1 <alerts@example.org>: not\x07 allowed to send \u2192 ask postmaster"
        outcome = await outcome_of(server)
    assert isinstance(outcome, Misconfigured)
    assert "*** not allowed to send" in outcome.detail
    assert "@" not in outcome.detail
    assert outcome.detail.isascii()
