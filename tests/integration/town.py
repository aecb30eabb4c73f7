"""A town of a thousand families, and beside each kind, written by hand, what each of its phones must receive.

Nothing of alertd is imported here: these are the rules as a person reads them in the design, not as the code
has them. All of it happens by day, but for the families that sleep.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NOTICE, SECOND, THIRD, OVER = "notice", "second", "third", "over"
PHASES = (NOTICE, SECOND, THIRD, OVER)
HOLDING = "holding"

SAID: Mapping[str, Mapping[str, str]] = {
    NOTICE: {"en": "First word: people are on it.", "es": "Primera noticia: estamos en ello."},
    SECOND: {"en": "Second word: a server is down.", "es": "Segunda noticia: falla un servidor."},
    THIRD: {"en": "Third word: it is being replaced.", "es": "Tercera noticia: lo estamos cambiando."},
    OVER: {"en": "Last word: it was replaced.", "es": "Noticia final: ya se ha cambiado."},
}
"""What the humans say; each message of theirs carries exactly one of these sentences."""

MAY = {"en": "may be down", "es": "Puede que"}
"""What the first word says where a machine opened it: nobody has confirmed it, and nothing of the machine's is said."""

NO_NEWS = {"en": ("No news",), "es": ("Sin novedades", "no hay novedades")}
"""What a holding says, in the words of config/templates."""

_PLACES = (
    "415", "212", "303", "312", "206", "617", "702", "503", "214", "305", "404", "408", "412", "509", "510", "512",
    "513", "515", "518", "602", "608", "612", "615", "616", "619", "646", "650", "651", "704", "713",
)  # fmt: skip

Address = tuple[str, str]
"""(channel, number, token or mailbox)"""


@dataclass(frozen=True)
class Expected:
    """What one phone, app or mailbox must receive, in this order, and nothing else."""

    phases: tuple[str, ...]
    holdings: bool = True  # it also hears when there is no news
    locale: str = "en"
    soft: frozenset[str] = frozenset()  # phases that must not wake; all others must
    asleep: bool = False  # its whole family is in quiet hours
    called: bool = False  # by the ladder: the family has heard before


ALL = Expected(PHASES)


@dataclass
class Town:
    """The families as their owner exports them, and what is owed to every address."""

    families: list[dict[str, Any]] = field(default_factory=list)
    expected: dict[Address, Expected] = field(default_factory=dict)
    homes: dict[str, set[Address]] = field(default_factory=dict)  # family -> the addresses that reach it
    dead: dict[str, list[str]] = field(default_factory=lambda: {"sms": [], "push": [], "email": []})
    unreachable: set[str] = field(default_factory=set)  # families that nobody can tell, and who must be named
    untouched: set[str] = field(default_factory=set)
    answers: dict[Address, bool] = field(default_factory=dict)  # who opens the link; whether they press its button
    _numbers: int = 0

    def number(self) -> str:
        """A sample number that nobody else has."""
        place, last = divmod(self._numbers, 100)
        self._numbers += 1
        return f"+1{_PLACES[place]}55501{last:02}"

    def add(self, name: str, caregivers: Sequence[Mapping[str, Any]], **more: Any) -> None:
        """A family, as one line of an import."""
        home = {
            "id": name, "updated_at": "2026-11-01T00:00:00Z", "services": ["follow", "share"],
            "time_zone": "America/Los_Angeles", "locale": "en", "region": "us-west",
        }  # fmt: skip
        people = [{"order": order, **each} for order, each in enumerate(caregivers, 1)]
        self.families.append({**home, **more, "caregivers": people})

    def owe(self, name: str, address: Address, what: Expected = ALL) -> None:
        """Expect this at an address, and count it as reaching a family."""
        self.expected[address] = what
        self.homes.setdefault(name, set()).add(address)

    def bury(self, channel: str, to: str) -> dict[str, str]:
        """An address that its provider refuses for ever."""
        self.dead[channel].append(to)
        return {"channel": channel, "to": to}


def person(name: str, *addresses: Mapping[str, Any], role: str = "parent", **more: Any) -> dict[str, Any]:
    """A caregiver; what `more` says of lists is for critical messages."""
    return {"id": name, "name": name.title(), "role": role, "addresses": list(addresses), **more}


def on(channel: str, to: str, **more: Any) -> dict[str, Any]:
    return {"channel": channel, "to": to, **more}


def want(*channels: str) -> dict[str, Any]:
    return {"critical": list(channels)}


def push_only(town: Town, name: str) -> None:
    """Everything by push. Nobody there has a number, so no floor can be added."""
    token = f"token-{name}"
    town.add(name, [person("mia", on("push", token), preferences=want("push"))])
    town.owe(name, ("push", token))


def push_and_sms(town: Town, name: str) -> None:
    """The policy's own list: both at once, every time."""
    token, number = f"token-{name}", town.number()
    town.add(name, [person("mia", on("push", token), on("sms", number))])
    town.owe(name, ("push", token))
    town.owe(name, ("sms", number))


def mail_only(town: Town, name: str) -> None:
    """Everything by e-mail."""
    mailbox = f"{name}@example.org"
    town.add(name, [person("mia", on("email", mailbox), preferences=want("email"))])
    town.owe(name, ("email", mailbox))


def mail_with_number(town: Town, name: str) -> None:
    """R12, the floor: only the notice wakes people, so only the notice also goes to the number."""
    mailbox, number = f"{name}@example.org", town.number()
    town.add(name, [person("mia", on("email", mailbox), on("sms", number), preferences=want("email"))])
    town.owe(name, ("email", mailbox))
    town.owe(name, ("sms", number), Expected((NOTICE,), holdings=False))


def two_people(town: Town, name: str) -> None:
    """Parent and guardian both hear everything, each over what they chose."""
    token, number, mailbox = f"token-{name}", town.number(), f"{name}@example.org"
    mia = person("mia", on("push", token), on("sms", number))
    pa = person("pa", on("email", mailbox), role="guardian", preferences=want("email"))
    town.add(name, [mia, pa])
    for address in (("push", token), ("sms", number), ("email", mailbox)):
        town.owe(name, address)


def in_spanish(town: Town, name: str) -> None:
    token, number = f"token-{name}", town.number()
    town.add(name, [person("ana", on("push", token), on("sms", number))], locale="es")
    for address in (("push", token), ("sms", number)):
        town.owe(name, address, Expected(PHASES, locale="es"))


def dead_token(town: Town, name: str) -> None:
    """Refused once, then never asked again; all goes to the next address written."""
    mailbox = f"{name}@example.org"
    gone = town.bury("push", f"gone-{name}")
    town.add(name, [person("mia", gone, on("email", mailbox), preferences=want("push"))])
    town.owe(name, ("email", mailbox))


def dead_number(town: Town, name: str) -> None:
    """One of two listed channels fails: the other goes on."""
    token = f"token-{name}"
    gone = town.bury("sms", town.number())
    town.add(name, [person("mia", on("push", token), gone)])
    town.owe(name, ("push", token))


def old_and_new_number(town: Town, name: str) -> None:
    """All addresses of a listed channel are used."""
    number = town.number()
    town.add(name, [person("mia", town.bury("sms", town.number()), on("sms", number), preferences=want("sms"))])
    town.owe(name, ("sms", number))


def not_verified(town: Town, name: str) -> None:
    """A number nobody verified is never used; the next address is."""
    token = f"token-{name}"
    unproven = on("sms", town.number(), verified=False)
    town.add(name, [person("mia", unproven, on("push", token), preferences=want("sms"))])
    town.owe(name, ("push", token))


def one_mailbox(town: Town, name: str) -> None:
    """Two caregivers read one mailbox: it gets one message."""
    shared = on("email", f"{name}@example.org")
    people = [person(each, shared, preferences=want("email")) for each in ("mia", "pa")]
    town.add(name, people)
    town.owe(name, ("email", f"{name}@example.org"))


def asleep(town: Town, name: str) -> None:
    """02:00 at night there. R10: what does not wake comes softly, by push. R11: who was woken is told the end."""
    token, number = f"token-{name}", town.number()
    town.add(name, [person("mia", on("push", token), on("sms", number))], time_zone="Asia/Dhaka")
    soft = Expected(PHASES, soft=frozenset({SECOND, THIRD, HOLDING}), asleep=True)
    town.owe(name, ("push", token), soft)
    town.owe(name, ("sms", number), Expected((NOTICE, OVER), holdings=False, asleep=True))


def nobody_by_push(town: Town, name: str) -> None:
    town.add(name, [person("mia", town.bury("push", f"gone-{name}"), preferences=want("push"))])
    town.unreachable.add(name)


def nobody_at_all(town: Town, name: str) -> None:
    gone = [town.bury("sms", town.number()), town.bury("email", f"gone-{name}@example.org")]
    town.add(name, [person("mia", *gone, preferences=want("sms"))])
    town.unreachable.add(name)


def elsewhere(town: Town, name: str) -> None:
    """Uses only what works: hears nothing at all."""
    town.add(name, [person("mia", on("push", f"token-{name}"))], services=["login"])
    town.untouched.add(name)


def _with_grandmother(town: Town, name: str, mother: Mapping[str, Any], *, told: bool) -> None:
    """R7: a grandmother is told only where nobody answers, and then hears all that follows too."""
    number = town.number()
    town.add(name, [mother, person("gran", on("sms", number), role="grandparent", preferences=want("sms"))])
    if told:
        town.owe(name, ("sms", number), Expected(PHASES, called=True))


def answers_by_sms(town: Town, name: str) -> None:
    number = town.number()
    _with_grandmother(town, name, person("mia", on("sms", number), preferences=want("sms")), told=False)
    town.owe(name, ("sms", number))
    town.answers["sms", number] = True


def answers_by_mail(town: Town, name: str) -> None:
    mailbox = f"{name}@example.org"
    _with_grandmother(town, name, person("mia", on("email", mailbox), preferences=want("email")), told=False)
    town.owe(name, ("email", mailbox))
    town.answers["email", mailbox] = True


def scanned_only(town: Town, name: str) -> None:
    """R9: a mail scanner follows the link, and that is no answer."""
    mailbox = f"{name}@example.org"
    _with_grandmother(town, name, person("mia", on("email", mailbox), preferences=want("email")), told=True)
    town.owe(name, ("email", mailbox))
    town.answers["email", mailbox] = False


def does_not_answer(town: Town, name: str) -> None:
    token = f"token-{name}"
    _with_grandmother(town, name, person("mia", on("push", token), preferences=want("push")), told=True)
    town.owe(name, ("push", token))


LADDERS: Sequence[tuple[Callable[[Town, str], None], int]] = (
    (answers_by_sms, 3),
    (answers_by_mail, 3),
    (scanned_only, 2),
    (does_not_answer, 4),
)
"""Kinds of which somebody may be told only because nobody answered: for nights of which the test waits for that."""

KINDS: Sequence[tuple[Callable[[Town, str], None], int]] = (
    (push_only, 430),
    (push_and_sms, 240),
    (mail_only, 60),
    (mail_with_number, 40),
    (two_people, 50),
    (in_spanish, 60),
    (dead_token, 40),
    (dead_number, 30),
    (old_and_new_number, 15),
    (not_verified, 10),
    (one_mailbox, 10),
    (asleep, 10),
    (nobody_by_push, 6),
    (nobody_at_all, 6),
    (elsewhere, 20),
)
CLASSES, CLASS_SIZE = 3, 12


def build(*, ladders: bool = False) -> Town:
    """1,063 families, of which 1,043 are touched; kinds are mixed, so that every slice has all of them.

    `ladders`: and the dozen families that have somebody who is told only where nobody answers.
    """
    town = Town()
    kinds = (*KINDS, *(LADDERS if ladders else ()))
    wanted = [(kind, number, count) for kind, count in kinds for number in range(count)]
    wanted.sort(key=lambda each: (each[1] / each[2], each[0].__name__))
    for at, (kind, _, _) in enumerate(wanted):
        kind(town, f"fam-{at:04}-{kind.__name__.replace('_', '-')}")
    for school in range(CLASSES):
        number = town.number()
        for pupil in range(CLASS_SIZE):
            name = f"fam-{(school * CLASS_SIZE + pupil) * 27:04}-school-{school}"
            _pupil(town, name, number)
        # The nurse hears everything once, not once a family.
    return town


def _pupil(town: Town, name: str, nurse: str) -> None:
    token = f"token-{name}"
    mia = person("mia", on("push", token), preferences=want("push"))
    town.add(name, [mia, person("nurse", on("sms", nurse), role="nurse")])
    town.owe(name, ("push", token))
    town.owe(name, ("sms", nurse))


LEAD_AFTER = 60.0
"""Minutes after the time to publish by, or after a machine's opening, at which the lead would be paged."""
