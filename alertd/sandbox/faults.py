"""How the stand-ins misbehave: which faults there are, whom they hit, and when they stop."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from alertd.sandbox.log import Channel

Kind = Literal[
    "5xx", "429", "hang", "slow_drip", "drop", "drop_after_accept", "bad_json", "redirect",
    "auth", "invalid_number", "opted_out", "unregistered",
    "smtp_550", "smtp_451", "smtp_hang", "smtp_drop_after_data",
    "callback_late", "callback_twice", "callback_reversed", "callback_forged", "callback_never", "undelivered",
    "no_answer", "busy", "failed", "machine", "press",
]  # fmt: skip

_HTTP: frozenset[Channel] = frozenset({"sms", "push", "voice"})
_ALL: frozenset[Channel] = frozenset({"sms", "push", "email", "voice"})
_EMAIL: frozenset[Channel] = frozenset({"email"})
_SMS: frozenset[Channel] = frozenset({"sms"})
_VOICE: frozenset[Channel] = frozenset({"voice"})
_TOLD: frozenset[Channel] = _SMS | _VOICE

REACH: dict[Kind, frozenset[Channel]] = {
    "5xx": _HTTP,  # `status`: 500, 502, 503 or 504; not accepted
    "429": _HTTP,  # with Retry-After: `retry_after_s`; not accepted
    "hang": _ALL,  # no answer for `hold_s`, then the connection closes; not accepted
    "slow_drip": _HTTP,  # accepted; the answer takes `drip_s`, a few bytes at a time
    "drop": _ALL,  # connection closed without an answer; not accepted
    "drop_after_accept": _ALL,  # accepted; connection closed without an answer
    "bad_json": _HTTP,  # accepted; the answer says success and holds half an object
    "redirect": _HTTP,  # 307 to another page of the sandbox, which notes who follows; not accepted
    "auth": _ALL,  # 20003, UNAUTHENTICATED, 530; not accepted
    "invalid_number": _TOLD,  # 21211
    "opted_out": frozenset({"sms"}),  # 21610
    "unregistered": frozenset({"push"}),  # UNREGISTERED
    "smtp_550": _EMAIL,  # at `stage`: 5.1.1 at RCPT, 5.7.1 after DATA
    "smtp_451": _EMAIL,  # at `stage`
    "smtp_hang": _EMAIL,  # `hang`, at `stage`
    "smtp_drop_after_data": _EMAIL,  # `drop_after_accept`
    "callback_late": _TOLD,  # accepted; what became of it is told `delay_s` later
    "callback_twice": _TOLD,  # accepted; each status is told twice
    "callback_reversed": _TOLD,  # accepted; the last status is told first
    "callback_forged": _TOLD,  # accepted; before the truth somebody else claims that the number is dead
    "callback_never": _TOLD,  # accepted, and delivered; nobody is told
    "undelivered": _SMS,  # accepted, and given up after `delay_s`, with `code`
    "no_answer": _VOICE,  # the phone rings, and nobody takes the call
    "busy": _VOICE,
    "failed": _VOICE,  # no network could connect the call
    "machine": _VOICE,  # an answering machine takes the call, and records what is said
    "press": _VOICE,  # somebody takes the call, and presses `digits`
}
"""Which channels a kind of fault can hit; a fault without a channel hits all of these."""

CALLBACKS: frozenset[Kind] = frozenset(
    {
        "callback_late",
        "callback_twice",
        "callback_reversed",
        "callback_forged",
        "callback_never",
        "undelivered",
        "no_answer",
        "busy",
        "failed",
        "machine",
        "press",
    }
)
"""Faults of what is told later of a message; it is accepted as ever, and `count` counts messages."""

Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class BadFault(ValueError):
    """A fault that cannot be; names the field."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to misbehave. With no address, count, probability or time it hits everything until removed."""

    kind: Kind
    channel: Channel | None = None
    to: tuple[str, ...] = ()  # these addresses only
    prefix: str | None = None  # addresses that begin with this only
    count: Annotated[int, Meta(ge=1)] | None = None  # at most so many requests
    each: Annotated[int, Meta(ge=1)] | None = None  # at most so many requests per address
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    seed: int = 0  # of the probability
    after_s: Seconds = 0.0  # begins so long after it was set
    for_s: Seconds | None = None  # lasts so long
    status: Literal[500, 502, 503, 504] = 503  # 5xx
    retry_after_s: Annotated[int, Meta(ge=0)] | msgspec.UnsetType | None = msgspec.UNSET  # null: no header
    hold_s: Seconds = 600.0  # hang
    drip_s: Seconds = 60.0  # slow_drip: longer than the sender's total deadline
    stage: Literal["rcpt", "data"] = "rcpt"  # SMTP: when the answer goes wrong
    delay_s: Seconds | None = None  # callback_late: 30 unless told otherwise; undelivered: 0
    code: Annotated[int, Meta(ge=10_000, le=99_999)] = 30003  # undelivered: Twilio's
    digits: Annotated[str, Meta(pattern="^[0-9*#]{1,8}$")] = "1"  # press

    def __post_init__(self) -> None:
        if self.channel is not None and self.channel not in REACH[self.kind]:
            raise BadFault(f"channel: {self.kind} is no fault of {self.channel}")

    @property
    def retry_after(self) -> int | None:
        """Seconds for the Retry-After header; unless told otherwise 7 with a 429, none with a 5xx."""
        if isinstance(self.retry_after_s, msgspec.UnsetType):
            return 7 if self.kind == "429" else None
        return self.retry_after_s

    @property
    def delay(self) -> float:
        """Seconds before anything is told of a message."""
        if self.delay_s is None:
            return 30.0 if self.kind == "callback_late" else 0.0
        return self.delay_s if self.kind in {"callback_late", "undelivered"} else 0.0


def read_faults(data: bytes | str) -> list[Fault]:
    """One fault, or a list of them, from JSON. Raises BadFault, which names the field."""
    try:
        found = msgspec.json.decode(data, type=list[Fault] | Fault)
    except msgspec.MsgspecError as error:
        raise BadFault(str(error)) from error
    return found if isinstance(found, list) else [found]


class Armed:
    """A fault in force, with its own count and dice; times are the event loop's, in seconds."""

    def __init__(self, number: int, fault: Fault, now: float) -> None:
        self.number, self.fault = number, fault
        self.hits = 0
        self.lifted = asyncio.Event()  # set when the fault is removed: whoever hangs on it goes
        self._begins = now + fault.after_s
        self._ends = None if fault.for_s is None else self._begins + fault.for_s
        self._per_address: Counter[str] = Counter()
        self._dice = random.Random(fault.seed)  # noqa: S311 - repeatable on purpose
        self._to = frozenset(fault.to)

    def hit(self, channel: Channel, to: str | None, now: float) -> bool:
        """Whether this request is hit; a hit is counted."""
        fault = self.fault
        if channel not in ({fault.channel} if fault.channel else REACH[fault.kind]):
            return False
        if now < self._begins or (self._ends is not None and now >= self._ends):
            return False
        if (self._to and to not in self._to) or (fault.prefix and not (to or "").startswith(fault.prefix)):
            return False
        if fault.count is not None and self.hits >= fault.count:
            return False
        if fault.each is not None and self._per_address[to or ""] >= fault.each:
            return False
        if fault.probability < 1 and self._dice.random() >= fault.probability:
            return False
        self.hits += 1
        if fault.each is not None:
            self._per_address[to or ""] += 1
        return True

    def shown(self) -> dict[str, Any]:
        """For the control endpoint: number, hits, and the fault without what it leaves open."""
        fault: dict[str, Any] = msgspec.to_builtins(self.fault)
        said = {key: value for key, value in fault.items() if value is not None and value != []}
        return {"number": self.number, "hits": self.hits, **said}


class Faults:
    """The faults in force, in the order they were set: the first that hits wins."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._armed: list[Armed] = []
        self._numbers = 0
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> list[Armed]:
        """Put faults in force, after those that already are."""
        now = asyncio.get_running_loop().time()
        added = []
        for fault in faults:
            self._numbers += 1
            added.append(Armed(self._numbers, fault, now))
        self._armed += added
        return added

    def remove(self, number: int | None = None) -> int:
        """Lift one fault, or all; returns how many. What hangs on them is let go at once."""
        gone = [armed for armed in self._armed if number is None or armed.number == number]
        self._armed = [armed for armed in self._armed if armed not in gone]
        for armed in gone:
            armed.lifted.set()
        return len(gone)

    def shown(self) -> list[dict[str, Any]]:
        """All faults in force, for the control endpoint."""
        return [armed.shown() for armed in self._armed]

    def pick(self, channel: Channel, to: str | None, *, stage: str | None = None) -> Armed | None:
        """The fault that hits this request, counted; None if it is to be treated well.

        `stage` keeps faults of other SMTP stages out; they get their chance later.
        """
        if not self._armed:
            return None
        now = asyncio.get_running_loop().time()
        for armed in self._armed:
            if armed.fault.kind in CALLBACKS or (stage is not None and _stage(armed.fault) != stage):
                continue
            if armed.hit(channel, to, now):
                return armed
        return None

    def pick_callback(self, to: str, channel: Channel = "sms") -> Armed | None:
        """The fault that hits what is told later of this SMS or call, counted."""
        now = asyncio.get_running_loop().time()
        later = (armed for armed in self._armed if armed.fault.kind in CALLBACKS)
        return next((armed for armed in later if armed.hit(channel, to, now)), None)


def _stage(fault: Fault) -> str:
    return "data" if fault.kind in {"drop_after_accept", "smtp_drop_after_data"} else fault.stage


KINDS: tuple[Kind, ...] = get_args(Kind)
