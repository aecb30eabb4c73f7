"""Every metric by name: docs/reference/metrics.md is held to this table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as Prometheus reads it; a counter's name ends in _total."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def counter(self) -> bool:
        """Whether it only ever grows."""
        return self.name.endswith("_total")


BUILD = Metric("alertd_build_info", "The version of the API that answers; always 1.", ("version",))
OPEN = Metric("alertd_open_incidents", "Incidents that have not ended.", ("severity", "held"))
DELIVERIES = Metric(
    "alertd_deliveries",
    "Deliveries of open incidents, as last counted.",
    ("channel", "state", "reason"),
)
LADDERS = Metric("alertd_ladders", "Families of open incidents by where their ladder stands.", ("state",))
PAGES = Metric("alertd_pages", "Nudges and pages to responders in open incidents.", ("how", "state"))
COUNTED = Metric("alertd_deliveries_counted_timestamp_seconds", "When deliveries were last counted.")
DUE_DELIVERY = Metric(
    "alertd_oldest_due_delivery_seconds", "For how long the oldest due delivery has waited.", ("lane",)
)
DUE_FANOUT = Metric(
    "alertd_oldest_fanout_seconds", "For how long the update that stands still longest has not moved.", ("lane",)
)
DUE_WATCH = Metric("alertd_oldest_due_watch_seconds", "For how long the family due longest has not been planned.")
HEADROOM = Metric(
    "alertd_silence_headroom_seconds",
    "At the last audit, until the first family of an incident must hear again; below 0 it is late.",
    ("incident",),
)
TOUCHED = Metric("alertd_families_touched", "Families that open incidents touch, at the last audit.")
UNACCOUNTED = Metric(
    "alertd_families_unaccounted",
    "Families that have not heard in time and have no true excuse, at the last audit.",
)
EXCUSED = Metric(
    "alertd_families_excused", "Families that have not heard in time, with a true excuse.", ("excuse",)
)
AUDIT_PASSED = Metric("alertd_audit_passed", "1 if every family was accounted for at the last audit, else 0.")
AUDITED = Metric("alertd_audit_timestamp_seconds", "When the auditor last asked.")
PASSED = Metric("alertd_audit_passed_timestamp_seconds", "When an audit last passed.")
SECONDS = Metric("alertd_audit_duration_seconds", "How long the last audit took.")
AUDITS = Metric("alertd_audits_total", "Audits, by what came of them.", ("result",))
WITHHELD = Metric(
    "alertd_ping_withheld",
    "1 for each condition that withholds the ping though all is accounted for.",
    ("condition",),
)
PINGED = Metric("alertd_ping_timestamp_seconds", "When the dead man's switch last took a ping.")
PINGS = Metric("alertd_pings_total", "Pings of the dead man's switch, by what came of them.", ("result",))
HINTS_LOST = Metric(
    "alertd_hints_lost_total", "Hints to workers that Redis did not take; the sweeper makes up for them."
)
LEASES_LOST = Metric(
    "alertd_leases_lost_total",
    "Families' messages whose outcome found their lease ended: each may have gone twice.",
)
SECURITY = Metric(
    "alertd_security_events_total",
    "Requests in a provider's name that changed nothing, by what was wrong with them.",
    ("event",),
)
BREAKER = Metric(
    "alertd_provider_breaker",
    "Whether a channel's provider is asked: 0 yes, 1 a few messages try it, 2 it is left alone.",
    ("channel",),
)
FAILED = Metric(
    "alertd_provider_failed_ratio",
    "Of the last tries in the process that finds it worst, which part failed; 0 where no process finds trouble.",
    ("channel",),
)
RATE_WAITED = Metric(
    "alertd_rate_waited_seconds_total",
    "Seconds for which messages that a process had taken in hand waited for their channel's rate.",
    ("channel",),
)
RATES_LOST = Metric(
    "alertd_rates_not_shared_total",
    "Questions after a rate that Redis did not answer; the process kept to its own part of it.",
)
UNREPORTED = Metric(
    "alertd_receipts_missing_ratio",
    "Of what a provider that reports took within ten minutes, which part has no receipt after two.",
    ("channel",),
)
OLDEST = Metric(
    "alertd_receipts_oldest_missing_seconds", "How long ago the oldest of these was taken.", ("channel",)
)
BEAT = Metric("alertd_heartbeat_timestamp_seconds", "When each part last got something done.", ("part",))

METRICS = (
    BUILD, OPEN, DELIVERIES, LADDERS, PAGES, COUNTED, DUE_DELIVERY, DUE_FANOUT, DUE_WATCH, HEADROOM, TOUCHED,
    UNACCOUNTED, EXCUSED, AUDIT_PASSED, AUDITED, PASSED, SECONDS, AUDITS, WITHHELD, PINGED, PINGS, HINTS_LOST,
    LEASES_LOST, SECURITY, BREAKER, FAILED, RATE_WAITED, RATES_LOST, UNREPORTED, OLDEST, BEAT,
)  # fmt: skip
"""In the order in which they are told."""
