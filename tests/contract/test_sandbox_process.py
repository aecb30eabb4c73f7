"""The sandbox as a process: says where it is, stops when told to, refuses what makes no sense."""

import ast
import asyncio
import json
import os
import signal
import smtplib
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

import alertd.sandbox
from alertd.sandbox.__main__ import read_arguments
from alertd.sandbox.log import ACCEPTED, read_accepted


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """The process and what it printed; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alertd.sandbox", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            where: dict[str, str] = json.loads(await process.stdout.readline())
        yield process, where
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def send(where: dict[str, str], to: str) -> tuple[int, Any]:
    url = f"{where['twilio_url']}/2010-04-01/Accounts/{where['account_sid']}/Messages.json"
    login = b64encode(f"{where['account_sid']}:{where['auth_token']}".encode()).decode()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Basic {login}"}) as session,
        session.post(url, data={"To": to, "From": "+14155550100", "Body": "Still down."}) as response,
    ):
        return response.status, await response.json()


async def test_it_says_where_it_is_and_stops_when_told(tmp_path: Path) -> None:
    faults, dead = tmp_path / "faults.json", tmp_path / "dead.json"
    faults.write_text('{"kind": "429", "count": 1}')
    dead.write_text('{"sms": ["+14155550199"]}')
    data = tmp_path / "data"
    arguments = (
        "--data-dir", str(data), "--port", "0", "--smtp-port", "0", "--faults", str(faults), "--dead", str(dead),
        "--story-start", "2019-11-30T07:40:00Z", "--rate", "1800", "--zone", "America/Los_Angeles",
    )  # fmt: skip
    async with running(*arguments) as (process, where):
        assert set(where) == {
            "inbox_url", "twilio_url", "account_sid", "auth_token", "fcm_url", "project_id", "credentials_file",
            "smtp_url", "control_url", "log_path",
        }  # fmt: skip
        assert json.loads(Path(where["credentials_file"]).read_text("utf-8"))["type"] == "service_account"
        statuses = [(await send(where, to))[0] for to in ("+14155550123", "+14155550123", "+14155550199")]
        assert statuses == [429, 201, 400]
        address = urlsplit(where["smtp_url"])
        with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=5) as client:
            assert client.noop()[0] == 250
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        with pytest.raises(aiohttp.ClientConnectorError):
            await send(where, "+14155550123")
        [line] = read_accepted(Path(where["log_path"]))
        assert line.story_time >= datetime(2019, 11, 30, 7, 40, tzinfo=UTC)
        assert line.story_time < datetime(2019, 12, 2, tzinfo=UTC)


async def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    async with running("--data-dir", str(tmp_path)) as (process, where):
        answers = [asyncio.create_task(send(where, f"+141555501{n:02}")) for n in range(40)]
        await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        process.kill()
        done = await asyncio.gather(*answers, return_exceptions=True)
    promised = {answer[1]["sid"] for answer in done if isinstance(answer, tuple) and answer[0] == 201}
    assert promised
    assert promised <= {line.provider_id for line in read_accepted(tmp_path)}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--host", "0.0.0.0"], "host"),
        (["--zone", "Mars/Olympus"], "zone"),
        (["--story-start", "yesterday"], "isoformat"),
        (["--story-start", "2019-11-30T07:40:00"], "story_start"),
        (["--story-start", "2019-11-30T07:40:00Z", "--rate", "0"], "rate"),
        (["--rate", "60"], "--story-start"),
        (["--smtp-login", "nobody"], "--smtp-login"),
        (["--faults", "FILE"], "--faults"),
        (["--dead", "FILE"], "--dead"),
        (["--faults", "MISSING"], "No such file"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    file = tmp_path / "broken.json"
    file.write_text('{"kind": "earthquake", "fax": []}')
    given = [{"FILE": str(file), "MISSING": str(tmp_path / "none")}.get(word, word) for word in arguments]
    with pytest.raises(SystemExit) as caught:
        read_arguments(["--data-dir", str(tmp_path), *given])
    assert caught.value.code == 2
    assert named in capsys.readouterr().err


async def test_a_taken_port_is_an_error_and_not_another_port(tmp_path: Path) -> None:
    async with running("--data-dir", str(tmp_path / "one")) as (_, where):
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "alertd.sandbox", "--data-dir", str(tmp_path / "two"),
            "--port", str(urlsplit(where["twilio_url"]).port), stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(20):
            _, error = await second.communicate()
        assert second.returncode == 1
        assert error.startswith(b"sandbox: ")
        assert b"in use" in error
        assert error.count(b"\n") == 1


async def refused(folder: Path) -> str:
    """What a sandbox says that does not start on this folder."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alertd.sandbox", "--data-dir", str(folder), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        _, said = await process.communicate()
    assert process.returncode == 1
    return said.decode()


async def test_a_second_one_on_the_same_folder_is_refused_and_spoils_nothing(tmp_path: Path) -> None:
    async with running("--data-dir", str(tmp_path)) as (_, where):
        credentials = Path(where["credentials_file"]).read_bytes()
        assert (await send(where, "+14155550101"))[0] == 201
        said = await refused(tmp_path)
        assert "another sandbox" in said
        assert "--data-dir" in said
        assert "Traceback" not in said
        assert (await send(where, "+14155550102"))[0] == 201
        assert Path(where["credentials_file"]).read_bytes() == credentials
    assert [message.to for message in read_accepted(tmp_path)] == ["+14155550101", "+14155550102"]


async def test_a_log_that_cannot_be_read_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / ACCEPTED).write_text('{"seq": 1\n')
    said = await refused(tmp_path)
    assert f"{ACCEPTED}, line 1" in said
    assert "move the sandbox's folder away" in said
    assert "Traceback" not in said


def test_the_sandbox_knows_nothing_of_alertd() -> None:
    """Who judges alertd by this log shares no code with it."""
    folder = Path(alertd.sandbox.__file__).parent
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name for name in names if name.split(".")[0] in {"alertd", "channels", "workers"}]
            assert [name for name in ours if not name.startswith("alertd.sandbox")] == [], file.name


async def test_reading_the_log_needs_no_server_code() -> None:
    """A judge that imports the reader gets the reader, not a web server."""
    code = "import sys, alertd.sandbox.log; print('aiohttp' in sys.modules, 'asyncio' in sys.modules)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": ""}
    )
    out, _ = await process.communicate()
    assert out.split()[0] == b"False"
