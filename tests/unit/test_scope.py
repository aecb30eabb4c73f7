"""Whom an incident touches: a service of theirs, in a region equal to theirs or a prefix of it at a hyphen."""

import pytest

from alertd.domain.incident import Kind, Reach, Scope
from tests import make


def scope(*reaches: str) -> Scope:
    """A scope from "follow", "follow:us", "login:us,eu"."""
    parts = [text.partition(":") for text in reaches]
    return Scope(tuple(Reach(service, tuple(filter(None, regions.split(",")))) for service, _, regions in parts))


@pytest.mark.parametrize(
    ("regions", "region", "touches", "because"),
    [
        (("us",), "us-west", True, "`us` covers `us-west`"),
        (("us",), "us", True, "equal"),
        (("us",), "usa", False, "a prefix counts only at a hyphen"),
        (("us-west",), "us", False, "a part does not cover the whole"),
        (("us-west",), "us-west-2", True, "prefixes may be long"),
        (("eu", "us"), "us-east", True, "any of several"),
        ((), "us", True, "no regions = everywhere"),
        (("us",), None, True, "a family without a region is in all"),
        (("us",), "", True, "an empty region is none"),
    ],
)
def test_regions(regions, region, touches, because):
    assert Reach("follow", regions).touches(region) is touches, because


@pytest.mark.parametrize(
    ("what", "services", "region", "failing", "because"),
    [
        (scope("follow"), ("follow", "share"), "us", ("follow",), "only what fails"),
        (scope("share", "follow"), ("follow", "share"), "us", ("share", "follow"), "in the scope's order"),
        (scope("follow:eu", "follow:us"), ("follow",), "us", ("follow",), "each service once"),
        (scope("follow:eu", "share"), ("follow", "share"), "us", ("share",), "service by service"),
        (scope("login"), ("follow",), "us", (), "none of theirs"),
    ],
)
def test_which_services_fail_for_a_family(what, services, region, failing, because):
    assert what.touching(services, region) == failing, because


@pytest.mark.parametrize(
    ("wide", "narrow", "covers", "because"),
    [
        (scope("follow"), scope("follow:us"), True, "everywhere covers somewhere"),
        (scope("follow:us"), scope("follow"), False, "somewhere does not cover everywhere"),
        (scope("follow:us"), scope("follow:us-west,us-east"), True, "the whole covers its parts"),
        (scope("follow:us-west"), scope("follow:us-west,us-east"), False, "one part is missing"),
        (scope("follow", "share"), scope("share"), True, "one of two services"),
        (scope("follow"), scope("share"), False, "another service"),
    ],
)
def test_covers(wide, narrow, covers, because):
    assert wide.covers(narrow) is covers, because


@pytest.mark.parametrize(
    ("one", "other", "overlap", "because"),
    [
        (scope("follow:us"), scope("follow:us-west"), True, "a part lies in the whole"),
        (scope("follow:us-west"), scope("follow:us"), True, "and the other way round"),
        (scope("follow:us"), scope("follow:eu"), False, "no common region"),
        (scope("follow"), scope("follow:eu"), True, "everywhere meets any region"),
        (scope("follow"), scope("share"), False, "no common service"),
    ],
)
def test_overlaps(one, other, overlap, because):
    assert one.overlaps(other) is overlap, because


def test_growing_adds_only_what_is_new():
    assert scope("follow:us").plus(scope("follow:us-west", "share")) == scope("follow:us", "share")


@pytest.mark.parametrize(
    ("before", "less", "after", "because"),
    [
        (scope("follow:us,eu"), scope("follow:eu"), scope("follow:us"), "one region of two"),
        (scope("follow:us"), scope("follow:us"), scope(), "the last region takes the service along"),
        (
            scope("follow:us", "share"),
            scope("follow"),
            scope("share"),
            "a bare service takes all its regions away",
        ),
        (scope("follow"), scope("follow:eu"), scope("follow"), "everywhere cannot lose one region"),
        (scope("follow"), scope("share"), scope("follow"), "what is not in it cannot leave it"),
        (scope("follow:us-west,eu"), scope("follow:us"), scope("follow:eu"), "a region takes its parts along"),
        (scope("follow:us"), scope("follow:us-west"), scope("follow:us"), "a region cannot lose a part"),
    ],
)
def test_shrinking(before, less, after, because):
    assert before.minus(less) == after, because


def test_services_are_named_once_in_the_order_they_failed():
    assert scope("share:us", "follow", "share:eu").services == ("share", "follow")


def test_the_news_is_the_newest_update_that_families_are_to_hear():
    incident = make.history(
        (Kind.NOTICE, 0),
        (Kind.PROGRESS, 10),
        (Kind.PROGRESS, 20, {"notify": False}),
        (Kind.HOLDING, 40),
    )

    assert incident.news.number == 2
    assert incident.newest.number == 4


def test_what_is_taken_away_leaves_what_was_named_after_it() -> None:
    assert make.scope("follow", "share", "login").minus(make.scope("share")) == make.scope("follow", "login")
