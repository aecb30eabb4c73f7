"""Ten messages of each kind, chosen for what changes the words: services, sleep, promises, zones, names, links."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from alertd.domain.delivery import Ask, Change, Framing
from alertd.domain.incident import Kind, Severity, State
from alertd.ports import Saying
from tests.unit.texts_story import NAMES, SATURDAY, SINCE, pacific, saying

LONG_NAMES: Mapping[str, Mapping[str, str]] = {
    "follow": {"en": "Follow for the whole family", "es": "Seguimiento para toda la familia"},
    "share": {"en": "Share with school and clinic", "es": "Compartir con escuela y clínica"},
}
ALL = ("follow", "share", "login")

_NIGHT = pacific(30, 3, 10)
_MORNING = pacific(30, 6, 30)
_CLOCKS_GO_BACK = pacific(3, 0, 50)  # 1:20 AM comes twice in that night

Changes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One message: what is other than in the plain one of its kind."""

    title: str
    changes: Changes = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: NAMES)


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind of message as families would sort them: what is plain in it, and its ten messages."""

    name: str
    plain: Changes
    messages: tuple[Message, ...]
    news_after: timedelta | None = None  # from the beginning of the outage to the last real news

    def told(self, message: Message, channel: str, locale: str) -> Saying:
        """The message for a channel and a language."""
        values = {**self.plain, **message.changes}
        if self.news_after is not None and "last_news_at" not in values:
            values["last_news_at"] = values.get("since", SINCE) + self.news_after
        return saying(**values, channel=channel, locale=locale)


_LONG = {
    "en": "The data centre in the west lost its power at 11:38 PM. Engineers are on site, the second data centre is "
    "taking over step by step, and we bring families back region by region, starting with those who have been without "
    "readings for longest.",
    "es": "El centro de datos del oeste se quedó sin luz a las 23:38. Hay ingenieros allí, el segundo centro toma el "
    "relevo paso a paso y recuperamos el servicio región por región, empezando por quienes llevan más tiempo sin "
    "lecturas.",
}
_PASTED_TEST = {
    "en": "Just a test \U0001f64f \u2014 one of our \u201cdrills\u201d\u2026\n\nTeam & friends\n",
    "es": "Solo una prueba \U0001f64f \u2014 uno de nuestros \u00absimulacros\u00bb\u2026\n\nEl equipo\n",
}
_PASTED_ELSEWHERE = {
    "en": "We\u2019re sorry \U0001f64f \u2014 we wrote to \u201ceverybody\u201d\u2026\n\nTeam & friends\n",
    "es": "Lo sentimos \U0001f64f \u2014 escribimos a \u00abtodos\u00bb\u2026\n\nEl equipo\n",
}
_PASTED = {
    "en": "We\u2019re sorry \U0001f64f \u2014 it was one of our \u201cmonitors\u201d\u2026\n\nTeam & friends\n",
    "es": "Lo sentimos \U0001f64f \u2014 fue uno de nuestros \u00abcontroles\u00bb\u2026\n\nEl equipo\n",
}
_AWARE = {
    "en": "We are aware of an issue and our teams are working on it around the clock.",
    "es": "Hemos detectado un problema y nuestros equipos trabajan en él sin descanso.",
}
_CAUSE = {
    "en": "Our servers are overloaded. We are adding more; readings will return bit by bit tonight.",
    "es": "Nuestros servidores están saturados. Añadimos más; las lecturas volverán poco a poco esta noche.",
}
_SPREADS = {
    "en": "The same fault has now reached other parts of the app.",
    "es": "El mismo fallo ha llegado ahora a otras partes de la app.",
}
_EASES = {
    "en": "Most readings arrive again, some of them minutes late.",
    "es": "La mayoría de las lecturas llegan otra vez, algunas con minutos de retraso.",
}
_WRONG = {
    "en": "We said alarms still arrive. That was wrong: they do not.",
    "es": "Dijimos que las alarmas llegaban. No era cierto: no llegan.",
}
_ELSEWHERE = {
    "en": "Only families on the east coast are affected.",
    "es": "Solo afecta a familias de la costa este.",
}
_RETURNS = {
    "en": "Our fix did not hold. We have taken it back and start again.",
    "es": "El arreglo no aguantó. Lo hemos retirado y empezamos otra vez.",
}
_TEST = {
    "en": "We practise tonight how we would tell you of an outage.",
    "es": "Esta noche practicamos cómo le avisaríamos de un fallo.",
}
_HOLDS = {
    "en": "All servers are running again, and more of them than before.",
    "es": "Todos los servidores funcionan de nuevo, y son más que antes.",
}
_BACK = {
    "en": "All servers are running again, and we will watch them closely this week.",
    "es": "Todos los servidores funcionan de nuevo y los vigilaremos de cerca esta semana.",
}
_MONITOR = {"en": "A monitor of ours had failed.", "es": "Había fallado uno de nuestros controles."}
_WHY = {
    "en": "A queue between our servers filled up, and they stopped. We have doubled them, and watch that queue now.",
    "es": "Se llenó una cola entre nuestros servidores y se pararon. Los hemos doblado y ya vigilamos esa cola.",
}
_WHY_LONG = {
    "en": "The data centre in the west lost its power, and the second one could not take over, as a queue between them "
    "had filled up unseen. We have doubled the servers, we watch that queue now, and we try every month whether "
    "the second data centre takes over.",
    "es": "El centro de datos del oeste se quedó sin luz y el segundo no pudo relevarlo, porque una cola entre ellos se "
    "había llenado sin que lo viéramos. Hemos doblado los servidores, ya vigilamos esa cola y probamos cada mes "
    "que el segundo centro toma el relevo.",
}
_BACK_LONG = {
    "en": "The data centre in the west has its power back, and readings and alarms arrive for everybody again. Some "
    "readings of the last hours may be missing for good, but nothing more is lost; we will watch all servers closely "
    "this week, and tell you what we change.",
    "es": "El centro de datos del oeste vuelve a tener luz, y las lecturas y alarmas llegan otra vez a todos. Algunas "
    "lecturas de las últimas horas pueden faltar para siempre, pero no se pierde nada más; esta semana vigilaremos "
    "de cerca todos los servidores y le diremos qué cambiamos.",
}
_HOLDS_LONG = {
    "en": "The data centre in the west has its power back, and all servers are running again. For the next hours we "
    "compare what arrives with what was sent, region by region, before we say that it is over.",
    "es": "El centro de datos del oeste vuelve a tener luz y todos los servidores funcionan otra vez. En las próximas "
    "horas comparamos lo que llega con lo enviado, región por región, antes de decir que ha terminado.",
}
_EASES_LONG = {
    "en": "The second data centre has taken over, and most readings arrive again, some of them minutes late. Alarms "
    "may still be missing for families in the west until the first data centre is back, which will take some hours.",
    "es": "El segundo centro de datos ha tomado el relevo y casi todas las lecturas llegan otra vez, algunas con minutos "
    "de retraso. En el oeste pueden faltar alarmas hasta que vuelva el primer centro, dentro de unas horas.",
}
_MONITOR_LONG = {
    "en": "A monitor of ours had lost its connection and took that for an outage. Readings and alarms arrived "
    "all the time, as we see from the servers and from our own phones. We have mended the monitor, and from now on a "
    "second one must agree before anybody is told.",
    "es": "Uno de nuestros controles había perdido la conexión y creyó que había un fallo. Las lecturas y alarmas "
    "llegaron todo el tiempo, como vemos en los servidores y en nuestros propios teléfonos. Hemos arreglado el "
    "control, y desde ahora un segundo tiene que confirmarlo antes de avisar a nadie.",
}
_TEST_LONG = {
    "en": "We practise tonight how we would tell you of an outage, first in the app and by text message, then by phone "
    "for those who chose it, so that we know before a real one whether we reach every family, and how fast. Thank you "
    "for your patience with us.",
    "es": "Esta noche practicamos cómo le avisaríamos de un fallo, primero en la app y por SMS, después por teléfono a "
    "quien lo eligió, para saber antes de un fallo de verdad si llegamos a todas las familias, y con qué rapidez. "
    "Gracias por su paciencia.",
}
_ELSEWHERE_LONG = {
    "en": "Only families on the east coast are affected, as their readings go through a data centre of their own. We had "
    "told everybody before we knew that, and tell you now that your readings and alarms do not go that way.",
    "es": "Solo afecta a familias de la costa este, porque sus lecturas pasan por un centro de datos propio. Habíamos "
    "avisado a todos antes de saberlo, y le decimos ahora que sus lecturas y alarmas no pasan por allí.",
}

_ASLEEP = {"now": _NIGHT, "quiet": True, "hears_in": _MORNING - _NIGHT}
_ONE = Message("one service", {"services": ("follow",)})
_THREE = Message("three services", {"services": ALL})
_NO_WORDS = Message("no words of ours", {"message": {}})
_NO_TIME = Message("no time to name", {"hears_in": None})
_AT_NIGHT = Message("in the night", {**_ASLEEP, "end_wakes": True})
_ABROAD = Message(
    "in another zone, next heard tomorrow", {"zone": "Europe/Madrid", "hears_in": timedelta(hours=16)}
)
_NAMED_LONG = Message("long names", {}, LONG_NAMES)
_ASKED = Message("asked for an answer", {"asks": Ask.ANSWER})
_MAJOR = Message("less grave, with nothing to do", {"severity": Severity.MAJOR, "works": (), "do": ()})
_CLOCKS_BACK = {"since": pacific(2, 23, 40), "now": _CLOCKS_GO_BACK}


def _clocks(words: Mapping[str, str]) -> Message:
    return Message("long words in the night the clocks go back", {**_CLOCKS_BACK, "message": words})


_CLOCKS = _clocks(_LONG)
GOING_ON = (_ONE, _THREE, _NO_WORDS, _NO_TIME, _AT_NIGHT, _ABROAD, _NAMED_LONG, _ASKED, _MAJOR, _CLOCKS)
"""While it lasts. A kind that one of these cannot happen to has another in its place."""

_SUNDAY = pacific(1, 8, 45, month=12)
_MONDAY = pacific(2, 19, month=12)


def _ended(long: Mapping[str, str]) -> tuple[Message, ...]:
    """When it is over, and the words say how long it was."""
    return (
        _ONE,
        _THREE,
        _NO_WORDS,
        Message("less than a minute", {"ended_at": SINCE, "now": SINCE + timedelta(minutes=2)}),
        Message(
            "minutes, within a day",
            {"touched_at": pacific(30, 1, 10), "ended_at": pacific(30, 1, 52), "now": _NIGHT},
        ),
        Message("days", {"touched_at": pacific(29, 23, 40), "ended_at": _SUNDAY, "now": _SUNDAY}),
        Message("in another zone", {"zone": "Europe/Madrid"}),
        _NAMED_LONG,
        Message("less grave", {"severity": Severity.MAJOR}),
        Message("not urgent, with long words", {"severity": Severity.MINOR, "message": long}),
    )


def _spoken(
    long: Mapping[str, str], english: str, pasted: Mapping[str, str] = MappingProxyType({})
) -> tuple[Message, ...]:
    """When it is over, and no time is told."""
    return (
        _ONE,
        _THREE,
        _NO_WORDS,
        Message("no words of ours, one service", {"message": {}, "services": ("login",)}),
        Message("long words", {"message": long}),
        Message("words in one language only", {"message": {"en": english}}),
        Message("words pasted from a chat", {"message": pasted or _PASTED}),
        Message("in another zone", {"zone": "Europe/Madrid"}),
        _NAMED_LONG,
        Message("long names and long words", {"message": long}, LONG_NAMES),
    )


def _but(messages: tuple[Message, ...], **others: Message) -> tuple[Message, ...]:
    """The messages with others in the place of some: `_3=` replaces the third."""
    changed = {int(place[1:]): other for place, other in others.items()}
    return tuple(changed.get(place, message) for place, message in enumerate(messages, start=1))


_OVER = {"now": SATURDAY, "ended_at": SATURDAY, "hears_in": None}
_DUTY = Message("a nurse comes on duty", {"now": pacific(2, 8, month=12), "missed": 12, "zone": "America/Denver"})
_REMINDED = {"asks": Ask.REMIND, "now": SINCE + timedelta(minutes=25), "kind": Kind.NOTICE, "message": _AWARE}
_AGAIN = {"framing": Framing.HOLDING, "asks": Ask.REMIND}
_RAISED = {"framing": Framing.UPDATE, "kind": Kind.SEVERITY, "change": Change.WORSE, "message": _SPREADS}
_FIRST_LATE = {"framing": Framing.NOTICE, "state": State.INVESTIGATING}

SORTS = (
    Sort("notice", {"kind": Kind.NOTICE, "now": SINCE + timedelta(minutes=15), "message": _AWARE}, GOING_ON),
    Sort("update", {"framing": Framing.UPDATE, "state": State.IDENTIFIED, "message": _CAUSE}, GOING_ON),
    Sort(
        "severity_raise",
        {"framing": Framing.UPDATE, "kind": Kind.SEVERITY, "change": Change.WORSE, "message": _SPREADS},
        GOING_ON,
    ),
    Sort(
        "severity_fall",
        {
            "framing": Framing.UPDATE,
            "kind": Kind.SEVERITY,
            "change": Change.BETTER,
            "severity": Severity.MAJOR,
            "message": _EASES,
        },
        _but(
            GOING_ON,
            _5=Message("in the night, woken only if it gets much worse", _ASLEEP),
            _10=_clocks(_EASES_LONG),
            _9=Message("hardly anything left", {"severity": Severity.MINOR, "works": (), "do": ()}),
        ),
    ),
    Sort(
        "scope",
        {"framing": Framing.UPDATE, "kind": Kind.SCOPE, "change": Change.SCOPE, "message": _SPREADS},
        GOING_ON,
    ),
    Sort(
        "correction",
        {"framing": Framing.UPDATE, "kind": Kind.CORRECTION, "number": 5, "references": 3, "message": _WRONG},
        GOING_ON,
    ),
    Sort(
        "holding",
        {"framing": Framing.HOLDING, "kind": Kind.HOLDING, "now": pacific(30, 15), "message": _CAUSE},
        _but(
            GOING_ON,
            _3=Message("nobody has spoken yet", {"message": {}, "last_news_at": None}),
            _6=Message(_ABROAD.title, {**_ABROAD.changes, "hears_in": timedelta(hours=26)}),  # midnight in Madrid
        ),
        timedelta(minutes=15),
    ),
    Sort(
        "wake_up",
        {
            "framing": Framing.WAKE_UP,
            "now": _MORNING,
            "missed": 3,
            "state": State.IDENTIFIED,
            "message": _CAUSE,
        },
        _but(GOING_ON, _5=_DUTY, _3=Message("one update, without words", {"missed": 1, "message": {}})),
    ),
    Sort(
        "reopening",
        {
            "framing": Framing.UPDATE,
            "kind": Kind.REOPENING,
            "change": Change.AGAIN,
            "number": 9,
            "now": pacific(1, 9, month=12),
            "message": _RETURNS,
        },
        GOING_ON,
    ),
    Sort(
        "ladder_reminder",
        {"framing": Framing.HOLDING, **_REMINDED},
        _but(
            GOING_ON,
            _3=Message("nobody has spoken yet", {"message": {}, "last_news_at": None}),
            _8=Message("told for the first time by the ladder", {"framing": Framing.NOTICE, "asks": Ask.ANSWER}),
        ),
        timedelta(minutes=15),
    ),
    Sort(
        "monitoring",
        {"framing": Framing.UPDATE, "state": State.MONITORING, "message": _HOLDS},
        _but(GOING_ON, _10=_clocks(_HOLDS_LONG)),
    ),
    Sort(
        "night_asked",
        {"kind": Kind.NOTICE, "message": _AWARE, "asks": Ask.ANSWER, **_ASLEEP, "end_wakes": True},
        _but(
            GOING_ON,
            _5=Message("it has got worse", {**_RAISED, "end_wakes": True}),
            _8=Message("reminded, three services", {**_AGAIN, "services": ALL}),
        ),
        timedelta(minutes=15),
    ),
    Sort(
        "replies",
        {**_REMINDED, "asks": Ask.ANSWER, "replies": True},
        _but(
            GOING_ON,
            _4=Message("it has got worse", _RAISED),
            _8=Message("reminded, three services", {**_AGAIN, "services": ALL}),
        ),
        timedelta(minutes=15),
    ),
    Sort(
        "late",
        {"framing": Framing.UPDATE, "state": State.IDENTIFIED, "message": _CAUSE, "late": True},
        _but(
            GOING_ON,
            _3=Message("first heard of, asked for an answer", {**_REMINDED, "asks": Ask.ANSWER, **_FIRST_LATE}),
            _4=Message("no news meanwhile", {"framing": Framing.HOLDING, "kind": Kind.HOLDING}),
        ),
        timedelta(minutes=15),
    ),
    Sort(
        "exercise",
        {"framing": Framing.UPDATE, "kind": Kind.EXERCISE, "message": _TEST},
        _spoken(_TEST_LONG, "We practise until 9 PM.", _PASTED_TEST),
    ),
    Sort(
        "suspected",
        {"kind": Kind.NOTICE, "state": State.SUSPECTED, "now": SINCE + timedelta(minutes=6)},
        _but(
            GOING_ON,
            _3=Message("a machine's words are not told", {"services": ("login",), "message": {"en": "p99 > 4s"}}),
        ),
    ),
    Sort(
        "resolution",
        {
            "framing": Framing.RESOLUTION,
            "kind": Kind.RESOLUTION,
            "state": State.RESOLVED,
            "message": _BACK,
            **_OVER,
        },
        _ended(_BACK_LONG),
    ),
    Sort(
        "cancellation",
        {
            "framing": Framing.CANCELLATION,
            "kind": Kind.CANCELLATION,
            "state": State.CANCELLED,
            "message": _MONITOR,
            **_OVER,
        },
        _spoken(_MONITOR_LONG, "The on-call team mixed up two services."),
    ),
    Sort(
        "was_down",
        {
            "framing": Framing.WAS_DOWN,
            "kind": Kind.RESOLUTION,
            "state": State.RESOLVED,
            "message": _BACK,
            "touched_at": pacific(30, 1, 10),
            "ended_at": pacific(30, 4, 20),
            "now": _MORNING,
            "hears_in": None,
        },
        _but(
            _ended(_BACK_LONG),
            _4=Message(
                "a false alarm", {"state": State.CANCELLED, "kind": Kind.CANCELLATION, "message": _MONITOR}
            ),
            _5=Message("over midnight", {"touched_at": SINCE, "ended_at": pacific(30, 0, 20)}),
        ),
    ),
    Sort(
        "postmortem",
        {
            "framing": Framing.POSTMORTEM,
            "kind": Kind.POSTMORTEM,
            "state": State.RESOLVED,
            "message": _WHY,
            "now": pacific(13, 16, month=12),
            "ended_at": _MONDAY,
            "hears_in": None,
        },
        _but(
            _ended(_WHY_LONG),
            _3=Message(
                "words in one language only", {"message": {"en": "A queue between our servers filled up."}}
            ),
            _4=Message("less than a minute", {"ended_at": SINCE}),
            _5=Message(
                "minutes, within a day", {"touched_at": pacific(30, 1, 10), "ended_at": pacific(30, 1, 52)}
            ),
            _6=Message("days, with long words", {"ended_at": _SUNDAY, "message": _WHY_LONG}),
        ),
    ),
    Sort(
        "not_affected",
        {"framing": Framing.NOT_AFFECTED, "kind": Kind.SCOPE, "message": _ELSEWHERE, "hears_in": None},
        _spoken(_ELSEWHERE_LONG, "Only families in Maine are affected.", _PASTED_ELSEWHERE),
    ),
)
