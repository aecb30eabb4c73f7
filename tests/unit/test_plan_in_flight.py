"""R2: a message that is on its way stands for the one that is due; found by the demo on a busy machine."""

from dataclasses import replace
from datetime import timedelta

from alertd.domain.delivery import DeliveryState, Framing, Telling
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.policy import Escalation
from alertd.domain.watch import LadderState
from tests import make

INCIDENT = make.history((Kind.NOTICE, 0), (Kind.HOLDING, 29), (Kind.HOLDING, 30))
"""Told at noon until 12:30. The holding of 12:29 is theirs; another family has caused the one of 12:30."""


MIA = make.family(make.caregiver("mia", "push", "sms"))
"""Nowhere else could she hear what is on its way to her (decision 46)."""


def tellings(state: DeliveryState, channels: tuple[str, ...] = ("push", "sms")) -> list[Telling]:
    told = [make.telling(make.own("mia", channel), 1, 0, next_by=30) for channel in ("push", "sms")]
    return told + [
        make.telling(make.own("mia", channel), 2, 29, next_by=59, state=state, framing=Framing.HOLDING)
        for channel in channels
    ]


def test_a_holding_under_way_is_not_doubled_by_the_next_one() -> None:
    given = {"incident": INCIDENT, "family": MIA}
    verdict = make.verdict(make.after(30.5), tellings=tellings(DeliveryState.LEASED), **given)
    assert verdict.owed == ()
    assert verdict.look_at is not None
    assert verdict.look_at <= make.after(59)


def test_once_its_own_time_comes_the_newer_one_is_owed() -> None:
    verdict = make.verdict(make.after(58.5), incident=INCIDENT, tellings=tellings(DeliveryState.PENDING))
    assert make.said(verdict.owed) == [
        ("mia", "PUSH", "holding", "silence"),
        ("mia", "SMS", "holding", "silence"),
    ]


def test_one_that_was_refused_stands_for_nothing() -> None:
    verdict = make.verdict(make.after(30.5), incident=INCIDENT, tellings=tellings(DeliveryState.REFUSED))
    assert verdict.owed != ()


def test_news_is_never_held_back_by_it() -> None:
    incident = make.history((Kind.NOTICE, 0), (Kind.HOLDING, 29), (Kind.PROGRESS, 30))
    verdict = make.verdict(make.after(30.5), incident=incident, tellings=tellings(DeliveryState.LEASED))
    assert make.said(verdict.owed) == [("mia", "PUSH", "update", "news"), ("mia", "SMS", "update", "news")]


def test_where_half_an_hour_passes_in_a_second_a_lease_hides_no_deadline() -> None:
    """Found by the demo: who was once told after the margin was looked at again only at the deadline itself."""
    tellings = [make.telling(make.own("mia", "push"), 1, 0, next_by=30, state=DeliveryState.LEASED)]
    only = make.family(make.caregiver("mia", "push"))
    verdict = make.verdict(make.after(11), family=only, tellings=tellings, lease=timedelta(hours=15))
    assert verdict.look_at == make.after(29)


def test_nor_does_it_when_what_is_under_way_has_outlived_its_own_time() -> None:
    tellings = [make.telling(make.own("mia", "push"), 1, 0, next_by=30, state=DeliveryState.LEASED)]
    verdict = make.verdict(make.after(31), tellings=tellings, lease=timedelta(hours=15))
    assert verdict.look_at is not None
    assert verdict.look_at <= make.after(31 + 30 / 4)


def test_nor_does_it_hide_an_all_clear_that_is_still_under_way() -> None:
    incident = make.history((Kind.NOTICE, 0), (Kind.RESOLUTION, 10, {"facts": make.facts(state=State.RESOLVED)}))
    under_way = make.telling(
        make.own("mia", "push"), 2, 10, state=DeliveryState.LEASED, framing=Framing.RESOLUTION
    )
    tellings = [make.telling(make.own("mia", "push"), 1, 0, next_by=30), under_way]
    verdict = make.verdict(make.after(11), incident=incident, tellings=tellings, lease=timedelta(hours=15))
    assert verdict.look_at is not None
    assert verdict.look_at <= make.after(11 + 30 / 4)


def test_by_night_a_graver_word_that_may_yet_arrive_is_looked_after() -> None:
    """Told by mail alone that it is critical, if they were: once that is known, the fall is owed them tonight."""
    night = 11 * 60
    major = {"facts": make.facts(severity=Severity.MAJOR)}
    incident = make.history((Kind.NOTICE, night), (Kind.SEVERITY, night + 20, major))
    mail = make.telling(make.own("mia", "email"), 1, night, next_by=night + 60, state=DeliveryState.UNKNOWN)
    given = {
        "incident": incident,
        "family": make.family(make.caregiver("mia", "email")),
        "watch": make.watch(touched_at=make.after(night), next_by=make.after(night + 10), owed=1, epoch=1),
    }
    now = make.after(night + 20.1)
    unknown = make.verdict(now, tellings=[mail], **given)
    assert (unknown.owed, unknown.look_at) == ((), now + timedelta(seconds=30))
    fall = replace(mail, update=2, framing=Framing.NOTICE)
    only_the_fall = make.verdict(now, tellings=[fall], **given)
    assert only_the_fall.look_at is not None
    assert only_the_fall.look_at > now + timedelta(minutes=5), "nothing graver is on its way"
    told = replace(mail, state=DeliveryState.ACCEPTED, accepted_at=now)
    assert make.said(make.verdict(now, tellings=[told], **given).owed) == [("mia", "email", "update", "news")]


def test_what_a_ladder_owes_to_somebody_who_lacks_it_is_looked_after_as_any_message() -> None:
    """She hears by the ladder alone; where nobody takes her push, another way is to be tried."""
    mia = make.caregiver("mia", "push", "sms", "email", role="nurse", order=1)
    ben = make.caregiver("ben", "email", order=2)
    escalation = Escalation(families={Severity.CRITICAL: make.ladder((0, ("first", "nurse")), by=("nurse",))})
    now = make.after(45)
    verdict = make.verdict(
        now,
        incident=make.history((Kind.NOTICE, 0), (Kind.HOLDING, 29)),
        policy=make.policy(escalation=escalation),
        family=make.family(mia, ben),
        watch=make.watch(owed=2, epoch=1, ladder=LadderState.CLIMBING, step=1, next_by=make.after(59)),
        tellings=[
            make.telling(make.own("ben", "email"), 1, 0, next_by=30),
            make.telling(make.own("ben", "email"), 2, 29, next_by=59, framing=Framing.HOLDING),
        ],
    )
    assert {(name, reason) for name, _, _, reason in make.said(verdict.owed)} == {("mia", "ladder")}
    assert verdict.look_at is not None
    assert verdict.look_at <= now + timedelta(seconds=30)


def test_nobodys_duty_hides_what_has_outlived_its_own_time() -> None:
    """Found at random: we were down over her deadline, and the next look was when Nan comes on duty in the evening."""
    only = make.caregiver("mia", "push")
    later = make.caregiver("nan", "push", order=2, on_duty="mon-sun 18:00-22:00")
    hung = make.telling(make.own("mia", "push"), 1, 0, next_by=30, state=DeliveryState.LEASED)
    watch = make.watch(waiting=("nan",))

    verdict = make.verdict(make.after(45), family=make.family(only, later), tellings=[hung], watch=watch)

    assert verdict.owed == ()
    assert verdict.waiting == ("nan",)
    assert verdict.look_at == make.after(45) + timedelta(seconds=30)


def test_the_time_of_one_that_has_hung_for_long_hides_no_other() -> None:
    """We were down for 45 minutes: her SMS of noon still waits when a holding is owed that says 13:15."""
    now = make.after(45)
    hung = make.telling(make.own("mia", "sms"), 1, 0, next_by=30, state=DeliveryState.LEASED)
    told = make.telling(make.own("mia", "push"), 1, 0, next_by=30)
    holding = [
        make.telling(make.own("mia", channel), 2, 45, next_by=75, state=state, framing=Framing.HOLDING)
        for channel, state in (("push", DeliveryState.ACCEPTED), ("sms", DeliveryState.PENDING))
    ]
    later = make.caregiver(
        "nan", "push", order=2, on_duty="sun 21:00-23:30"
    )  # the only moment that was not hidden
    given = {"incident": make.history((Kind.NOTICE, 0)), "family": make.family(*MIA.caregivers, later)}
    verdict = make.verdict(now, tellings=[told, hung], **given)
    assert make.said(verdict.owed) == [("mia", "PUSH", "holding", "silence"), ("mia", "SMS", "holding", "silence")]
    assert verdict.look_at == make.after(74)
    given["incident"] = make.history((Kind.NOTICE, 0), (Kind.HOLDING, 45))
    on_its_way = [told, hung, *[replace(each, state=DeliveryState.PENDING) for each in holding]]
    assert make.verdict(now, tellings=on_its_way, **given).look_at == make.after(74)
