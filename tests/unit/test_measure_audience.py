"""How many families a window can hold: rehearsed with the planner, reckoned by hand here."""

from dataclasses import replace
from datetime import timedelta

from alertd.domain.incident import Severity
from alertd.domain.policy import Policy, RoleDefaults
from alertd.policy_file.built_in import BUILT_IN
from alertd.usecases.measure_audience import Window, measure_audience

RATES = {"sms": 10.0, "push": 5000.0, "email": 20.0}
UNITS = {"sms": 2}


def windows(policy: Policy) -> dict[tuple[str, str], Window]:
    return {(w.severity.value, w.when): w for w in measure_audience(policy, RATES, UNITS, RATES)}


def test_by_day_two_parents_take_two_messages_on_each_channel_within_the_window_less_the_margin() -> None:
    by_day = windows(BUILT_IN)["critical", "by day"]

    assert by_day.messages == {"push": 2, "sms": 2}
    assert by_day.length == timedelta(minutes=30)
    # 29 minutes of 10 segments a second; 2 messages of up to 2 segments for each family.
    assert by_day.most == {"push": 5000 * 29 * 60 // 2, "sms": 10 * 29 * 60 // 4}
    assert (by_day.audience, by_day.slowest) == (4350, "sms")
    assert by_day.holds(4350)
    assert not by_day.holds(4351)


def test_the_first_notice_has_its_own_time_and_a_ladder_that_nobody_answers_takes_more() -> None:
    found = windows(BUILT_IN)

    assert found["critical", "first notice"].most["sms"] == 10 * 600 // 4
    nobody = found["critical", "nobody answers"]
    assert nobody.messages == {"push": 2, "sms": 4, "email": 2}
    assert nobody.most["sms"] == 10 * 1800 // 8
    assert ("major", "nobody answers") not in found  # no ladder


def test_quiet_hours_go_over_silent_channels_and_where_everybody_waits_there_is_no_window() -> None:
    found = windows(BUILT_IN)

    assert found["critical", "quiet hours"].messages == {"push": 2}
    assert found["critical", "quiet hours"].length == timedelta(hours=1)
    assert ("major", "quiet hours") not in found


def test_where_holdings_go_over_other_channels_the_dearest_counts() -> None:
    """The first ones by SMS, later ones, which are more messages, by push and e-mail."""
    default = replace(BUILT_IN.caregivers["default"], default=("sms",), critical=("sms",))
    by_day = windows(replace(BUILT_IN, caregivers={"default": default}))["critical", "by day"]

    assert by_day.messages == {"sms": 2}
    assert by_day.audience == 4350


def test_monitoring_has_twice_the_time() -> None:
    assert windows(BUILT_IN)["critical", "monitoring"].most["sms"] == 10 * 59 * 60 // 4


def test_a_policy_without_nights_and_one_always_off_duty_at_night_are_measured_by_day() -> None:
    default = replace(BUILT_IN.caregivers["default"], quiet_hours="none")
    awake = windows(replace(BUILT_IN, caregivers={"default": default}))
    on_duty = {**BUILT_IN.caregivers, "parent": RoleDefaults(on_duty="mon-fri 08:00-15:00")}
    working = windows(replace(BUILT_IN, caregivers=on_duty, always=("parent",)))

    assert ("critical", "quiet hours") not in awake
    assert awake["critical", "by day"].most["sms"] == 4350
    assert working["critical", "by day"].messages == {"push": 1, "sms": 1}


def test_a_channel_without_a_rate_limits_nothing() -> None:
    only_console = replace(
        BUILT_IN,
        caregivers={"default": RoleDefaults(default=("console",), quiet_hours="none")},
        floor=("console",),
    )
    found = list(measure_audience(only_console, RATES, UNITS, ["console"]))

    assert all(window.audience is None for window in found if window.when == "by day")
    assert all(window.holds(10**9) for window in found if window.when == "by day")


def test_every_severity_has_its_windows_gravest_first() -> None:
    severities = [w.severity for w in measure_audience(BUILT_IN, RATES, UNITS, RATES)]

    assert list(dict.fromkeys(severities)) == list(Severity)
