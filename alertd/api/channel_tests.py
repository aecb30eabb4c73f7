"""Trying a channel over HTTP: begin a test, and look what became of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.access import ReadsIncidents, WritesIncidents, who
from alertd.api.bodies import Body, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.errors import errors
from alertd.api.examples import CHANNEL_TEST, CHANNEL_TEST_BEGUN, answers
from alertd.api.served import Here
from alertd.domain.errors import Invalid
from alertd.ingest import addresses, shapes
from alertd.usecases.try_channel import Standing, Trial, look, try_channel

router = APIRouter(prefix="/v1/channel-tests", tags=["channels"])


class ChannelTest(BaseModel):
    """To whom one message is to go, marked as a test."""

    model_config = ConfigDict(extra="forbid")

    channel: str = Field(max_length=40, examples=["sms"])
    to: str = Field(max_length=4096, description="A number, token or mailbox, as in a family.")
    locale: str = Field("en", max_length=20, description="The language of the test.")
    time_zone: str = Field("UTC", max_length=60, description="The zone of times in it.")
    service: str | None = Field(
        None, max_length=128, description="The service that it says is not down; left out: the first declared one."
    )

    def trial(self) -> Trial:
        """For the use case. Raises Invalid, which never quotes the address."""
        return Trial(
            channel=self.channel,
            to=_placed("to", lambda: addresses.normalise(self.channel, self.to)),
            locale=_placed("locale", lambda: shapes.locale(self.locale)),
            zone=_placed("time_zone", lambda: shapes.time_zone(self.time_zone)),
            service=self.service,
        )


class ChannelTestBegun(BaseModel):
    """A test that workers may take now."""

    id: UUID = Field(description="Look at it for an hour: `GET /v1/channel-tests/{id}`.")


class FailedTryView(BaseModel):
    """A try that was not simply accepted."""

    attempt: int
    after: float = Field(description="Seconds since the test began.")
    outcome: str
    code: str | None


class ChannelTestView(BaseModel):
    """How a test stands."""

    id: UUID
    channel: str
    to: str = Field(examples=["+1***0123"])
    state: str = Field(description="Of its delivery, as of any other.")
    seconds: float = Field(description="Since it began, now.")
    accepted_after: float | None = Field(description="Seconds until its provider took it.")
    over: bool = Field(description="Nothing more is to be learnt.")
    reports: bool = Field(description="Its provider says later whether it arrived.")
    code: str | None = Field(description="The provider's last word, or ours.")
    means: str | None = Field(description="What that code means.")
    way_out: str | None = Field(description="What to do, where something is wrong.")
    failed: list[FailedTryView]

    @classmethod
    def of(cls, found: Standing, rate: float) -> "ChannelTestView":
        """From the use case's answer; `rate`: story seconds per real second."""
        row = found.row

        def after(moment: datetime) -> float:
            return round((moment - row.planned_at).total_seconds() / rate, 3)

        return cls(
            id=row.id,
            channel=row.channel,
            to=row.to,
            state=row.state.value,
            seconds=round(found.seconds, 3),
            accepted_after=after(row.accepted_at) if row.accepted_at is not None else None,
            over=found.over,
            reports=found.reports,
            code=row.code,
            means=found.means,
            way_out=found.way_out,
            failed=[
                FailedTryView(attempt=number, after=after(at), outcome=outcome, code=code)
                for number, at, outcome, code in row.failed
            ],
        )


@router.post(
    "",
    status_code=202,
    summary="Test a channel",
    responses=errors(400, 409, 413, 415) | answers(202, CHANNEL_TEST_BEGUN),
    openapi_extra=takes(ChannelTest, {"channel": "sms", "to": "+14155550123", "locale": "es"}),
)
async def begin(
    key: WritesIncidents,
    here: Here,
    request: Request,
    body: Annotated[Body[ChannelTest], Depends(body_of(ChannelTest))],
    idempotency_key: IdempotencyKey = None,
) -> ChannelTestBegun:
    """Send one real message to one address, marked as a test, by the way that families' messages go.

    No family is told, no clock moves, and nobody is paged if it fails. An address that has opted out or is
    suspended is refused (409).
    """
    repeat = repeat_of(key, idempotency_key, request, body.raw)
    begun = await try_channel(here.deps, body.said.trial(), who=who(key), repeat=repeat)
    return ChannelTestBegun(id=begun.id)


@router.get("/{test}", summary="What became of a test", responses=errors(404) | answers(200, CHANNEL_TEST))
async def standing(test: UUID, _key: ReadsIncidents, here: Here) -> ChannelTestView:
    """For an hour after it began; then it is forgotten, and the address with it unless a family has it."""
    return ChannelTestView.of(await look(here.deps, test), here.deps.clock.rate)


def _placed(field: str, read: Callable[[], str]) -> str:
    try:
        return read()
    except Invalid as error:
        raise Invalid(error.message, field=field) from None
