"""Equal sayings are composed once; sayings that read differently never share words."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from alertd.domain.delivery import Framing
from alertd.domain.incident import Facts, Kind, Reach, Scope, Severity, State
from alertd.ports import Content, Saying
from alertd.texts.cache import Cache
from tests.unit.texts_story import SATURDAY, composer, saying

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def with_reader(told: Saying, **changes: object) -> Saying:
    return replace(told, reader=replace(told.reader, **changes))  # type: ignore[arg-type]


def with_facts(told: Saying, **changes: object) -> Saying:
    facts: Facts = replace(told.update.facts, **changes)  # type: ignore[arg-type]
    return replace(told, update=replace(told.update, facts=facts))


def test_equal_sayings_get_the_same_content() -> None:
    compose = composer()
    told = saying(Framing.UPDATE, message={"en": "Words."})
    first = compose(told)
    assert compose(told) is first
    assert compose(saying(Framing.UPDATE, message={"en": "Words."})) is first  # read again from the store
    assert compose(with_reader(told, to="+14155550123")) is first
    assert told.reader.hears_by is not None
    assert compose(with_reader(told, hears_by=told.reader.hears_by + SECOND)) is first  # reads alike
    assert compose(replace(told, now=told.now + 59 * SECOND)) is first


@pytest.mark.parametrize(
    "other",
    [
        lambda told: replace(told, channel="push"),
        lambda told: replace(told, framing=Framing.NOTICE),
        lambda told: replace(told, news_number=5),
        lambda told: replace(told, references=2),
        lambda told: replace(told, now=told.now + MINUTE),
        lambda told: replace(told, ended_at=SATURDAY),
        lambda told: replace(told, elsewhere=("follow",)),
        lambda told: replace(told, elsewhere_worst=Severity.MINOR),
        lambda told: replace(told, update=replace(told.update, kind=Kind.SEVERITY)),
        lambda told: with_reader(told, locale="es"),
        lambda told: with_reader(told, zone="America/Denver"),
        lambda told: with_reader(told, services=("follow",)),
        lambda told: with_reader(told, hears_by=None),
        lambda told: with_reader(told, hears_by=told.reader.hears_by + MINUTE),
        lambda told: with_reader(told, quiet=True),
        lambda told: with_reader(told, missed=1),
        lambda told: with_reader(told, late=True),
        lambda told: with_reader(told, since=SATURDAY),
        lambda told: with_facts(told, severity=Severity.MINOR),
        lambda told: with_facts(told, state=State.MONITORING),
        lambda told: with_facts(told, since=SATURDAY),
        lambda told: with_facts(told, scope=Scope((Reach("login"),))),
        lambda told: with_facts(told, works=()),
        lambda told: with_facts(told, do=()),
        lambda told: with_facts(told, message={"en": "Other words."}),
        lambda told: with_facts(told, message={"es": "Words."}),
        lambda told: with_facts(told, last_news_at=SATURDAY),
    ],
)
def test_whatever_words_depend_on_makes_another_key(other) -> None:
    cache = Cache()
    told = saying(Framing.UPDATE, message={"en": "Words."})
    assert cache.key(other(told)) != cache.key(told)
    assert cache.key(told) == cache.key(told)


def test_updates_of_two_incidents_with_one_number_are_not_mistaken() -> None:
    compose = composer()
    one = replace(saying(Framing.UPDATE, message={"en": "One."}), incident=UUID(int=1))
    two = replace(saying(Framing.UPDATE, message={"en": "Two."}), incident=UUID(int=2))
    assert one.update.number == two.update.number
    assert "One." in compose(one).text
    assert "Two." in compose(two).text


def test_a_preview_is_not_mistaken_for_the_update_that_took_its_number() -> None:
    compose = composer()
    assert "Draft." in compose(saying(Framing.UPDATE, message={"en": "Draft."})).text
    assert "Final." in compose(saying(Framing.UPDATE, message={"en": "Final."})).text


def test_an_update_never_gets_the_number_of_one_that_is_gone() -> None:
    cache = Cache(updates=4)
    seen: dict[int, str] = {}
    for round_ in range(200):  # objects die and their identities are used again
        words = f"Words {round_ % 50}."
        number = cache.number(saying(message={"en": words}).update)
        assert seen.setdefault(number, words) == words


def test_it_stays_within_its_bounds_and_keeps_what_is_asked_for() -> None:
    cache = Cache(limit=10)
    told, content = saying(), Content("t", "x")
    kept = cache.key(told)
    cache.put(kept, content)
    for number in range(100):
        cache.put(cache.key(replace(told, news_number=number + 100)), content)
        assert cache.get(kept) is content
        assert len(cache) <= 20
    assert cache.get(cache.key(replace(told, news_number=100))) is None
