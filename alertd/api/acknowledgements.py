"""A caregiver says "I know" in the app: what the link in a message does in a browser, as JSON (R9)."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from alertd.api.bodies import Body, body_of, takes
from alertd.api.errors import Denied, errors
from alertd.api.examples import KNOWN_BY_APP, answers
from alertd.api.parameters import refuse_undeclared
from alertd.api.served import Here
from alertd.domain.incident import State
from alertd.ports import Page
from alertd.usecases.acknowledge import Shown, answer
from alertd.usecases.follow_link import Expired, Forged

router = APIRouter(prefix="/v1/acknowledgements", tags=["acknowledgements"])

MOST_BYTES = 4 * 1024
"""Of a body that anybody may send; a link takes a tenth of it."""


class Acknowledge(BaseModel):
    """The one thing that the app got with the push, as it came."""

    model_config = ConfigDict(extra="forbid")

    acknowledge: str = Field(
        min_length=1,
        max_length=1000,
        description="`data.acknowledge` of the push message: the whole link, or what stands behind its last `/`.",
    )

    @property
    def token(self) -> str:
        """The signed part of a link."""
        return self.acknowledge.strip().rpartition("/")[2]


class AcknowledgedView(BaseModel):
    """How things stand after it."""

    incident: int = Field(description="The incident's number.")
    state: State
    result: Literal["thanks", "noted", "older", "over"] = Field(
        description="`thanks`: kept, and nobody is asked any more. `noted`: kept, and somebody else's answer is "
        "still waited for. `older`: kept, but it got worse or came back since, and a newer message asks again. "
        "`over`: there is nothing to acknowledge any more."
    )
    caregiver: str = Field(description="The name of whoever the message was sent to.")
    answered: list[str] = Field(description="Names of others of the family who know too, at most five.")
    next_by: datetime | None = Field(
        description="When they hear again if nothing happens: an acknowledgement ends nothing but the asking. "
        "null: nothing is promised to them, as when it is over."
    )
    title: str = Field(description="How things stand, in the reader's language.")

    @classmethod
    def of(cls, shown: Shown) -> "AcknowledgedView":
        """From the use case's answer."""
        return cls(
            incident=shown.incident.number,
            state=shown.incident.state,
            result=_RESULTS[shown.page],
            caregiver=shown.caregiver,
            answered=list(shown.answered),
            next_by=shown.next_by,
            title=shown.content.title,
        )


_RESULTS: dict[Page, Literal["thanks", "noted", "older", "over"]] = {
    Page.THANKS: "thanks",
    Page.NOTED: "noted",
    Page.OLDER: "older",
    Page.OVER: "over",
}
"""Whoever has just answered is asked no more: the other pages are for those who have not."""


@router.post(
    "",
    summary="Acknowledge in the app",
    responses=errors(400, 410, 413, 415) | answers(200, KNOWN_BY_APP),
    openapi_extra={
        **takes(Acknowledge, {"acknowledge": "https://alerts.example.org/a/AZrMKnwAfT6aUQwvXRt6EAjmXJRhVtvI"}),
        "security": [],
    },
)
async def acknowledge(
    request: Request, here: Here, body: Annotated[Body[Acknowledge], Depends(body_of(Acknowledge, MOST_BYTES))]
) -> AcknowledgedView:
    """For the app on a caregiver's phone, when they press "I know". No API key: the link is signed, and was sent
    to that phone alone. Sent again it changes nothing and is answered alike.

    It ends the asking for this family, where their role suffices, and nothing else: they go on hearing.
    """
    refuse_undeclared(request)
    try:
        return AcknowledgedView.of(await answer(here.deps, body.said.token))
    except Forged:
        message = "this is no link of ours; send data.acknowledge of the push message as it came"
        raise Denied(403, message, field="acknowledge") from None
    except Expired:
        raise Denied(410, "this link is no longer valid; there is nothing to acknowledge any more") from None
