"""A family as the API describes it; `ingest.family` reads it, and a test holds the two together."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alertd.api.words import Moment

Channel = Literal["push", "sms", "email", "voice", "console"]
Chosen = Literal["critical", "major", "minor", "quiet_hours", "holdings", "locale"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _told(description: str, *examples: str) -> Any:
    """A key that alertd answers and that an import passes over."""
    return Field(
        None, description=description, examples=list(examples) or None, json_schema_extra={"readOnly": True}
    )


class AddressBody(_Part):
    """A number, token or mailbox."""

    channel: Channel
    to: str = Field(examples=["+14155550123"])
    verified: bool | None = Field(None, description="Left out: true.")
    suspended_at: Moment | None = _told("Since when it is not used, for the provider refused it.")
    suspended_code: str | None = _told("The provider's own code for that.", "21211")
    opted_out_at: Moment | None = _told("When the person behind it said stop.")


class ChannelLists(_Part):
    """Channels by severity; an empty list means: do not tell me (not possible for critical)."""

    critical: list[Channel] | None = Field(None, min_length=1)
    major: list[Channel] | None = None
    minor: list[Channel] | None = None
    default: list[Channel] | None = None


class FamilyPreferences(ChannelLists):
    """What the family asks for."""

    services: dict[str, ChannelLists] | None = None
    holdings: Literal["all", "few"] | None = None


class CaregiverPreferences(FamilyPreferences):
    """What a caregiver asks for."""

    quiet_hours: str | None = Field(None, examples=["22:00-06:30", "none"])


class CaregiverBody(_Part):
    """A person of the family."""

    id: str
    name: str
    role: str = Field(examples=["parent"])
    order: int = Field(ge=1, le=1000)
    addresses: list[AddressBody] | None = None
    preferences: CaregiverPreferences | None = None
    locale: str | None = None
    time_zone: str | None = None
    on_duty: str | None = Field(None, examples=["mon-fri 08:00-15:00"])
    chosen: dict[Chosen, Moment] | None = _told(
        "What they chose on alertd's own page, and when: an import that is not newer leaves it as it is."
    )


class FamilyBody(_Part):
    """One household: its services, where it lives, and its caregivers in order."""

    id: str
    updated_at: Moment
    services: list[str] = Field(min_length=1)
    time_zone: str
    locale: str
    caregivers: list[CaregiverBody] = Field(min_length=1)
    region: str | None = None
    preferences: FamilyPreferences | None = None


EXAMPLE: dict[str, Any] = {
    "id": "fam-1001",
    "updated_at": "2026-11-01T00:00:00Z",
    "services": ["follow", "share"],
    "region": "us-west",
    "time_zone": "America/Los_Angeles",
    "locale": "en",
    "caregivers": [
        {
            "id": "mia",
            "name": "Mia",
            "role": "parent",
            "order": 1,
            "locale": "es",
            "addresses": [
                {"channel": "sms", "to": "+14155550123", "verified": True},
                {"channel": "email", "to": "mia@example.org"},
            ],
            "preferences": {
                "critical": ["sms"],
                "default": ["email"],
                "services": {"share": {"minor": []}},
                "holdings": "all",
                "quiet_hours": "22:00-06:30",
            },
        },
        {
            "id": "nurse",
            "name": "School nurse",
            "role": "nurse",
            "order": 3,
            "time_zone": "America/Denver",
            "on_duty": "mon-fri 08:00-15:00",
            "addresses": [{"channel": "sms", "to": "+13035550142"}],
        },
    ],
    "preferences": {"minor": ["email"]},
}
