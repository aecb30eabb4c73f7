import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.domain.errors import Invalid
from alertd.domain.family import CHANNELS
from alertd.domain.service import Services
from alertd.ingest import shapes
from alertd.ingest.family import UNSTORED, parse
from alertd.ingest.family_document import to_document
from alertd.ingest.reading import Mistakes

SERVICES = Services({"follow": {"en": "Follow"}, "share": {"en": "Share"}}, {"share": ("us", "eu")})
SKETCH = json.loads((Path(__file__).parent / "golden" / "family" / "sketch.in.json").read_bytes())


def refusal(document: bytes | dict[str, Any]) -> list[str]:
    with pytest.raises(Mistakes) as refused:
        parse(document, SERVICES)
    return [str(problem) for problem in refused.value.problems]


def changed(change: Callable[[Any], object]) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(SKETCH)
    change(document)
    return document


def put(*path: str | int, value: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        document[path[-1]] = value

    return change


def take(*path: str | int) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        del document[path[-1]]

    return change


MIA = ("caregivers", 0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (take("id"), "id: is missing"),
        (put("id", value=""), "id: must not be empty"),
        (
            put("id", value="a/b"),
            "id: may hold only letters, digits and . _ : @ + - and begins with a letter or digit",
        ),
        (put("id", value=None), "id: is needed and may not be null"),
        (
            put("city", value="UTC"),
            "city: is not known here; known: id, updated_at, services, time_zone, locale, caregivers, region,"
            " preferences",
        ),
        (put("timezone", value="UTC"), 'timezone: is not known here; did you mean "time_zone"?'),
        (
            put("updated_at", value="yesterday"),
            'updated_at: "yesterday" is no date and time; write for example "2026-11-01T00:00:00Z"',
        ),
        (
            put("updated_at", value="2026-11-01"),
            'updated_at: "2026-11-01" does not say in which zone; write for example "2026-11-01T00:00:00Z"',
        ),
        (put("services", value=[]), "services: must name at least one service that the family uses"),
        (put("services", value="follow"), "services: must be a list, not a text"),
        (
            put("services", 0, value="folow"),
            'services[0]: "folow" is not a declared service; did you mean "follow"?',
        ),
        (
            put("time_zone", value="America/Los_Angles"),
            'time_zone: "America/Los_Angles" is no time zone; did you mean "America/Los_Angeles"?',
        ),
        (
            put("time_zone", value="los angeles"),
            'time_zone: "los angeles" is no time zone; did you mean "America/Los_Angeles"?',
        ),
        (
            put("time_zone", value="../etc/passwd"),
            'time_zone: "../etc/passwd" is no time zone; write a place, like America/Los_Angeles',
        ),
        (
            put("locale", value="english"),
            'locale: "english" is no locale; write for example "en" or "es-MX"',
        ),
        (put("region", value="us west"), 'region: "us west" is no region; write for example "us-west"'),
        (put("caregivers", value=[]), "caregivers: must hold at least one caregiver"),
        (
            put(*MIA, "id", value="nurse"),
            "caregivers[1].id: is also the id of caregivers[0]; each needs its own",
        ),
        (
            put(*MIA, "order", value=3),
            "caregivers[1].order: is also the order of caregivers[0]; number them 1, 2, 3",
        ),
        (put(*MIA, "order", value=True), "caregivers[0].order: must be a whole number, not true"),
        (put(*MIA, "order", value=1.5), "caregivers[0].order: must be a whole number, not 1.5"),
        (put(*MIA, "order", value=0), "caregivers[0].order: is 0; it must lie between 1 and 1,000"),
        (put(*MIA, "name", value="  "), "caregivers[0].name: must not be empty"),
        (put(*MIA, "name", value="a\nb"), "caregivers[0].name: holds a line break or control character"),
        (
            put(*MIA, "role", value="School Nurse"),
            'caregivers[0].role: is no plain lower-case word; write "school-nurse"',
        ),
        (
            put(*MIA, "on_duty", value="weekdays"),
            'caregivers[0].on_duty: "weekdays" is no duty time; write for example "mon-fri 08:00-15:00"',
        ),
        (
            put(*MIA, "preferences", "quiet_hours", value="22"),
            'caregivers[0].preferences.quiet_hours: "22" is no stretch of hours; write for example "22:00-06:30"',
        ),
        (
            put(*MIA, "preferences", "critical", value=[]),
            "caregivers[0].preferences.critical: may not be empty: critical messages cannot be muted; name a"
            " channel, or remove the key",
        ),
        (
            put(*MIA, "preferences", "services", "share", "critical", value=[]),
            "caregivers[0].preferences.services.share.critical: may not be empty: critical messages cannot be"
            " muted; name a channel, or remove the key",
        ),
        (
            put(*MIA, "preferences", "major", value=["tx"]),
            'caregivers[0].preferences.major[0]: "tx" is not a channel; known: push, sms, email, voice, console',
        ),
        (
            put(*MIA, "preferences", "services", "shar", value={}),
            'caregivers[0].preferences.services.shar: is not a declared service; did you mean "share"?',
        ),
        (
            put(*MIA, "preferences", "holdings", value="none"),
            'caregivers[0].preferences.holdings: "none" is not a way to get holding updates; known: all, few',
        ),
        (
            put("preferences", "quiet_hours", value="22:00-06:00"),
            "preferences.quiet_hours: belongs into the preferences of each caregiver: nights differ by person",
        ),
        (
            put(*MIA, "addresses", 1, "to", value="+1 415 555"),
            "caregivers[0].addresses[1].to: has too few or too many digits for its country; write it with + and"
            " the country code, like +14155550123",
        ),
        (
            put(*MIA, "addresses", 1, "channel", value="SMS"),
            'caregivers[0].addresses[1].channel: "SMS" is not a channel; known: push, sms, email, voice, console',
        ),
        (take(*MIA, "addresses", 1, "to"), "caregivers[0].addresses[1].to: is missing"),
        (
            put(*MIA, "addresses", 1, "verified", value="yes"),
            "caregivers[0].addresses[1].verified: must be true or false, not a text",
        ),
        (
            put(*MIA, "addresses", 0, value={"channel": "sms", "to": "+1 415 555 0123", "verified": False}),
            "caregivers[0].addresses[1]: repeats another sms address of this caregiver; keep one",
        ),
        (
            put(*MIA, "addresses", value=[{"channel": "push", "to": f"t{i}"} for i in range(21)]),
            "caregivers[0].addresses: has 21 members; at most 20 are taken",
        ),
    ],
)
def test_one_mistake_is_told_with_its_field_and_the_way_out(change: Callable[[Any], None], expected: str) -> None:
    assert refusal(changed(change)) == [expected]


def mailboxes(*written: tuple[str, bool]) -> dict[str, Any]:
    return changed(
        put(*MIA, "addresses", value=[{"channel": "email", "to": to, "verified": said} for to, said in written])
    )


@pytest.mark.parametrize(
    ("written", "verified"),
    [
        ((("Mia@example.org", True), ("mia@example.org", True)), True),
        ((("mia@example.org", True), ("MIA@Example.org", False)), False),
        ((("Mia@example.org", False), ("mia@example.org", True)), False),
    ],
)
def test_a_mailbox_in_two_spellings_is_one_address(written: tuple[tuple[str, bool], ...], verified: bool) -> None:
    """As the other systems of a household wrote it; a family is not left untold for a capital letter."""
    [address] = parse(mailboxes(*written), SERVICES).caregivers[0].addresses
    assert (address.to, address.verified) == ("mia@example.org", verified)


def test_a_mailbox_that_is_repeated_as_it_stands_is_a_mistake() -> None:
    document = mailboxes(("Mia@example.org", True), ("mia@example.org", True), ("Mia@example.org", True))
    assert refusal(document) == [
        "caregivers[0].addresses[2]: repeats another email address of this caregiver; keep one"
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "is not JSON: expecting value (column 1)"),
        (b"[1]", "must be a set of keys and values, not a list"),
        (b'{"id": "a",\n"id', "is not JSON: unterminated string starting at (line 2, column 1)"),
        (b'{"id": "a", "id": "b"}', 'has the key "id" twice; keep one'),
        (b'{"id": \xff}', "is not UTF-8 text (byte 8); save or send it as UTF-8"),
        (b'{"id": NaN}', "holds NaN, which is not JSON"),
        (b'{"id": ' + b"9" * 5000 + b"}", "holds a number with more than 18 digits"),
        (b"[" * 100_000, "is nested too deeply"),
        (b" " * (256 * 1024 + 1), "is larger than 256 KB"),
    ],
)
def test_what_is_no_json_document_is_refused(data: bytes, expected: str) -> None:
    assert refusal(data) == [expected]


def test_all_mistakes_are_told_at_once_and_none_quotes_a_person() -> None:
    document = changed(put("locale", value="x"))
    put(*MIA, "name", value="Mia\x00Secret")(document)
    put(*MIA, "addresses", 1, "to", value="+1 415 555 01234567")(document)
    put(*MIA, "addresses", 2, "to", value="mia@secret@example.org")(document)
    put(*MIA, "addresses", 0, "to", value="secret token")(document)

    told = refusal(document)

    assert [line.partition(":")[0] for line in told] == [
        "locale",
        "caregivers[0].name",
        "caregivers[0].addresses[0].to",
        "caregivers[0].addresses[1].to",
        "caregivers[0].addresses[2].to",
    ]
    assert "ecret" not in "".join(told)
    assert "01234567" not in "".join(told)


def test_a_region_is_checked_where_the_services_declare_theirs() -> None:
    document = changed(put("services", value=["share"]))

    assert parse(document, SERVICES).region == "us-west"
    put("region", value="ue")(document)
    assert refusal(document) == ['region: "ue" is no region of its services; known: us, eu']
    put("services", value=["share", "follow"])(document)  # follow never said where it runs
    assert parse(document, SERVICES).region == "ue"


def test_an_address_has_no_id_yet_and_counts_as_verified_unless_it_says_false() -> None:
    family = parse(changed(put(*MIA, "addresses", 0, "verified", value=False)), SERVICES)

    addresses = [address for caregiver in family.caregivers for address in caregiver.addresses]
    assert {address.id for address in addresses} == {UNSTORED}
    assert [address.verified for address in addresses] == [False, True, True, True]


# --- properties ---------------------------------------------------------------------------------

channels = st.lists(st.sampled_from(CHANNELS), unique=True)
some_channels = st.lists(st.sampled_from(CHANNELS), unique=True, min_size=1)
lists = {"critical": some_channels, "major": channels, "minor": channels, "default": channels}
addresses = st.one_of(
    st.builds(lambda n: {"channel": "sms", "to": f"+141555501{n:02}"}, st.integers(0, 99)),
    st.builds(lambda n: {"channel": "email", "to": f"m{n}@example.org"}, st.integers(0, 99)),
    st.builds(lambda t: {"channel": "push", "to": t}, st.text("abcXYZ019:_-", min_size=1)),
    st.just({"channel": "voice", "to": "+13035550142", "verified": False}),
)


def preferences(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    by_service = st.dictionaries(st.sampled_from(list(SERVICES)), st.fixed_dictionaries({}, optional=lists))
    return st.fixed_dictionaries({}, optional={**lists, "services": by_service, **more})


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    caregivers = [
        draw(
            st.fixed_dictionaries(
                {
                    "id": st.just(f"c{at}"),
                    "name": st.text("Abc dé'", min_size=1).filter(str.strip),
                    "role": st.sampled_from(["parent", "nurse", "grand-parent"]),
                    "order": st.just(at + 1),
                },
                optional={
                    "addresses": st.lists(addresses, unique_by=str, max_size=4),
                    "locale": st.sampled_from(["en", "es-MX"]),
                    "time_zone": st.sampled_from(["UTC", "Asia/Kathmandu"]),
                    "on_duty": st.just("mon-fri 08:00-15:00"),
                    "preferences": preferences(
                        quiet_hours=st.sampled_from(["none", "22:00-06:30"]),
                        holdings=st.sampled_from(["all", "few"]),
                    ),
                },
            )
        )
        for at in range(draw(st.integers(1, 4)))
    ]
    return {
        **SKETCH,
        "caregivers": caregivers,
        "preferences": draw(preferences()),
        "updated_at": draw(st.sampled_from(["2026-11-01T00:00:00Z", "2026-11-01T00:00:00.250+02:00"])),
    }


@given(documents())
def test_an_exported_family_is_read_back_as_it_was(document: dict[str, Any]) -> None:
    family = parse(json.dumps(document).encode(), SERVICES)

    assert parse(to_document(family), SERVICES) == family


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*SKETCH, *SKETCH["caregivers"][0], "x"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(list(SKETCH)), anything), anything, st.integers(0, 8))
def test_no_document_whatever_raises_anything_but_mistakes(patch: dict[str, Any], inner: object, at: int) -> None:
    document = changed(put(*MIA, list(SKETCH["caregivers"][0])[at % 7], value=inner)) | patch

    try:
        parse(document, SERVICES)
    except Mistakes:
        return  # everything else is a bug


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("America/Los_Angelos", "America/Los_Angeles"),
        ("america/los_angeles", "America/Los_Angeles"),
        ("US/Pacfic", "US/Pacific"),
        ("Denver", "America/Denver"),
        ("new york", "America/New_York"),
        ("Buenos Aires", "America/Buenos_Aires"),
        ("utc", "UTC"),
        ("Utc", "UTC"),
        # Abbreviations, offsets and half of the world's cities resemble zones at the other end of it.
        *((word, "") for word in ("PST", "CST", "IST", "BST", "ACT", "Pacific Time", "Pacific", "West")),
        *((city, "") for city in ("San Juan", "Córdoba", "Cordoba", "merida", "Knox", "Nicosia")),
        *((word, "") for word in ("UTC+2", "GMT+0200", "UTC/GMT+2", "+02:00")),
        *((place, "") for place in ("America/Seattle", "America/St_Louis", "Asia/Mumbai", "Europe/Munich")),
    ],
)
def test_a_wrong_zone_is_never_the_way_out(name: str, meant: str) -> None:
    """Whoever follows the hint must not have families told hours that are not theirs."""
    with pytest.raises(Invalid) as refused:
        shapes.time_zone(name)

    way_out = f'did you mean "{meant}"?' if meant else "write a place, like America/Los_Angeles"
    assert refused.value.message == f'"{name}" is no time zone; {way_out}'
