"""Providers that fail, hang, lie, or say things twice."""

from collections.abc import Callable, Mapping
from typing import Any

from alertd.sandbox.log import Accepted
from tests.chaos.drill import PATIENCE, Drill
from tests.chaos.evidence import Address
from tests.chaos.oracle import delivery_of
from tests.chaos.row import PROVIDERS, WINDOW, Row
from tests.integration.town import SECOND
from tests.servers import wait_until

BOTH = ("sms", "push")
TOO_FAST = 2  # seconds after which a provider lets us come again
TAKEN = 1.0  # seconds: whoever sends again may have decided so before Twilio's word was stored
_WRITTEN = 0.1  # seconds between a stand-in's answer and the line of its log


def _for_a_while(seconds: float, *faults: Mapping[str, Any]) -> "Callable[[Drill], None]":
    def run(drill: Drill) -> None:
        """The faults are in force from before the word on, and for so many seconds."""
        drill.opens()
        with drill.fault():
            drill.rig.sandbox("POST", "/faults", [{**fault, "for_s": seconds} for fault in faults])
            drill.says(SECOND)
            drill.waits(seconds)
            drill.well()
        drill.until_all_told(SECOND)
        drill.holds_and_ends()

    return run


def _addresses(drill: Drill) -> set[Address]:
    return {address for addresses in drill.town.homes.values() for address in addresses}


def _hits(drill: Drill) -> int:
    return sum(fault["hits"] for fault in drill.rig.sandbox("GET", "/faults")["faults"])


def _doubted(drill: Drill) -> None:
    """Nobody knew what had become of these; where Twilio said it of an SMS meanwhile, that did not come twice."""
    [(doubts,)] = drill.rig.rows("SELECT count(*) FROM attempt WHERE outcome = 'unknown'")
    if not doubts:
        drill.said.append("nobody was in doubt about anything")
    known = {line.provider_id: line.at for line in reversed(drill.rig.told()) if line.answer == 204}
    first: dict[str, Accepted] = {}
    twice = 0
    for message in drill.rig.accepted():
        before = first.setdefault(delivery_of(message), message)
        if message.channel == "sms" and before is not message:
            twice += known.get(before.provider_id, message.at) < message.at - TAKEN
    if twice:
        drill.said.append(f"{twice} SMS were sent twice, though Twilio had said what became of the first")


def _waited(drill: Drill) -> None:
    """Whoever was told to come again after so long did not come sooner."""
    told = {(line.channel, line.to): line.at for line in drill.rig.refused() if line.outcome == "429"}
    soon = sum(
        0 < message.at - told.get((message.channel, message.to), message.at) < TOO_FAST - _WRITTEN
        for message in drill.rig.accepted()
    )
    if not told or soon:
        drill.said.append(f"{len(told)} were refused for a while, and {soon} sent again before it was over")


def _nothing_more(_: Drill) -> None:
    """The oracle says all."""


def _of(drill_faults: Mapping[str, Any], check: "Callable[[Drill], None]" = _doubted) -> "Callable[[Drill], None]":
    def run(drill: Drill) -> None:
        """The fault is in force while the second word is told, and hits each address once at most.

        What excuses a delay ends when it has hit whom it is to hit.
        """
        drill.opens()
        both = [{"each": 1, **drill_faults, "channel": channel} for channel in drill_faults["channels"]]
        for each in both:
            del each["channels"]
        drill.rig.sandbox("POST", "/faults", both)
        with drill.fault():
            drill.says(SECOND)
            named = sum(channel in drill_faults["channels"] for channel, _ in _addresses(drill))
            wanted = len(both) * drill_faults["count"] if "count" in drill_faults else named
            wait_until("all were hit", lambda: _hits(drill) >= wanted, PATIENCE, every=0.1)
        drill.until_all_told(SECOND)
        drill.well()
        drill.holds_and_ends()
        check(drill)

    return run


def _hangs(drill: Drill) -> None:
    """One provider holds what it is asked; the other's messages do not wait for it."""
    drill.opens()
    with drill.fault():
        drill.rig.sandbox("POST", "/faults", {"kind": "hang", "channel": "sms", "hold_s": 30, "for_s": 8})
        drill.says(SECOND)
        drill.waits(8)
        drill.well()
        since = drill.first_said(SECOND)
        out = {(message.channel, message.to) for message in drill.rig.accepted() if message.at >= since}
        held = [address for address in _addresses(drill) - out if address[0] == "push"]
        if held:
            drill.said.append(f"{len(held)} pushes waited for Twilio")
    drill.until_all_told(SECOND)
    drill.holds_and_ends()


def _callbacks(kind: str, **more: Any) -> "Callable[[Drill], None]":
    def run(drill: Drill) -> None:
        """What Twilio tells of every message comes so, from the beginning on."""
        drill.rig.sandbox("POST", "/faults", {"kind": kind, "channel": "sms", **more})
        drill.story(lambda: None)
        sms = {message.provider_id for message in drill.rig.accepted() if message.channel == "sms"}
        wait_until(
            "Twilio has told what became of every message",
            lambda: sms <= {line.provider_id for line in drill.rig.told() if line.status == "delivered"},
            PATIENCE,
            every=0.2,
        )
        if kind == "callback_forged":
            taken = [line for line in drill.rig.told() if line.forged and line.answer != 403]
            if taken:
                drill.said.append(f"{len(taken)} forged callbacks were taken")
        [(stopped,)] = drill.rig.rows("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL")
        [(behind,)] = drill.rig.rows(
            "SELECT count(*) FROM delivery WHERE channel = 'sms' AND state <> 'delivered' AND state <> 'superseded'"
        )
        if stopped or behind:
            drill.said.append(f"{stopped} numbers were stopped, and {behind} SMS are not known to be delivered")

    return run


def _each(kind: str, **more: Any) -> Mapping[str, Any]:
    return {"kind": kind, "channels": BOTH, **more}


ROWS = (
    Row(
        name="provider-storm",
        what="every provider answers 503 for three seconds",
        run=_for_a_while(3.0, {"kind": "5xx", "channel": "sms"}, {"kind": "5xx", "channel": "push"}),
        quick=True,
        silence=False,
    ),
    Row(
        name="providers-down",
        what="every provider answers 503 for longer than the silence window",
        run=_for_a_while(30.0, {"kind": "5xx", "channel": "sms"}, {"kind": "5xx", "channel": "push"}),
        pace=PROVIDERS,  # the fault lasts long enough for the longest backoff
    ),
    Row(
        name="provider-too-fast",
        what="every provider says once for each address that we are too fast (429)",
        run=_of(_each("429", retry_after_s=TOO_FAST), _waited),
    ),
    Row(
        name="provider-hangs",
        what="Twilio answers nothing for eight seconds; every push is out before they are over",
        run=_hangs,
    ),
    Row(
        name="provider-drips",
        what="every provider takes the first forty messages, and its answer drips longer than a call may take",
        run=_of(_each("slow_drip", count=40, drip_s=30)),
        crashes=None,
        silence=False,
    ),
    Row(
        name="provider-drops",
        what="every provider takes the first forty messages, and closes the connection without an answer",
        run=_of(_each("drop_after_accept", count=40)),
        crashes=None,
        silence=False,
    ),
    Row(
        name="provider-nonsense",
        what="every provider takes the first forty messages, and answers half an object",
        run=_of(_each("bad_json", count=40)),
        crashes=None,
        silence=False,
    ),
    Row(
        name="mail-in-doubt",
        what="the mail server takes the first forty letters, and hangs up without an answer",
        run=_of({"kind": "smtp_drop_after_data", "channels": ("email",), "count": 40}),
        mail=True,
        crashes=None,
        silence=False,
    ),
    Row(
        name="mail-greylisted",
        what="the mail server asks for patience once for each mailbox (451)",
        run=_of({"kind": "smtp_451", "channels": ("email",)}, _nothing_more),
        mail=True,
        silence=False,
    ),
    Row(name="callbacks-twice", what="Twilio tells everything twice", run=_callbacks("callback_twice")),
    Row(
        name="callbacks-late",
        what="Twilio tells what became of a message when the silence window is over, and the next has been told",
        run=_callbacks("callback_late", delay_s=WINDOW + 5),
    ),
    Row(name="callbacks-reversed", what="Twilio tells the last first", run=_callbacks("callback_reversed")),
    Row(
        name="callbacks-forged",
        what="somebody else claims of every number that it is dead",
        run=_callbacks("callback_forged"),
    ),
)
