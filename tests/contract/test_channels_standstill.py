"""This process stood still over a deadline: what the provider had answered by then is an answer."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from alertd.ports import Cause, Later, Receipt
from channels.standstill import GRACE, LATE, READ, Patience
from tests.contract.letters import TO, mail_to, until
from tests.contract.samples.asks import ANSWER, JUST_PAST
from tests.contract.samples.mail_server import Trouble as MailTrouble
from tests.contract.samples.mail_server import mail_server
from tests.contract.samples.situations import message_to

STOPPED = JUST_PAST + 0.1  # seconds, after what is under way has set out

DEADLINE = 0.3

both_loops = pytest.mark.both_loops


def stand_still() -> None:
    """No loop runs, as if the machine had been taken away; longer than any deadline here."""
    time.sleep(DEADLINE + 2 * LATE)


class Provider(BaseHTTPRequestHandler):
    """In threads, which go on while who asks stands still; the path says when it answers."""

    protocol_version = "HTTP/1.1"
    paths: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.paths.append(self.path)
        if self.path == "/never":
            time.sleep(2 * STOPPED)
        elif self.path == "/after":
            time.sleep(STOPPED + ANSWER)
        elif self.path != "/now":
            time.sleep(ANSWER)
        with suppress(OSError):  # whoever gave up has hung up
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_what_came_while_a_process_was_stopped_is_an_answer(loop: str) -> None:
    Provider.paths = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        argv = [
            sys.executable,
            "-m",
            "tests.contract.samples.asks",
            loop,
            f"http://127.0.0.1:{server.server_port}",
        ]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "under way\n"
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(STOPPED)
            os.kill(process.pid, signal.SIGCONT)
            found = json.loads(process.stdout.readline())
        server.shutdown()
    assert found == {
        "long past": "ok",
        "just past": "ok",
        "hangs": "Unknown timeout",
        "comes just after": "ok",
        "sent too late": "Later connect_timeout",
        "connected": "ok",
        "paged": "ok",
        "complaints": [],
    }
    assert "/cold" not in Provider.paths  # its lease may be another's by then


@both_loops
@pytest.mark.parametrize("stage", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
async def test_a_mail_server_that_had_answered_is_heard(stage: str) -> None:
    async with mail_server() as server, mail_to(server, patience=DEADLINE, deadline=5.0) as channel:
        word = {"GREETING": "220 mail.example.org", "EHLO": "250 mail.example.org", "DATA": "354 Go ahead"}
        server.after_waiting = word.get(stage, "250 Ok")
        words = server.says[stage] = [MailTrouble.WAIT, server.after_waiting]
        sending = asyncio.create_task(channel.send(message_to(TO)))
        await until(lambda: MailTrouble.WAIT not in words)
        stand_still()
        server.speak.set()
        assert isinstance(await sending, Receipt)
    assert len(server.mails) == 1


@both_loops
async def test_a_letter_that_would_set_out_when_its_lease_may_be_over_does_not() -> None:
    async with mail_server() as server, mail_to(server, patience=DEADLINE, deadline=2 * DEADLINE) as channel:
        server.after_waiting = "354 Go ahead"
        words = server.says["DATA"] = [MailTrouble.WAIT, server.after_waiting]
        sending = asyncio.create_task(channel.send(message_to(TO)))
        await until(lambda: MailTrouble.WAIT not in words)
        stand_still()
        server.speak.set()
        with pytest.raises(Later) as caught:
            await sending
        assert (caught.value.code, caught.value.cause) == ("too_late", Cause.STANDSTILL)
        await until(lambda: server.open == 0)
        assert isinstance(await channel.send(message_to(TO, attempt=2)), Receipt)
    assert len(server.mails) == 1


@both_loops
async def test_a_mail_server_that_hangs_is_late_all_the_same() -> None:
    async with mail_server() as server, mail_to(server, patience=DEADLINE) as channel:
        words = server.says["MAIL"] = [MailTrouble.HANG, "250 Ok"]
        sending = asyncio.create_task(channel.send(message_to(TO)))
        await until(lambda: MailTrouble.HANG not in words)
        stand_still()
        with pytest.raises(Later) as caught:
            await sending
    assert caught.value.code == "timeout"


@both_loops
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


@both_loops
async def test_patience_that_is_prolonged_while_it_waits_for_what_came_does_not_end() -> None:
    loop = asyncio.get_running_loop()
    async with Patience(loop.time() + 0.05) as limit:
        await asyncio.sleep(0)
        stand_still()
        await asyncio.sleep(0.05)  # its timer is past, and it is given grace
        limit.until(loop.time() + GRACE + 5.0)
        await asyncio.sleep(GRACE + 0.1)


@both_loops
async def test_whoever_is_in_time_or_cancelled_leaves_no_timer_behind() -> None:
    loop = asyncio.get_running_loop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, what: complaints.append(what["message"]))
    async with Patience(loop.time() + 0.05):
        pass

    async def waits() -> None:
        async with Patience(loop.time() + 0.05):
            await asyncio.sleep(5.0)

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05 + READ + 0.1)
    assert complaints == []
