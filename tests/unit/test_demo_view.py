"""What the terminal shows: events that stay, and below them the state of things, drawn over and over."""

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from alertd.demo.view import Now, View

BEGINS = datetime(2019, 11, 30, 7, 40, tzinfo=UTC)
ENDS = BEGINS + timedelta(hours=20)


def a_view(*, live: bool) -> tuple[io.StringIO, View]:
    out = io.StringIO()
    return out, View(out, zone="America/Los_Angeles", begins=BEGINS, ends=ENDS, live=live)


def now(hours: float = 1.0, **changes: Any) -> Now:
    story = BEGINS + timedelta(hours=hours)
    said: dict[str, Any] = {"next_by": story + timedelta(hours=2, minutes=5), "messages": {"sms": 1234, "push": 5}}
    return Now(story, 195, 200, **(said | changes))


def screen(written: str) -> list[str]:
    """The lines that a terminal shows in the end: it knows "up n lines", "clear down" and colours."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[[0-9]*[A-Za-z]|\r|\n)", written):
        up = re.fullmatch(r"\x1b\[([0-9]+)A", part)
        if up:
            row -= int(up[1])
            assert row >= 0, "drew above its own first line"
        elif part == "\x1b[J":
            del lines[row + 1 :]
            lines[row] = ""
        elif part == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif part != "\r" and not part.startswith("\x1b"):
            lines[row] += part
    return lines


def test_on_a_terminal_events_stay_and_the_state_is_drawn_once() -> None:
    out, view = a_view(live=True)
    view.say("Getting everything up ...")
    view.show(now(1))
    view.event(BEGINS + timedelta(hours=2), "human", "update 2")
    view.show(now(5))
    shown = screen(out.getvalue())
    assert shown[:2] == ["Getting everything up ...", "Sat 01:40  human   update 2"]
    text = "\n".join(shown)
    assert text.count("families told") == 1
    assert "Sat 30 Nov 04:40" in text
    assert "[========........................]" in text
    assert "195 of 200" in text
    assert "Sat 06:45 (in 2 h 05 min)" in text
    assert "push 5   sms 1,234" in text
    view.close()
    assert "families told" not in "\n".join(screen(out.getvalue()))


def test_without_a_terminal_there_are_only_lines_and_not_too_many() -> None:
    out, view = a_view(live=False)
    for tenth in range(10):
        view.show(now(1 + tenth / 10))
    view.event(BEGINS, "alertd", "holding update")
    view.close()
    written = out.getvalue()
    assert "\x1b" not in written
    lines = written.splitlines()
    assert len(lines) == 3
    assert "195 of 200 families told; someone must hear by Sat 02:45; push 5  sms 1,234" in lines[0]
    assert lines[-1] == "Fri 23:40  alertd  holding update"


def test_who_has_answered_is_shown() -> None:
    out, view = a_view(live=True)
    view.show(now(answered=54, asking=73, silent=68))
    assert "54 answered   73 being asked   68 asked in vain" in "\n".join(screen(out.getvalue()))
    out, view = a_view(live=False)
    view.show(now(answered=54, asking=73, silent=68))
    assert "families told; 54 answered, 68 did not; someone must hear" in out.getvalue()


def test_before_the_first_message_there_is_nothing_to_count() -> None:
    out, view = a_view(live=False)
    view.show(now(next_by=None, messages={}))
    assert "families told; no messages yet" in out.getvalue()


def test_the_live_view_looks_twice_a_second() -> None:
    assert a_view(live=True)[1].pause == 0.5
