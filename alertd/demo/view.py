"""What is shown while the story runs: a line per event, and on a terminal the state of things below them."""

import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TextIO
from zoneinfo import ZoneInfo

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_UP, _CLEAR_DOWN = "\x1b[{}A\r", "\x1b[J"
_BAR = 32  # characters
_EVERY = 5  # without a terminal, only every fifth state is written down


@dataclass(frozen=True, slots=True)
class Now:
    """The state of things at one moment of the story."""

    story: datetime
    told: int
    families: int
    next_by: datetime | None  # the earliest moment by which some family must hear again
    messages: Mapping[str, int] = field(default_factory=dict)  # by channel, taken by a provider
    human: datetime | None = None  # the last human act
    holding: datetime | None = None  # the last holding update by alertd
    answered: int = 0  # families of which somebody has said that they know
    asking: int = 0  # ... that are being asked
    silent: int = 0  # ... that were asked to the end, and nobody has answered


class View:
    """Draws events and the state. `live`: a terminal that understands ANSI; else every line is final."""

    def __init__(self, out: TextIO, *, zone: str, begins: datetime, ends: datetime, live: bool) -> None:
        self._out, self._zone, self._begins, self._ends, self.live = out, ZoneInfo(zone), begins, ends, live
        self._drawn = 0  # lines of the state below the events
        self._shown = 0
        self._state: list[str] = []
        self._lock = threading.Lock()

    @property
    def pause(self) -> float:
        """Real seconds between two looks at the state of things."""
        return 0.5 if self.live else 1.0

    def event(self, at: datetime, who: str, what: str) -> None:
        """Something happened: a line that stays."""
        line = f"{self.clock(at)}  {who:<7} {what}"
        if self.live and who == "human":
            line = f"{_BOLD}{line}{_PLAIN}"
        self.say(line)

    def say(self, line: str = "") -> None:
        """A line that stays."""
        with self._lock:
            self._erase()
            self._out.write(line + "\n")
            self._draw()

    def show(self, now: Now) -> None:
        """The state of things."""
        with self._lock:
            self._erase()
            self._shown += 1
            if self.live:
                self._state = self._lines(now)
            elif self._shown % _EVERY == 1:
                self._out.write(f"{self._line(now)}\n")
            self._draw()

    def close(self) -> None:
        """No more state is shown; the events stay."""
        with self._lock:
            self._erase()
            self._state = []
            self._out.flush()

    def clock(self, at: datetime | None) -> str:
        """A moment of the story as the team's clock shows it."""
        return at.astimezone(self._zone).strftime("%a %H:%M") if at else "-"

    def _line(self, now: Now) -> str:
        messages = "  ".join(f"{channel} {count:,}" for channel, count in sorted(now.messages.items()))
        deadline = f"someone must hear by {self.clock(now.next_by)}; " if now.next_by else ""
        return (
            f"{self.clock(now.story)}  ........ {now.told} of {now.families} families told; "
            f"{self._answers(now)}{deadline}{messages or 'no messages yet'}"
        )

    def _lines(self, now: Now) -> list[str]:
        share = min(1.0, max(0.0, (now.story - self._begins) / (self._ends - self._begins)))
        full = round(share * _BAR)
        bar = "=" * full + "." * (_BAR - full)
        messages = "   ".join(f"{channel} {count:,}" for channel, count in sorted(now.messages.items()))
        return [
            "",
            f"  {_BOLD}{now.story.astimezone(self._zone):%a %d %b %H:%M}{_PLAIN}  [{bar}]",
            f"  families told   {now.told} of {now.families}",
            f"  who knows       {now.answered} answered   {now.asking} being asked   {now.silent} asked in vain",
            f"  next deadline   {self.clock(now.next_by)}{self._in(now)}",
            f"  messages        {messages or '-'}",
            f"  {_DIM}last human word {self.clock(now.human)}   last holding {self.clock(now.holding)}{_PLAIN}",
        ]

    @staticmethod
    def _answers(now: Now) -> str:
        return f"{now.answered} answered, {now.silent} did not; " if now.answered or now.silent else ""

    def _in(self, now: Now) -> str:
        if now.next_by is None or now.next_by < now.story:
            return ""
        minutes = (now.next_by - now.story) // timedelta(minutes=1)
        return f" (in {minutes // 60} h {minutes % 60:02} min)"

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(_UP.format(self._drawn) + _CLEAR_DOWN)
            self._drawn = 0

    def _draw(self) -> None:
        if self.live and self._state:
            width = shutil.get_terminal_size().columns
            # A line that wraps would be two lines, and the next erasing would leave one of them.
            lines = [line if len(line) < width else line[: width - 1] + _PLAIN for line in self._state]
            self._out.write("\n".join(lines) + "\n")
            self._drawn = len(lines)
        self._out.flush()
