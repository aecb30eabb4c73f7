"""The supervisor with real processes and a real redis-server."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection  # type: ignore[attr-defined]

import alertd
from alertd.redis_server import Origin, PrivateRedis, RedisServer, find_redis, private_redis
from alertd.supervisor import (
    AlreadyRunning,
    Part,
    PartEvent,
    Restarts,
    State,
    Supervisor,
    UpLock,
    What,
    keeper,
)
from tests.servers import wait_until

pytestmark = pytest.mark.integration

QUICK = Restarts(first=0.01, longest=0.05)

# A part for tests. It notes in a file what happens to it; what it should do otherwise stands in its arguments.
ACTOR = """
import os, signal, subprocess, sys, time
name, book, *how = sys.argv[1:]
def note(word, pid=os.getpid()):
    with open(book, "a") as file:
        file.write(f"{name} {word} {pid}\\n")
def stop(*_):
    note("stopping")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in how else stop)
print("hello from", name, flush=True)
if "parent" in how:
    note("child", subprocess.Popen([sys.executable, "-ISc", "import time; time.sleep(60)"]).pid)
note("started")
if "fails" in how:
    sys.exit("no luck today")
time.sleep(60)
"""


class Book:
    """What the actors noted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def numbers(self, name: str, word: str) -> list[int]:
        return [int(number) for *said, number in self.lines() if said == [name, word]]

    def words(self, word: str) -> list[str]:
        return [name for name, said, _ in self.lines() if said == word]

    def part(self, name: str, *how: str, **more: Any) -> Part:
        """An actor that is ready once it has noted that it started."""
        before = len(self.numbers(name, "started"))

        async def ready() -> bool:
            nonlocal before
            started = len(self.numbers(name, "started"))
            if started <= before:
                return False
            before = started
            return True

        argv = (sys.executable, "-ISc", ACTOR, name, str(self.path), *how)
        return Part(name, argv, **{"ready": ready, **more})


class Told:
    """What a supervisor tells, as a log and as events."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.events: list[PartEvent] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append({"level": "info", "event": event, **fields})

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append({"level": "warning", "event": event, **fields})

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append({"level": "error", "event": event, **fields})

    def of(self, what: What, part: str | None = None) -> list[PartEvent]:
        return [event for event in self.events if event.what is what and part in {None, event.part}]


def gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be buried has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(FileNotFoundError):
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"
    return True


async def until(condition: Callable[[], object], within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(0.01)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "book")


@pytest.fixture
def told() -> Told:
    return Told()


Up = Callable[..., contextlib.AbstractAsyncContextManager[Supervisor]]


@pytest.fixture
def up(tmp_path: Path, told: Told) -> Up:
    """Run parts until the block ends; they must all be ready first, unless `wait=False`."""

    @contextlib.asynccontextmanager
    async def running(*parts: Part, wait: bool = True, **how: Any) -> AsyncIterator[Supervisor]:
        supervisor = Supervisor(
            parts, **{"data_dir": tmp_path, "log": told, "on_event": told.events.append, "restarts": QUICK, **how}
        )
        run = asyncio.create_task(supervisor.run())
        try:
            if wait:
                async with asyncio.timeout(10):
                    assert await supervisor.ready()
            yield supervisor
        finally:
            await supervisor.stop()
            assert await run == 0
        assert {status.state for status in supervisor.status()} == {State.STOPPED}

    return running


# --- redis ----------------------------------------------------------------------------------------


@pytest.fixture
def redis_server() -> RedisServer:
    found = find_redis(None)
    if found.origin is Origin.NONE:
        pytest.skip(f"NOT TRIED with a real Redis: {found.describe()}")
    return found


@pytest.fixture
def private(redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateRedis]:
    with tempfile.TemporaryDirectory(prefix="a run-") as folder:  # the blank must survive in both URLs
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        server = private_redis(redis_server, tmp_path)
        yield server
        server.remove()
        assert list(Path(folder).iterdir()) == []


def celery_connection(private: PrivateRedis) -> Any:
    return Connection(private.urls.celery)  # type: ignore[no-untyped-call]


async def test_a_real_redis_starts_serves_both_libraries_and_keeps_its_data(up: Up, private: PrivateRedis) -> None:
    part = Part("redis", private.argv, ready=private.ready)

    async with up(part) as supervisor:
        [status] = supervisor.status()
        assert status.state is State.READY
        assert private.socket.stat().st_mode & 0o777 == 0o700
        with redis.Redis.from_url(private.urls.redis) as client:
            assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
            assert client.config_get("save")["save"] == ""
            assert client.config_get("port")["port"] == "0"
            client.set("kept", "yes")
        with celery_connection(private) as connection:
            connection.SimpleQueue("hints").put("a hint")
    assert status.pid is not None
    assert gone(status.pid)

    async with up(part):
        with redis.Redis.from_url(private.urls.redis) as client:
            assert client.get("kept") == b"yes"
        with celery_connection(private) as connection:
            assert connection.SimpleQueue("hints").get(timeout=5).payload == "a hint"


async def test_a_killed_redis_comes_back(up: Up, private: PrivateRedis) -> None:
    async with up(Part("redis", private.argv, ready=private.ready)) as supervisor:
        [before] = supervisor.status()
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)

        await until(lambda: supervisor.status()[0].pid not in {before.pid, None})
        await until(lambda: supervisor.status()[0].state is State.READY)

        [after] = supervisor.status()
        assert (after.restarts, after.ended) == (1, "SIGKILL")
        with redis.Redis.from_url(private.urls.redis) as client:
            assert client.ping()


# --- starting and stopping ------------------------------------------------------------------------


async def test_parts_start_after_what_they_need_and_stop_before_it(up: Up, book: Book) -> None:
    api = book.part("api", needs=["redis"])
    worker = book.part("worker", needs=["redis", "api"], env={"HOME": "/nowhere"})

    async with up(worker, api, book.part("redis")):
        pass

    assert book.words("started") == ["redis", "api", "worker"]
    assert book.words("stopping") == ["worker", "api", "redis"]


async def test_each_part_is_told_once_at_each_step_and_writes_to_its_own_file(
    up: Up, book: Book, told: Told, tmp_path: Path
) -> None:
    async with up(book.part("api")):
        pass

    assert [event.what for event in told.events] == [What.STARTED, What.READY, What.STOPPING, What.STOPPED]
    assert told.events[-1].ended == "exit code 0"
    assert [line["event"] for line in told.lines] == [f"part {event.what}" for event in told.events]
    log_file = tmp_path / "logs" / "api.log"
    assert log_file.read_text() == "hello from api\n"
    assert log_file.stat().st_mode & 0o777 == 0o600


async def test_a_log_file_that_grew_large_makes_room_when_its_part_starts(
    up: Up, book: Book, tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log.1").write_text("the one before")
    with (tmp_path / "logs" / "api.log").open("w") as file:
        file.truncate(11 * 1024 * 1024)

    async with up(book.part("api")):
        pass
    async with up(book.part("api")):
        pass

    assert (tmp_path / "logs" / "api.log").read_text() == "hello from api\n" * 2
    assert (tmp_path / "logs" / "api.log.1").stat().st_size == 11 * 1024 * 1024


async def test_a_log_file_that_grows_large_makes_room_while_its_part_runs(
    up: Up, book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else bounds it: a part may run for months."""
    monkeypatch.setattr(keeper, "LARGEST_LOG", 1000)
    monkeypatch.setattr(keeper, "_LOOK_AT_LOG", 0.05)
    log_file = tmp_path / "logs" / "api.log"
    aside = log_file.with_name("api.log.1")
    async with up(book.part("api")):
        with log_file.open("a") as file:  # as the part does
            file.write("x" * 2000)
            file.flush()
            await asyncio.to_thread(
                wait_until, "it is put aside", lambda: aside.exists() and log_file.stat().st_size == 0
            )
            file.write("it goes on\n")
    assert aside.read_text() == "hello from api\n" + "x" * 2000
    assert log_file.read_text() == "it goes on\n"


async def test_output_can_be_passed_through(
    up: Up, book: Book, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with up(book.part("api"), pass_through=True) as supervisor:
        assert supervisor.status()[0].log_file is None

    assert capfd.readouterr().out == "hello from api\n"
    assert not (tmp_path / "logs").exists()


async def test_a_part_that_does_not_stop_is_killed_with_its_children(up: Up, book: Book, told: Told) -> None:
    async with up(book.part("stubborn", "stubborn", "parent", stop_grace_seconds=0.1)):
        pass

    [killed] = told.of(What.KILLED)
    assert (killed.pid,) == tuple(book.numbers("stubborn", "started"))
    assert told.of(What.STOPPED)[0].ended == "SIGKILL"
    [child] = book.numbers("stubborn", "child")
    await until(lambda: gone(child))


async def test_it_runs_until_an_event_is_set(book: Book, told: Told, tmp_path: Path) -> None:
    end = asyncio.Event()
    supervisor = Supervisor([book.part("api")], data_dir=tmp_path, log=told)
    run = asyncio.create_task(supervisor.run(end))
    assert await supervisor.ready()

    end.set()

    assert await run == 0
    assert book.words("stopping") == ["api"]
    assert not await supervisor.ready()


async def test_no_child_is_left_unburied(up: Up, book: Book) -> None:
    async with up(book.part("api", "parent"), book.part("failing", "fails", ready=None)):
        await until(lambda: len(book.numbers("failing", "started")) > 2)

    try:
        unburied, _ = os.waitpid(-1, os.WNOHANG)  # noqa: ASYNC222 - it does not wait
    except ChildProcessError:
        return  # we have no children at all
    assert unburied == 0, "other suites' servers live on in this process; none of our children lies dead"


# --- parts that die -------------------------------------------------------------------------------


async def test_a_part_that_dies_is_started_again_and_its_children_do_not_outlive_it(
    up: Up, book: Book, told: Told
) -> None:
    async with up(book.part("worker", "parent"), book.part("api")):
        [first] = book.numbers("worker", "started")
        [orphan] = book.numbers("worker", "child")

        os.kill(first, signal.SIGKILL)

        await until(lambda: len(told.of(What.READY, "worker")) == 2)
        await until(lambda: gone(orphan))
        assert len(set(book.numbers("worker", "started"))) == 2

    [died] = told.of(What.DIED)
    assert (died.part, died.ended, died.deaths) == ("worker", "SIGKILL", 1)
    [line] = [line for line in told.lines if line["event"] == "part died"]
    assert line == {
        "level": "warning",
        "event": "part died",
        "part": "worker",
        "ended": "SIGKILL",
        "deaths": 1,
        "restart_in_seconds": 0.01,
    }
    assert book.words("stopping").count("worker") == 1


async def test_one_that_keeps_failing_is_told_with_its_last_lines_and_tried_on(
    up: Up, book: Book, told: Told
) -> None:
    async with up(book.part("api", "fails", ready=None), wait=False):
        await until(lambda: len(told.of(What.DIED)) > 6)

    [failing] = told.of(What.FAILING)
    assert (failing.ended, failing.deaths) == ("exit code 1", 5)
    assert failing.last_lines[-2:] == ("hello from api", "no luck today")
    assert [event.restart_in_seconds for event in told.of(What.DIED)[:5]] == [0.01, 0.02, 0.04, 0.05, 0.05]
    [line] = [line for line in told.lines if line["level"] == "error"]
    assert line["event"] == "part failing"
    assert line["last_lines"][-1] == "no luck today"


async def test_one_that_lived_long_enough_starts_afresh(up: Up, book: Book, told: Told) -> None:
    healthy = Restarts(first=0.01, longest=0.05, healthy_after=0)
    async with up(book.part("api", "fails", ready=None), wait=False, restarts=healthy):
        await until(lambda: len(told.of(What.DIED)) > 6)

    assert {event.deaths for event in told.of(What.DIED)} == {1}
    assert told.of(What.FAILING) == []


def test_the_pause_doubles_up_to_half_a_minute() -> None:
    pauses = [Restarts().pause(deaths) for deaths in (1, 2, 3, 4, 5, 6, 7, 8, 1000)]

    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


async def test_one_that_cannot_be_started_says_why(up: Up, told: Told, tmp_path: Path) -> None:
    async with up(Part("api", [str(tmp_path / "missing")]), wait=False) as supervisor:
        await until(lambda: told.of(What.DIED))
        assert supervisor.status()[0].state is State.RESTARTING

    assert told.of(What.DIED)[0].ended == "could not start"
    assert "No such file or directory" in told.of(What.DIED)[0].why


async def test_a_part_starts_although_what_it_needs_has_failed(up: Up, book: Book) -> None:
    redis = book.part("redis", "fails", ready=never)
    async with up(redis, book.part("worker", needs=["redis"]), wait=False):
        await until(lambda: book.numbers("worker", "started"), within=5)


async def never() -> bool:
    raise ConnectionError("nobody there")


async def test_a_listener_that_fails_brings_nothing_down(up: Up, book: Book, told: Told) -> None:
    def fail(event: PartEvent) -> None:
        raise LookupError("no such listener")

    async with up(book.part("api"), on_event=fail):
        pass

    assert {line["error"] for line in told.lines if line["level"] == "error"} == {
        "LookupError('no such listener')"
    }
    assert book.words("stopping") == ["api"]


# --- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "told_as"),
    [
        ([Part("a", ["true"]), Part("a", ["true"])], "two parts named a"),
        ([Part("a", ["true"], needs=["b"])], "part a needs b, which is no part"),
        (
            [Part("a", ["true"], needs=["b"]), Part("b", ["true"], needs=["a"])],
            "need each other: (a -> b -> a|b -> a -> b)",
        ),
    ],
)
async def test_parts_that_make_no_sense_are_refused(
    parts: list[Part], told_as: str, told: Told, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=told_as):
        await Supervisor(parts, data_dir=tmp_path, log=told).run()


def test_a_name_that_names_no_file_is_refused() -> None:
    with pytest.raises(ValueError, match="lower-case"):
        Part("../api", ["true"])


async def test_one_supervisor_per_data_folder(up: Up, book: Book, told: Told, tmp_path: Path) -> None:
    async with up(book.part("api")):
        second = Supervisor([book.part("other")], data_dir=tmp_path, log=told)
        with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\).*ALERTD_DATA_DIR"):
            await second.run()
        assert not await second.ready()

    async with up(book.part("api")):
        pass
    assert book.words("started") == ["api", "api"]


async def test_the_caller_may_hold_the_lock_already(up: Up, book: Book, tmp_path: Path) -> None:
    with UpLock(tmp_path) as lock:
        async with up(book.part("api"), lock=lock):
            pass
        with pytest.raises(AlreadyRunning):
            UpLock(tmp_path).__enter__()


# --- a supervisor of its own process --------------------------------------------------------------

Spawn = Callable[..., subprocess.Popen[str]]

SUPERVISOR = """
import asyncio, json, signal, sys
from pathlib import Path
from alertd import logs
signal.signal(signal.SIGHUP, signal.SIG_IGN if "nohup" in sys.argv else signal.SIG_DFL)  # however we were started
from alertd.supervisor import Part, Supervisor
data_dir, parts = Path(sys.argv[1]), [Part(**part) for part in json.loads(sys.argv[2])]
logs.configure(json=True)
sys.exit(asyncio.run(Supervisor(parts, data_dir=data_dir, log=logs.get_logger("alertd.up")).run()))
"""


@pytest.fixture
def spawn(tmp_path: Path, book: Book) -> Iterator[Spawn]:
    """A supervisor in a process of its own; it and what it started are ended afterwards."""
    spawned: list[subprocess.Popen[str]] = []

    def start(*parts: Part, nohup: bool = False) -> subprocess.Popen[str]:
        as_json = json.dumps(
            [{"name": p.name, "argv": p.argv, "stop_grace_seconds": p.stop_grace_seconds} for p in parts]
        )
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, str(tmp_path), as_json, *(["nohup"] if nohup else [])],
            env=os.environ | {"PYTHONPATH": str(Path(alertd.__file__).parents[1])},
            stderr=subprocess.PIPE,
            text=True,
        )
        spawned.append(process)
        return process

    yield start
    for process in spawned:
        process.kill()
        process.communicate()
    for _, word, number in book.lines():
        if word in {"started", "child"} and not gone(int(number)):
            os.kill(int(number), signal.SIGKILL)


def log_of(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    assert process.stderr is not None
    return [json.loads(line) for line in process.stderr.read().splitlines()]


def read_log_to(process: subprocess.Popen[str], event: str) -> None:
    """Read what it logs up to an event; returns early only if it ends."""
    assert process.stderr is not None
    for line in process.stderr:
        if json.loads(line)["event"] == event:
            return


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent was killed")
async def test_children_end_when_the_supervisor_is_killed(spawn: Spawn, book: Book, up: Up) -> None:
    process = spawn(book.part("api"), book.part("worker"))
    await until(lambda: len(book.words("started")) == 2)
    children = [*book.numbers("api", "started"), *book.numbers("worker", "started")]

    process.kill()
    process.wait()

    await until(lambda: all(gone(child) for child in children))
    # They had time to end well. Linux may say it twice: once for each thread of the supervisor that it ends after the other.
    assert set(book.words("stopping")) == {"api", "worker"}
    async with up(book.part("api")):
        pass  # and nothing is locked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_everything_and_the_exit_is_clean(
    spawn: Spawn, book: Book, number: signal.Signals
) -> None:
    process = spawn(book.part("api"))
    await until(lambda: book.words("started"))

    process.send_signal(number)

    assert await asyncio.to_thread(process.wait, 10) == 0
    assert book.words("stopping") == ["api"]
    assert [line["event"] for line in log_of(process)][-3:] == ["stopping", "part stopping", "part stopped"]


async def test_under_nohup_the_end_of_the_terminal_is_not_the_end(spawn: Spawn, book: Book) -> None:
    process = spawn(book.part("api"), nohup=True)
    await until(lambda: book.words("started"))

    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(process.wait, 10) == 0
    assert [line["signal"] for line in log_of(process) if line["event"].startswith("stopping")] == ["SIGTERM"]


async def test_a_second_ctrl_c_hurries(spawn: Spawn, book: Book) -> None:
    process = spawn(book.part("stubborn", "stubborn", stop_grace_seconds=60))
    await until(lambda: book.words("started"))
    began = time.monotonic()

    process.send_signal(signal.SIGINT)
    await asyncio.to_thread(read_log_to, process, "part stopping")
    process.send_signal(signal.SIGINT)
    await asyncio.to_thread(process.wait, 10)

    assert process.returncode == 0
    assert time.monotonic() - began < 10
    assert "part killed" in [line["event"] for line in log_of(process)]
    assert gone(book.numbers("stubborn", "started")[0])


async def test_a_terminals_ctrl_c_does_not_reach_the_parts(up: Up, book: Book) -> None:
    async with up(book.part("api")):
        [pid] = book.numbers("api", "started")
        assert os.getpgid(pid) == pid != os.getpgid(0)
