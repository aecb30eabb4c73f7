"""The report of an incident over HTTP: what families were promised, and what became of it."""

from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field

from alertd.api.access import ReadsIncidents
from alertd.api.errors import errors
from alertd.api.examples import REPORT, answers
from alertd.api.find import find
from alertd.api.reach import Limit, UnansweredView
from alertd.api.served import Here
from alertd.api.views import IncidentView
from alertd.domain.promises import Kept
from alertd.domain.watch import LadderState
from alertd.records import Notices, Silences
from alertd.usecases.report import IncidentReport
from alertd.usecases.report import report as report_on

router = APIRouter(tags=["incidents"])


class NoticesView(BaseModel):
    """How soon families first heard of it, against `first_notice` of the policy."""

    families: int = Field(description="That it touches, or has touched.")
    told: int
    in_time: int = Field(description="Within `first_notice` of when it began to touch them.")
    slept: int = Field(description="Told later, as nobody in the family could be told before.")
    late: int = Field(description="Told too late, whatever for.")
    longest: float | None = Field(description="Seconds until the last of those who did not sleep was told.")

    @classmethod
    def of(cls, found: Notices) -> "NoticesView":
        """From the store's."""
        return cls(
            families=found.families,
            told=found.told,
            in_time=found.in_time,
            slept=found.slept,
            late=found.late,
            longest=_seconds(found.longest),
        )


class SilencesView(BaseModel):
    """How long families went without hearing anything new."""

    longest: float | None = Field(description="Seconds, where somebody could be told; null: nobody heard twice.")
    longest_at_night: float | None = Field(description="Seconds, where nobody could be told, as was said before.")
    late: int = Field(description="Families that once heard more than 10 s later than they had been told.")
    latest: float | None = Field(description="Seconds later, at most.")

    @classmethod
    def of(cls, found: Silences) -> "SilencesView":
        """From the store's."""
        return cls(
            longest=_seconds(found.longest),
            longest_at_night=_seconds(found.longest_at_night),
            late=found.late,
            latest=_seconds(found.latest),
        )


class PromiseView(BaseModel):
    """One "next update by T", or "what happened by T", and its fate."""

    made_at: datetime
    update: int = Field(description="The update that made it.")
    human_number: int | None = Field(description="The same, as readers see it.")
    source: str | None = Field(description="The machine that made it; none: a person.")
    what: str = Field(
        description="update, or postmortem: promised with the end, to tell those who were told it what happened.",
        examples=["update"],
    )
    due: datetime
    fate: str = Field(
        description="open, kept_by_human, kept_by_machine, kept_by_holding; deferred: nobody could be told at its "
        "time; missed: nothing was written in time, or nobody was told of it who could be; of a postmortem also "
        "withdrawn: it came back first.",
        examples=["kept_by_human"],
    )
    kept_at: datetime | None
    kept_by: int | None = Field(description="The update that kept it.")
    kept_by_number: int | None = Field(description="The same, as readers see it; none: not a person's.")
    late: int = Field(description="Families that could be told by its time, and were not.")
    cause: str | None = Field(
        description="Why families were not told by its time: own_downtime, provider, rates or nobody_published.",
    )
    share: float | None = Field(
        description="Of the families that could be told by its time, how many were; 0 to 1."
    )
    families: dict[str, int] = Field(
        description="Families by how they stood at its time: told; not told: tried (a provider did not take it), "
        "waiting (for its turn), unplanned; deferred (told a later time before), untellable, unaware (nothing was "
        "due to them yet). `heard`: of all these, who had heard anything since it was made."
    )

    @classmethod
    def of(cls, kept: Kept) -> "PromiseView":
        """From the ledger's."""
        made, keeper, told = kept.promise.made_by, kept.promise.kept_by, kept.telling
        return cls(
            made_at=made.at,
            update=made.number,
            human_number=made.human_number,
            source=made.source,
            what="postmortem" if kept.promise.explains else "update",
            due=kept.promise.due,
            fate=kept.fate.value,
            kept_at=keeper.at if keeper is not None else None,
            kept_by=keeper.number if keeper is not None else None,
            kept_by_number=keeper.human_number if keeper is not None else None,
            late=kept.untold,
            cause=kept.cause.value if kept.cause is not None else None,
            share=kept.share,
            families={
                "told": told.told,
                "tried": told.tried,
                "waiting": told.waiting,
                "unplanned": told.unplanned,
                "deferred": told.deferred,
                "untellable": told.untellable,
                "unaware": told.unaware,
                "heard": told.heard,
            },
        )


class DowntimeView(BaseModel):
    """A stretch in which no sweep of ours ran."""

    began_at: datetime
    ended_at: datetime


class ReportView(BaseModel):
    """How families fared in one incident."""

    at: datetime = Field(description="When it was counted.")
    incident: IncidentView
    first_notices: NoticesView
    silences: SilencesView
    promises: list[PromiseView]
    channels: dict[str, dict[str, int]] = Field(description="Messages by channel and state.")
    heard: int = Field(description="Families for whom a provider took a message.")
    ladders: dict[str, int] = Field(description="Families by where the ladder of this epoch stands for them.")
    unreachable: list[UnansweredView] = Field(description="Nothing loud was accepted for them.")
    unanswered: list[UnansweredView] = Field(description="It was accepted, and nobody has answered.")
    resting: dict[str, int] = Field(description="Families that are owed nothing now, by the reason.")
    downtimes: list[DowntimeView] = Field(description="Our own, while it was open.")

    @classmethod
    def of(cls, found: IncidentReport, incident: IncidentView) -> "ReportView":
        """From the use case's."""
        return cls(
            at=found.at,
            incident=incident,
            first_notices=NoticesView.of(found.notices),
            silences=SilencesView.of(found.silences),
            promises=[PromiseView.of(each) for each in found.promises],
            channels={channel: dict(states) for channel, states in found.progress.deliveries.items()},
            heard=found.reach.heard,
            ladders={state.value: found.reach.ladders.get(state, 0) for state in LadderState},
            unreachable=[UnansweredView.of(each) for each in found.reach.unreachable],
            unanswered=[UnansweredView.of(each) for each in found.reach.unanswered],
            resting=dict(found.progress.resting),
            downtimes=[DowntimeView(began_at=each.began_at, ended_at=each.ended_at) for each in found.downtimes],
        )


@router.get("/v1/incidents/{incident}/report", responses=errors(404) | answers(200, REPORT))
async def report(incident: str, _key: ReadsIncidents, here: Here, limit: Limit = 100) -> ReportView:
    """First notices, silences, every promise and its fate, and whom nobody reached; as things stand now."""
    async with here.deps.store.reading() as rows:
        found = await find(rows, incident)
        counted = await report_on(here.deps, rows, found, limit=limit)
    return ReportView.of(counted, IncidentView.of(found, counted.at))


def _seconds(length: timedelta | None) -> float | None:
    return length.total_seconds() if length is not None else None
