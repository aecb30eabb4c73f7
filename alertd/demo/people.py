"""The people of the sample families: names, addresses, hours and wishes."""

import random
import string
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

NURSE = "+13035550142"
"""The school nurse's one number, which twelve families have given."""

# 555-0100 to 555-0199 of each area code belong to nobody, for use in fiction
# (https://en.wikipedia.org/wiki/555_(telephone_number)): a hundred phones per code.
_AREA_CODES = {
    "America/Los_Angeles": ("213", "310", "415", "503", "206", "619"),
    "America/Denver": ("303", "720", "801", "505", "406"),
    "America/New_York": ("212", "718", "305", "617", "404", "215"),
}
_NAMES = {
    "en": "Anna Ben Claire David Emma Frank Grace Henry Iris Jack Kate Liam Mary Noah Olivia Paul Ruth Sam Tess",
    "es": "Ana Bruno Carmen Diego Elena Félix Gloria Hugo Inés Javier Lucía Marcos Nuria Óscar Pilar Raúl Sofía",
}
_FAMILY_NAMES = {
    "en": "Adams Baker Carter Dawson Ellis Foster Green Harris Irving Jones Keller Lewis Miller Nolan Parker",
    "es": "Álvarez Bravo Castro Díaz Escobar Flores García Herrera Ibáñez López Muñoz Núñez Ortega Pérez Torres",
}
_GRANDPARENTS = {"en": ("Grandma", "Grandpa"), "es": ("Abuela", "Abuelo")}

_WISHES: Sequence[tuple[float, Mapping[str, Any]]] = (
    (0.46, {}),  # whatever the policy says: push and SMS
    (0.14, {"critical": ["sms"]}),
    (0.10, {"critical": ["push"]}),
    (0.10, {"critical": ["push", "email"]}),
    (0.08, {"critical": ["sms", "email"]}),
    (0.06, {"default": ["email"]}),
    (0.06, {"critical": ["push", "sms"], "holdings": "few"}),
)
_NIGHTS: Sequence[tuple[float, str | None]] = (
    (0.62, None),  # the policy's: 22:00-06:30
    (0.12, "21:00-07:00"),
    (0.12, "23:00-06:00"),
    (0.08, "none"),
    (0.06, "09:00-16:00"),  # works at night
)


class Directory:
    """Gives out phones, tokens and mailboxes, each once."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._phones = {
            zone: [
                number for code in codes for line in range(100, 200) if (number := f"+1{code}5550{line}") != NURSE
            ]
            for zone, codes in _AREA_CODES.items()
        }
        for phones in self._phones.values():
            rng.shuffle(phones)
        self._mailboxes: set[str] = set()

    def phone(self, family: Mapping[str, Any]) -> str:
        """A number of the family's zone. Raises IndexError once all are given out."""
        return self._phones[family["time_zone"]].pop()

    def token(self) -> str:
        """A push token of the length and letters that the app's have."""
        letters = string.ascii_letters + string.digits + "-_"
        return f"{''.join(self._rng.choices(letters, k=22))}:APA91b{''.join(self._rng.choices(letters, k=134))}"

    def mailbox(self, family: Mapping[str, Any], name: str) -> str:
        """A mailbox at example.org, made of the name and the family's number."""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower().replace(" ", ".")
        mailbox, copy = f"{plain}.{family['id']}@example.org", 1
        while mailbox in self._mailboxes:
            copy += 1
            mailbox = f"{plain}{copy}.{family['id']}@example.org"
        self._mailboxes.add(mailbox)
        return mailbox


def person(
    name: str,
    role: str,
    order: int,
    *,
    push: str | None = None,
    sms: str | None = None,
    email: str | None = None,
    preferences: Mapping[str, Any] | None = None,
    locale: str | None = None,
) -> dict[str, Any]:
    """One caregiver; addresses in the order in which they are tried."""
    given = (("push", push), ("sms", sms), ("email", email))
    document: dict[str, Any] = {"id": f"{role}-{order}", "name": name, "role": role, "order": order}
    if locale:
        document["locale"] = locale
    document["addresses"] = [{"channel": channel, "to": to} for channel, to in given if to]
    if preferences:
        document["preferences"] = dict(preferences)
    return document


def nurse(order: int) -> dict[str, Any]:
    """The school nurse: on duty on weekdays by day, never told otherwise."""
    document = person("School nurse", "nurse", order, sms=NURSE)
    return {**document, "time_zone": "America/Denver", "on_duty": "mon-fri 08:00-15:00"}


def caregivers_of(
    number: int, zone: str, locale: str, rng: random.Random, directory: Directory
) -> list[dict[str, Any]]:
    """Two to four people: one or two parents or a guardian, and perhaps grandparents."""
    family = {"id": f"{number:03}", "time_zone": zone}
    surname = rng.choice(_FAMILY_NAMES[locale].split())
    first_names = rng.sample(_NAMES[locale].split(), 2)
    roles = ["guardian"] if rng.random() < 0.08 else ["parent", "parent"] if rng.random() < 0.8 else ["parent"]
    people = []
    for order, (role, first) in enumerate(zip(roles, first_names, strict=False), start=1):
        name = f"{first} {surname}"
        has = [
            channel for channel, share in (("push", 0.92), ("sms", 0.9), ("email", 0.8)) if rng.random() < share
        ]
        people.append(
            person(
                name,
                role,
                order,
                push=directory.token() if "push" in has else None,
                sms=directory.phone(family) if "sms" in has or not has else None,
                email=directory.mailbox(family, name) if "email" in has else None,
                preferences=_preferences(rng),
                # In one family of ten that speaks Spanish at home, one parent reads English better.
                locale="en" if locale == "es" and order == 2 and rng.random() < 0.1 else None,
            )
        )
    grandparents = 1 if len(people) == 1 or rng.random() < 0.3 else 0
    for name in rng.sample(_GRANDPARENTS[locale], grandparents):
        # Grandparents have a phone that receives text messages, and nothing else.
        people.append(person(name, "grandparent", len(people) + 1, sms=directory.phone(family)))
    return people


def _preferences(rng: random.Random) -> dict[str, Any]:
    wishes = dict(rng.choices([wish for _, wish in _WISHES], [share for share, _ in _WISHES])[0])
    night = rng.choices([hours for _, hours in _NIGHTS], [share for share, _ in _NIGHTS])[0]
    return wishes if night is None else {**wishes, "quiet_hours": night}
