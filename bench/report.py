"""From runs to the page: medians, ratios taken inside each round, and the goals."""

import os
import platform
import statistics
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.ceiling import CONNECTIONS, Ceiling
from bench.measurement import Measurement
from bench.servers import POSTGRES_SETTINGS, Rig

Round = dict[str, Measurement]

NAIVE_GOAL = 25.0
BARE_GOAL, BARE_HOPE = 0.60, 0.65
PACKAGES = ("celery", "redis", "SQLAlchemy", "psycopg", "aiohttp", "uvloop", "firebase-admin", "msgspec")


def ratios(rounds: list[Round], variant: str, reference: str) -> list[float]:
    """Rate of one variant over the rate of another, for each round that has both."""
    return [r[variant].rate / r[reference].rate for r in rounds if variant in r and reference in r]


def spread(values: Iterable[float], show: Callable[[float], str]) -> str:
    """Median and range, or a dash when there is nothing."""
    found = sorted(values)
    if not found:
        return "-"
    if len(found) == 1:
        return show(found[0])
    return f"{show(statistics.median(found))} ({show(found[0])} to {show(found[-1])})"


def page(rig: Rig, ceiling: Ceiling, rounds: list[Round], seconds: float) -> str:
    """The whole report in Markdown."""
    names = list(rounds[0])
    parts = [
        "# Speed",
        _machine(rig, rounds, seconds),
        "Loopback provider alone: "
        f"{ceiling.rate:,.0f} requests/s at {ceiling.cpu_us:.0f} us CPU each, asked by a bare protocol "
        f"client on the same cores over {CONNECTIONS} connections, one request under way on each.",
        _table(rounds, names),
        "## Ratios",
        "Of rates within one round; median of the rounds, range in parentheses.",
        _ratio_table(rounds, names),
        _goals(rounds, names),
        _notes(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _machine(rig: Rig, rounds: list[Round], seconds: float) -> str:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[1]
    kernel = ".".join(platform.release().split(".")[:2])
    lines = [
        f"- {_today()}, {len(rounds)} round(s) in {seconds:.0f} s, order shuffled in each; "
        f"5-minute load at the end {load:.1f}",
        f"- {cores} cores ({_cpu_model()}), {memory:.0f} GiB, {platform.system()} {kernel}; "
        "senders, provider, Postgres and Redis share them",
        f"- Python {platform.python_version()}, Postgres {rig.postgres_version()} "
        f"({', '.join(f'{k} {v}' for k, v in POSTGRES_SETTINGS.items())}, else defaults), "
        f"Redis {rig.redis_version()}",
        "- " + ", ".join(f"{package} {version(package)}" for package in PACKAGES),
    ]
    return "\n".join(lines)


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"  # noqa: TID251  (a report is dated by the machine)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _table(rounds: list[Round], names: list[str]) -> str:
    lines = [
        "| variant | messages | messages/s | worker CPU us/message | server CPU us/message | peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        runs = [r[name] for r in rounds]
        cells = [
            name,
            f"{runs[0].sent:,}",
            spread((m.rate for m in runs), lambda x: f"{x:,.0f}"),
            spread((m.cpu_us_per_message for m in runs), lambda x: f"{x:,.0f}"),
            spread((m.server_cpu_us_per_message for m in runs), lambda x: f"{x:,.0f}"),
            spread((m.peak_mb for m in runs), lambda x: f"{x:,.0f}"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratio_table(rounds: list[Round], names: list[str]) -> str:
    references = [name for name in names if not name.startswith("alertd-")]
    lines = [f"| | {' | '.join('vs ' + name for name in references)} |", "|---" * (len(references) + 1) + "|"]
    for name in names:
        cells = [
            "1" if name == other else spread(ratios(rounds, name, other), lambda x: f"{x:.3g}")
            for other in references
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _goals(rounds: list[Round], names: list[str]) -> str:
    lines = []
    for name in names:
        if not name.startswith("alertd-"):
            continue
        naive = f"naive-{name.removeprefix('alertd-')}"
        for other, goal, hope in ((naive, NAIVE_GOAL, NAIVE_GOAL), ("bare", BARE_GOAL, BARE_HOPE)):
            if found := ratios(rounds, name, other):
                value = statistics.median(found)
                word = "met" if value >= goal else "**missed**"
                more = f", hoped for {hope:g}" if hope != goal else ""
                lines.append(f"- {name} vs {other}: {value:.3g}, at least {goal:g} asked{more}: {word}")
    return "## Goals\n\n" + "\n".join(lines) if lines else "alertd itself was not in this run."


def _notes() -> str:
    return """## What is measured

- `naive-*`: per message one Celery task, one `firebase_admin.messaging.send`, one SQLAlchemy ORM get and
  commit; acks late, two prefork children. From the rows' insert to the last commit; the worker is warm.
- `bare`: two aiohttp processes that send the same payload and store nothing. From the word to go to the last
  answer.
- `alertd-*`: from the incident's POST until every delivery is accepted in the database.
- Worker CPU: user + system of the whole sending process tree. Server CPU: the same of Postgres and Redis.
  Peak: sum of every process's VmHWM; pages shared after a fork count in each.
- After every run the provider must have accepted exactly one push for each expected token and no other, and
  the variant's database must agree; else the bench fails.
- All is plain HTTP on loopback, without provider latency.

To repeat it: `make bench` (all rounds, rewrites this file), or `python -m bench.run --quick` (one small
round, only prints)."""
