"""What responders read: why, by when, what families hear otherwise, and the command to run."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from alertd.domain import paging
from alertd.domain.audit import UNACCOUNTED
from alertd.domain.incident import Kind, State
from alertd.domain.paging import ResponderLadder
from alertd.ports import PageSaying
from alertd.records import ASKS_FOR_MORE, Ignored
from alertd.texts.responders import compose_ignored, compose_page
from alertd.texts.segments import measure
from tests import make
from tests.make import after, minutes

HUMAN = make.incident(make.update(1, Kind.NOTICE))
MACHINE = make.incident(make.update(1, Kind.NOTICE, source="alertmanager", state=State.SUSPECTED))
LINK = "https://alertd.example.org/r/AZq7x1c2d3e4f5g6h7i8j9k0l1m2n3o4"


def saying(**changes: Any) -> PageSaying:
    made = PageSaying(
        incident=HUMAN,
        ladder=ResponderLadder.POST,
        page=True,
        now=after(19),
        post_by=after(30),
        families=4210,
        word_at=after(0),
        news_at=after(0),
        zone=None,
        link=LINK,
    )
    return replace(made, **changes)


TEXTS = [
    (
        "a channel works again",
        saying(ladder=ResponderLadder.OVER, page=False, subject="channel push"),
        "Nudge: channel push works again in incident 1",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. "
        "Channel push works again. What waited for it goes out now.",
    ),
    (
        "a provider reports nothing",
        saying(
            ladder=ResponderLadder.TROUBLE, subject="receipts of sms", link="",
            code="sms took 20 messages within ten minutes and has reported nothing of any",
        ),
        "PAGE: receipts of sms are missing in incident 1",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. "
        "sms took 20 messages within ten minutes and has reported nothing of any: they may all have arrived, or none "
        "of them. Run where alertd runs: alertd doctor",
    ),
    (
        "a nudge",
        saying(page=False),
        "Nudge: incident 1 needs an update by 20:30 UTC",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. No update since 20:00 UTC. "
        "Publish by 20:30 UTC, else families are told then that there is no news. "
        f'Run: alertd incident update 1 --message "..." Acknowledge: {LINK}',
    ),
    (
        "a page that is late, in the responder's zone",
        saying(now=after(39), zone="America/Los_Angeles", families=1, link=""),
        "PAGE: incident 1 needs an update by 20:30 UTC (12:30 PST)",
        "Incident 1 (critical, investigating): Follow is down. 1 family touched. "
        "No update since 20:00 UTC (12:00 PST). The update was due by 20:30 UTC (12:30 PST): publish now. "
        'Families are told that there is no news. Run: alertd incident update 1 --message "..."',
    ),
    (
        "a machine's suspicion that families hear of by itself",
        saying(
            incident=replace(MACHINE, held=True, confirm_at=after(5)),
            ladder=ResponderLadder.OPENED, now=after(0), word_at=None, link="",
        ),
        "PAGE: incident 1 was opened by a machine",
        "Incident 1 (critical, suspected): Follow is down. 4,210 families touched. "
        "Opened by alertmanager at 20:00 UTC, and no person has spoken yet. "
        "Families are told of it at 20:05 UTC unless somebody acts. "
        'Run: alertd incident update 1 --message "..." False alarm: alertd incident cancel 1',
    ),
    (
        "a suspicion that waits for a person",
        saying(
            incident=replace(MACHINE, held=True), ladder=ResponderLadder.OPENED, now=after(0), word_at=None, link=""
        ),
        "PAGE: incident 1 was opened by a machine",
        "Incident 1 (critical, suspected): Follow is down. 4,210 families touched. "
        "Opened by alertmanager at 20:00 UTC, and no person has spoken yet. "
        "Families are told nothing until a person confirms it. "
        'Run: alertd incident update 1 --message "..." False alarm: alertd incident cancel 1',
    ),
    (
        "the news clock, past midnight",
        saying(ladder=ResponderLadder.NEWS, now=after(330), post_by=after(345), link=""),
        "PAGE: families in incident 1 wait for news",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. "
        "Families have had no news by a person since Wed 20:00 UTC (5h30m). Publish by 01:45 UTC. "
        'Run: alertd incident update 1 --message "..."',
    ),
    (
        "a broken channel",
        saying(
            ladder=ResponderLadder.TROUBLE, subject="channel sms", code="misconfigured: 20003", link=""
        ),
        "PAGE: channel sms fails in incident 1",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. "
        "channel sms fails (misconfigured: 20003): families are told over other channels, or not at all. "
        "Run where alertd runs: alertd doctor",
    ),
    (
        "families whom nobody told",
        saying(
            ladder=ResponderLadder.TROUBLE, subject=UNACCOUNTED, code="fam-1, fam-2, fam-3 and 4 more", link=""
        ),
        "PAGE: families unaccounted for in incident 1",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. "
        "Not told by the time we said, and nothing explains it: fam-1, fam-2, fam-3 and 4 more. "
        "They are planned anew. Run: alertd family show fam-1 Then, where alertd runs: alertd doctor",
    ),
    (
        "a text that fails",
        saying(
            ladder=ResponderLadder.TROUBLE, page=False, subject=paging.TEXTS, link="",
            code="es/sms/notice: sms.txt:3: 'since' is undefined; the plain built-in text was used",
        ),
        "Nudge: a text fails in incident 1",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. "
        "Families read plain built-in words or another language: es/sms/notice: sms.txt:3: 'since' is undefined; "
        "the plain built-in text was used. Run where alertd runs: alertd policy check",
    ),
    (
        "data that fails",
        saying(
            ladder=ResponderLadder.TROUBLE, page=False, subject=paging.PLANS, link="",
            code="fam-7: ZoneInfoNotFoundError and 3 more",
        ),
        "Nudge: a family's data fails in incident 1",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. "
        "Told without their own preferences and hours: fam-7: ZoneInfoNotFoundError and 3 more. "
        "Run: alertd family show fam-7",
    ),
    (
        "a message that crashes",
        saying(
            ladder=ResponderLadder.TROUBLE, page=False, subject=paging.MESSAGES, link="",
            code="fam-7: push, 5 crashes and 1 more",
        ),
        "Nudge: a message crashes whoever sends it in incident 1",
        "Incident 1 (critical, investigating): Follow is down. 4,210 families touched. "
        "Given up (fam-7: push, 5 crashes and 1 more), and sent over their next channel if they have one. "
        "Run: alertd delivery list --state parked Once mended: alertd delivery retry 1",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("_what", "said", "title", "text"), TEXTS, ids=[row[0] for row in TEXTS])
def test_responders_read(_what: str, said: PageSaying, title: str, text: str) -> None:
    content = compose_page(said)
    assert (content.title, content.text) == (title, text)
    assert measure(content.text).segments <= 3


def test_what_is_no_channel_says_only_what_it_is() -> None:
    """Whatever else is told to responders: an event that was ignored, a text that failed."""
    said = saying(ladder=ResponderLadder.TROUBLE, subject="an event of alertmanager", code="maps to no service")
    content = compose_page(said)
    assert content.title == "PAGE: an event of alertmanager in incident 1"
    assert "an event of alertmanager: maps to no service." in content.text


def test_a_title_cannot_break_the_line() -> None:
    incident = make.incident(make.update(1, Kind.NOTICE, title="Down\r\nBcc: all@example.org"))
    assert "\n" not in compose_page(saying(incident=incident)).text


def test_the_night_on_which_clocks_change_is_told_by_the_zones_name() -> None:
    fold = make.NOON.replace(day=1, hour=9, minute=30)
    said = saying(now=fold, post_by=fold + minutes(30), word_at=fold - minutes(60), zone="America/Los_Angeles")
    assert "No update since 08:30 UTC (01:30 PDT). Publish by 10:00 UTC (02:00 PST)" in compose_page(said).text


def in_vain(reason: str, count: int = 1) -> Ignored:
    return Ignored(UUID(int=1), after(0), "prober", reason, f"it is {reason}", [f"alert {reason}"], count)


@pytest.mark.parametrize(
    ("found", "title", "begins"),
    [
        ([in_vain("unmapped")], "Nudge: 1 alert ignored", "1 alert of prober opened no incident since"),
        (
            [in_vain(ASKS_FOR_MORE, 2)],
            "Nudge: 2 alerts ask for more",
            "2 alerts of prober ask for more than alertd does since",
        ),
        (
            [in_vain("unmapped"), in_vain(ASKS_FOR_MORE)],
            "Nudge: 2 alerts ignored",
            "2 alerts of prober opened no incident, or ask for more than alertd does since",
        ),
    ],
)
def test_what_came_in_vain_and_what_in_part(found: list[Ignored], title: str, begins: str) -> None:
    said = compose_ignored(found, after(5), None)

    assert said.title == title
    assert said.text.startswith(begins)
    assert ("alertd incident open" in said.text) is any(each.reason != ASKS_FOR_MORE for each in found)
