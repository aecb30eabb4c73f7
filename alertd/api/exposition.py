"""What the cluster's state looks like to Prometheus: the text exposition format, version 0.0.4."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

import alertd
from alertd.api import metric_words as words
from alertd.api.metric_words import METRICS, Metric
from alertd.api.scrape import State
from alertd.domain.audit import Kept
from alertd.domain.breaker import BreakerState
from alertd.domain.incident import Severity
from alertd.domain.watch import LadderState
from alertd.usecases.beat import HINTS_LOST, RATE_WAITED, RATES_LOST
from alertd.usecases.deliver import LEASES_LOST
from alertd.usecases.security import COUNTED_AS, EVENTS

_LANES = ("urgent", "bulk")
_RESULTS = {"audits": ("passed", "failed"), "pings": ("taken", "failed")}
_BREAKER = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}

Samples = Iterable[tuple[tuple[str, ...], float]]


def render(state: State) -> bytes:
    """The text exposition format, version 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(state))
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, state: State) -> None:
        self._samples = _samples(state)

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            kind: Any = CounterMetricFamily if metric.counter else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=metric.labels)
            for labels, value in self._samples[metric]:
                family.add_metric(labels, value)
            yield family


def _samples(state: State) -> dict[Metric, Samples]:
    found: dict[Metric, Samples] = {
        words.BUILD: [((alertd.__version__,), 1)],
        words.OPEN: [
            ((severity.value, str(held).lower()), state.open.get((severity.value, held), 0))
            for severity in Severity
            for held in (False, True)
        ],
        words.DUE_DELIVERY: [((lane,), state.backlog.deliveries().get(lane, 0.0)) for lane in _LANES],
        words.DUE_FANOUT: [((lane,), state.backlog.fanouts.get(lane, 0.0)) for lane in _LANES],
        words.DUE_WATCH: [((), _seconds(state.backlog.watches) / state.rate)],
        words.HINTS_LOST: [((), state.counts.get(HINTS_LOST, 0))],
        words.LEASES_LOST: [((), state.counts.get(LEASES_LOST, 0))],
        words.SECURITY: [((event,), state.counts.get(f"{COUNTED_AS}{event}", 0)) for event in EVENTS],
        words.BEAT: [((part,), at.timestamp()) for part, at in sorted(state.beats.items())],
        words.BREAKER: [((name,), _breaker(state, name)) for name in sorted(state.channels)],
        words.FAILED: [((name,), _failed(state, name)) for name in sorted(state.channels)],
        words.RATE_WAITED: [
            ((name,), state.counts.get(f"{RATE_WAITED}{name}", 0) / 1000) for name in sorted(state.channels)
        ],
        words.RATES_LOST: [((), state.counts.get(RATES_LOST, 0))],
        words.UNREPORTED: [((name,), lag.ratio) for name, lag in sorted(state.lags.items())],
        words.OLDEST: [((name,), lag.oldest) for name, lag in sorted(state.lags.items())],
        words.DELIVERIES: [],
        words.LADDERS: [],
        words.PAGES: sorted(state.pages.items()),
        words.COUNTED: [],
    }
    for metric, name in ((words.AUDITS, "audits"), (words.PINGS, "pings")):
        found[metric] = [((result,), state.counts.get(f"{name}_{result}", 0)) for result in _RESULTS[name]]
    if state.census is not None:
        found[words.DELIVERIES] = [((c.channel, c.state, c.reason), c.deliveries) for c in state.census.counted]
        ladders = state.census.ladders
        found[words.LADDERS] = [((each.value,), ladders.get(each.value, 0)) for each in LadderState]
        found[words.COUNTED] = [((), state.census.at.timestamp())]
    return found | _of_audit(state.audit)


def _breaker(state: State, channel: str) -> int:
    found = state.providers.get(channel)
    return _BREAKER[found.state] if found is not None else 0


def _failed(state: State, channel: str) -> float:
    found = state.providers.get(channel)
    return found.failed if found is not None else 0.0


def _of_audit(kept: Kept | None) -> dict[Metric, Samples]:
    """Nothing is said before there was an audit: 0 would say that all is well, or that it is not."""
    silent: dict[Metric, Samples] = dict.fromkeys(
        (
            words.HEADROOM, words.TOUCHED, words.UNACCOUNTED, words.EXCUSED, words.AUDIT_PASSED, words.AUDITED,
            words.PASSED, words.SECONDS, words.WITHHELD, words.PINGED,
        ),
        (),
    )  # fmt: skip
    if kept is None:
        return silent
    audit = kept.audit
    found: dict[Metric, Samples] = {
        words.AUDIT_PASSED: [((), audit.passed)],
        words.AUDITED: [((), audit.machine_at.timestamp())],
        words.SECONDS: [((), audit.seconds)],
        words.WITHHELD: [((name,), 1) for name in audit.withheld],
        words.PASSED: [((), kept.passed_at.timestamp())] if kept.passed_at else (),
        words.PINGED: [((), kept.pinged_at.timestamp())] if kept.pinged_at else (),
    }
    if audit.failed is None:
        found |= {
            words.TOUCHED: [((), audit.families)],
            words.UNACCOUNTED: [((), audit.missing)],
            words.EXCUSED: [((name,), count) for name, count in audit.excuses.items()],
            words.HEADROOM: [((str(number),), left) for number, left in sorted(audit.headroom.items())],
        }
    return silent | found


def _seconds(age: timedelta | None) -> float:
    return age.total_seconds() if age is not None else 0.0
