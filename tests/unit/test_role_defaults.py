"""R10, R12: a caregiver's own word, else the role's, else what the policy's `default` says: for hours as for lists."""

import pytest

from alertd.domain.incident import Severity
from alertd.domain.policy import RoleDefaults
from alertd.domain.preferences import choose
from alertd.domain.quiet import hours_of
from tests import make

EVERYBODY = RoleDefaults(critical=("push",), quiet_hours="22:00-06:30", on_duty="mon-fri 06:00-22:00")
NURSE = RoleDefaults(critical=("sms",), quiet_hours="21:00-07:00", on_duty="mon-fri 08:00-15:00")
POLICY = make.policy(caregivers={"default": EVERYBODY, "nurse": NURSE, "guardian": RoleDefaults()})


@pytest.mark.parametrize(
    ("role", "own_duty", "own_night", "duty", "night", "because"),
    [
        ("nurse", "sat 09:00-12:00", "none", "sat 09:00-12:00", "none", "their own word first"),
        ("nurse", None, None, "mon-fri 08:00-15:00", "21:00-07:00", "else the role's"),
        (
            "guardian",
            None,
            None,
            "mon-fri 06:00-22:00",
            "22:00-06:30",
            "else everybody's: the role leaves it open",
        ),
        (
            "parent",
            None,
            None,
            "mon-fri 06:00-22:00",
            "22:00-06:30",
            "else everybody's: nothing is said of the role",
        ),
    ],
)
def test_hours(role, own_duty, own_night, duty, night, because):
    person = make.caregiver(role=role, on_duty=own_duty, preferences=make.preferences(quiet_hours=own_night))
    assert hours_of(person, POLICY) == (night, duty), because


@pytest.mark.parametrize(
    ("role", "channels"), [("nurse", ("sms",)), ("guardian", ("push",)), ("parent", ("push",))]
)
def test_lists(role, channels):
    person = make.caregiver(role=role)
    assert choose(person, make.family(person), POLICY, ("follow",), Severity.CRITICAL).channels == channels


def test_a_policy_that_says_nothing():
    silent = make.policy(caregivers={})
    assert hours_of(make.caregiver(), silent) == (None, None)


def test_nobody_is_told_off_duty_whoever_set_the_hours():
    """Wednesday noon: a default that ends at eleven holds for parents who chose nothing, also when critical."""
    shut = make.policy(caregivers={"default": RoleDefaults(on_duty="mon-fri 08:00-11:00")})
    assert make.verdict(make.NOON, policy=shut).owed == ()
