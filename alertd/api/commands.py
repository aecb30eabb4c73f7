"""What people and programs may say about incidents: the bodies of commands."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alertd.api.words import Duration, Moment, Place, Texts
from alertd.domain.incident import Reach, Severity, State
from alertd.usecases.open_incident import Opening
from alertd.usecases.publish import News

_LINES = "Phrase keys (sensor_works, check_by_hand, ...) or free text, at most five."


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OpenIncident(_Command):
    """An outage that families are to be told of now."""

    services: list[Place] = Field(min_length=1, max_length=50)
    regions: list[str] = Field([], max_length=100, description="For services that name none; none: everywhere.")
    severity: Severity
    title: str
    message: Texts = {}
    works: list[str] = Field([], description=f"What still works. {_LINES}")
    do: list[str] | None = Field(
        None, description=f"What families should do now; left out at critical: check by hand. {_LINES}"
    )
    next_in: Duration | None = Field(None, description="Promise the next update within this time.")
    next_by: Moment | None = Field(None, description="Promise the next update by this moment.")
    since: Moment | None = Field(None, description="When it began, if earlier than now; at most 30 days ago.")
    exercise: bool = Field(
        False, description="true: a test. Every text says so, nobody is woken, and families hear again at its end."
    )

    def opening(self) -> Opening:
        """For the use case."""
        return Opening(
            reaches=tuple(place.reach(self.regions) for place in self.services),
            severity=self.severity,
            title=self.title,
            message=self.message,
            works=tuple(self.works),
            do=tuple(self.do) if self.do is not None else None,
            next_by=self.next_by,
            next_in=self.next_in,
            since=self.since,
            exercise=self.exercise,
            regions=tuple(self.regions),
        )


class PublishUpdate(_Command):
    """News about an open incident; what is left out stays as it is."""

    message: Texts = {}
    title: str | None = None
    state: Literal["investigating", "identified", "monitoring"] | None = Field(
        None, description="To end an incident, resolve or cancel it."
    )
    severity: Severity | None = None
    add_scope: list[Place] = Field([], max_length=50)
    remove_scope: list[Place] = Field([], max_length=50)
    works: list[str] | None = Field(None, description=f"What still works; [] for nothing. {_LINES}")
    do: list[str] | None = Field(None, description=f"What families should do now; [] for nothing. {_LINES}")
    next_in: Duration | None = Field(None, description="Promise the next update within this time.")
    next_by: Moment | None = Field(None, description="Promise the next update by this moment.")
    corrects: int | None = Field(None, description="The number, as readers saw it, of the update that was wrong.")
    notify: bool = Field(
        True,
        description="false: for the record only. Nobody is told, and neither severity, scope nor state changes.",
    )

    def news(self) -> News:
        """For the use case."""
        return News(
            message=self.message,
            title=self.title,
            state=State(self.state) if self.state else None,
            severity=self.severity,
            add_scope=_reaches(self.add_scope),
            remove_scope=_reaches(self.remove_scope),
            works=tuple(self.works) if self.works is not None else None,
            do=tuple(self.do) if self.do is not None else None,
            next_by=self.next_by,
            next_in=self.next_in,
            corrects=self.corrects,
            notify=self.notify,
        )


class EndIncident(_Command):
    """The last word about an incident; the message may be left out."""

    message: Texts = {}

    def news(self, state: State) -> News:
        """For the use case."""
        return News(message=self.message, state=state)


class ResolveIncident(EndIncident):
    """The last word about an outage, and by when families hear what happened; both may be left out."""

    postmortem_by: Moment | None = Field(
        None,
        description="Promise those who are told the end to tell them by this moment what happened; "
        "at most 30 days from now.",
    )

    def resolution(self) -> News:
        """For the use case."""
        return News(message=self.message, state=State.RESOLVED, postmortem_by=self.postmortem_by)


class PublishPostmortem(_Command):
    """What happened in an outage that is over, and what you change."""

    message: Texts


class RecallUpdate(_Command):
    """The newest update was wrong: what has not left does not leave any more."""

    update: int | None = Field(
        None, description="The number, as readers see it, that is meant; if another is the newest: 409."
    )


class ReopenIncident(_Command):
    """It came back within 24 hours of its end; what is left out is as it was at the end."""

    message: Texts = {}
    severity: Severity | None = None
    works: list[str] | None = Field(None, description=f"What still works; [] for nothing. {_LINES}")
    do: list[str] | None = Field(None, description=f"What families should do now; [] for nothing. {_LINES}")
    next_in: Duration | None = Field(None, description="Promise the next update within this time.")
    next_by: Moment | None = Field(None, description="Promise the next update by this moment.")
    since: Moment | None = Field(None, description="When it came back, if earlier than now.")

    def news(self) -> News:
        """For the use case."""
        return News(
            message=self.message,
            state=State.INVESTIGATING,
            severity=self.severity,
            works=tuple(self.works) if self.works is not None else None,
            do=tuple(self.do) if self.do is not None else None,
            next_by=self.next_by,
            next_in=self.next_in,
            reopens=True,
            since=self.since,
        )


def _reaches(places: list[Place]) -> tuple[Reach, ...]:
    return tuple(place.reach([]) for place in places)


OPEN_EXAMPLES: tuple[dict[str, Any], ...] = (
    {
        "services": ["follow"],
        "severity": "critical",
        "title": "Follow is down",
        "message": {
            "en": "Followers get no readings and no alarms.",
            "es": "Los seguidores no reciben lecturas ni alarmas.",
        },
        "works": ["sensor_works"],
        "do": ["check_by_hand", "do_not_reinstall"],
        "next_in": "30m",
    },
    {
        "services": ["follow", {"service": "login", "regions": ["us-west"]}],
        "regions": ["us"],
        "severity": "major",
        "title": "Readings arrive late",
        "since": "2026-11-01T07:40:00Z",
    },
)
UPDATE_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"message": "Servers are overloaded; we are adding more.", "state": "identified", "next_in": "1h"},
    {"message": "Log-in fails too.", "add_scope": [{"service": "login", "regions": ["us"]}]},
)
REOPEN_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"message": "Readings stopped again at 10:50 PM.", "next_in": "30m"},
    {"severity": "major", "since": "2026-11-02T06:50:00Z"},
)
END_EXAMPLES: tuple[dict[str, Any], ...] = ({"message": "Readings arrive again."}, {})
RESOLVE_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"message": "Readings arrive again.", "postmortem_by": "2026-11-06T17:00:00-08:00"},
    {},
)
POSTMORTEM_EXAMPLES: tuple[dict[str, Any], ...] = (
    {
        "message": {
            "en": "A queue filled up and our servers stopped. We now watch it.",
            "es": "Una cola se llenó y nuestros servidores pararon. Ahora la vigilamos.",
        }
    },
)
RECALL_EXAMPLES: tuple[dict[str, Any], ...] = ({"update": 1}, {})
