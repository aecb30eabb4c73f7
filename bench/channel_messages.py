"""The messages that every way of `bench.channels` sends: the same words, each with its reader's own links.

It is the first notice of an outage, which asks for an answer: the one that has to be quick.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from alertd.domain.delivery import Ask
from alertd.domain.links import Links
from alertd.ports import Content, Message
from alertd.texts import load
from bench import messages
from tests.unit.texts_story import LINK, NAMES, TEMPLATES, refuse, saying

LINKS = Links("https://alerts.example.org", bytes(32))
INCIDENT = UUID(int=1)
SENDER = "alerts@example.org"

ADDRESS: dict[str, Callable[[int], str]] = {
    "email": lambda index: f"family-{index:06d}@example.org",
    "push": messages.token,
    "sms": lambda index: f"+1415555{index:07d}",  # no number that anybody has: they are too long
}


@dataclass(frozen=True, slots=True)
class Told:
    """One reader's own words."""

    to: str
    title: str
    text: str
    html: str | None
    link: str
    unsubscribe: str
    delivery: UUID


def told(channel: str) -> Callable[[int], Told]:
    """What the index-th family is sent; equal for every way."""
    content: Content = load(TEMPLATES, NAMES, refuse)(saying(channel=channel, asks=Ask.ANSWER))
    common = content.text.replace(LINK, LINKS.stand_in)
    html = content.html.replace(LINK, LINKS.stand_in) if content.html is not None else None
    to = ADDRESS[channel]

    def one(index: int) -> Told:
        delivery = UUID(int=(index << 64) + 7)
        return Told(
            to=to(index),
            title=content.title,
            text=LINKS.fill_in(common, delivery),
            html=LINKS.fill_in(html, delivery) if html is not None else None,
            link=LINKS.fill_in(LINKS.stand_in, delivery),
            unsubscribe=LINKS.opt_out(delivery),
            delivery=delivery,
        )

    return one


def message(channel: str, one: Told) -> Message:
    """As alertd's use cases hand it to a channel."""
    return Message(
        to=one.to,
        title=one.title,
        text=one.text,
        html=one.html,
        locale="en",
        loud=True,
        delivery=one.delivery,
        attempt=1,
        incident=INCIDENT,
        update=1,
        useful_for=timedelta(minutes=30),
        link=one.link,
        unsubscribe=one.unsubscribe if channel == "email" else None,
    )
