"""A responder who was paged by SMS writes back: 1 does what the link in the page does (R8)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from alertd.ports.inbound import Heard
from alertd.usecases.take_reply import Said, take_reply
from tests import make
from tests.make import caregiver
from tests.scenario.on_call import TO, OnCallWorld, policy
from tests.scenario.replying import SMS_ONLY, duty

__all__ = ["duty"]


@pytest.fixture
async def paged(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """An owner who is paged by SMS, and has no family here."""
    made = OnCallWorld(tmp_path, make.NOON, policy())
    await made.family("fam-1", caregiver("ana", "sms", preferences=SMS_ONLY))
    yield made
    await made.close()


NOTED = "Noted: you are on incident 1. Each later nudge and page waits ten minutes, once. The time to publish by stays."


async def writes(paged: OnCallWorld, who: str, text: str, number: int = 1, **more: Any) -> Said:
    """A responder writes back from the number at which they were paged."""
    said = await take_reply(paged.deps, "sms", Heard(f"SM{number:032x}", TO[who].to, text, **more))
    await paged.settle()
    return said


async def test_a_responder_s_1_does_what_the_link_in_the_page_does(paged: OnCallWorld):
    """R8: each later step waits once, ten minutes, and no deadline moves."""
    await paged.machine_opens()
    paged.on_call("owner").expect_page("Follow")
    said = await writes(paged, "owner", "1")
    assert said == Said(NOTED)
    assert paged.sql("SELECT who FROM act WHERE what = 'ack'") == [("owner, by reply",)]
    again = await writes(paged, "owner", "1")
    assert (again.text, again.event) == (said.text, "reply_repeated")
    await writes(paged, "owner", "On it, ok?", 2)
    await writes(paged, "owner", "OK", 3)
    assert len(paged.sql("SELECT 1 FROM act WHERE what = 'ack'")) == 1, "a page counts once"
    assert TO["owner"].to not in str(paged.log.lines)
    paged.phone("ana").forget()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1", "Nothing waits for your answer: no incident that is open has told you anything."),
        (
            "On my way",
            "Nobody reads this. Reply 1 to say that you are on it; tell families with: alertd incident update",
        ),
        ("STOP", None),
    ],
)
async def test_a_responder_s_other_words_reach_no_inbox_and_are_no_security_event(
    paged: OnCallWorld, text: str, said: str | None
):
    assert await writes(paged, "owner", text) == Said(said)
    assert [line["meaning"] for line in paged.log.named("page_answered")] == [
        {"1": "acknowledge", "STOP": "stop"}.get(text, "other")
    ]
    assert bool(paged.log.named("responder_stopped")) is (text == "STOP")
    async with paged.deps.store.reading() as rows:
        assert not await rows.inbox(10, waiting=True)
    assert not paged.sql("SELECT 1 FROM act WHERE what = 'ack'")


async def test_two_machines_do_not_talk_for_ever_on_call_either(paged: OnCallWorld):
    answered = [(await writes(paged, "owner", "Hm", number)).text for number in range(1, 9)]
    assert sum(text is not None for text in answered) == 5


async def test_a_parent_who_is_on_call_answers_both_with_one_word(duty: OnCallWorld):
    """Mia has the number at which the owner is paged."""
    assert TO["owner"].to == make.own("mia", "sms").to
    await duty.machine_opens()
    duty.on_call("owner").expect_page("Follow")
    assert (await writes(duty, "owner", "1")).text == NOTED
    assert len(duty.sql("SELECT 1 FROM act WHERE what = 'ack'")) == 1
