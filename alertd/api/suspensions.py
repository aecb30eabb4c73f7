"""Lifting suspensions over HTTP: addresses that a provider had refused, and that a person says work."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.access import LiftsSuspensions, who
from alertd.api.bodies import Body, DryRun, IdempotencyKey, body_of, repeat_of, takes
from alertd.api.errors import errors
from alertd.api.examples import UNSUSPENDED, answers
from alertd.api.served import Here
from alertd.api.words import Moment
from alertd.domain.errors import Invalid
from alertd.ingest import addresses
from alertd.usecases.unsuspend import AllOf, One, unsuspend

router = APIRouter(tags=["families"])


class Unsuspend(BaseModel):
    """One address (`channel` and `to`), or all that were suspended with a code (`code` and `since`)."""

    model_config = ConfigDict(extra="forbid")

    channel: str | None = Field(None, max_length=40, examples=["sms"])
    to: str | None = Field(None, max_length=4096, description="A number, token or mailbox, as in a family.")
    code: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        pattern=r"^[\x20-\x7e]+$",
        description="The provider's, as `suspended_code` has it.",
        examples=["21211"],
    )
    since: Moment | None = Field(None, description="Only what was suspended from this moment on.")

    def which(self) -> One | AllOf:
        """For the use case. Raises Invalid, which never quotes the address."""
        if self.to is not None:
            for field in ("code", "since"):
                if getattr(self, field) is not None:
                    raise Invalid("says which addresses, and `to` names one; leave one of them out", field=field)
            if self.channel is None:
                raise Invalid("is missing: over which channel the address is, like sms", field="channel")
            try:
                return One(self.channel, addresses.normalise(self.channel, self.to))
            except Invalid as error:
                raise Invalid(error.message, field="to") from None
        if self.code is None:
            raise Invalid(
                "is missing: name one address, or the code of all that are meant",
                field="code" if self.since else "to",
            )
        if self.since is None:
            raise Invalid("is missing: from when on the provider was wrong", field="since")
        return AllOf(self.code, self.since, self.channel)


class UnsuspendedView(BaseModel):
    """How many suspensions were lifted."""

    addresses: int = Field(description="That were suspended; 0: nothing was done.")
    opted_out: int = Field(description="Of these: said stop as well, and are not used until they take it back.")
    families: int = Field(description="Who have one and are told of an outage: what they lack is told at once.")
    dry_run: bool


@router.post(
    "/v1/families:unsuspend",
    responses=errors(400, 404, 409, 413, 415) | answers(200, UNSUSPENDED),
    openapi_extra=takes(
        Unsuspend,
        {"channel": "sms", "to": "+14155550123"},
        {"channel": "sms", "code": "21211", "since": "2026-11-01T14:00:00Z"},
    ),
)
async def lift(
    key: LiftsSuspensions,
    here: Here,
    request: Request,
    body: Annotated[Body[Unsuspend], Depends(body_of(Unsuspend))],
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> UnsuspendedView:
    """Use addresses again that a provider had refused for good, and was wrong. An opt-out stays.

    409 for one address that is not suspended.
    """
    repeat = None if dry_run else repeat_of(key, idempotency_key, request, body.raw)
    done = await unsuspend(here.deps, body.said.which(), who=who(key), dry_run=dry_run, repeat=repeat)
    return UnsuspendedView(
        addresses=done.addresses, opted_out=done.opted_out, families=done.families, dry_run=dry_run
    )
