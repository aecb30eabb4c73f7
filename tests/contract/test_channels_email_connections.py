"""E-mail: connections are kept, shared, and left when they are of no more use."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import UUID

import pytest

from alertd.ports import Later, Receipt, Refused, Unknown
from tests.contract.letters import TO, mail_to, outcome_of, until
from tests.contract.samples.mail_server import Trouble, mail_server
from tests.contract.samples.situations import message_to


@pytest.mark.parametrize("extensions", [("PIPELINING",), ("8BITMIME", "SIZE 1000000")])
async def test_one_connection_for_many_letters(extensions: tuple[str, ...]) -> None:
    async with mail_server() as server:
        server.extensions = extensions
        async with mail_to(server) as channel:
            for n in range(5):
                await channel.send(message_to(f"mia{n}@example.org"))
        await until(lambda: server.open == 0)
    assert server.connections == 1
    assert [mail.recipient for mail in server.mails] == [f"mia{n}@example.org" for n in range(5)]
    assert server.commands[1:4] == ["MAIL FROM:<alerts@example.org>", "RCPT TO:<mia0@example.org>", "DATA"]
    assert server.commands[-1] == "QUIT"


async def test_an_address_that_does_not_answer_keeps_nobody_from_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a name with an IPv6 address behind a broken route: what is sent to the first of two is dropped."""
    loop = asyncio.get_running_loop()
    really = loop.getaddrinfo

    async def look_up(host: str, port: int, **how: Any) -> object:
        if host != "mail.example.org":
            return await really(host, port, **how)
        stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*stream, ("127.0.0.2", port)), (*stream, ("127.0.0.1", port))]

    async with mail_server() as server:
        with deaf("127.0.0.2", server.port):
            monkeypatch.setattr(loop, "getaddrinfo", look_up, raising=False)
            began = time.monotonic()
            async with mail_to(server, url=f"smtp://mail.example.org:{server.port}") as channel:
                assert isinstance(await channel.send(message_to(TO)), Receipt)
    assert time.monotonic() - began < 3.0
    assert len(server.mails) == 1


@contextmanager
def deaf(host: str, port: int) -> Iterator[None]:
    """Whoever connects there waits: its queue is full, and nobody takes from it."""
    with ExitStack() as held:
        listening = held.enter_context(socket.socket())
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(0)
        for _ in range(3):
            waits = held.enter_context(socket.socket())
            waits.setblocking(False)
            waits.connect_ex((host, port))
        yield


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
        await until(lambda: server.commands.count("QUIT") == 1)
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
