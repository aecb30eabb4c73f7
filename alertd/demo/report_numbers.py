"""A demo's report for programs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alertd.demo.report import Report


def numbers(report: "Report") -> dict[str, Any]:
    """Everything that was measured; lengths of story time in seconds."""
    found = report.judgement
    longest = found.longest
    return {
        "passed": report.passed,
        "story": {
            "begins": report.begins.isoformat(),
            "ends": report.ends.isoformat(),
            "rate": report.rate,
            "slack_seconds": report.rules.slack.total_seconds(),
        },
        "families": {"all": found.families, "heard": found.heard, "unreached": len(report.unreached)},
        "first_notice": {
            **_delays(found.first_notices),
            "promised": report.promised.total_seconds(),
        },
        "raised": {**_delays(found.raised), "families": len(found.raised), "woken": found.woken},
        "grown": {**_delays(found.grown), "families": len(found.grown), "more": found.more},
        "shrunk": {"not_affected": found.released, "less": found.less},
        "told_anew": _delays(found.told_anew),
        "asked": [
            {
                "epoch": epoch,
                "answered": len(asked.answered),
                "median": _seconds(share_of(asked.answered, 0.5)),
                "longest": _seconds(share_of(asked.answered, 1.0)),
                "unanswered": asked.unanswered,
                "unreachable": asked.unreachable,
                "others_told": asked.others,
                "not_enough": asked.not_enough,
            }
            for epoch, asked in sorted(found.asked.items())
        ],
        "suspected_messages": found.suspected,
        "longest_silence": longest
        and {
            "family": longest.family,
            "from": longest.start.isoformat(),
            "to": longest.end.isoformat(),
            "seconds": longest.counted.total_seconds(),
            "allowed": longest.allowed.total_seconds(),
        },
        "reach": {
            channel: {
                "families": found.reached[channel],
                "addresses": found.addresses[channel],
                "messages": found.messages[channel],
            }
            for channel in sorted(found.messages)
        },
        "messages_per_family_and_day": round(found.per_family_and_day, 2),
        "most_for_one_address_in_a_day": found.most_for_one_address,
        "promises_kept": found.promises,
        "pages": dict(found.pages),
        "all_clear": {"told": found.all_clear, "waits": found.all_clear_waits},
        "updates": {
            "human": report.human_updates,
            "machine": report.machine_updates,
            "holdings": report.holdings,
        },
        "unreached": [
            {"family": each.family, "rest": each.rest, "tried": list(each.tried)} for each in report.unreached
        ],
        "faults": [{"rule": f.rule, "family": f.family, "what": f.what} for f in found.faults],
    }


def share_of(rising: Sequence[timedelta], share: float) -> timedelta | None:
    """The length below which a share of them lies; None: there are none."""
    return rising[min(len(rising) - 1, int(share * len(rising)))] if rising else None


def _delays(rising: Sequence[timedelta]) -> dict[str, float | None]:
    shares = {"median": 0.5, "p95": 0.95, "longest": 1.0}
    return {name: _seconds(share_of(rising, share)) for name, share in shares.items()}


def _seconds(length: timedelta | None) -> float | None:
    return length.total_seconds() if length is not None else None
