"""The log is on disk before the answer, shared syncs lose nothing, and what was torn is not read."""

import asyncio
import os
import threading
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from alertd.sandbox import reference
from alertd.sandbox.group_commit import GroupCommit
from alertd.sandbox.log import ACCEPTED, BrokenLog, read_accepted, read_refused
from alertd.sandbox.segments import segments
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings
from alertd.sandbox.story_clock import StoryClock

pytestmark = pytest.mark.usefixtures("sandbox_key")

TO = "+14155550123"


async def send(session: aiohttp.ClientSession, sandbox: Sandbox, to: str = TO, body: str = "Still down.") -> int:
    login = b64encode(f"{sandbox.account_sid}:{sandbox.auth_token}".encode()).decode()
    url = f"{sandbox.twilio_url}/2010-04-01/Accounts/{sandbox.account_sid}/Messages.json"
    form = {"To": to, "From": "+14155550100", "Body": body}
    async with session.post(url, data=form, headers={"Authorization": f"Basic {login}"}) as response:
        return response.status


class Gate:
    """A disk that syncs only when it is let: counts the syncs that were begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.began, self.open = threading.Event(), threading.Event()

    def __call__(self, file: int) -> None:
        self.begun += 1
        self.began.set()
        assert self.open.wait(10), "the test never let the disk sync"
        os.fsync(file)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


# --- durability -------------------------------------------------------------------------------------------


async def test_nobody_is_answered_before_the_sync(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    disk = Gate()
    async with Sandbox(SandboxSettings(data_dir=tmp_path), sync=disk) as sandbox:
        answer = asyncio.create_task(send(session, sandbox))
        assert await asyncio.to_thread(disk.began.wait, 10)
        assert [line.to for line in read_accepted(tmp_path)] == [TO]  # written ...
        assert not answer.done()  # ... and not yet synced: no answer
        assert sandbox.messages() == []  # nor does anybody see it
        disk.open.set()
        assert await answer == 201
        assert len(sandbox.messages()) == 1


async def test_who_arrives_during_a_sync_shares_the_next_one(tmp_path: Path) -> None:
    disk, committed = Gate(), list[str]()
    log = GroupCommit[str](tmp_path / "log", str.encode, committed.extend, disk)
    first = asyncio.create_task(log.append("0"))
    assert await asyncio.to_thread(disk.began.wait, 10)
    rest = [asyncio.create_task(log.append(str(n))) for n in range(1, 51)]
    await asyncio.sleep(0)  # let each of them begin
    assert not any(task.done() for task in (first, *rest))
    disk.open.set()
    await asyncio.gather(first, *rest)
    await log.close()
    assert disk.begun == log.batches == 2
    assert committed == (tmp_path / "log").read_text("ascii").split() == [str(n) for n in range(51)]


async def test_many_senders_at_once_lose_nothing(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    numbers = [f"+1{area}55501{n:02}" for area in (303, 415) for n in range(100)]
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        assert await asyncio.gather(*(send(session, sandbox, to) for to in numbers)) == [201] * 200
        assert sandbox.commits < 200
    lines = list(read_accepted(tmp_path))
    assert [line.seq for line in lines] == list(range(1, 201))
    assert {line.to for line in lines} == set(numbers)


async def test_a_full_disk_is_no_acceptance(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    full = True

    def sync(file: int) -> None:
        if full:
            raise OSError(28, "No space left on device")
        os.fsync(file)

    async with Sandbox(SandboxSettings(data_dir=tmp_path), sync=sync) as sandbox:
        assert await send(session, sandbox) == 500
        assert sandbox.messages() == []
        full = False
        assert await send(session, sandbox, body="again") == 201
        assert [line.text for line in read_accepted(tmp_path)] == ["again"]  # nothing of the first is left


async def test_a_client_that_leaves_early_does_not_stop_the_log(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    disk = Gate()
    async with Sandbox(SandboxSettings(data_dir=tmp_path), sync=disk) as sandbox:
        gone = asyncio.create_task(send(session, sandbox, body="gone"))
        assert await asyncio.to_thread(disk.began.wait, 10)
        gone.cancel()
        disk.open.set()
        assert await sandbox.wait_for(lambda: len(sandbox.messages()) == 1)
        assert await send(session, sandbox, body="next") == 201
    assert [line.text for line in read_accepted(tmp_path)] == ["gone", "next"]


# --- restarts and reading ---------------------------------------------------------------------------------


async def test_a_restart_goes_on_where_the_log_ends(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    for body in ("first", "second"):
        async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
            assert await send(session, sandbox, body=body) == 201
            assert await send(session, sandbox, to="nobody") == 400
    assert [(line.seq, line.text) for line in read_accepted(tmp_path)] == [(1, "first"), (2, "second")]
    assert [refusal.seq for refusal in read_refused(tmp_path)] == [1, 2]
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        assert [line.text for line in sandbox.messages(channel="sms", to=TO)] == ["first", "second"]


async def test_a_line_torn_by_a_crash_is_cut_off(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        await send(session, sandbox, body="whole")
    log = tmp_path / ACCEPTED
    with log.open("ab") as file:
        file.write(b'{"seq":2,"at":1')
    assert [line.text for line in read_accepted(tmp_path)] == ["whole"]  # not yet a line
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        await send(session, sandbox, body="after")
    assert [(line.seq, line.text) for line in read_accepted(log)] == [(1, "whole"), (2, "after")]


async def test_a_broken_line_is_named(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        await send(session, sandbox)
    with (tmp_path / ACCEPTED).open("ab") as file:
        file.write(b'{"seq": "two"}\n')
    with pytest.raises(BrokenLog, match=r"accepted\.jsonl, line 2"):
        list(read_accepted(tmp_path))


async def test_reading_on_from_a_line(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        for number in range(5):
            await send(session, sandbox, body=str(number))
        assert [line.text for line in read_accepted(sandbox.log_path, after_seq=3)] == ["3", "4"]
        assert [line.text for line in sandbox.messages(after_seq=3)] == ["3", "4"]
        [line, *_] = sandbox.messages()
        with pytest.raises(FrozenInstanceError):
            line.text = "changed"  # type: ignore[misc]
        assert sandbox.log_path.stat().st_mode & 0o777 == 0o600


async def test_no_log_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_accepted(tmp_path))


# --- two times ----------------------------------------------------------------------------------------------


async def test_without_a_story_both_times_are_one(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    before = datetime.now(UTC)  # noqa: TID251
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        await send(session, sandbox)
        [line] = sandbox.messages()
    assert abs(line.story_time - line.time) < timedelta(milliseconds=1)
    assert before <= line.time <= datetime.now(UTC)  # noqa: TID251
    assert abs(line.time.timestamp() - line.at) < 1e-3


async def test_a_story_runs_at_its_own_rate(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    start = datetime(2019, 11, 30, 7, 40, tzinfo=UTC)
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        answer = session.put(
            f"{sandbox.url}/control/clock",
            json={"story_start": start.isoformat(), "real_start": 1_700_000_000, "rate": 1800},
        )
        async with answer as response:
            assert response.status == 200
        await send(session, sandbox)
        [line] = read_accepted(tmp_path)
        told = start + timedelta(seconds=(line.at - 1_700_000_000) * 1800)
        assert abs(line.story_time - told) < timedelta(seconds=1)
        for wrong in ({"story_start": "2019-11-30T07:40:00"}, {"story_start": start.isoformat(), "rate": 0}):
            async with session.put(f"{sandbox.url}/control/clock", json=wrong) as response:
                assert response.status == 400


def test_story_time_is_reckoned_from_both_starts() -> None:
    clock = StoryClock(datetime(2019, 11, 30, 7, 40, tzinfo=UTC), real_start=100.0, rate=1800)
    assert clock.at(102.0) == datetime(2019, 11, 30, 8, 40, tzinfo=UTC)


# --- what the sender calls its message ------------------------------------------------------------------------

UUID = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (reference.of_callback(f"https://a.example.org/status?d={UUID}.3&x=1"), f"{UUID}.3"),
        (reference.of_callback(f"https://a.example.org/status/{UUID}.12"), f"{UUID}.12"),
        (reference.of_callback("https://a.example.org/status"), "https://a.example.org/status"),
        (reference.of_callback(None), None),
        (reference.of_data({"incident": UUID, "try": f"{UUID}.1"}), f"{UUID}.1"),
        (reference.of_data({"incident": UUID, "delivery": "d-1"}), "d-1"),
        (reference.of_data({"incident": UUID}), None),
        (reference.of_message_id(f"<{UUID}.2@example.org>"), f"{UUID}.2"),
        (reference.of_message_id(f"<alertd-{UUID}@example.org>"), UUID),
        (reference.of_message_id("<1234@example.org>"), "1234@example.org"),
        (reference.of_message_id(None), None),
    ],
)
def test_the_senders_own_id_is_found_where_it_travels(found: str | None, expected: str | None) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
        ("ó" * 70, 1), ("ó" * 71, 2), ("ñ" * 160, 1), ("👍" * 35, 1), ("👍" * 36, 2),
    ],
)  # fmt: skip
def test_segments(text: str, expected: int) -> None:
    assert segments(text) == expected
