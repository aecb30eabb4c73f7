"""Planning a crowd says of each family what planning that family says, word by word."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.domain import crowd as crowds
from alertd.domain.crowd import Crowd
from alertd.domain.downtime import Downtime
from alertd.domain.family import Address, AddressId, CaregiverId, Family, FamilyId
from alertd.domain.incident import Kind, Severity
from alertd.domain.plan import plan
from alertd.domain.watch import Duty, Rest, Verdict
from tests import make
from tests.property.script import Script, scripts


def namesake(family: Family, name: str) -> Family:
    """A family that wrote the same about itself: other names, numbers and mailboxes."""

    def moved(address: Address) -> Address:
        to = f"{name}.{address.to}"
        return replace(address, to=to, id=AddressId(uuid5(NAMESPACE_URL, to)))

    people = tuple(
        replace(c, id=CaregiverId(f"{name}-{c.id}"), name=name, addresses=tuple(map(moved, c.addresses)))
        for c in family.caregivers
    )
    return replace(family, id=FamilyId(name), caregivers=people)


CHANGES: dict[str, Callable[[Family], Family]] = {
    "another zone": lambda f: replace(f, time_zone="Asia/Tokyo"),
    "another language": lambda f: replace(f, locale="es"),
    "another region": lambda f: replace(f, region="eu"),
    "one service less": lambda f: replace(f, services=f.services[:1]),
    "the family's wish": lambda f: replace(f, preferences=make.preferences(critical=("email",), major=())),
    "a wish by service": lambda f: replace(f, preferences=make.preferences(services={"follow": {"major": ()}})),
    "another role": lambda f: changed(f, role="nurse"),
    "another order": lambda f: changed(f, order=9),
    "an own zone": lambda f: changed(f, time_zone="Asia/Tokyo"),
    "own duty hours": lambda f: changed(f, on_duty="sat 03:00-04:00"),
    "own quiet hours": lambda f: changed(f, preferences=make.preferences(quiet_hours="00:00-23:59")),
    "an own wish": lambda f: changed(f, preferences=make.preferences(critical=("email",), major=())),
    "an own language": lambda f: changed(f, locale="es"),
    "no address": lambda f: changed(f, addresses=()),
    "an address that is not confirmed": lambda f: changed(f, addresses=(make.address("sms", verified=False),)),
    "one address twice": lambda f: changed(f, addresses=(make.address("sms"), make.address("sms"))),
}


def changed(family: Family, **changes: object) -> Family:
    first, *rest = family.caregivers
    return replace(family, caregivers=(replace(first, **changes), *rest))  # type: ignore[arg-type]


def duties(script: Script, families: list[Family], now: datetime) -> list[Duty]:
    touched = now - timedelta(minutes=script.late)
    notice = make.update(1, Kind.NOTICE, touched, severity=script.severity)
    incident = make.incident(notice, make.update(2, Kind.PROGRESS, now, severity=script.severity))
    return [
        make.duty(
            incident=incident,
            policy=script.policy,
            family=family,
            downtimes=(Downtime(touched, now),),
            watch=make.watch(family=family.id, touched_at=touched, next_by=touched + timedelta(minutes=10)),
        )
        for family in families
    ]


@given(
    scripts(),
    st.lists(st.sampled_from([None, *sorted(CHANGES)]), min_size=1, max_size=5),
    st.integers(0, 48),
)
def test_a_crowd_is_told_what_each_family_is_owed(script: Script, changes: list[str | None], hours: int):
    now = script.start + timedelta(hours=hours)
    families = [script.family]
    for number, change in enumerate(changes):
        family = CHANGES[change](script.family) if change else script.family
        families += [namesake(family, f"twin-{number}"), namesake(family, f"triplet-{number}")]
    crowd = Crowd(now)
    for duty in duties(script, families, now):
        assert crowd.plan(duty) == plan(duty, now), duty.family


def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The families that `plan` itself is asked about from now on."""
    judged: list[str] = []

    def noted(duty: Duty, now: datetime) -> Verdict:
        judged.append(duty.family.id)
        return plan(duty, now)

    monkeypatch.setattr(crowds, "plan", noted)
    return judged


@pytest.mark.parametrize("severity", list(Severity))
def test_families_that_wrote_the_same_are_judged_once(severity: Severity, monkeypatch: pytest.MonkeyPatch):
    judged = seen(monkeypatch)
    incident = make.incident(make.update(1, Kind.NOTICE, severity=severity))
    crowd = Crowd(make.NOON)
    for number in range(9):
        family = namesake(make.family(), f"fam-{number}")
        crowd.plan(make.duty(incident=incident, family=family, watch=make.watch(family=family.id)))
    assert judged == ["fam-0"]


@pytest.mark.parametrize(
    "changes",
    [
        {"heard_at": make.NOON}, {"told": 1}, {"owed": 1}, {"waiting": ("mia",)}, {"rest": Rest.QUIET},
    ],
)  # fmt: skip
def test_who_was_planned_before_is_judged_alone(changes: dict[str, object], monkeypatch: pytest.MonkeyPatch):
    judged = seen(monkeypatch)
    crowd = Crowd(make.NOON)
    for _ in range(2):
        crowd.plan(make.duty(watch=make.watch(**changes)))
    assert len(judged) == 2
