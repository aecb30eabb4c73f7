"""R3: holdings thin out: silently after the first in a row, and by phone only so often; news never does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState, Framing, Owed, Telling
from alertd.domain.incident import Kind
from alertd.domain.policy import Holdings, Policy
from alertd.domain.watch import Rest, Verdict
from tests import make
from tests.make import after, caregiver, history, own, telling, verdict

AWAKE: dict[str, Any] = {"quiet_hours": "none"}


def policy(*, loud: int = 2, by_phone: int = 12) -> Policy:
    made = make.policy()
    return replace(made, silence=replace(made.silence, holdings=Holdings(loud, by_phone)))


def told(number: int, channels: tuple[str, ...], at: float, **changes: Any) -> list[Telling]:
    framing = Framing.NOTICE if number == 1 else Framing.HOLDING
    given: dict[str, Any] = {"framing": framing, "next_by": at + 30, **changes}
    return [telling(own("mia", channel), number, at, **given) for channel in channels]


def heard(owed: tuple[Owed, ...]) -> list[str]:
    """The channels, loud ones in capitals."""
    return [o.channel.upper() if o.loud else o.channel for o in owed]


def after_holdings(count: int, *channels: str, wishes: dict[str, Any] | None = None, **limits: int) -> Verdict:
    """What Mia is owed at the next deadline, after so many holdings in a row, half an hour apart."""
    kinds = [(Kind.NOTICE, 0), *[(Kind.HOLDING, 30 * n) for n in range(1, count + 1)]]
    listed = tuple(c for c in ("push", "sms") if c in channels) or channels
    mia = caregiver("mia", *channels, preferences=make.preferences(critical=listed, **AWAKE, **(wishes or {})))
    tellings = [each for n in range(1, count + 2) for each in told(n, channels, 30 * (n - 1))]
    return verdict(
        after(30 * (count + 1)),
        incident=history(*kinds),
        family=make.family(mia),
        tellings=tellings,
        policy=policy(**limits),
    )


@pytest.mark.parametrize(
    ("why", "count", "channels", "wishes", "owed"),
    [
        ("the first is as loud as any message", 0, ("push", "sms"), {}, ["PUSH", "SMS"]),
        ("the second too", 1, ("push", "sms"), {}, ["PUSH", "SMS"]),
        ("the third is silent", 2, ("push", "sms"), {}, ["push"]),
        ("and those after it", 7, ("push", "sms"), {}, ["push"]),
        (
            "an address that is not listed serves, where no listed one is silent",
            2,
            ("sms", "email"),
            {},
            ["email"],
        ),
        ("whoever has only a phone number is never thinned", 7, ("sms",), {}, ["SMS"]),
        ("few: the first is silent", 0, ("push", "sms"), {"holdings": "few"}, ["push"]),
        ("few, and only a phone number: as many as are loud in a row", 1, ("sms",), {"holdings": "few"}, ["SMS"]),
        ("... and no more in a day", 2, ("sms",), {"holdings": "few"}, []),
        ("all: every one is loud", 7, ("push", "sms"), {"holdings": "all"}, ["PUSH", "SMS"]),
        ("all: by phone no more than the policy allows", 12, ("push", "sms"), {"holdings": "all"}, ["PUSH"]),
        ("by phone no more than the policy allows", 12, ("sms",), {}, []),
    ],
)
def test_holdings_in_a_row(why, count, channels, wishes, owed):
    assert heard(after_holdings(count, *channels, wishes=wishes).owed) == owed, why


def test_an_only_phone_that_is_used_up_rests_until_its_oldest_holding_is_a_day_old():
    v = after_holdings(3, "sms", by_phone=3)
    assert (heard(v.owed), v.rest) == ([], Rest.CAPPED)
    assert v.look_at == after(30) + timedelta(days=1)


def test_the_last_one_by_phone_says_when_the_next_may_come():
    """Whoever reads "you hear by 14:30" must hear by then, and not the next day."""
    v = after_holdings(2, "sms", by_phone=3)
    [last] = v.owed
    assert last.next_by == last.reader.hears_by == after(30) + timedelta(days=1)


def test_news_are_never_thinned_and_begin_the_row_anew():
    mia = caregiver("mia", "push", "sms", preferences=make.preferences(critical=("push", "sms"), **AWAKE))
    kinds = [(Kind.NOTICE, 0), *[(Kind.HOLDING, 30 * n) for n in range(1, 5)], (Kind.PROGRESS, 125)]
    tellings = [each for n in range(1, 6) for each in told(n, ("push", "sms"), 30 * (n - 1))]
    given = {"family": make.family(mia), "policy": policy(by_phone=2)}
    news = verdict(after(125), incident=history(*kinds), tellings=tellings, **given)
    assert heard(news.owed) == ["PUSH", "SMS"]
    tellings += told(6, ("push", "sms"), 125, framing=Framing.UPDATE)
    given["policy"] = policy()
    assert heard(verdict(after(155), incident=history(*kinds), tellings=tellings, **given).owed) == ["PUSH", "SMS"]


def test_a_silent_one_that_is_refused_comes_by_phone():
    mia = caregiver("mia", "push", "sms", preferences=make.preferences(critical=("push", "sms"), **AWAKE))
    kinds = [(Kind.NOTICE, 0), *[(Kind.HOLDING, 30 * n) for n in range(1, 4)]]
    tellings = [each for n in range(1, 4) for each in told(n, ("push", "sms"), 30 * (n - 1))]
    tellings += told(4, ("push",), 90, state=DeliveryState.REFUSED, loud=False)
    given = {"family": make.family(mia), "incident": history(*kinds), "tellings": tellings}
    v = verdict(after(90), policy=policy(), **given)
    assert (heard(v.owed), v.update) == (["SMS"], 4)


def test_what_may_not_go_by_phone_yet_is_looked_at_when_it_may() -> None:
    """Found at random: nobody takes the e-mail, and the day's only SMS was sent a day ago but for twenty minutes."""
    day = 24 * 60
    mia = caregiver("mia", "sms", "email", preferences=make.preferences(critical=("email",), **AWAKE))
    tellings = [
        *told(1, ("email",), 0),
        *told(2, ("sms",), 30),
        *told(3, ("email",), day, next_by=day + 35, state=DeliveryState.PENDING),
    ]
    given = {
        "policy": policy(loud=2, by_phone=1),
        "family": make.family(mia),
        "incident": history((Kind.NOTICE, 0), (Kind.HOLDING, 30), (Kind.HOLDING, day)),
        "tellings": tellings,
    }

    waits = verdict(after(day + 10), **given)
    goes = verdict(after(day + 30), **given)

    assert (waits.owed, waits.look_at) == ((), after(day + 30))
    assert heard(goes.owed) == ["SMS"]
