"""What a message costs the processor, beside the libraries that people use: `python -m bench.channels [--quick]`.

Every way of `bench.channel_ways` once per round, in a new order each time, each in a process of its own, against
stand-ins on loopback; each ratio is of two ways in one round. Checked at the stand-ins: every reader once, and
nobody else. Writes CHANNELS.md; exit 1 when a count disagrees or a goal is missed.
"""

import argparse
import json
import os
import platform
import random
import signal
import smtplib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.channel_messages import ADDRESS
from bench.channel_ways import WAYS
from bench.mail_provider import digest
from bench.measurement import Mismatch
from bench.naive.variant import credentials
from bench.processes import Unsupported, require_proc
from bench.servers import STOP_SECONDS, NotReady, ProviderClient, loopback

RESULTS = Path(__file__).parent / "CHANNELS.md"
GOALS: Mapping[tuple[str, str], float] = {
    ("alertd e-mail", "smtplib"): 8,
    ("alertd e-mail", "Apprise"): 100,
    ("alertd push", "send_each_async"): 6,
    ("alertd push", "send_each"): 8,
    ("alertd SMS", "twilio-python"): 4,
}
RUN_SECONDS = 120.0
LIBRARIES = ("apprise", "firebase_admin", "httpx", "twilio")


@dataclass(frozen=True, slots=True)
class Used:
    """One run of one way."""

    sent: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Messages per second of the processor."""
        return self.sent / self.cpu_seconds


Round = Mapping[str, Used]


class StandIns:
    """The stand-in providers, and what they have taken."""

    def __init__(self, http: ProviderClient, smtp_port: int, account: Path) -> None:
        self._http, self._smtp = http, smtplib.SMTP("127.0.0.1", smtp_port)
        self.environment = {
            "BENCH_HTTP": http.url,
            "BENCH_SMTP_PORT": str(smtp_port),
            "BENCH_CREDENTIALS": str(account),
        }

    def reset(self) -> None:
        """Forget what was taken."""
        self._http.reset()
        self._smtp.docmd("XRESET")

    def check(self, name: str, n: int) -> None:
        """Raises Mismatch unless each of n readers was sent one message, and nobody else any."""
        channel = WAYS[name].channel
        owed = {ADDRESS[channel](index) for index in range(n)}
        if channel == "email":
            accepted, _, found = self._smtp.docmd("XCOUNT")[1].decode().partition(" ")
            same, count = found == digest(owed), int(accepted)
        else:
            same, count = self._http.recipients(channel) == owed, self._http.count(channel)
        if not same or count != n:
            raise Mismatch(f"{name}: {n} owed, {count} taken, {'for those' if same else 'not for those alone'}")


@contextmanager
def stand_ins() -> Iterator[StandIns]:
    """Start them; stop them however the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alertd-bench-")))
        http = ProviderClient(loopback(stack, "bench.provider")[1])
        yield StandIns(http, loopback(stack, "bench.mail_provider")[1], credentials(folder, http.url))


def one_run(name: str, at: StandIns, n: int) -> Used:
    """Warm a way up in a process of its own, let it send, and compare the stand-ins' books with what was owed."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.channel_sender", name, str(n), str(max(n // 10, 5))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | at.environment,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    watchdog = threading.Timer(RUN_SECONDS, child.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        if child.stdout.readline() != "ready\n":
            raise NotReady(f"{name}: did not get ready")
        at.reset()
        child.stdin.write("go\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            raise NotReady(f"{name}: ended before it had sent everything, or took over {RUN_SECONDS:.0f} s")
        at.check(name, n)
        return Used(n, **json.loads(line))
    finally:
        watchdog.cancel()
        child.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS)
        child.kill()
        child.wait()


def all_rounds(at: StandIns, rounds: int, quick: bool) -> list[Round]:
    """Every way once per round, in a new order each time."""
    done: list[Round] = []
    for number in range(1, rounds + 1):
        found: dict[str, Used] = {}
        for name in random.sample(list(WAYS), len(WAYS)):
            used = one_run(name, at, WAYS[name].quick if quick else WAYS[name].full)
            found[name] = used
            print(
                f"round {number}/{rounds}  {name:16} {used.rate:9,.0f} messages per CPU second  "
                f"{1e6 / used.rate:8,.1f} us each",
                flush=True,
            )
        done.append(found)
    return done


def missed(rounds: list[Round]) -> list[str]:
    """Goals that the medians do not reach, in words."""
    return [
        f"{ours} vs {other}: {statistics.median(ratios(rounds, ours, other)):.3g}, at least {goal:g} asked"
        for (ours, other), goal in GOALS.items()
        if statistics.median(ratios(rounds, ours, other)) < goal
    ]


def ratios(rounds: list[Round], ours: str, other: str) -> list[float]:
    """How many times as many messages per CPU second, round by round."""
    return [each[ours].rate / each[other].rate for each in rounds]


def page(rounds: list[Round], seconds: float) -> str:
    """CHANNELS.md."""
    ways = [
        f"| {name} | {way.channel} | {rounds[0][name].sent:,} | "
        f"{_spread((each[name].rate for each in rounds), ',.0f')} | "
        f"{_spread((1e6 / each[name].rate for each in rounds), ',.0f')} | "
        f"{_spread((each[name].sent / each[name].seconds for each in rounds), ',.0f')} |"
        for name, way in WAYS.items()
    ]
    goals = [
        f"| {ours} vs {other} | {_spread(ratios(rounds, ours, other), '.3g')} | {goal:g} | "
        f"{'met' if statistics.median(ratios(rounds, ours, other)) >= goal else '**missed**'} |"
        for (ours, other), goal in GOALS.items()
    ]
    libraries = ", ".join(f"{each.replace('_', '-')} {version(each)}" for each in LIBRARIES)
    return "\n".join(
        [
            "# The channels beside the usual libraries\n",
            f"`python -m bench.channels`: {len(rounds)} rounds in {seconds:.0f} s, each way once a round, in a",
            "new order; each ratio of one round. Median (least to most).",
            f"Python {platform.python_version()}, {libraries}.",
            f"{os.cpu_count()} cores, 5-minute load {os.getloadavg()[1]:.1f}: what shares them slows all ways.\n",
            "| goal | times as many messages per CPU second | asked | |",
            "|---|---|---:|---|",
            *goals,
            "\n| way | channel | messages | per CPU second | CPU us a message | per second |",
            "|---|---|---:|---|---|---|",
            *ways,
            _NOTES,
        ]
    )


_NOTES = """
The message is the first notice of an outage: it asks for an answer, so each reader has a link of their own in text
and HTML, and a List-Unsubscribe of their own. CPU time is user and system, of the sending process with all its
threads, after a warm-up; the words are made before. alertd keeps as many requests and connections under way as in
production. `smtplib`: one connection that stays, an `EmailMessage` each. Apprise: an object each, since it sends
everybody the same words; kept, it pauses 5.5 s between two. `send_each`, `send_each_async`: 500 a call.

All is plain HTTP and SMTP on loopback, without latency. That is hard on `send_each_async`: over TLS it speaks
HTTP/2, and took half as much (2.0 ms, measured apart); encryption costs alertd 20 us. After each run the stand-in
must have taken one message for each reader and none else, or the bench fails.
"""


def _spread(values: Iterable[float], form: str) -> str:
    found = sorted(values)
    return f"{statistics.median(found):{form}} ({found[0]:{form}} to {found[-1]:{form}})"


def main(argv: list[str] | None = None) -> int:
    """Run it; 0 when every count agreed and every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m bench.channels", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round with few messages; only prints")
    quick = parser.parse_args(argv).quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started is stopped
    began = time.monotonic()
    try:
        require_proc()
        with stand_ins() as at:
            rounds = all_rounds(at, 1 if quick else 5, quick)
    except (Mismatch, NotReady, Unsupported) as error:
        print(f"bench failed: {error}", file=sys.stderr)
        return 1
    told = page(rounds, time.monotonic() - began)
    print(told)
    if not quick:
        RESULTS.write_text(told)
    for each in missed(rounds):
        print(f"missed: {each}", file=sys.stderr)
    return 1 if missed(rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
