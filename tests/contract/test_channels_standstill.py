"""This process stood still over a deadline: what the provider had answered by then is an answer."""

import asyncio
import time

import pytest

from alertd.ports import Later, Receipt, Unknown
from channels.http import HttpClient
from channels.standstill import GRACE, LATE, Patience
from tests.contract.letters import TO, mail_to, until
from tests.contract.samples.http_provider import Reply, Request, Trouble, http_provider
from tests.contract.samples.mail_server import Trouble as MailTrouble
from tests.contract.samples.mail_server import mail_server
from tests.contract.samples.situations import message_to

DEADLINE = 0.3

pytestmark = pytest.mark.both_loops


def stand_still() -> None:
    """No loop runs, as if the machine had been taken away; longer than any deadline here."""
    time.sleep(DEADLINE + 2 * LATE)


async def test_an_answer_that_waits_unread_is_no_timeout() -> None:
    def answers(_: Request) -> Reply:
        asyncio.get_running_loop().call_soon(stand_still)  # it is on its way
        return Reply(200, b"{}")

    async with http_provider(answers) as provider:
        client = HttpClient(provider.url, {}, connections=1, deadline=DEADLINE)
        for _ in range(2):
            assert (await client.post("/", b"x")).body == b"{}"
        await client.close()
    assert provider.connections == 1


async def test_a_provider_that_hangs_is_in_doubt_all_the_same() -> None:
    def hangs(_: Request) -> Trouble:
        asyncio.get_running_loop().call_soon(stand_still)
        return Trouble.HANG

    async with http_provider(hangs) as provider:
        client = HttpClient(provider.url, {}, connections=1, deadline=DEADLINE)
        began = time.monotonic()
        with pytest.raises(Unknown) as caught:
            await client.post("/", b"x")
        await client.close()
    assert caught.value.code == "timeout"
    assert GRACE < time.monotonic() - began < GRACE + DEADLINE + 2 * LATE + 2.0


async def test_the_grace_of_one_request_does_not_end_the_next() -> None:
    def answers(request: Request) -> Reply:
        if request.path == "/still":
            asyncio.get_running_loop().call_soon(stand_still)
        return Reply(200, request.path.encode())

    async with http_provider(answers) as provider:
        client = HttpClient(provider.url, {}, connections=1, deadline=DEADLINE)
        assert (await client.post("/still", b"x")).body == b"/still"
        until_then = time.monotonic() + GRACE
        while time.monotonic() < until_then + DEADLINE:
            assert (await client.post("/next", b"x")).body == b"/next"
            await asyncio.sleep(0.02)
        await client.close()


@pytest.mark.parametrize("stage", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
async def test_a_mail_server_that_had_answered_is_heard(stage: str) -> None:
    async with mail_server() as server, mail_to(server, patience=DEADLINE, deadline=DEADLINE) as channel:
        word = {"GREETING": "220 mail.example.org", "EHLO": "250 mail.example.org", "DATA": "354 Go ahead"}
        server.after_waiting = word.get(stage, "250 Ok")
        words = server.says[stage] = [MailTrouble.WAIT, server.after_waiting]
        sending = asyncio.create_task(channel.send(message_to(TO)))
        await until(lambda: MailTrouble.WAIT not in words)
        stand_still()
        server.speak.set()
        assert isinstance(await sending, Receipt)
    assert len(server.mails) == 1


async def test_a_mail_server_that_hangs_is_late_all_the_same() -> None:
    async with mail_server() as server, mail_to(server, patience=DEADLINE) as channel:
        words = server.says["MAIL"] = [MailTrouble.HANG, "250 Ok"]
        sending = asyncio.create_task(channel.send(message_to(TO)))
        await until(lambda: MailTrouble.HANG not in words)
        stand_still()
        with pytest.raises(Later) as caught:
            await sending
    assert caught.value.code == "timeout"


async def test_patience_ends_when_it_is_said_to() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def waits() -> None:
        async with Patience(began + 30.0) as limit:
            limit.until(began + 0.05)
            await asyncio.sleep(5.0)

    with pytest.raises(TimeoutError):
        await waits()
    assert 0.04 < loop.time() - began < 1.0


async def test_patience_that_is_prolonged_while_it_waits_for_what_came_does_not_end() -> None:
    loop = asyncio.get_running_loop()
    async with Patience(loop.time() + 0.05) as limit:
        await asyncio.sleep(0)
        stand_still()
        await asyncio.sleep(0.05)  # its timer is past, and it is given grace
        limit.until(loop.time() + GRACE + 5.0)
        await asyncio.sleep(GRACE + 0.1)


async def test_whoever_is_in_time_or_cancelled_is_not_late() -> None:
    loop = asyncio.get_running_loop()
    async with Patience(loop.time() + 0.05):
        pass
    await asyncio.sleep(0.1)  # the timer is gone

    async def waits() -> None:
        async with Patience(loop.time() + 5.0):
            await asyncio.sleep(5.0)

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
