"""`alertd policy check --families N`: whether that many families fit into what each policy promises."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from alertd.cli.output import clean, table, wrapped
from alertd.domain.durations import spell_duration
from alertd.domain.policy import Policy
from alertd.policy_file import load_policies
from alertd.settings import Settings
from alertd.texts.fit import SMS_SEGMENTS
from alertd.usecases.measure_audience import Window, measure_audience
from alertd.wiring import UNITS, rates

_SETTINGS = {
    "sms": "twilio.rate_per_second",
    "push": "fcm.rate_per_second",
    "email": "smtp.rate_per_second",
    "voice": "twilio.calls_per_second",
}
_UNITS = {channel: units.most for channel, units in UNITS.items()}


@dataclass(frozen=True, slots=True)
class Audience:
    """Every window of every policy of a folder, measured against so many families."""

    families: int
    rates: dict[str, float]
    windows: list[tuple[Policy, Window]]

    @property
    def fits(self) -> bool:
        """Whether every window holds them."""
        return all(window.holds(self.families) for _, window in self.windows)


def measured(folder: Path, settings: Settings, families: int) -> Audience:
    """Measure a folder without mistakes."""
    own = rates(settings)
    policies = load_policies(folder).values()
    windows = [(policy, window) for policy in policies for window in measure_audience(policy, own, _UNITS, own)]
    return Audience(families, own, windows)


def data(audience: Audience) -> dict[str, Any]:
    """For programs; lengths in seconds."""
    return {
        "families": audience.families,
        "fits": audience.fits,
        "rates": audience.rates,
        "windows": [
            {
                "policy": policy.name,
                "severity": window.severity.value,
                "when": window.when,
                "seconds": window.length.total_seconds(),
                "messages": window.messages,
                "most": window.most,
                "audience": window.audience,
                "fits": window.holds(audience.families),
            }
            for policy, window in audience.windows
        ],
    }


def text(audience: Audience) -> str:
    """For people: a table for each set of policies that are alike, and what would have to change."""
    lines = [wrapped(_assumed(audience), "")]
    for names, policy in _alike(audience):
        windows = [window for each, window in audience.windows if each.name == policy]
        rows = [
            (
                f"{window.severity.value}, {window.when}",
                "yes" if window.holds(audience.families) else "NO",
                spell_duration(window.length),
                ", ".join(f"{most:,} {channel}" for channel, most in _tightest_first(window)) or "any number",
                ", ".join(f"{count} {channel}" for channel, count in window.messages.items()) or "nobody is told",
            )
            for window in windows
        ]
        lines += ["", table((names, "fits", "within", "most families, by channel", "messages to each"), rows)]
    lines += ["", *_verdict(audience)]
    return "\n".join(clean(line) if "\n" not in line else line for line in lines)


def _tightest_first(window: Window) -> list[tuple[str, int]]:
    return sorted(window.most.items(), key=lambda each: each[1])


def _assumed(audience: Audience) -> str:
    spelled = ", ".join(f"{channel} {rate:g}" for channel, rate in audience.rates.items())
    return (
        f"Each family: a caregiver for each role of `always`, an address on every channel, no wishes of their own."
        f" A second: {spelled}; an SMS takes up to {SMS_SEGMENTS} of its segments."
    )


def _alike(audience: Audience) -> list[tuple[str, str]]:
    """The names of policies whose windows are the same, together, each with one of them."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(policy.name for policy, _ in audience.windows):
        own = str([window for policy, window in audience.windows if policy.name == name])
        groups.setdefault(own, []).append(name)
    return [(", ".join(names), names[0]) for names in groups.values()]


def _verdict(audience: Audience) -> list[str]:
    families = f"{audience.families:,} famil{'y' if audience.families == 1 else 'ies'}"
    if audience.fits:
        return [f"{families} fit into every window."]
    needed: dict[str, float] = {}
    for _, window in audience.windows:
        for channel, most in window.most.items():
            if most < audience.families:
                units = window.messages[channel] * _UNITS.get(channel, 1)
                rate = audience.families * units / window.within.total_seconds()
                needed[channel] = max(rate, needed.get(channel, 0.0))
    return [
        f"{families} do not fit: where a window is too small for a channel, families wait longer than it says.",
        *(wrapped(_mend(audience, channel, rate), "  ") for channel, rate in needed.items()),
    ]


def _mend(audience: Audience, channel: str, rate: float) -> str:
    now, then = f"{audience.rates[channel]:g}", f"{ceil(rate * 10) / 10:,.1f}"
    return (
        f"{channel}: raise {_SETTINGS[channel]} from {now} to {then}, if your provider allows it,"
        " or make the windows longer, or take the channel out of the lists."
    )
