"""A caregiver chooses on our page: what they are offered, and what they filled in, judged (R12)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.choosing import filled, judge, offer, silences, stop_everything
from alertd.domain.family import Address, AddressId, AddressStatus, Caregiver, Family
from alertd.domain.incident import Severity
from alertd.domain.offer import Choice, Filled, Offer, Unreadable, Use
from tests import make
from tests.make import caregiver, own, preferences

CRITICAL, MAJOR, MINOR = Severity
MIA = caregiver("mia")
PUSH, SMS, MAIL = MIA.addresses
NAN = caregiver("nan", "sms", role="grandparent", order=3)
STOPPED_HERE = AddressStatus(opted_out=True, here=True)


def offered(
    who: Caregiver = MIA,
    family: Family | None = None,
    addresses: Mapping[AddressId, AddressStatus] | None = None,
    *,
    channels: Iterable[str] = ("push", "sms", "email"),
    **of_policy: Any,
) -> Offer:
    known = family or make.family(who)
    return offer(
        who, known, make.policy(**of_policy), known.services, addresses or {}, frozenset(channels), ["en", "es"]
    )


def ticked(shown: Offer, **changes: Any) -> Filled:
    """The form as it was shown, but for this; `critical`, `major`, `minor` are lists of channels."""
    lists = {each: tuple(changes.pop(each.value, shown.lists[each])) for each in Severity}
    return replace(filled(shown), channels=lists, **changes)


# --- what they are offered ------------------------------------------------------------------------


def test_who_chose_nothing_is_shown_what_the_policy_decides() -> None:
    shown = offered()
    assert shown.lists == {CRITICAL: ("push", "sms"), MAJOR: ("push",), MINOR: ("email",)}
    assert (shown.quiet_hours, shown.holdings, shown.usual, shown.locale) == ("22:00-06:30", "usual", True, "en")
    assert shown.channels == ("push", "sms", "email")


def test_where_they_have_nothing_of_a_list_the_channel_that_stands_in_is_ticked() -> None:
    shown = offered(caregiver("mia", "email"))
    assert shown.lists == dict.fromkeys(Severity, ("email",))
    assert shown.written[CRITICAL] == ("push", "sms"), "what stands there is kept"


def test_a_channel_without_an_adapter_is_not_offered() -> None:
    assert offered(channels=("sms",)).channels == ("sms",)


@pytest.mark.parametrize(
    ("status", "use", "may_change"),
    [
        (None, Use.USED, True),
        (AddressStatus(shared=True), Use.USED, True),
        (STOPPED_HERE, Use.STOPPED_HERE, True),
        (AddressStatus(opted_out=True), Use.STOPPED, False),
        (AddressStatus(suspended=True), Use.REFUSED, False),
        (AddressStatus(verified=False), Use.UNVERIFIED, False),
        (AddressStatus(opted_out=True, here=True, suspended=True), Use.STOPPED_HERE, True),
    ],
)
def test_how_an_address_is_used(status: AddressStatus | None, use: Use, may_change: bool) -> None:
    shown = offered(addresses={SMS.id: status} if status else {})
    [found] = [each for each in shown.addresses if each.address == SMS]
    assert (found.use, found.may_change) == (use, may_change)


def test_an_address_that_another_of_the_family_has_is_shared() -> None:
    dad = replace(caregiver("dad"), addresses=(SMS,))
    shown = offered(MIA, make.family(MIA, dad))
    assert [each.shared for each in shown.addresses] == [False, True, False]


def test_a_language_that_we_do_not_speak_is_english() -> None:
    for written, spoken in {"es": "es", "es-MX": "es", "tlh": "en"}.items():
        assert offered(replace(MIA, locale=written)).locale == spoken


def test_where_the_family_asks_for_something_as_usual_is_not_offered() -> None:
    shown = offered(MIA, make.family(MIA, preferences=preferences(holdings="few")))
    assert (shown.holdings, shown.usual) == ("few", False)


# --- what they filled in ----------------------------------------------------------------------------


def test_the_form_as_it_was_shown_changes_nothing() -> None:
    for quiet_hours in ("22:00-06:30", "none", None):
        shown = offered(replace(MIA, preferences=preferences(quiet_hours=quiet_hours)))
        assert not judge(shown, filled(shown))


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ({"critical": ("sms",)}, {"critical": ("sms",)}),
        ({"critical": ("sms", "push")}, {}),  # the same, in another order
        ({"minor": ()}, {"minor": ()}),
        ({"quiet": "off"}, {"quiet_hours": "none"}),
        ({"quiet_from": "21:15"}, {"quiet_hours": "21:15-06:30"}),
        ({"quiet_from": "12:00", "quiet_to": "13:00"}, {"quiet_hours": "12:00-13:00"}),
        ({"locale": "es"}, {"locale": "es"}),
        ({"holdings": "all"}, {"holdings": "all"}),
    ],
)
def test_only_what_differs_is_chosen(given: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    shown = offered()
    assert judge(shown, ticked(shown, **given)) == Choice(changes)


def test_back_to_as_usual_is_a_choice_of_nothing() -> None:
    shown = offered(replace(MIA, preferences=preferences(holdings="few")))
    assert judge(shown, ticked(shown, holdings="usual")) == Choice({"holdings": None})


def test_channels_that_they_have_no_address_for_stay_in_the_list() -> None:
    shown = offered(
        replace(caregiver("mia", "push", "email"), preferences=preferences(critical=("push", "voice")))
    )
    assert judge(shown, ticked(shown, critical=("email",))).changes == {"critical": ("email", "voice")}
    assert judge(shown, ticked(shown, major=())).changes == {"major": ()}, "but nothing is nothing"


@pytest.mark.parametrize(
    ("given", "mistakes"),
    [
        ({"critical": ()}, {"critical": "critical_empty"}),
        ({"critical": ("pigeon",)}, {"critical": "unknown"}),
        ({"major": ("push", "voice")}, {"major": "unknown"}),  # a channel that they have no address for
        ({"quiet_from": "25:00"}, {"quiet_hours": "quiet_unreadable"}),
        ({"quiet_to": "06:61"}, {"quiet_hours": "quiet_unreadable"}),
        ({"quiet_to": "half past six"}, {"quiet_hours": "quiet_unreadable"}),
        ({"quiet_from": "", "quiet_to": ""}, {"quiet_hours": "quiet_unreadable"}),
        ({"quiet_from": "nonsense", "quiet_to": "nonsense"}, {"quiet_hours": "quiet_unreadable"}),
        ({"quiet_from": "22:00", "quiet_to": "22:00"}, {"quiet_hours": "quiet_all_day"}),
        ({"quiet_from": "22:00", "quiet_to": "22:00:30"}, {"quiet_hours": "quiet_all_day"}),
        ({"quiet": "maybe"}, {"quiet_hours": "quiet_unreadable"}),
        ({"locale": "tlh"}, {"locale": "unknown"}),
        ({"holdings": "none"}, {"holdings": "unknown"}),
        (
            {"critical": (), "minor": ("pigeon",), "quiet_from": "x", "locale": "", "holdings": ""},
            {
                "critical": "critical_empty",
                "minor": "unknown",
                "quiet_hours": "quiet_unreadable",
                "locale": "unknown",
                "holdings": "unknown",
            },
        ),
    ],
)
def test_every_mistake_is_named_by_its_field(given: Mapping[str, Any], mistakes: Mapping[str, str]) -> None:
    shown = offered()
    with pytest.raises(Unreadable) as caught:
        judge(shown, ticked(shown, **given))
    assert caught.value.mistakes == mistakes


@pytest.mark.parametrize(
    ("on_duty", "quiet_from", "quiet_to", "covered"),
    [
        ("mon-fri 08:00-15:00", "07:00", "16:00", True),
        ("mon-fri 08:00-15:00", "08:00", "15:00", True),
        ("mon-fri 08:00-15:00", "08:01", "15:00", False),
        ("mon-fri 08:00-15:00", "07:00", "14:59", False),
        ("mon-fri 08:00-15:00", "15:00", "08:00", False),
        ("sat,sun 22:00-06:00", "21:30", "06:30", True),
        ("mon-sun 00:00-24:00", "00:00", "23:30", False),
    ],
)
def test_quiet_hours_leave_some_of_the_duty(on_duty: str, quiet_from: str, quiet_to: str, covered: bool) -> None:
    """Else all that waits for their end waits for ever, and the page would say until when."""
    shown = offered(replace(caregiver("nurse", role="nurse"), on_duty=on_duty))
    given = ticked(shown, quiet_from=quiet_from, quiet_to=quiet_to)
    if not covered:
        assert judge(shown, given).changes == {"quiet_hours": f"{quiet_from}-{quiet_to}"}
        return
    with pytest.raises(Unreadable) as caught:
        judge(shown, given)
    assert caught.value.mistakes == {"quiet_hours": "quiet_all_duty"}
    # Whoever wrote it so for them is not corrected by whatever else they choose.
    asked = preferences(quiet_hours=f"{quiet_from}-{quiet_to}")
    written = offered(replace(caregiver("nurse"), on_duty=on_duty, preferences=asked))
    assert judge(written, ticked(written, locale="es")).changes == {"locale": "es"}


def test_hours_that_are_not_wanted_may_hold_anything() -> None:
    """Old phones post what stands in a list that nobody looks at."""
    shown = offered(replace(MIA, preferences=preferences(quiet_hours="none")))
    assert not judge(shown, ticked(shown, quiet="off", quiet_from="25:00", quiet_to="x"))


def test_as_usual_cannot_be_chosen_where_it_was_not_offered() -> None:
    shown = offered(MIA, make.family(MIA, preferences=preferences(holdings="few")))
    with pytest.raises(Unreadable) as caught:
        judge(shown, ticked(shown, holdings="usual"))
    assert caught.value.mistakes == {"holdings": "unknown"}


def test_who_has_nothing_at_all_may_leave_critical_empty() -> None:
    shown = offered(caregiver("mia", addresses=()))
    assert not judge(shown, filled(shown))


# --- stop and start ---------------------------------------------------------------------------------


def test_an_address_is_stopped_and_started_by_its_box() -> None:
    shown = offered(addresses={MAIL.id: STOPPED_HERE})
    assert filled(shown).stopped == (str(MAIL.id),)
    choice = judge(shown, ticked(shown, stopped=(str(SMS.id),)))
    assert choice == Choice({}, stop=frozenset({SMS.id}), start=frozenset({MAIL.id}))


@pytest.mark.parametrize("status", [AddressStatus(opted_out=True), AddressStatus(suspended=True)])
def test_what_the_page_cannot_change_no_form_changes(status: AddressStatus) -> None:
    shown = offered(addresses={SMS.id: status})
    for stopped in ((), (str(SMS.id),)):
        assert not judge(shown, ticked(shown, stopped=stopped))


def test_the_address_of_somebody_else_is_none_of_theirs() -> None:
    """A form that was tampered with."""
    shown = offered(MIA, make.family(MIA, NAN))
    assert not judge(shown, ticked(shown, stopped=(str(own("nan", "sms").id), "no id", "")))


def stops(*addresses: Address) -> Choice:
    return Choice({}, stop=frozenset(each.id for each in addresses))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (stops(PUSH), False),
        (stops(PUSH, SMS), True),  # the mailbox is refused
        (stops(PUSH, SMS, MAIL), True),
        (replace(stops(PUSH, SMS), start=frozenset({MAIL.id})), False),
        (Choice({}), False),
    ],
)
def test_whether_nothing_would_reach_them_any_more(choice: Choice, expected: bool) -> None:
    shown = offered(addresses={MAIL.id: AddressStatus(suspended=True)})
    assert silences(shown, choice) is expected


def test_whom_nothing_reaches_already_is_not_asked() -> None:
    shown = offered(addresses=dict.fromkeys((PUSH.id, SMS.id, MAIL.id), STOPPED_HERE))
    assert not silences(shown, Choice({}))


def test_everything_is_every_address_that_is_not_stopped_yet() -> None:
    known = {PUSH.id: STOPPED_HERE, SMS.id: AddressStatus(opted_out=True), MAIL.id: AddressStatus(suspended=True)}
    assert stop_everything(MIA, {}) == stops(PUSH, SMS, MAIL)
    assert stop_everything(MIA, known) == stops(MAIL), "it may be accepted again some day"


# --- an older form --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "addresses"),
    [
        (replace(MIA, preferences=preferences(critical=("sms",))), {}),
        (replace(MIA, preferences=preferences(quiet_hours="none")), {}),
        (replace(MIA, preferences=preferences(holdings="all")), {}),
        (replace(MIA, locale="es"), {}),
        (replace(MIA, addresses=(PUSH, SMS, MAIL, own("mia", "sms", 1))), {}),
        (MIA, {SMS.id: STOPPED_HERE}),
        (MIA, {SMS.id: AddressStatus(suspended=True)}),
    ],
)
def test_whatever_an_import_or_a_provider_changes_tells_an_older_form_from_a_newer(
    who: Caregiver, addresses: Mapping[AddressId, AddressStatus]
) -> None:
    assert offered(who, addresses=addresses).stands != offered().stands


def test_what_cannot_be_seen_on_the_page_makes_no_form_old() -> None:
    renamed = replace(MIA, name="Maria", order=2, preferences=preferences(critical=("push", "sms")))
    assert offered(renamed).stands == offered().stands
