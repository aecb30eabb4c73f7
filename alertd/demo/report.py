"""What a demo ends with: what each family got, who could not be reached and why, and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alertd.demo.report_numbers import numbers, share_of
from alertd.demo.verdict import Asked, Judgement, Rules, spell

_FEW = 12  # faults that are told one by one

_CODES = (  # how a provider's code begins, and what it says in plain words
    ("21211", "no such number"),
    ("21610", "asked us to stop"),
    ("UNREGISTERED", "app removed"),
    ("550", "no such mailbox"),
)


@dataclass(frozen=True, slots=True)
class Unreached:
    """A family that heard nothing, as alertd's API tells it: its own word for it, and what was tried."""

    family: str
    rest: str | None
    tried: tuple[str, ...] = ()  # "sms +1***0123: 21211 (no such number)"

    def __str__(self) -> str:
        said = (self.rest or "no reason given").replace("_", " ")
        return f"{self.family}  {said}: {'; '.join(self.tried) or 'none was ever given'}"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told at the end."""

    zone: str
    begins: datetime
    ends: datetime
    rate: float
    rules: Rules
    judgement: Judgement
    unreached: Sequence[Unreached]
    human_updates: int
    holdings: int
    machine_updates: int = 0
    severities: Sequence[str] = ("critical",)  # those that were played, the first one first

    @property
    def passed(self) -> bool:
        """Whether every rule was kept."""
        return self.judgement.passed

    def as_json(self) -> dict[str, Any]:
        """For programs; lengths of story time in seconds."""
        return numbers(self)

    @property
    def promised(self) -> timedelta:
        """How soon the first word is promised: the longest of all severities that were played."""
        return max(self.rules.levels[severity].first_notice for severity in self.severities)

    def lines(self) -> list[str]:
        """For people."""
        found, rules = self.judgement, self.rules
        first = found.first_notices
        told = [
            ("story", f"{self._day(self.begins)} to {self._day(self.ends)}, {self.rate:,.0f} times as fast"),
            ("families", f"{found.families}, of which {found.heard} heard and {len(self.unreached)} could not"),
            (
                "first notice",
                f"median {_spelled(share_of(first, 0.5))}, p95 {_spelled(share_of(first, 0.95))}, "
                f"last {_spelled(share_of(first, 1.0))} (promised within {spell(self.promised)})",
            ),
            ("", f"on this machine {self._real(0.5)}, {self._real(0.95)} and {self._real(1.0)}"),
            ("suspected", self._suspected()),
            *self._changes(),
            *self._answers(),
            ("longest silence", self._longest()),
            ("promises", self._promises()),
            ("all-clear", self._all_clear()),
            *self._reach(),
            (
                "per family",
                f"{found.per_family_and_day:.1f} messages a day to all its people together; at most "
                f"{found.most_for_one_address} in 24 hours to one phone, app or mailbox",
            ),
            ("paged", self._paged()),
            (
                "updates",
                f"{self.human_updates} by people, {self.machine_updates} by a machine, "
                f"{self.holdings} holding updates by alertd between them",
            ),
        ]
        lines = ["", "What the families got", *(f"  {name:<16} {text}" for name, text in told)]
        if self.unreached:
            lines += ["", "Who could not be reached, and why", *(f"  {each}" for each in self.unreached)]
        lines += [
            "",
            "Judged from the log of the stand-in providers. A real second is "
            f"{spell(timedelta(seconds=self.rate))} of the story: machines",
            f"are given {rules.slack.total_seconds() / self.rate:g} s ({spell(rules.slack)}) beyond every limit.",
            "",
            *self._verdict(),
        ]
        return lines

    def _changes(self) -> list[tuple[str, str]]:
        """What came between the first word and the last, where the story had it."""
        found, told = self.judgement, []
        if found.raised:
            before = "" if any(fault.rule == "night" for fault in found.faults) else ", and nobody before that"
            told.append(
                ("raised", f"{_times(found.raised)}; {found.woken} people who slept were woken by it{before}")
            )
        if found.grown or found.more:
            told.append(
                (
                    "newly touched",
                    f"{len(found.grown)} families as the scope grew: {_times(found.grown)}; "
                    f"{found.more} that had heard read that more fails",
                )
            )
        if found.released or found.less:
            told.append(
                (
                    "not any more",
                    f'{found.released} people of families it let go read "not affected"; '
                    f"{found.less} families read what works for them again",
                )
            )
        if found.told_anew:
            told.append(("told anew", f"{_times(found.told_anew)} after it came back"))
        return told

    def _suspected(self) -> str:
        count = self.judgement.suspected
        if not count:
            return "nothing: a human opened it"
        return (
            f'{count:,} messages said "may be down" or "may have problems": no human had come within '
            f"{spell(self.rules.confirm[self.severities[0]])} of the alert"
        )

    def _answers(self) -> list[tuple[str, str]]:
        several = len(self.judgement.asked) > 1
        told = []
        for at, (_, asked) in enumerate(sorted(self.judgement.asked.items())):
            again = f" anew{' ' + str(at) if at > 1 else ''}" if at else ""
            told += [(f"asked{again}" if several else "asked", _answered(asked)), ("", _in_vain(asked))]
        return told

    def _real(self, share: float) -> str:
        """The same in real seconds."""
        delay = share_of(self.judgement.first_notices, share)
        return f"{delay.total_seconds() / self.rate:.1f} s" if delay is not None else "-"

    def _longest(self) -> str:
        longest = self.judgement.longest
        if longest is None:
            return "nobody heard anything"
        return (
            f"{spell(longest.counted)} without the family's own quiet time (window {spell(longest.allowed)}): "
            f"{longest.family}, {self._clock(longest.start)} to {self._clock(longest.end)}"
        )

    def _promises(self) -> str:
        kept = self.judgement.promises
        return f"{kept:,} times news was promised to a family, and came in time" if kept else "none had fallen due"

    def _all_clear(self) -> str:
        found = self.judgement
        waits = f"; {found.all_clear_waits} more are asleep or off duty when the story ends"
        return f"{found.all_clear} people{waits if found.all_clear_waits else ''}"

    def _reach(self) -> list[tuple[str, str]]:
        found = self.judgement
        return [
            (
                f"over {channel}",
                f"{found.reached[channel]} families, {found.messages[channel]:,} messages "
                f"to {found.addresses[channel]} addresses",
            )
            for channel in ("push", "sms", "email")
        ]

    def _paged(self) -> str:
        pages = self.judgement.pages
        return ", ".join(f"{name} {pages[name]}" for name in sorted(pages)) or "nobody was late with an update"

    def _verdict(self) -> list[str]:
        faults = self.judgement.faults
        if self.passed:
            count = len(self.unreached)
            return [
                f"PASSED: every family but the {count} without a live address heard in time, "
                f"and alertd names exactly those {count}."
            ]
        lines = [f"FAILED: {len(faults)} faults"]
        lines += [f"  {fault.rule}: {fault.family} {fault.what}" for fault in faults[:_FEW]]
        if len(faults) > _FEW:
            lines.append(f"  ... and {len(faults) - _FEW} more")
        return lines

    def _day(self, at: datetime) -> str:
        return at.astimezone(ZoneInfo(self.zone)).strftime("%a %d %b %Y %H:%M")

    def _clock(self, at: datetime) -> str:
        return at.astimezone(ZoneInfo(self.zone)).strftime("%a %H:%M")


def _answered(asked: Asked) -> str:
    several = asked.answered
    if not several:
        return "nobody answered"
    return (
        f"{len(several)} families answered by link: half within {_spelled(share_of(several, 0.5))}, "
        f"the last after {_spelled(share_of(several, 1.0))}"
    )


def _in_vain(asked: Asked) -> str:
    also = f"; {asked.not_enough} answers came from others than parents" if asked.not_enough else ""
    return (
        f"{asked.unanswered} asked in vain, {asked.unreachable} with nothing loud that works; "
        f"in {asked.others} the next caregiver was told{also}"
    )


def tried(deliveries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What was tried for one family, by channel, from alertd's deliveries; addresses come masked."""
    refused: dict[tuple[str, str], dict[str, None]] = {}
    for each in deliveries:
        refused.setdefault((each["channel"], _explained(each.get("code"))), {})[each["to"]] = None
    return tuple(f"{channel} {', '.join(to)}: {why}" for (channel, why), to in sorted(refused.items()))


def _explained(code: str | None) -> str:
    """A provider's code, with what it means where that is known."""
    meaning = next((words for start, words in _CODES if (code or "").startswith(start)), None)
    return f"{meaning} ({code})" if meaning else code or "refused"


def _times(rising: Sequence[timedelta]) -> str:
    return f"median {_spelled(share_of(rising, 0.5))}, last {_spelled(share_of(rising, 1.0))}"


def _spelled(length: timedelta | None) -> str:
    return spell(length) if length is not None else "-"
