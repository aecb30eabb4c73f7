"""Puts a saying into parts: the reader's language, the reader's clock, the words that the moment needs."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from alertd.domain.delivery import AFTERWARDS, ENDS, Change, Framing
from alertd.domain.incident import Kind, Severity, State
from alertd.ports import Names, Page, Saying
from alertd.texts.catalogue import Catalogue, Missing
from alertd.texts.clean import clean, clean_lines, sentence
from alertd.texts.parts import Parts, Tell
from alertd.texts.phrase import Phrase
from alertd.texts.times import Wall, elapsed, minute

_HOUR = timedelta(hours=1)
_OWN_HEADLINE = frozenset({Framing.RESOLUTION, Framing.NOT_AFFECTED, Framing.POSTMORTEM})
_WORKS_AGAIN = frozenset({Framing.RESOLUTION, Framing.WAS_DOWN})
_SCOPES = frozenset({Change.SCOPE, Change.FEWER})
_UNSAID = frozenset({Change.NONE, Change.FEWER, Change.AGAIN, Change.ANEW})  # the headline or the names say it
_WORSE = frozenset({Change.WORSE, Change.AGAIN, Change.ANEW})
_ASIDE = re.compile(r" *\([^()]*\)")
_KEY = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")


class Speaker:
    """Puts one saying into parts with one catalogue. `tell` hears of every word that had to be replaced."""

    def __init__(
        self, saying: Saying, catalogue: Catalogue, names: Names, spare: Callable[[str], Phrase | None], tell: Tell
    ) -> None:
        self._saying, self._catalogue, self._names = saying, catalogue, names
        self._spare, self._tell = spare, tell  # `spare` knows a phrase that the catalogue lacks
        self._facts, self._reader = saying.update.facts, saying.reader
        self._now = minute(saying.now)
        self._aloud = saying.channel == "voice"
        calendar = catalogue.spoken if self._aloud else catalogue.calendar
        self._wall = Wall(calendar, saying.reader.zone, self._now)
        self._failing = saying.reader.services or self._facts.scope.services
        self._exercise = saying.exercise or saying.update.kind is Kind.EXERCISE
        # Of another outage: where there is such, nothing may sound as if all were well. A test says that nothing
        # is down, so beside it all that fails counts.
        beside = saying.elsewhere if self._exercise else self._failing
        self._elsewhere = tuple(each for each in beside if each in saying.elsewhere)
        self._urgent = bool(self._elsewhere) and saying.elsewhere_worst is not Severity.MINOR

    def parts(self) -> Parts:
        """All parts. Raises Missing, jinja2.TemplateError, or ZoneInfoNotFoundError."""
        facts, framing = self._facts, self._saying.framing
        ending = framing in AFTERWARDS or facts.state.ended
        heading, lines, language = self._message()
        do, do_list = self._do(ending)
        works = [] if ending or self._exercise else [self._phrase(entry) for entry in facts.works]
        services = self._services(brief=False)
        since, lasting = ("", "") if ending or self._exercise else self._since()
        city = self._reader.zone.rpartition("/")[2].replace("_", " ")
        return Parts(
            framing=framing.value,
            locale=self._catalogue.locale,
            tone=self._tone(ending),
            services=services,
            headline=self._headline(services),
            named=self._headline(services) if self._tells_more() else services,
            headline_brief=self._headline(self._services(brief=True), brief=True),
            exercise=self._exercise,
            corrects=self._saying.update.kind is Kind.CORRECTION,
            worse=self._reader.change in _WORSE,
            unproven=facts.state is State.MONITORING and not ending,
            prefix=self._prefix(),
            prefix_brief=self._prefix_brief(),
            since=since,
            lasting=lasting,
            elapsed="" if ending else self._elapsed(self._all_since(), self._now),
            late=self._say("late") if self._reader.late else "",
            missed=self._missed(),
            news=self._news(),
            change="" if ending else self._change(),
            bad=self._bad(),
            state="" if ending or self._exercise else self._say(f"state.{facts.state.value}"),
            message=" ".join(lines) if framing is not Framing.HOLDING else "",
            works=self._say("works", list="; ".join(p.short for p in works)) if works else "",
            do=do,
            do_brief=self._do_brief(do),
            next=self._next(),
            next_brief=self._next_brief(),
            lines=lines,
            message_locale=language,
            message_heading=heading,
            works_list=tuple(p.long for p in works),
            do_list=do_list,
            heading_do=self._say("email.do"),
            heading_works=self._say("email.works"),
            heading_since=self._say("email.since"),
            heading_doing=self._say("email.doing"),
            zone=self._say("email.zone", city=city),
            **self._answer(),
            **self._call(services),
        )

    def _tone(self, ending: bool) -> str:
        if ending:
            return self._saying.elsewhere_worst.value if self._elsewhere else "good"
        return self._facts.severity.value

    def _say(self, key: str, **values: object) -> str:
        return " ".join(self._catalogue.say(key, n=self._n, **values).split())

    def _n(self, one: str, many: str, count: int | None = None) -> str:
        return one if (len(self._failing) if count is None else count) == 1 else many

    # --- what is the matter ---------------------------------------------------------------------

    def _services(self, *, brief: bool) -> str:
        return self._list(self._failing, brief=brief)

    def _list(self, services: Sequence[str], *, brief: bool) -> str:
        names = [self._name(service) for service in services]
        if len(names) < 2:
            return "".join(names)
        if brief:
            return self._say("list.more", first=names[0], more=len(names) - 1)
        return f"{', '.join(names[:-1])} {self._say('list.and', last=names[-1])} {names[-1]}"

    def _name(self, service: str) -> str:
        """The name in the reader's language; the English one stands in for a missing one."""
        known = self._names.get(service) or {}
        own = self._reader.locale
        for locale in (own, self._catalogue.locale, own.partition("-")[0], "en"):
            if name := clean(known.get(locale, "")):
                return name
        self._tell(f"service {service} has no name in {self._catalogue.locale}, nor in English")
        return next((name for name in map(clean, known.values()) if name), service)

    def _headline(self, services: str, *, brief: bool = False) -> str:
        facts, framing = self._facts, self._saying.framing
        severity, values = facts.severity.value, {"services": services}
        if self._elsewhere and framing in ENDS:
            return self._another_goes_on(brief=brief)
        if framing is Framing.WAS_DOWN and facts.state is not State.CANCELLED:
            if brief:  # that it works matters more than when it did not
                return self._say("headline.ended", **values)
            return self._say(f"was_down.{severity}", span=self._span(), **values)
        if framing is Framing.CANCELLATION or framing is Framing.WAS_DOWN:
            return self._say("cancellation.headline", **values)
        if framing in _OWN_HEADLINE:
            return self._say(f"{framing.value}.headline{'_listed' if self._reader.by_list else ''}", **values)
        if facts.state.ended:
            return self._say("headline.ended", **values)
        how = self._how()
        if facts.state is State.SUSPECTED:
            return self._say(f"headline.suspected.{severity}", **values)
        if facts.state is State.MONITORING:
            heard = how != "plain" or self._saying.references is not None  # who reads a correction heard of it
            return self._say(f"headline.monitoring.{'still' if heard else 'plain'}", **values)
        return self._say(f"headline.{severity}.{how}", **values)

    def _tells_more(self) -> bool:
        """Whether a brief headline leaves more unsaid than names: when it did not work, or what does again."""
        if self._elsewhere and self._saying.framing in ENDS and not self._exercise:
            return len(self._elsewhere) < len(self._failing)
        return self._saying.framing is Framing.WAS_DOWN

    def _another_goes_on(self, *, brief: bool) -> str:
        """What still fails comes first: a phone cuts the end of a title."""
        if self._exercise:
            return self._say("elsewhere.exercise_over")
        framing = self._saying.framing
        end = Framing.CANCELLATION if self._facts.state is State.CANCELLED else framing
        services = self._list(self._elsewhere, brief=brief)
        well = [each for each in self._failing if each not in self._elsewhere]
        if well and not brief:
            count = partial(self._n, count=len(well))
            key = "elsewhere.partly" if end in _WORKS_AGAIN else "elsewhere.partly_never"
            said = self._catalogue.say(key, n=count, services=services, well=self._list(well, brief=False))
            return " ".join(said.split())
        if end is Framing.CANCELLATION and framing is Framing.WAS_DOWN:
            return self._say("elsewhere.unheard", services=services)
        key = Framing.RESOLUTION if end in _WORKS_AGAIN else end
        return self._say(f"elsewhere.{key.value}", services=services)

    def _how(self) -> str:
        """plain: first heard. still: heard before. now: it has changed. again: it came back."""
        framing, kind, change = self._saying.framing, self._saying.update.kind, self._reader.change
        if change is Change.ANEW:
            return "plain"
        first = framing is Framing.NOTICE and self._saying.page is None
        back, again = kind is Kind.REOPENING and framing is not Framing.HOLDING, change is Change.AGAIN
        if (back and again) if first else (back or again):  # what comes back may never have been told
            return "again"
        if framing is Framing.NOTICE or self._exercise:
            return "plain"
        if framing is not Framing.UPDATE:
            return "still"
        if self._saying.references is not None:
            return "plain"
        if change is Change.WORSE:
            return "now"  # what got better is "still": "now has problems" would read as news of a new one
        return "plain" if change is Change.SCOPE else "still"

    def _prefix(self) -> str:
        saying = self._saying
        if self._exercise:
            return self._say("prefix.exercise")
        number, corrected = saying.news_number, saying.references
        if saying.framing is Framing.HOLDING and corrected is not None:
            return self._say("prefix.correction_unnumbered")  # what they were told was taken back, with no news
        if saying.framing not in (Framing.UPDATE, Framing.WAKE_UP):
            return ""
        if corrected is not None:
            if number is None or number < corrected:
                return self._say("prefix.correction_unnumbered")
            return self._say("prefix.correction", number=number, corrected=corrected)
        if saying.framing is Framing.WAKE_UP:
            return ""
        if number is None:
            return self._say("prefix.update_unnumbered")
        return self._say("prefix.update", number=number)

    def _prefix_brief(self) -> str:
        if self._exercise:
            return self._prefix()
        corrects = self._saying.references is not None and self._prefix()
        return self._say("prefix.correction_unnumbered") if corrects else ""

    def _bad(self) -> str:
        facts, framing = self._facts, self._saying.framing
        if self._exercise:
            return self._beside_a_test() if self._elsewhere else self._say("exercise.bad")
        if self._elsewhere and framing in ENDS:
            return self._say("elsewhere.bad" if self._urgent else "bad.minor")
        if framing is Framing.RESOLUTION or framing is Framing.POSTMORTEM:
            start, end = self._outage()
            values = {"start": self._wall.when(start), "end": self._wall.when(end)}
            return self._say("resolution.lasted", elapsed=self._elapsed(start, end), **values)
        if framing is Framing.WAS_DOWN:
            if facts.state is State.CANCELLED:
                return self._say("cancellation.unheard", span=self._span())
            return self._say(f"was_down.bad.{facts.severity.value}")
        if framing is Framing.CANCELLATION:
            back = self._reader.change is Change.AGAIN  # that it had come back is wrong, and not that it was down
            return self._say("cancellation.bad_again" if back else "cancellation.bad")
        if framing is Framing.NOT_AFFECTED:
            return self._say(f"not_affected.bad{'_listed' if self._reader.by_list else ''}")
        if facts.state.ended:
            return ""
        between = f"{facts.state.value}." if facts.state in (State.SUSPECTED, State.MONITORING) else ""
        return self._say(f"bad.{between}{facts.severity.value}")

    def _beside_a_test(self) -> str:
        said = "after_exercise" if self._saying.framing in ENDS else "exercise"
        return self._say(f"elsewhere.{said}", services=self._list(self._elsewhere, brief=False))

    def _change(self) -> str:
        change, corrects = self._reader.change, self._saying.references is not None
        if self._exercise:
            return ""
        released = self._list(self._reader.released, brief=False)
        gone = self._say("change.released", services=released) if released else ""
        if self._saying.framing is not Framing.UPDATE or corrects:
            return gone
        named = change in _SCOPES and released  # what has changed is said by name
        said = "" if named or change in _UNSAID else self._say(f"change.{change.value}")
        return f"{said} {gone}".strip()

    def _call(self, services: str) -> dict[str, str]:
        """What a call needs beside the message."""
        if not self._aloud or self._saying.page is not None:
            return {}
        return {
            "greeting": self._say(
                "voice.greeting_exercise" if self._exercise else "voice.greeting", services=services
            ),
            "once_more": self._say("voice.once_more"),
            "goodbye": self._say("voice.goodbye"),
        }

    def _answer(self) -> dict[str, str]:
        """What asks for an answer: in a message a sentence and a link, on the page a button."""
        saying, asks = self._saying, self._reader.asks
        if self._aloud and saying.page is not None:
            return {"page": self._say(f"voice.{saying.page.value}")}
        if saying.page is not None:
            names = ", ".join(clean(name) for name in saying.answered)
            return {
                "page": self._say(f"page.{saying.page.value}"),
                "button": self._say("page.button") if saying.page in (Page.ASK, Page.ASK_NO_MORE) else "",
                "answered": self._say("page.answered", names=names) if names else "",
                **self._leads_on(),
            }
        if not asks or not saying.link:
            return {}
        if self._aloud:
            return {"ask": self._say(f"answer.voice.{asks.value}")}
        if saying.channel == "push":
            return {"ask": self._say(f"answer.push.{asks.value}")}
        if saying.channel == "sms":
            how = "reply" if saying.replies else "sms"
            return {"ask": self._say(f"answer.{how}.{asks.value}"), "link": saying.link}
        ask, button = self._say(f"answer.{asks.value}"), self._say("answer.button")
        return {"ask": ask, "link": saying.link, "button": button}

    def _leads_on(self) -> dict[str, str]:
        """On to where they choose how they are told; a language without words for that leads nowhere."""
        if not self._saying.link:
            return {}
        try:
            return {"ask": self._say("preferences.more"), "link": self._saying.link}
        except Missing as missing:
            self._tell(f"the sentence {missing} is missing in {self._catalogue.locale}")
            return {}

    # --- when -----------------------------------------------------------------------------------

    def _since(self) -> tuple[str, str]:
        """Since when, and for how long; for how long only where all of it failed for so long."""
        facts, how = self._facts, self._how()
        since = self._failing_since()
        grew = self._reader.all_since is not None
        changed = self._reader.change in _SCOPES or facts.state is State.MONITORING
        began = grew or changed or how in ("now", "again")
        said = self._say(f"since.{'began' if began else 'first'}", since=self._wall.when(since))
        if how != "still" or changed:
            return said, ""
        start = self._all_since()
        if not grew:
            length = self._elapsed(start, self._now)
            return said, self._say("lasting", elapsed=length) if length else ""
        length = self._elapsed(start, start + max((self._now - start) // _HOUR * _HOUR, timedelta()))
        if not length:
            return said, ""
        return self._say("since.some", since=self._wall.when(since)), self._say("lasting_all", elapsed=length)

    def _all_since(self) -> datetime:
        """Since when all that fails for this reader does."""
        return minute(self._reader.all_since) if self._reader.all_since else self._failing_since()

    def _elapsed(self, start: datetime, end: datetime) -> str:
        """How long; empty below a minute."""
        length = elapsed(start, end)
        if not any((length.days, length.hours, length.minutes)):
            return ""
        return self._say(
            "voice.elapsed" if self._aloud else "elapsed",
            days=length.days,
            hours=length.hours,
            minutes=length.minutes,
        )

    def _outage(self) -> tuple[datetime, datetime]:
        """From when to when it touched this reader."""
        return self._failing_since(), minute(self._saying.ended_at or self._now)

    def _span(self) -> str:
        """From when to when, in the reader's time."""
        start, end = self._outage()
        if not self._aloud:
            return self._wall.span(start, end)
        first, last = self._wall.when(start), self._wall.when(end)
        return self._say("voice.span", start=first, end=last)

    def _failing_since(self) -> datetime:
        return minute(self._reader.since or self._facts.since)

    def _missed(self) -> str:
        if self._saying.framing is not Framing.WAKE_UP or not self._reader.missed:
            return ""
        return self._say("missed", missed=self._reader.missed)

    def _news(self) -> str:
        if self._saying.framing is not Framing.HOLDING:
            return ""
        at = self._facts.last_news_at
        return self._say("news.none_since", news_at=self._wall.when(minute(at))) if at else self._say("news.none")

    def _next(self, how: str = "") -> str:
        framing, reader = self._saying.framing, self._reader
        explained = None if self._exercise else self._explained_by()
        why = self._say("next.explained", next=self._wall.when(explained)) if explained is not None else ""
        if self._elsewhere:
            return why or self._say("elsewhere.next")
        if self._exercise:  # it moves no clock: what was promised stands
            running = reader.hears_by is None and framing not in ENDS
            return self._say("exercise.next" if running else "exercise.nothing_changed")
        if framing is Framing.NOT_AFFECTED:
            return self._say("next.not_affected")
        if framing in AFTERWARDS or self._facts.state.ended:
            return why or self._say("next.false_alarm" if self._facts.state is State.CANCELLED else "next.ended")
        if reader.hears_by is None:
            return self._say("next.open" if self._saying.unasked else "next.asked")
        moment = minute(reader.hears_by)
        if moment <= self._now:
            return self._say("next.soon")
        much = self._facts.severity is not Severity.CRITICAL  # only what becomes critical wakes
        usual = ("quiet" if reader.end_wakes else "quiet_worse") if reader.quiet else "by"
        return self._say(f"next.{how or usual}", next=self._wall.when(moment), much=much)

    def _next_brief(self) -> str:
        """When they hear again, in fewer words where the night takes many; a language may lack them."""
        if not self._reader.quiet:
            return ""
        try:
            return self._next("quiet_brief")
        except Missing:
            return self._next("by")

    def _explained_by(self) -> datetime | None:
        """By when we tell what happened: promised with the end, and read until then."""
        update = self._saying.update
        if update.kind is not Kind.RESOLUTION or update.promise is None:
            return None
        moment = minute(update.promise)
        return moment if moment > self._now else None

    # --- the human's words, and what to do --------------------------------------------------------

    def _message(self) -> tuple[str, tuple[str, ...], str]:
        """Heading, lines, language. Nothing while only a machine suspects: then the words are ours (R0)."""
        facts, framing, own = self._facts, self._saying.framing, self._catalogue.locale
        unrelated = framing is Framing.NOT_AFFECTED and self._saying.update.kind is not Kind.SCOPE
        untimely = self._elsewhere and framing in ENDS  # they were written for those with whom all is well now
        if not facts.message or facts.state is State.SUSPECTED or unrelated or untimely:
            return "", (), own
        wanted = (self._reader.locale, own, "en", next(iter(facts.message)))
        language = next(locale for locale in wanted if locale in facts.message)
        lines = clean_lines(facts.message[language])
        if framing is Framing.HOLDING and facts.last_news_at is not None:
            heading = self._say("email.last_news", news_at=self._wall.when(minute(facts.last_news_at)))
        elif language.partition("-")[0] == own.partition("-")[0]:
            heading = self._say("email.message")
        else:
            heading = self._say("email.other_language")
        return heading, lines, language

    def _do(self, ending: bool) -> tuple[str, tuple[str, ...]]:
        """What to do now, in one line and as a list. At the end the outage's own advice no longer holds."""
        framing = self._saying.framing
        if self._urgent and framing is not Framing.POSTMORTEM:
            advice = self._say("elsewhere.do")
            return advice, (advice,)
        if self._exercise:
            advice = self._say("exercise.do")
            return advice, (advice,)
        if framing is Framing.WAS_DOWN and self._facts.state is State.CANCELLED:
            framing = Framing.CANCELLATION
        if framing in ENDS:
            advice = self._say(f"{framing.value}.do")
            return advice, (advice,)
        if ending:
            return "", ()
        phrases = [self._phrase(entry) for entry in self._facts.do]
        short = " ".join(sentence(phrase.short) for phrase in phrases)
        return short, tuple(sentence(phrase.long) for phrase in phrases)

    def _do_brief(self, do: str) -> str:
        """The same without what our own phrases hold in brackets; what an operator wrote is theirs."""
        for entry in filter(_KEY.fullmatch, self._facts.do):
            short = sentence(self._phrase(entry).short)
            do = do.replace(short, _ASIDE.sub("", short))
        return do

    def _phrase(self, entry: str) -> Phrase:
        phrase = self._catalogue.phrases.get(entry)
        if phrase is not None:
            return phrase
        if not _KEY.fullmatch(entry):
            text = clean(entry)
            return Phrase(text, text)
        self._tell(f"phrase {entry} is missing in {self._catalogue.locale}")
        return self._spare(entry) or Phrase(entry.replace("_", " "), entry.replace("_", " "))
