"""What the API shows of a family explained: everybody with the chain of their preferences."""

from datetime import datetime

from pydantic import BaseModel, Field

from alertd.api.standing_views import StandingView
from alertd.domain.explain import AtNight, Caring, Explained, Hears, Hours, Told
from alertd.domain.family import Address
from alertd.masking import mask_address
from alertd.usecases.explain_family import FamilyExplained


class AddressView(BaseModel):
    """An address of a caregiver, masked, and why it is not used."""

    channel: str
    to: str = Field(examples=["+1***0123"])
    stopped: str | None = Field(
        description="opted_out, suspended, unverified, or no_channel: alertd has no such channel set up. "
        "None: it is used."
    )
    code: str | None = Field(description="The provider's, of a suspended one.")


class CarriedView(BaseModel):
    """An address that carries a message."""

    channel: str
    to: str
    why: str = Field(description="listed, fallback (no listed channel is left), or floor (what wakes needs one).")


class RuleView(BaseModel):
    """One rule of the chain."""

    rule: str
    says: list[str] | None = Field(description="Channels; [] = do not tell me; null = nothing.")


class ToldView(BaseModel):
    """One caregiver, one service, one severity."""

    service: str
    severity: str
    channels: list[str] = Field(description="Those that apply, all at once; [] = they asked not to be told.")
    rule: str = Field(description="The rule that decided.")
    chain: list[RuleView] = Field(description="Every rule in order; the first that says something decides.")
    over: list[CarriedView]
    then: list[CarriedView] = Field(description="Once those have failed, one after the other.")
    at_night: AtNight = Field(description="What becomes of a first notice in their quiet hours.")
    softly: list[str] = Field(description="Channels that are silent at night; only where at_night is softly.")

    @classmethod
    def of(cls, told: Told) -> "ToldView":
        """From the domain's."""
        return cls(
            service=told.service,
            severity=told.severity.value,
            channels=list(told.choice.channels),
            rule=told.choice.rule,
            chain=[RuleView(rule=rule, says=None if says is None else list(says)) for rule, says in told.chain],
            over=[_carried(address, why.value) for address, why in told.over],
            then=[_carried(address, why.value) for address, why in told.then],
            at_night=told.at_night,
            softly=list(dict.fromkeys(address.channel for address in told.softly)),
        )


class HoursView(BaseModel):
    """Hours as written, and whose word they are."""

    hours: str | None
    rule: str | None = Field(description="caregiver, role or policy.")

    @classmethod
    def of(cls, hours: Hours) -> "HoursView":
        """From the domain's."""
        return cls(hours=hours.text, rule=hours.rule)


class UnderView(BaseModel):
    """What one policy means for a caregiver."""

    policy: str
    hears: Hears
    quiet_hours: HoursView
    on_duty: HoursView
    told: list[ToldView]


class CaregiverView(BaseModel):
    """A caregiver, in the order of the family."""

    id: str
    name: str
    role: str
    order: int
    time_zone: str
    addresses: list[AddressView]
    under: list[UnderView]


class PolicyView(BaseModel):
    """A policy that owns services of the family."""

    policy: str
    services: list[str]
    floor: list[str]
    no_loud_channel: bool = Field(description="Nobody has an address that works of the floor's channels.")


class FamilyExplainedView(BaseModel):
    """Who in a family is told over what, by which rule, and how they stand in what is open."""

    family: str
    services: list[str]
    region: str | None
    no_loud_channel: bool = Field(description="Under one of its policies at least.")
    policies: list[PolicyView]
    caregivers: list[CaregiverView]
    incidents: list[StandingView] = Field(description="Those that concern the family, newest first.")

    @classmethod
    def of(cls, found: FamilyExplained, now: datetime) -> "FamilyExplainedView":
        """From the use case's."""
        family = found.family
        return cls(
            family=family.id,
            services=list(family.services),
            region=family.region,
            no_loud_channel=any(each.no_loud_channel for each in found.policies),
            policies=[_policy(each) for each in found.policies],
            caregivers=[_caregiver(found, at) for at in range(len(family.caregivers))],
            incidents=[StandingView.of(each, now) for each in found.incidents],
        )


def _policy(explained: Explained) -> PolicyView:
    return PolicyView(
        policy=explained.policy.name,
        services=list(explained.services),
        floor=list(explained.policy.floor),
        no_loud_channel=explained.no_loud_channel,
    )


def _caregiver(found: FamilyExplained, at: int) -> CaregiverView:
    under = [(each.policy.name, each.people[at]) for each in found.policies]
    first = under[0][1]
    person = first.caregiver
    return CaregiverView(
        id=person.id,
        name=person.name,
        role=person.role,
        order=person.order,
        time_zone=first.zone,
        addresses=[_address(found, address, first) for address in person.addresses],
        under=[_under(name, caring) for name, caring in under],
    )


def _under(policy: str, caring: Caring) -> UnderView:
    return UnderView(
        policy=policy,
        hears=caring.hears,
        quiet_hours=HoursView.of(caring.quiet_hours),
        on_duty=HoursView.of(caring.on_duty),
        told=[ToldView.of(each) for each in caring.told],
    )


def _address(found: FamilyExplained, address: Address, caring: Caring) -> AddressView:
    state = found.states.get(address.id)
    stopped = None
    if address not in caring.usable:
        if state is not None and state.opted_out_at is not None:
            stopped = "opted_out"
        elif state is not None and state.suspended_at is not None:
            stopped = "suspended"
        else:
            stopped = "unverified" if address.id in found.unverified else "no_channel"
    return AddressView(
        channel=address.channel,
        to=mask_address(address.channel, address.to),
        stopped=stopped,
        code=state.suspended_code if state is not None and stopped == "suspended" else None,
    )


def _carried(address: Address, why: str) -> CarriedView:
    why = "listed" if why == "first_notice" else why
    return CarriedView(channel=address.channel, to=mask_address(address.channel, address.to), why=why)
