"""What a caregiver chose here is theirs, choice by choice, until a newer document says otherwise (R17)."""

from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.chosen import choose_here, keep_chosen, last_choice
from alertd.domain.family import Caregiver, Family
from tests import make
from tests.make import after, caregiver, preferences

MIA = caregiver("mia")


def chose(at: float = 10, who: Caregiver = MIA, **changes: Any) -> Caregiver:
    return choose_here(who, changes, after(at))


def imported(known: Caregiver, incoming: Caregiver, at: float) -> Caregiver:
    """Mia as an import of that age leaves her."""
    kept = keep_chosen(make.family(known), make.family(incoming, updated_at=after(at)))
    return kept.caregivers[0]


def test_each_choice_has_its_own_moment() -> None:
    mia = chose(20, chose(10, critical=("sms",), locale="es"), locale="en", holdings=None)
    assert (mia.preferences.critical, mia.locale, mia.preferences.holdings) == (("sms",), "en", None)
    assert mia.chosen == {"critical": after(10), "locale": after(20), "holdings": after(20)}


@pytest.mark.parametrize(
    ("services", "left"),
    [
        ({"share": {"critical": ("email",)}}, {}),
        ({"share": {"critical": ("email",), "minor": ()}}, {"share": {"minor": ()}}),
        ({"share": {"default": ("email",)}}, {"share": {"major": ("email",), "minor": ("email",)}}),
        ({"share": {"minor": ()}}, {"share": {"minor": ()}}),
    ],
)
def test_what_is_chosen_for_a_severity_holds_for_every_service(services: Any, left: Any) -> None:
    mia = chose(who=replace(MIA, preferences=preferences(services=services)), critical=("sms",))
    assert mia.preferences.services == left


@pytest.mark.parametrize("at", [0, 10])
def test_an_import_that_is_not_newer_brings_all_but_the_choice(at: float) -> None:
    known = chose(10, critical=("sms",), quiet_hours="none")
    incoming = replace(
        MIA,
        name="Maria",
        locale="es",
        preferences=preferences(critical=("email",), minor=(), quiet_hours="21:00-05:00"),
    )
    now = imported(known, incoming, at)
    assert (now.preferences.critical, now.preferences.quiet_hours) == (("sms",), "none")
    assert (now.name, now.locale, now.preferences.minor) == ("Maria", "es", ())
    assert now.chosen == known.chosen


def test_a_newer_one_brings_all_and_nothing_counts_as_chosen_any_more() -> None:
    now = imported(chose(10, critical=("sms",)), replace(MIA, preferences=preferences(critical=("email",))), 11)
    assert (now.preferences.critical, now.chosen) == (("email",), None)


def test_of_two_choices_the_older_may_be_undone_and_the_newer_stand() -> None:
    known = chose(30, chose(10, critical=("sms",)), locale="es")
    now = imported(known, replace(MIA, preferences=preferences(critical=("email",))), 20)
    assert (now.preferences.critical, now.locale, now.chosen) == (("email",), "es", {"locale": after(30)})


def test_a_choice_of_nothing_stands_too() -> None:
    """Back to as usual: an older document that says few does not bring it back."""
    now = imported(chose(10, holdings=None), replace(MIA, preferences=preferences(holdings="few")), 5)
    assert now.preferences.holdings is None


def test_others_of_the_family_are_not_touched_and_who_is_gone_is_gone() -> None:
    ana, tom = caregiver("ana", order=2), caregiver("tom", order=3)
    known = make.family(chose(10, locale="es"), choose_here(tom, {"locale": "es"}, after(10)))
    incoming: Family = make.family(MIA, ana, updated_at=after(5))
    assert [each.locale for each in keep_chosen(known, incoming).caregivers] == ["es", None]


def test_where_nobody_chose_the_document_is_as_it_came() -> None:
    incoming = make.family(replace(MIA, locale="es"))
    assert keep_chosen(make.family(MIA), incoming) is incoming


def test_the_last_choice_of_a_family() -> None:
    ana = choose_here(caregiver("ana", order=2), {"locale": "es"}, after(7))
    assert last_choice(make.family(chose(5, locale="es"), ana)) == after(7)
    assert last_choice(make.family()) is None
