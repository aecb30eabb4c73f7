"""E-mail: a server that says nothing, or not enough, and an answer that is waited for."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from alertd.ports import Later, Receipt, Unknown
from channels.smtp_unanswered import wait_until
from tests.contract.letters import OTHER, TO, mail_to, outcome_of, until
from tests.contract.samples.mail_server import Trouble, mail_server
from tests.contract.samples.situations import message_to


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
        await until(lambda: server.open == 0)
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
        await until(lambda: server.open == 0)
        assert isinstance(await channel.send(brief), Receipt)
    assert wait_until(100.0, timedelta(minutes=30)) == 100.0 + 600.0
    assert wait_until(100.0, timedelta(minutes=10)) == 100.0 + 300.0


async def test_who_waited_for_its_turn_past_that_time_is_taken_for_nobody_who_stood_still() -> None:
    """What came meanwhile is read, and no second is spent on listening to what is not waited for any more."""
    loop = asyncio.get_running_loop()
    brief = message_to(TO, useful_for=timedelta(seconds=3.0))  # 1.5 s of which its answer is waited for
    async with mail_server() as server, mail_to(server, connections=1, deadline=1.2) as channel:
        words = server.says["CONTENT"] = [Trouble.HANG, Trouble.WAIT, "250 Ok"]
        began = loop.time()
        with pytest.raises(Unknown):
            await channel.send(brief)
        other = asyncio.create_task(channel.send(message_to(TO, delivery=OTHER)))
        await until(lambda: Trouble.WAIT not in words)
        again = asyncio.create_task(channel.send(brief))
        await asyncio.sleep(began + 1.5 + 0.7 - loop.time())
        server.speak.set()
        await other
        since = loop.time()
        with pytest.raises(Unknown):
            await again
        assert loop.time() - since < 0.6


async def test_so_many_answers_are_waited_for_and_no_more() -> None:
    async with mail_server() as server, mail_to(server, connections=2, deadline=0.2) as channel:
        server.says["CONTENT"] = Trouble.HANG
        for n in range(5):
            with pytest.raises(Unknown):
                await channel.send(message_to(TO, delivery=UUID(int=n)))
        await until(lambda: server.open == 2)
    await until(lambda: server.open == 0)


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


async def test_giving_up_closes_the_connection() -> None:
    async with mail_server() as server, mail_to(server, connections=1) as channel:
        words = server.says["CONTENT"] = [Trouble.HANG, "250 Ok"]
        sending = asyncio.create_task(channel.send(message_to(TO)))
        await until(lambda: Trouble.HANG not in words)  # the server has the letter, and says nothing
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert isinstance(await channel.send(message_to(TO)), Receipt)
