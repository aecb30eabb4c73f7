"""A family's document: JSON to the domain's `Family`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from alertd.domain.errors import Invalid, quote
from alertd.domain.family import (
    CHANNELS,
    NO_PREFERENCES,
    Address,
    AddressId,
    Caregiver,
    CaregiverId,
    Family,
    FamilyId,
    Preferences,
)
from alertd.domain.hours import parse_on_duty, parse_quiet_hours
from alertd.domain.service import Services
from alertd.ingest import shapes
from alertd.ingest.addresses import normalise
from alertd.ingest.json_text import read_json
from alertd.ingest.reading import Entries, Field, Mistakes, Problem, Reading, hint

UNSTORED = AddressId(UUID(int=0))
"""The id of an address that the store has not met yet."""

READ_ONLY = ("suspended_at", "suspended_code", "opted_out_at")
"""What alertd shows of an address and nobody sets: taken back in an import, so that what is shown can be sent."""

CHOSEN = "chosen"
"""The same of a caregiver: what they chose on our own page, and when."""

LISTS = (*shapes.SEVERITIES, "default")
_NEVER = shapes.instant("1970-01-01T00:00:00Z")  # stands in where a document's own moment is wrong


AHEAD = timedelta(days=1)
"""How far ahead of ours the clock of `updated_at` may be; beyond, no true change would ever be newer."""


def parse(document: bytes | Mapping[str, object], services: Services, *, now: datetime | None = None) -> Family:
    """Read one family from JSON, or from JSON already decoded; `now` judges `updated_at`.

    Raises Mistakes (an Invalid) that names every wrong field with the way out; no message quotes a name, an
    address or a token. Every `Address.id` is UNSTORED.
    """
    value: object = document
    if isinstance(document, bytes):
        try:
            value = read_json(document)
        except Invalid as error:
            raise Mistakes([Problem(error.message)]) from None
    reading = Reading(null_is_absent=True)
    family = _family(reading.root(value), services, now)
    reading.finish()
    return family


def _family(document: Field, services: Services, now: datetime | None) -> Family:
    keys = document.entries(
        required=("id", "updated_at", "services", "time_zone", "locale", "caregivers"),
        optional=("region", "preferences"),
    )
    used = _services(keys["services"], services) if "services" in keys else ()
    region = keys.take("region", shapes.region, None)
    if region and used and not any(services.runs_in(service, region) for service in used):
        known = [own for service in used for own in services.regions.get(service, ())]
        keys["region"].wrong(f'"{quote(region)}" is no region of its services{hint(region, known)}')
    updated_at = keys.take("updated_at", shapes.instant, _NEVER)
    if now is not None and updated_at > now + AHEAD:
        keys["updated_at"].wrong(
            "lies more than a day in the future: every true change would be older; send the real moment"
        )
    return Family(
        id=FamilyId(keys.take("id", shapes.key, "")),
        updated_at=updated_at,
        services=used,
        time_zone=keys.take("time_zone", shapes.time_zone, ""),
        locale=keys.take("locale", shapes.locale, ""),
        caregivers=_caregivers(keys["caregivers"], services) if "caregivers" in keys else (),
        region=region,
        preferences=_preferences(keys["preferences"], services, of_family=True)
        if "preferences" in keys
        else NO_PREFERENCES,
    )


def _services(field: Field, services: Services) -> tuple[str, ...]:
    convert = shapes.one_of(services.names, "a declared service")
    members = field.each(most=200)
    if field.value == []:
        field.wrong("must name at least one service that the family uses")
    return tuple(dict.fromkeys(member.take(convert, "") for member in members))


def _caregivers(field: Field, services: Services) -> tuple[Caregiver, ...]:
    if field.value == []:
        field.wrong("must hold at least one caregiver")
    members = field.each(most=50)
    caregivers = tuple(_caregiver(member, services) for member in members)
    for name, way_out in (("id", "each needs its own"), ("order", "number them 1, 2, 3")):
        first: dict[object, int] = {}
        for at, (member, caregiver) in enumerate(zip(members, caregivers, strict=True)):
            value = getattr(caregiver, name)
            if value and first.setdefault(value, at) != at:
                member.child(name).wrong(f"is also the {name} of caregivers[{first[value]}]; {way_out}")
    return caregivers


def _caregiver(field: Field, services: Services) -> Caregiver:
    keys = field.entries(
        required=("id", "name", "role", "order"),
        optional=("addresses", "preferences", "locale", "time_zone", "on_duty", CHOSEN),
    )
    return Caregiver(
        id=CaregiverId(keys.take("id", shapes.key, "")),
        name=keys.take("name", shapes.text, ""),
        role=keys.take("role", shapes.slug, ""),
        order=keys.take("order", partial(shapes.whole, least=1, most=1000), 0),
        addresses=_addresses(keys["addresses"]) if "addresses" in keys else (),
        preferences=_preferences(keys["preferences"], services) if "preferences" in keys else NO_PREFERENCES,
        locale=keys.take("locale", shapes.locale, None),
        time_zone=keys.take("time_zone", shapes.time_zone, None),
        on_duty=keys.take("on_duty", on_duty, None),
    )


def _addresses(field: Field) -> tuple[Address, ...]:
    addresses: list[Address] = []
    written = set[str]()  # mailboxes as they stand there, all of them in lower case where they are stored
    for member in field.each(most=20):
        address = _address(member)
        if address is None:
            continue
        same = [
            at for at, other in enumerate(addresses) if (other.channel, other.to) == (address.channel, address.to)
        ]
        spelt = _spelt(member)
        if not same:
            addresses.append(address)
        elif address.channel == "email" and spelt not in written and spelt.lower() in map(str.lower, written):
            # One mailbox in two spellings was two addresses once, and nobody may go untold for that.
            kept = addresses[same[0]]
            addresses[same[0]] = replace(kept, verified=kept.verified and address.verified)
        else:
            member.wrong(f"repeats another {address.channel} address of this caregiver; keep one")
        if address.channel == "email":
            written.add(spelt)
    return tuple(addresses)


def _spelt(address: Field) -> str:
    """What stands there of an address that could be read."""
    return str(address.child("to").value).strip()


def _address(field: Field) -> Address | None:
    keys = field.entries(required=("channel", "to"), optional=("verified", *READ_ONLY))
    verified = keys.take("verified", shapes.flag, True)
    channel = keys.take("channel", shapes.one_of(CHANNELS, "a channel"), None)
    to = keys.take("to", partial(normalise, channel), None) if channel else None
    return Address(channel, to, UNSTORED, verified) if channel and to else None


def _preferences(field: Field, services: Services, *, of_family: bool = False) -> Preferences:
    keys = field.entries(optional=(*LISTS, "services", "holdings", "quiet_hours"))
    if of_family and "quiet_hours" in keys:
        keys["quiet_hours"].wrong("belongs into the preferences of each caregiver: nights differ by person")
    by_service: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for service, entry in (keys["services"].named() if "services" in keys else {}).items():
        if service not in services:
            entry.wrong(f"is not a declared service{hint(service, services)}")
        by_service[service] = channel_lists(entry.entries(optional=LISTS))
    return Preferences(
        **channel_lists(keys),
        services=by_service,
        holdings=keys.take("holdings", shapes.one_of(("all", "few"), "a way to get holding updates"), None),
        quiet_hours=keys.take("quiet_hours", quiet_hours, None),
    )


def channel_lists(keys: Entries) -> dict[str, tuple[str, ...]]:
    """The lists of channels by severity and `default`, as far as they are given."""
    return {name: _channels(keys[name], critical=name == "critical") for name in LISTS if name in keys}


def _channels(field: Field, *, critical: bool) -> tuple[str, ...]:
    # Empty means "do not tell me".
    members = field.each(most=2 * len(CHANNELS))
    if critical and field.value == []:
        field.wrong("may not be empty: critical messages cannot be muted; name a channel, or remove the key")
    convert = shapes.one_of(CHANNELS, "a channel")
    return tuple(dict.fromkeys(member.take(convert, "") for member in members))


def quiet_hours(value: object) -> str:
    """Quiet hours such as "22:00-06:30", or "none"."""
    text = shapes.text(value, 40)
    parse_quiet_hours(text)
    return text


def on_duty(value: object) -> str:
    """Duty hours such as "mon-fri 08:00-15:00"."""
    text = shapes.text(value, 60)
    parse_on_duty(text)
    return text
