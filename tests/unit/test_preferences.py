"""R12: which channels a caregiver is told over; the first rule that says something wins."""

import pytest

from alertd.domain.family import CHANNELS
from alertd.domain.incident import Severity
from alertd.domain.policy import RoleDefaults
from alertd.domain.preferences import Choice, chain, choose
from tests import make

MINOR, MAJOR, CRITICAL = Severity.MINOR, Severity.MAJOR, Severity.CRITICAL


@pytest.mark.parametrize(
    ("own", "of_family", "severity", "channels", "rule"),
    [
        # Nobody said anything: the role has no list of its own in this policy, so the policy's default decides.
        ({}, {}, CRITICAL, ("push", "sms"), "policy"),
        ({}, {}, MINOR, ("email",), "policy"),
        # The family's wish stands before the policy's defaults.
        ({}, {"minor": ("sms",)}, MINOR, ("sms",), "family"),
        # A list for one severity says nothing about another.
        ({}, {"minor": ("sms",)}, MAJOR, ("push",), "policy"),
        ({}, {"default": ("sms",)}, MAJOR, ("sms",), "family"),
        # A caregiver's own default stands before the family's list for the severity.
        ({"default": ("email",)}, {"minor": ("sms",)}, MINOR, ("email",), "caregiver default"),
        ({"minor": ("push",), "default": ("email",)}, {}, MINOR, ("push",), "caregiver x severity"),
        # What they said about one service stands before what they said about a severity.
        (
            {"minor": ("push",), "services": {"follow": {"minor": ("sms",)}}},
            {},
            MINOR,
            ("sms",),
            "caregiver x service x severity",
        ),
        (
            {"minor": ("push",), "services": {"follow": {"default": ("sms",)}}},
            {},
            MINOR,
            ("sms",),
            "caregiver x service x severity",
        ),
        # A wish about a service that does not fail says nothing.
        ({"services": {"share": {"minor": ("sms",)}}}, {}, MINOR, ("email",), "policy"),
        # An empty list means "do not tell me", and ends the search.
        ({"minor": ()}, {"minor": ("sms",)}, MINOR, (), "caregiver x severity"),
        ({"services": {"follow": {"major": ()}}}, {}, MAJOR, (), "caregiver x service x severity"),
        # A family's wish about one service stands before its wish about all of them.
        ({}, {"critical": ("voice",), "services": {"follow": {"critical": ("sms",)}}}, CRITICAL, ("sms",), "family x service"),
        ({}, {"minor": ("sms",), "services": {"follow": {"default": ()}}}, MINOR, (), "family x service"),
        # ... which is not possible while caregivers are blind: the search goes on.
        ({}, {"critical": ("voice",), "services": {"follow": {"default": ()}}}, CRITICAL, ("voice",), "family"),
        ({"critical": ()}, {}, CRITICAL, ("push", "sms"), "policy"),
        ({"critical": ()}, {"critical": ("email",)}, CRITICAL, ("email",), "family"),
        ({"services": {"follow": {"critical": ()}}, "critical": ("sms",)}, {}, CRITICAL, ("sms",), "caregiver x severity"),
    ],
)  # fmt: skip
def test_the_first_rule_that_says_something_wins(own, of_family, severity, channels, rule):
    mia = make.caregiver(preferences=make.preferences(**own))
    family = make.family(mia, preferences=make.preferences(**of_family))

    assert choose(mia, family, make.policy(), ("follow",), severity) == Choice(channels, rule, severity)


def test_a_role_stands_before_the_policy():
    nurse = make.caregiver("nan", role="nurse")

    choice = choose(nurse, make.family(nurse), make.policy(), ("follow",), CRITICAL)

    assert choice == Choice(("sms",), "role", CRITICAL)


def test_where_even_the_policy_is_silent_every_channel_is_used():
    policy = make.policy(caregivers={"default": RoleDefaults(minor=("email",))})
    mia = make.caregiver()

    assert choose(mia, make.family(mia), policy, ("follow",), CRITICAL) == Choice(
        CHANNELS, "all channels", CRITICAL
    )


def test_several_failing_services_give_the_union_in_their_order():
    wishes = make.preferences(services={"follow": {"minor": ("push",)}, "share": {"minor": ("sms", "push")}})
    mia = make.caregiver(preferences=wishes)

    choice = choose(mia, make.family(mia), make.policy(), ("follow", "share"), MINOR)

    assert choice == Choice(("push", "sms"), "caregiver x service x severity", MINOR)


def test_muted_for_one_failing_service_is_not_muted_for_the_other():
    mia = make.caregiver(preferences=make.preferences(services={"share": {"minor": ()}}))

    choice = choose(mia, make.family(mia), make.policy(), ("follow", "share"), MINOR)

    assert choice == Choice(("email",), "policy + caregiver x service x severity", MINOR)


@pytest.mark.parametrize("severity", list(Severity))
def test_the_chain_that_explain_prints_decides_as_choose_does(severity):
    wishes = make.preferences(major=("sms",), services={"follow": {"minor": ()}})
    mia = make.caregiver(preferences=wishes)
    family = make.family(mia, preferences=make.preferences(critical=("email",)))
    rules = tuple(chain(mia, family, make.policy(), "follow", severity))

    decided = next((said, rule) for rule, said in rules if said or (said == () and severity is not CRITICAL))

    assert Choice(*decided, severity) == choose(mia, family, make.policy(), ("follow",), severity)
    assert [rule for rule, _ in rules][:3] == [
        "caregiver x service x severity",
        "caregiver x severity",
        "caregiver default",
    ]
