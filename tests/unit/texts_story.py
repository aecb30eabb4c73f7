"""Sayings of the weekend of 2019, for the tests of the texts: each test names only what it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alertd.domain.delivery import Ask, Change, Framing, Reader
from alertd.domain.incident import Facts, Kind, Reach, Scope, Severity, State, Update
from alertd.ports import Page, Saying
from alertd.texts import Composer, load

TEMPLATES = Path(__file__).parents[2] / "config" / "templates"
NAMES: Mapping[str, Mapping[str, str]] = {
    "follow": {"en": "Follow", "es": "Seguimiento"},
    "share": {"en": "Share", "es": "Compartir"},
    "login": {"en": "Log-in", "es": "Inicio de sesión"},
}
ADVICE = ("check_by_hand", "do_not_reinstall")
ZONES = {"en": "America/Los_Angeles", "es": "America/Chicago"}
PACIFIC = ZoneInfo("America/Los_Angeles")


def pacific(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """A wall time of 2019 on the West Coast, in UTC."""
    return datetime(2019, month, day, hour, minute, tzinfo=PACIFIC).astimezone(UTC)


LINK = "https://alerts.example.org/a/AZM7Xn0afD6KS1tsfY6fAHkR0sVqT3Zb"
SINCE = pacific(29, 23, 40)
SATURDAY = pacific(30, 14, 5)


def refuse(failure: str) -> None:
    """Texts that must not fail. (An AssertionError would be caught: nobody who listens may stop a message.)"""
    pytest.fail(f"a text failed: {failure}")


def composer(names: Mapping[str, Mapping[str, str]] = NAMES) -> Composer:
    """The templates that are shipped; a failing one fails the test."""
    return load(TEMPLATES, names, refuse)


def saying(
    framing: Framing = Framing.NOTICE,
    *,
    channel: str = "sms",
    locale: str = "en",
    zone: str | None = None,
    kind: Kind = Kind.PROGRESS,
    severity: Severity = Severity.CRITICAL,
    state: State = State.INVESTIGATING,
    services: tuple[str, ...] = ("follow", "share"),
    by_list: bool = False,
    since: datetime = SINCE,
    works: tuple[str, ...] = ("sensor_works",),
    do: tuple[str, ...] = ADVICE,
    message: Mapping[str, str] | None = None,
    last_news_at: datetime | None = None,
    now: datetime = SATURDAY,
    hears_in: timedelta | None = timedelta(minutes=30),
    quiet: bool = False,
    end_wakes: bool = False,
    change: Change = Change.NONE,
    missed: int = 0,
    touched_at: datetime | None = None,
    ended_at: datetime | None = None,
    number: int | None = 4,
    references: int | None = None,
    asks: Ask = Ask.NONE,
    late: bool = False,
    replies: bool = False,
    page: Page | None = None,
    answered: tuple[str, ...] = (),
    promise: datetime | None = None,
    elsewhere: tuple[str, ...] = (),
    elsewhere_worst: Severity = Severity.CRITICAL,
) -> Saying:
    """A saying of Saturday afternoon, unless something else is said."""
    facts = Facts(
        title="Follow is down",
        severity=severity,
        state=state,
        scope=Scope(tuple(map(Reach, services))),
        since=since,
        works=works,
        do=do,
        message=message or {},
        last_news_at=last_news_at,
    )
    hears_by = None if hears_in is None else now + hears_in
    reader = Reader(
        "",
        locale,
        zone or ZONES[locale],
        services,
        hears_by,
        quiet,
        missed,
        touched_at,
        end_wakes,
        change,
        asks,
        late=late,
        by_list=by_list,
    )
    update = Update(9, kind, now, facts, promise=promise, human_number=number)
    return Saying(
        channel,
        framing,
        update,
        number,
        references,
        reader,
        now,
        ended_at,
        link=LINK if asks else "",
        replies=replies,
        page=page,
        answered=answered,
        elsewhere=elsewhere,
        elsewhere_worst=elsewhere_worst,
    )


@dataclass(frozen=True, slots=True)
class Case:
    """One moment of the story, for readers of every language."""

    name: str
    saying: Saying

    def told(self, channel: str, locale: str) -> Saying:
        """The same for a channel and a language."""
        reader = replace(self.saying.reader, locale=locale, zone=ZONES[locale])
        return replace(self.saying, channel=channel, reader=reader)


_AWARE = {
    "en": "We are aware of an issue and our teams are working on it around the clock.",
    "es": "Hemos detectado un problema y nuestros equipos trabajan en él sin descanso.",
}
_CAUSE = {
    "en": "Our servers are overloaded. We are adding more; readings will return bit by bit tonight.",
    "es": "Nuestros servidores están saturados. Añadimos más; las lecturas volverán poco a poco esta noche.",
}
_BACK = {
    "en": "All servers are running again, and we will watch them closely this week.",
    "es": "Todos los servidores funcionan de nuevo y los vigilaremos de cerca esta semana.",
}
_WHY = {
    "en": "Our servers ran out of memory when a queue between them filled up, and restarting them made it worse. "
    "We have doubled the servers, we now watch that queue, and we text you within ten minutes if it happens again.",
    "es": "Los servidores se quedaron sin memoria al llenarse una cola entre ellos, y reiniciarlos lo empeoró. "
    "Hemos doblado los servidores, vigilamos esa cola y le avisaremos en diez minutos si vuelve a ocurrir.",
}
_NIGHT = pacific(30, 3, 10)
_MORNING = pacific(30, 6, 30)
_MONDAY = pacific(2, 19, 0, month=12)

_RESOLVED = saying(
    Framing.RESOLUTION,
    kind=Kind.RESOLUTION,
    state=State.RESOLVED,
    now=_MONDAY,
    ended_at=_MONDAY,
    message=_BACK,
    hears_in=None,
)

CASES = (
    Case("notice", saying(now=SINCE + timedelta(minutes=15), kind=Kind.NOTICE, message=_AWARE)),
    Case(
        "notice_asks",
        saying(now=SINCE + timedelta(minutes=15), kind=Kind.NOTICE, message=_AWARE, asks=Ask.ANSWER),
    ),
    Case(
        "holding_reminds",
        saying(
            Framing.HOLDING,
            now=SINCE + timedelta(minutes=25),
            kind=Kind.NOTICE,
            message=_AWARE,
            last_news_at=SINCE + timedelta(minutes=15),
            asks=Ask.REMIND,
        ),
    ),
    Case("notice_major", saying(severity=Severity.MAJOR, services=("share",), do=(), message=_AWARE)),
    Case("notice_minor", saying(severity=Severity.MINOR, services=("login",), works=(), do=("do_not_reinstall",))),
    Case(
        "notice_suspected",
        saying(
            now=SINCE + timedelta(minutes=6),
            kind=Kind.NOTICE,
            state=State.SUSPECTED,
            services=("follow",),
            message={"en": "follow-fanout p99 > 4s"},
        ),
    ),
    Case(
        "notice_quiet",
        saying(now=SINCE + timedelta(minutes=20), quiet=True, end_wakes=True, hears_in=timedelta(hours=6.5)),
    ),
    Case(
        "notice_quiet_words",
        saying(
            now=SINCE + timedelta(minutes=20),
            quiet=True,
            end_wakes=True,
            hears_in=timedelta(hours=6.5),
            message=_CAUSE,
        ),
    ),
    Case(
        "notice_evening",
        saying(
            now=SINCE + timedelta(minutes=20), severity=Severity.MAJOR, quiet=True, hears_in=timedelta(hours=6.5)
        ),
    ),
    Case("notice_late", saying(Framing.NOTICE, kind=Kind.PROGRESS, state=State.IDENTIFIED, message=_CAUSE)),
    Case("update", saying(Framing.UPDATE, state=State.IDENTIFIED, message=_CAUSE)),
    Case("update_no_words", saying(Framing.UPDATE, state=State.IDENTIFIED)),
    Case("update_one_service", saying(Framing.UPDATE, services=("follow",), message=_AWARE)),
    Case(
        "update_scope",
        saying(
            Framing.UPDATE,
            kind=Kind.SCOPE,
            services=("follow", "share", "login"),
            message=_AWARE,
            change=Change.SCOPE,
        ),
    ),
    Case("update_scope_of_others", saying(Framing.UPDATE, kind=Kind.SCOPE, services=("follow",), message=_AWARE)),
    Case("update_worse", saying(Framing.UPDATE, kind=Kind.SEVERITY, message=_AWARE, change=Change.WORSE)),
    Case(
        "update_milder",
        saying(Framing.UPDATE, kind=Kind.SEVERITY, severity=Severity.MAJOR, change=Change.BETTER),
    ),
    Case(
        "update_better",
        saying(Framing.UPDATE, kind=Kind.SEVERITY, severity=Severity.MINOR, do=(), change=Change.BETTER),
    ),
    Case(
        "update_correction",
        saying(
            Framing.UPDATE,
            kind=Kind.CORRECTION,
            number=5,
            references=3,
            message={
                "en": "We said log-in works. That was wrong: many of you cannot log in.",
                "es": "Dijimos que el inicio de sesión funciona. No era cierto: muchos no pueden entrar.",
            },
            services=("follow", "login"),
        ),
    ),
    Case("update_monitoring", saying(Framing.UPDATE, state=State.MONITORING, message=_BACK)),
    Case("update_reopened", saying(Framing.UPDATE, kind=Kind.REOPENING, number=9, now=pacific(3, 9, month=12))),
    Case(
        "update_untranslated",
        saying(Framing.UPDATE, state=State.IDENTIFIED, message={"en": "Our servers are overloaded."}),
    ),
    Case("update_exercise", saying(Framing.UPDATE, kind=Kind.EXERCISE, message=_AWARE)),
    Case(
        "holding_recalled",
        saying(
            Framing.HOLDING, kind=Kind.RECALL, references=3, last_news_at=pacific(30, 12, 29), now=pacific(30, 15)
        ),
    ),
    Case(
        "holding",
        saying(Framing.HOLDING, kind=Kind.HOLDING, last_news_at=pacific(30, 12, 29), now=pacific(30, 15)),
    ),
    Case(
        "holding_night",
        saying(
            Framing.HOLDING,
            kind=Kind.HOLDING,
            last_news_at=SINCE + timedelta(minutes=15),
            now=_NIGHT,
            quiet=True,
            end_wakes=True,
            hears_in=_MORNING - _NIGHT,
        ),
    ),
    Case("holding_never", saying(Framing.HOLDING, kind=Kind.HOLDING, state=State.SUSPECTED, services=("follow",))),
    Case(
        "notice_after_our_downtime",
        saying(now=SINCE + timedelta(hours=2), kind=Kind.NOTICE, message=_AWARE, asks=Ask.ANSWER, late=True),
    ),
    Case("update_after_our_downtime", saying(Framing.UPDATE, state=State.IDENTIFIED, message=_CAUSE, late=True)),
    Case(
        "holding_after_our_downtime",
        saying(
            Framing.HOLDING, kind=Kind.HOLDING, last_news_at=pacific(30, 12, 29), now=pacific(30, 15), late=True
        ),
    ),
    Case("wake_up", saying(Framing.WAKE_UP, now=_MORNING, missed=3, state=State.IDENTIFIED, message=_CAUSE)),
    Case("wake_up_one", saying(Framing.WAKE_UP, now=_MORNING, missed=1, services=("follow",))),
    Case("resolution", _RESOLVED),
    Case(
        "resolution_with_a_promise",
        saying(
            Framing.RESOLUTION,
            kind=Kind.RESOLUTION,
            state=State.RESOLVED,
            now=_MONDAY,
            ended_at=_MONDAY,
            message=_BACK,
            hears_in=None,
            promise=pacific(6, 17, 0, month=12),
        ),
    ),
    Case(
        "postmortem",
        saying(
            Framing.POSTMORTEM,
            kind=Kind.POSTMORTEM,
            state=State.RESOLVED,
            now=pacific(13, 16, 0, month=12),
            ended_at=_MONDAY,
            message=_WHY,
            hears_in=None,
        ),
    ),
    Case(
        "cancellation",
        saying(
            Framing.CANCELLATION,
            kind=Kind.CANCELLATION,
            state=State.CANCELLED,
            message={"en": "A monitor of ours had failed.", "es": "Había fallado uno de nuestros controles."},
            ended_at=SATURDAY,
            hears_in=None,
        ),
    ),
    Case(
        "cancellation_of_a_relapse",
        saying(
            Framing.CANCELLATION,
            kind=Kind.CANCELLATION,
            state=State.CANCELLED,
            change=Change.AGAIN,
            message={"en": "A monitor of ours had failed.", "es": "Había fallado uno de nuestros controles."},
            ended_at=SATURDAY,
            hears_in=None,
        ),
    ),
    Case(
        "was_down",
        saying(
            Framing.WAS_DOWN,
            kind=Kind.RESOLUTION,
            state=State.RESOLVED,
            services=("follow",),
            touched_at=pacific(30, 1, 10),
            ended_at=pacific(30, 4, 20),
            now=_MORNING,
            hears_in=None,
            message=_BACK,
        ),
    ),
    Case(
        "was_down_false_alarm",
        saying(
            Framing.WAS_DOWN,
            kind=Kind.CANCELLATION,
            state=State.CANCELLED,
            services=("follow",),
            touched_at=pacific(29, 23, 40),
            ended_at=pacific(30, 0, 20),
            now=_MORNING,
            hears_in=None,
        ),
    ),
    Case("not_affected", saying(Framing.NOT_AFFECTED, kind=Kind.SCOPE, services=("share",), hears_in=None)),
    Case("not_affected_by_our_list", saying(Framing.NOT_AFFECTED, by_list=True, hears_in=None)),
    Case("resolution_while_another_goes_on", replace(_RESOLVED, elsewhere=("follow", "share"))),
    Case("resolution_while_one_of_two_fails", replace(_RESOLVED, elsewhere=("follow",))),
    Case(
        "resolution_while_a_small_problem_goes_on",
        replace(_RESOLVED, elsewhere=("follow", "share"), elsewhere_worst=Severity.MINOR),
    ),
    Case(
        "was_down_while_another_goes_on",
        saying(
            Framing.WAS_DOWN,
            kind=Kind.RESOLUTION,
            state=State.RESOLVED,
            services=("follow",),
            touched_at=pacific(30, 1, 10),
            ended_at=pacific(30, 4, 20),
            now=_MORNING,
            hears_in=None,
            message=_BACK,
            elsewhere=("follow",),
        ),
    ),
    Case(
        "cancellation_while_another_goes_on",
        saying(
            Framing.CANCELLATION,
            kind=Kind.CANCELLATION,
            state=State.CANCELLED,
            ended_at=SATURDAY,
            hears_in=None,
            elsewhere=("follow", "share"),
        ),
    ),
    Case(
        "cancellation_while_one_of_two_fails",
        saying(
            Framing.CANCELLATION,
            kind=Kind.CANCELLATION,
            state=State.CANCELLED,
            ended_at=SATURDAY,
            hears_in=None,
            elsewhere=("follow",),
        ),
    ),
    Case(
        "was_down_false_alarm_while_another_goes_on",
        saying(
            Framing.WAS_DOWN,
            kind=Kind.CANCELLATION,
            state=State.CANCELLED,
            services=("follow",),
            touched_at=pacific(29, 23, 40),
            ended_at=pacific(30, 0, 20),
            now=_MORNING,
            hears_in=None,
            elsewhere=("follow",),
        ),
    ),
    Case(
        "postmortem_while_another_goes_on",
        saying(
            Framing.POSTMORTEM,
            kind=Kind.POSTMORTEM,
            state=State.RESOLVED,
            now=pacific(13, 16, 0, month=12),
            ended_at=_MONDAY,
            message=_WHY,
            hears_in=None,
            elsewhere=("share",),
        ),
    ),
    Case(
        "not_affected_by_one_of_two",
        saying(Framing.NOT_AFFECTED, kind=Kind.SCOPE, services=("share",), hears_in=None, elsewhere=("share",)),
    ),
    Case(
        "exercise_while_another_goes_on",
        replace(
            saying(kind=Kind.EXERCISE, message=_AWARE, hears_in=None, services=("follow",), elsewhere=("follow",)),
            exercise=True,
        ),
    ),
    Case(
        "exercise_over_while_another_goes_on",
        replace(_RESOLVED, exercise=True, elsewhere=("share",)),
    ),
)

PAGES = (
    Case("page_ask", saying(now=SINCE + timedelta(minutes=16), kind=Kind.NOTICE, message=_AWARE, page=Page.ASK)),
    Case(
        "page_ask_no_more",
        saying(now=SINCE + timedelta(minutes=16), kind=Kind.NOTICE, message=_AWARE, page=Page.ASK_NO_MORE),
    ),
    Case(
        "page_noted",
        saying(
            now=SINCE + timedelta(minutes=16), kind=Kind.NOTICE, page=Page.NOTED, answered=("Ana", "School nurse")
        ),
    ),
    Case("page_thanks", saying(state=State.IDENTIFIED, message=_CAUSE, page=Page.THANKS)),
    Case("page_older", saying(severity=Severity.CRITICAL, page=Page.OLDER)),
    Case(
        "page_over",
        saying(
            Framing.RESOLUTION,
            kind=Kind.RESOLUTION,
            state=State.RESOLVED,
            now=_MONDAY,
            ended_at=_MONDAY,
            hears_in=None,
            page=Page.OVER,
        ),
    ),
    Case(
        "page_over_while_another_goes_on",
        saying(
            Framing.RESOLUTION,
            kind=Kind.RESOLUTION,
            state=State.RESOLVED,
            now=_MONDAY,
            ended_at=_MONDAY,
            hears_in=None,
            page=Page.OVER,
            elsewhere=("follow", "share"),
        ),
    ),
)
"""What a link leads to."""
