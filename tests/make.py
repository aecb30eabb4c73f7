"""Builders with defaults: a test names only what it is about. Ids are deterministic."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from alertd.domain.delivery import TOLD, DeliveryState, Framing, Telling
from alertd.domain.family import (
    NO_PREFERENCES,
    Address,
    AddressId,
    AddressStatus,
    Caregiver,
    CaregiverId,
    Family,
    FamilyId,
    Preferences,
)
from alertd.domain.incident import Facts, Incident, IncidentId, Kind, Reach, Scope, Severity, State, Update
from alertd.domain.plan import plan
from alertd.domain.policy import Escalation, Holdings, Ladder, Policy, RoleDefaults, Silence, Step
from alertd.domain.watch import Answer, Duty, Verdict, Watch

NOON = datetime(2026, 11, 4, 20, 0, tzinfo=UTC)
"""12:00 on a Wednesday in Los Angeles, where families live unless a test says otherwise."""

ALL_CHANNELS = frozenset({"push", "sms", "email", "voice"})
WAKING = frozenset({Kind.NOTICE, Kind.SEVERITY, Kind.SCOPE, Kind.REOPENING, Kind.RESOLUTION, Kind.CANCELLATION})


def minutes(count: float) -> timedelta:
    """Short for a timedelta of minutes."""
    return timedelta(minutes=count)


def after(count: float) -> datetime:
    """So many minutes after noon."""
    return NOON + minutes(count)


def address(channel: str = "sms", to: str | None = None, *, verified: bool = True, **changes: Any) -> Address:
    """An address; the same channel and text always have the same id."""
    default = {"sms": "+14155550100", "voice": "+14155550101", "email": "mia@example.org"}
    text = to if to is not None else default.get(channel, f"{channel}-token")
    made = Address(
        channel=channel, to=text, id=AddressId(uuid5(NAMESPACE_URL, f"{channel}:{text}")), verified=verified
    )
    return replace(made, **changes)


def caregiver(name: str = "mia", *channels: str, **changes: Any) -> Caregiver:
    """A parent with one address per channel named (push, sms and email when none is named)."""
    made = Caregiver(
        id=CaregiverId(name),
        name=name.title(),
        role="parent",
        order=1,
        addresses=tuple(own(name, channel) for channel in channels or ("push", "sms", "email")),
    )
    return replace(made, **changes)


def own(name: str, channel: str, number: int = 0) -> Address:
    """The address of a caregiver on a channel, as `caregiver` makes it; `number` for their second and third."""
    digits = sum(name.encode()) % 100 + 100
    area = (415, 628, 303, 720, 212, 646, 917, 202, 312)[number]
    which = f"{name}{number or ''}"
    texts = {
        "sms": f"+1{area}5550{digits}",
        "voice": f"+1{area}5550{digits}",
        "email": f"{which}@example.org",
    }
    return address(channel, texts.get(channel, f"{channel}-{which}"))


def family(*caregivers: Caregiver, **changes: Any) -> Family:
    """A family in Los Angeles that uses `follow` and `share`; one parent, Mia, when nobody is named."""
    made = Family(
        id=FamilyId("fam-1"),
        updated_at=NOON - timedelta(days=1),
        services=("follow", "share"),
        region="us-west",
        time_zone="America/Los_Angeles",
        locale="en",
        caregivers=caregivers or (caregiver(),),
        preferences=NO_PREFERENCES,
    )
    return replace(made, **changes)


def preferences(**changes: Any) -> Preferences:
    """What a person asks for; nothing unless said."""
    return Preferences(**changes)


def policy(**changes: Any) -> Policy:
    """The policy of the design's sketch."""
    critical, major, minor = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR
    made = Policy(
        name="follow",
        services=("follow", "share"),
        first_notice={critical: minutes(10), major: minutes(20), minor: minutes(60)},
        confirm={critical: minutes(5), major: minutes(15), minor: None},
        resolve_hold=minutes(15),
        silence=silence(),
        wakes={critical: WAKING},
        always=("parent", "guardian"),
        floor=("sms", "voice"),
        caregivers={
            "default": RoleDefaults(
                critical=("push", "sms"), major=("push",), minor=("email",), quiet_hours="22:00-06:30"
            ),
            "nurse": RoleDefaults(critical=("sms",), on_duty="mon-fri 08:00-15:00"),
        },
    )
    return replace(made, **changes)


def ladder(*steps: tuple[float, str | tuple[str, ...]] | tuple[float, str, str], **changes: Any) -> Ladder:
    """A ladder from (minutes, whom, channels in one word); that of the design's sketch when none is given."""
    given = steps or ((0, "always"), (10, "always", "sms email"), (20, "next"))
    made = Ladder(
        by=("parent", "guardian"),
        steps=tuple(
            Step(
                minutes(step[0]),
                (step[1],) if isinstance(step[1], str) else step[1],
                tuple(step[2].split()) if len(step) > 2 else (),
            )
            for step in given
        ),
    )
    return replace(made, **changes)


def climbing(
    *steps: Any,
    severity: Severity = Severity.CRITICAL,
    by: tuple[str, ...] = ("parent", "guardian"),
    **changes: Any,
) -> Policy:
    """A policy with a ladder for one severity."""
    return policy(escalation=Escalation(families={severity: ladder(*steps, by=by)}), **changes)


def answer(name: str = "mia", at: float = 5, epoch: int = 1) -> Answer:
    """A caregiver has said that they know, so many minutes after noon."""
    return Answer(CaregiverId(name), epoch, after(at))


def silence(**changes: Any) -> Silence:
    """Windows of 30 min, 1 h and 4 h; at night 1 h for critical, else wait."""
    critical, major, minor = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR
    made = Silence(
        window={critical: minutes(30), major: minutes(60), minor: minutes(240)},
        quiet={critical: minutes(60), major: None, minor: None},
        promise_at_most={critical: minutes(60), major: minutes(240), minor: minutes(720)},
        news={critical: minutes(120), major: minutes(480)},
        holdings=Holdings(loud=2, sms_per_day=12),
    )
    return replace(made, **changes)


def scope(*services: str, regions: Sequence[str] = ()) -> Scope:
    """`follow` everywhere unless said."""
    return Scope(tuple(Reach(service, tuple(regions)) for service in services or ("follow",)))


def facts(**changes: Any) -> Facts:
    """`follow` is down, critical, being investigated."""
    made = Facts(
        title="Follow is down",
        severity=Severity.CRITICAL,
        state=State.INVESTIGATING,
        scope=scope(),
        since=NOON,
        last_news_at=NOON,
    )
    return replace(made, **changes)


def update(number: int = 1, kind: Kind = Kind.PROGRESS, at: datetime = NOON, **changes: Any) -> Update:
    """One row of facts; keywords of Facts go into its facts."""
    of_facts = {name: changes.pop(name) for name in list(changes) if name in Facts.__dataclass_fields__}
    given = changes.pop("facts", facts())
    made = Update(number=number, kind=kind, at=at, facts=replace(given, **of_facts))
    return replace(made, **changes)


def incident(*updates: Update, **changes: Any) -> Incident:
    """An incident as its updates leave it; opened at noon with one notice unless said."""
    rows = updates or (update(1, Kind.NOTICE),)
    newest = rows[-1]
    epoch = max(row.epoch for row in rows)
    ended_at = newest.at if newest.facts.state.ended else None
    made = Incident(
        id=IncidentId(uuid5(NAMESPACE_URL, "incident")),
        number=1,
        opened_at=rows[0].at,
        state=newest.facts.state,
        severity=newest.facts.severity,
        scope=newest.facts.scope,
        epoch=epoch,
        policy="follow",
        updates=rows,
        ended_at=ended_at,
    )
    return replace(made, **changes)


def history(*steps: tuple[Kind, float, Mapping[str, Any]] | tuple[Kind, float]) -> Incident:
    """An incident from (kind, minutes after noon, changes of the facts or of the update), numbered from 1."""
    rows: list[Update] = []
    for number, step in enumerate(steps, start=1):
        kind, at, changes = step if len(step) == 3 else (*step, {})
        before = rows[-1].facts if rows else facts()
        epoch = rows[-1].epoch if rows else 1
        changes = {"facts": before, "epoch": epoch, **changes}
        rows.append(update(number, kind, after(at), **changes))
    return incident(*rows)


def watch(**changes: Any) -> Watch:
    """The duty to `fam-1`, touched at noon."""
    made = Watch(
        incident=IncidentId(uuid5(NAMESPACE_URL, "incident")),
        family=FamilyId("fam-1"),
        touched_at=NOON,
        next_by=after(10),
    )
    return replace(made, **changes)


def telling(
    to: Address, number: int = 1, at: float = 0, *, next_by: float | datetime | None = 30, **changes: Any
) -> Telling:
    """A delivery that a provider accepted, planned `at` minutes after noon; `next_by` in minutes after noon."""
    said = after(next_by) if isinstance(next_by, int | float) else next_by
    made = Telling(
        address=to.id,
        update=number,
        epoch=1,
        step=0,
        framing=Framing.NOTICE if number == 1 else Framing.UPDATE,
        loud=to.channel != "email",
        state=DeliveryState.ACCEPTED,
        planned_at=after(at),
        next_by=said,
        accepted_at=after(at),
        tried_at=after(at),
    )
    made = replace(made, **changes)
    return made if made.state in TOLD else replace(made, accepted_at=None)


def duty(**changes: Any) -> Duty:
    """Everything the planner looks at; `tellings` may be any iterable."""
    # What is given is not made first: random histories look a hundred thousand times, and give everything.
    for name, made in (("incident", incident), ("policy", policy), ("family", family), ("watch", watch)):
        if name not in changes:
            changes[name] = made()
    if "tellings" in changes:
        changes["tellings"] = tuple(changes["tellings"])
    return Duty(**{"channels": ALL_CHANNELS, **changes})


def suspended(*stopped: Address) -> dict[AddressId, AddressStatus]:
    """What the system knows of addresses that a provider refused."""
    return {each.id: AddressStatus(suspended=True) for each in stopped}


def opted_out(*stopped: Address) -> dict[AddressId, AddressStatus]:
    """What the system knows of addresses that said STOP."""
    return {each.id: AddressStatus(opted_out=True) for each in stopped}


def verdict(at: datetime, **changes: Any) -> Verdict:
    """Plan a duty at an instant."""
    return plan(duty(**changes), at)


def said(owed: Iterable[Any]) -> list[tuple[str, str, str, str]]:
    """What a verdict owes, to compare: caregiver, channel (capitals when loud), framing, reason."""
    return sorted(
        (d.caregiver, d.channel.upper() if d.loud else d.channel, d.framing.value, d.reason.value) for d in owed
    )
