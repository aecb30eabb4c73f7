"""What alertd needs from outside: channels, store, doorbell, clock. The core knows only these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from alertd.domain.delivery import Framing, Reader
from alertd.domain.incident import Incident, Severity, Update
from alertd.domain.paging import ResponderLadder
from alertd.domain.receipt import Word
from alertd.records import Ignored

# --- channels -------------------------------------------------------------------------------------


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Message:
    """One message for one address, ready to hand over."""

    to: str
    title: str  # push title, e-mail subject
    text: str  # SMS text, push body, e-mail text part
    html: str | None  # e-mail HTML part
    locale: str
    loud: bool  # push and e-mail priority; SMS is always loud
    delivery: UUID
    attempt: int  # 1, 2, ... ; with `delivery` it names this try to the provider
    incident: UUID  # collapse key, e-mail thread
    update: int
    useful_for: timedelta  # real time after which the provider should drop it
    ends: bool = False  # an all-clear: it may take the place of everything said before
    link: str | None = None  # where its reader may say that they know
    unsubscribe: str | None = None  # where whoever has this address may say that they want no more; e-mail only
    critical: bool = False  # caregivers are blind: it may break through a muted phone, where that is allowed

    @property
    def attempt_id(self) -> str:
        """What travels with the message so that the provider's word finds its way back, to this very try."""
        return f"{self.delivery}.{self.attempt}"


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Receipt:
    """The provider's acceptance."""

    provider_id: str


class ChannelError(Exception):
    """A message was not accepted. One subclass per reaction; there is no fourth without a fourth reaction.

    ChannelError
    |-- Later          try this address again after a while
    |-- Refused        never this address: suspend it, use the next one at once
    |-- Unknown        the provider may have it: wait for its word, else send again
    `-- Misconfigured  our fault: no address suffers, responders are told, the next channel is used

    `code` is the provider's own code ("21610", "UNREGISTERED", "550 5.1.1"); `detail` never holds an address.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail = code, detail


class Cause(StrEnum):
    """What a message that may be taken later has met."""

    PROVIDER = "provider"  # it fails, or does not answer: nobody's message passes
    PACE = "pace"  # too many at once for our account
    ADDRESS = "address"  # this phone or mailbox, now; others may be told
    STANDSTILL = "standstill"  # we stood still, and it would have set out too late: that says nothing of anybody


class Later(ChannelError):
    """The provider does not have it and may take it later."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retry_after: timedelta | None = None,
        cause: Cause = Cause.PROVIDER,
    ) -> None:
        super().__init__(code, detail)
        self.retry_after, self.cause = retry_after, cause


class Refused(ChannelError):
    """The provider will never take it for this address."""

    def __init__(self, code: str, detail: str = "", *, opted_out: bool = False) -> None:
        super().__init__(code, detail)
        self.opted_out = opted_out


class Unknown(ChannelError):
    """The provider may have it; its answer never came."""


class Misconfigured(ChannelError):
    """Our account, sender or settings are wrong; `account`: so wrong that nobody's message can pass."""

    def __init__(self, code: str, detail: str = "", *, account: bool = False) -> None:
        super().__init__(code, detail)
        self.account = account


class Channel(Protocol):
    """A way to reach an address."""

    name: str
    has_callbacks: bool  # whether the provider will tell the outcome of an unknown attempt
    deadline: float  # seconds that one send may take at the most, well inside the lease (30 s)
    at_once: int  # how many sends may be under way in one process; the rest wait above the channel

    async def send(self, message: Message) -> Receipt:
        """Hand one message to the provider within `deadline`, or soon after where this process stood still.

        Raises Later, Refused, Unknown or Misconfigured, and nothing else.
        """

    async def close(self) -> None:
        """Give connections back; called once, after the last send has returned."""


@runtime_checkable
class Warms(Protocol):
    """A channel that needs something before its first message: a token, a module that takes a second to load."""

    async def warm(self) -> None:
        """Get it now; what fails is told by the first message."""


@runtime_checkable
class Answers(Protocol):
    """A channel that can ask its provider about our account, for `alertd doctor`."""

    async def ask(self) -> str:
        """What the provider says of the account, in a few words. Sends no message, and takes at most `deadline`.

        Raises Later if it does not answer, Misconfigured if it refuses us.
        """


@runtime_checkable
class Explains(Protocol):
    """A channel that knows what its provider's codes mean, for whoever tries it."""

    def explain(self, code: str) -> str | None:
        """A code of a ChannelError or a Report in a few words, and where to read on; None: nothing to add."""


# --- receipts that come later -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Callback:
    """A request that says it comes from a provider, as it was received."""

    query: str  # as sent, still encoded: a signature covers it
    headers: Mapping[str, str]  # names in small letters
    body: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """A provider's later word on an attempt."""

    delivery: UUID
    attempt: int  # 1, 2, ...
    word: Word
    provider_id: str  # the message that it is about
    code: str | None = None  # the provider's own, where it failed
    opted_out: bool = False  # refused because its reader said stop
    ours: bool = False  # undelivered through no fault of the phone's: of our account, sender or text, ...
    passing: bool = False  # ... or by a full queue, or an error inside the provider, which nobody has to mend


class Forged(Exception):
    """A callback that its provider did not sign; `why` holds nothing that it said."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@runtime_checkable
class Receives(Protocol):
    """A channel whose provider says later what became of a message."""

    provider: str  # its name in the URL that it calls

    def receive(self, callback: Callback) -> Report | None:
        """What the provider says; None where that is about nothing that alertd sent, or says nothing of it.

        Raises Forged unless the provider signed it.
        """


# --- keys pressed in calls ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key that was pressed in a call."""

    delivery: UUID
    attempt: int  # 1, 2, ...
    call: str  # the provider's id
    key: str  # "0" to "9", "*", "#"; "": none that is known
    machine: bool  # it seems that no person has taken the call


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a provider is answered, in its own format: so that it says something to whoever called or wrote."""

    body: bytes
    media_type: str


@runtime_checkable
class Keyed(Protocol):
    """A channel that calls people, and is told of the keys that they press."""

    provider: str  # its name in the URL that it calls

    def hear(self, callback: Callback) -> Pressed | None:
        """The key that was pressed; None where that is about no call of alertd's.

        Raises Forged unless the provider signed it.
        """

    def reply(self, lines: Sequence[tuple[str, str]], again: Pressed | None = None) -> Spoken:
        """Says lines, each a pair of a locale and a text; waits for another key in the call of `again`."""


# --- words ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Content:
    """The words of one message."""

    title: str
    text: str
    html: str | None = None
    locale: str = ""  # of a call: in which it is said, where the reader's own has no words
    whole: bool = True  # False: the human's words did not fit, and some or all of them were left out


class Page(StrEnum):
    """What the page behind a link says beside the state of the outage, and the voice in a call to a key."""

    ASK = "ask"  # one button: I know
    ASK_NO_MORE = "ask_no_more"  # one button, though nobody is asked again: somebody has answered, or was rung up
    THANKS = "thanks"  # they have answered, and nobody is asked any more
    NOTED = "noted"  # they have answered, and somebody else's answer is still waited for
    OLDER = "older"  # it got worse or came back since: the newest message asks
    OVER = "over"  # nothing to answer any more
    UNHEARD = "unheard"  # in a call alone: what seems a machine has pressed a key, and that is no answer


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Saying:
    """All that the words depend on; equal sayings have equal words, so they are composed once."""

    channel: str
    framing: Framing
    update: Update  # the facts told, and the number that readers see
    news_number: int | None  # the human number of the newest news, for "update 4"
    references: int | None  # human number of the wrong update that this reader has, and that is put right
    reader: Reader  # its `to` is never part of the words
    now: datetime  # the minute at which it is handed over, story time
    ended_at: datetime | None = None
    incident: UUID = UUID(int=0)  # noqa: RUF009  with the update's number, names the row of facts
    link: str = ""  # a stand-in for each reader's own link, where `reader.asks`
    replies: bool = False  # ... and whether an SMS may be answered by a reply as well
    page: Page | None = None  # what the page behind a link (channel "page") is for, or a reply in a call ("voice")
    exercise: bool = False  # nothing is really down: whatever is said says so
    answered: tuple[str, ...] = ()  # ... names of others of the family who have answered
    elsewhere: tuple[str, ...] = ()  # of an end or an exercise: services that another outage has failing for them
    elsewhere_worst: Severity = Severity.CRITICAL  # ... and how bad that is at worst
    unasked: bool = True  # False: only because they asked, as no message is owed to them about it


class Compose(Protocol):
    """Puts a saying into the reader's language and zone."""

    def __call__(self, saying: Saying) -> Content:
        """Never fails: a broken template, phrase or locale falls back to the built-in words (R14)."""


@dataclass(frozen=True, slots=True)
class OptOutSaying:
    """What the words depend on where whoever reads at an address may say that they want no more there."""

    locale: str
    opted_out: bool  # they have said so
    ways: tuple[str, ...]  # channels over which they can still be told, in order; none: this is the only one
    others: bool  # whether somebody else can be told in each of their families


class ComposeOptOut(Protocol):
    """Puts the page behind `Message.unsubscribe` into words."""

    def __call__(self, saying: OptOutSaying) -> Content:
        """Its `html` is a whole page with one button. Never fails."""


# --- responders -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Responder:
    """How somebody on our side is reached, as the settings say: a phone number or an Apprise URL, both secret."""

    channel: str  # a pager's name: sms, apprise
    to: str = field(repr=False)
    zone: str | None = None  # where their clock hangs; None: they read UTC


@dataclass(frozen=True, slots=True)
class PageSaying:
    """What the words of a nudge or page depend on."""

    incident: Incident
    ladder: ResponderLadder
    page: bool  # False: nudge
    now: datetime  # story time
    post_by: datetime
    families: int  # that the incident touches
    word_at: datetime | None  # when a person last told families anything; None: nobody did
    news_at: datetime  # when a person last told them news
    zone: str | None
    subject: str = ""  # of trouble: what it is about ...
    code: str = ""  # ... and what was said of it
    link: str = ""  # acknowledges


class ComposePage(Protocol):
    """Puts a nudge or page into words."""

    def __call__(self, saying: PageSaying) -> Content:
        """Plain English, short enough for an SMS or two; never fails."""


class ComposeIgnored(Protocol):
    """Puts what machines told in vain into words."""

    def __call__(self, found: Sequence[Ignored], now: datetime, zone: str | None) -> Content:
        """Plain English, short enough for an SMS or two; `zone`: where the reader's clock hangs. Never fails."""


@dataclass(frozen=True, slots=True)
class OnCall:
    """Everything that it takes to tell responders."""

    responders: Mapping[str, Responder]  # by the name that policies give them
    pagers: Mapping[str, Channel]  # by name; those that are channels for families too are closed with these
    compose: ComposePage
    compose_ignored: ComposeIgnored
    public_url: str  # how a responder's phone reaches the API


# --- time and work --------------------------------------------------------------------------------


class Clock(Protocol):
    """Story time for promises, machine time for leases and retries; both aware UTC."""

    rate: float  # story seconds per machine second; 1 in production

    def now(self) -> datetime:
        """Story time: windows, promises, quiet hours."""

    def machine(self) -> datetime:
        """Machine time: leases, retries, sweeps."""


class Doorbell(Protocol):
    """Tells workers that there is work on a lane; losing a ring loses nothing."""

    def ring(self, lane: str) -> None:
        """Never blocks and never raises."""

    def take_lost(self) -> int:
        """How many rings nobody heard since this was last asked."""


class NotPinged(Exception):
    """The dead man's switch did not take a ping; `code` says why, and holds no address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class DeadMan(Protocol):
    """A switch outside that raises an alarm when nobody has said for a while that all is well."""

    async def ping(self) -> None:
        """Say that all is well, within a few seconds. Raises NotPinged."""

    async def close(self) -> None:
        """Give connections back."""


Names = Mapping[str, Mapping[str, str]]
"""service -> locale -> the name families know it by."""
