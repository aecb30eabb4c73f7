"""`make bench`: rounds of every variant in shuffled order, checked at the provider, told in RESULTS.md."""

import argparse
import asyncio
import inspect
import random
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from bench import alertd_variants, ceiling, messages, report
from bench.bare import bare
from bench.measurement import Measurement, Mismatch, Variant
from bench.naive import variant as naive
from bench.processes import Unsupported, require_proc
from bench.servers import NotReady, Rig, rig

RESULTS = Path(__file__).parent / "RESULTS.md"
VARIANTS: tuple[Variant, ...] = (naive.postgres, naive.sqlite, bare, *alertd_variants.VARIANTS)
RUN_SECONDS = 180.0
CEILING_REQUESTS = 100_000

T = TypeVar("T")


async def one_run(variant: Variant, rig: Rig, n: int) -> Measurement:
    """Prepare, run and close one variant, and compare the provider's book with what was owed."""
    try:
        async with asyncio.timeout(RUN_SECONDS):
            await _result(variant.prepare(rig, n))
            rig.provider.reset()
            measured = await _result(variant.run(n))
    except TimeoutError as error:
        raise NotReady(f"{variant.name}: not done within {RUN_SECONDS:.0f} s") from error
    finally:
        await _result(variant.close())
    owed = {messages.token(i) for i in range(n)}
    accepted, heard = rig.provider.count(), rig.provider.recipients()
    if (measured.sent, accepted) != (n, n) or heard != owed:
        raise Mismatch(
            f"{variant.name}: {n} owed, {measured.sent} said to be sent, {accepted} accepted by the "
            f"provider, {len(owed - heard)} families missing, {len(heard - owed)} recipients nobody expected"
        )
    return measured


async def all_rounds(variants: list[Variant], rig: Rig, rounds: int, quick: bool) -> list[report.Round]:
    """Every variant once per round, in a new order each time; results keep the variants' own order."""
    done: list[report.Round] = []
    for number in range(1, rounds + 1):
        found: report.Round = {}
        for variant in random.sample(variants, len(variants)):
            measured = await one_run(variant, rig, variant.quick if quick else variant.full)
            found[variant.name] = measured
            print(
                f"round {number}/{rounds}  {variant.name:16} {measured.rate:9,.0f} messages/s  "
                f"{measured.cpu_us_per_message:6,.0f} us CPU/message  {measured.peak_mb:5,.0f} MiB",
                flush=True,
            )
        done.append({variant.name: found[variant.name] for variant in variants})
    return done


async def _result(value: Awaitable[T] | T) -> T:
    return await value if inspect.isawaitable(value) else value


def main(argv: list[str] | None = None) -> int:
    """Run it; 0 when every count agreed, 1 when not, 2 for a usage error."""
    arguments = _arguments(argv)
    variants = [v for v in VARIANTS if not arguments.variant or v.name in arguments.variant]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started is stopped
    began = time.monotonic()
    try:
        require_proc()
        with rig() as servers:
            alone = ceiling.measure(servers, CEILING_REQUESTS // (5 if arguments.quick else 1))
            print(f"provider alone: {alone.rate:,.0f} requests/s, {alone.cpu_us:.1f} us CPU each", flush=True)
            rounds = asyncio.run(all_rounds(variants, servers, arguments.rounds, arguments.quick))
            page = report.page(servers, alone, rounds, time.monotonic() - began)
    except (Mismatch, NotReady, ProcessLookupError, Unsupported) as error:
        print(f"bench failed: {error}", file=sys.stderr)
        return 1
    if arguments.quick or arguments.variant:
        print(page)
    else:
        RESULTS.write_text(page)
        print(f"wrote {RESULTS.name} after {time.monotonic() - began:.0f} s")
    return 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    names = [variant.name for variant in VARIANTS]
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round with few messages; only prints")
    parser.add_argument("--rounds", type=int, help="default 5, with --quick 1")
    parser.add_argument(
        "--variant", action="append", choices=names, help="only this one; may be repeated; only prints"
    )
    arguments = parser.parse_args(argv)
    if arguments.rounds is None:
        arguments.rounds = 1 if arguments.quick else 5
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
