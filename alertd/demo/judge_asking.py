"""Whether the question "does anybody know?" was put to whom it should, and to nobody whom it should not.

For one family in one epoch, by the ladder of its severity in plain numbers; where there is none, nobody is asked:

- The first words ask. So does what follows, until somebody whose answer is enough has given it, or time is over.
- Nobody answers: the same people are asked again by SMS and e-mail, and later the next caregiver is told. Where
  nothing of a step lives, the next one comes at its time.
- Once somebody has answered, nobody in the family is asked any more, and nobody new is told.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from alertd.demo import spans
from alertd.demo.household import Address, Household
from alertd.demo.spans import Span
from alertd.demo.verdict import Answer, Asked, Asking, Fault, Rules, spell
from alertd.sandbox.log import Accepted

ASKS = re.compile(
    r"[Tt]ell us (?:that )?you know|Reply 1 or open:"
    r"|Diga que lo sabe:|D[ií]ganos que lo sabe:|[Cc]onteste 1 o abra:|Abra para decir que lo sabe"
)
"""How messages ask for an answer, in English and Spanish."""

_AGAIN_BY = frozenset({"sms", "email"})


def asks(message: Accepted) -> bool:
    """Whether a message asks for an answer."""
    return bool(ASKS.search(message.text))


class Question:
    """One family and one epoch, as long as that touches them; `heard`: the family's messages in it, in order."""

    def __init__(
        self,
        family: Household,
        lasts: Span,
        asking: Asking,
        rules: Rules,
        heard: Sequence[Accepted],
        answers: Sequence[Answer],
    ) -> None:
        self.family, self._rules, self._heard, self._asking = family, rules, heard, asking
        self._begins, self.over = lasts
        self._answers = answers
        enough = [answer.at for answer in answers if answer.role in self._asking.enough]
        self.answered = min(enough, default=None)
        self.first = heard[0].story_time if heard else None

    # --- what holds at a moment -----------------------------------------------------------------

    def is_open(self, at: datetime) -> bool:
        """Whether the family may be asked at this moment."""
        if self.first is None:
            return False
        return at <= self.first + self._asking.ends + self._rules.slack and not self._answered_by(at)

    def may_tell_others(self, at: datetime) -> bool:
        """Whether the next caregiver may be told now; a message may have been on its way when it ended."""
        from_ = self._begins + self._delay - self._rules.skew
        return from_ <= at <= self.over + self._rules.slack and not self._answered_by(at)

    def _answered_by(self, at: datetime) -> bool:
        """Whether somebody had answered so long before that it could be known."""
        return self.answered is not None and self.answered + self._rules.slack < at

    @property
    def _delay(self) -> timedelta:
        """How long after the first message the next caregiver's turn comes: at once, if nothing else lives."""
        if not any(person.role in self._rules.listening for person in self.family.people):
            return timedelta()
        return self._asking.others if self._asked_again_by else self._asking.again

    @property
    def _asked_again_by(self) -> set[Address]:
        """The addresses of those who hear every update by which they can be asked again."""
        people = [person for person in self.family.people if person.role in self._rules.listening]
        return {address for person in people for address in person.addresses if address[0] in _AGAIN_BY}

    # --- what should have been ------------------------------------------------------------------

    def faults(self) -> Iterator[Fault]:
        """What was left out."""
        if self.first is None:
            return
        if not any(asks(m) for m in self._heard if m.story_time < self.first + self._asking.again / 2):
            yield self._fault("was told, and not asked whether they know")
        again = self._asked_again_by
        if again and self._missed(self._asking.again, [(m.channel, m.to) in again for m in self._heard]):
            yield self._fault(f"was not asked again after {spell(self._asking.again)}")
        due = self.first + self._delay
        here = [person for person in self.family.others if spans.at(person.duty, due)]
        others = {a for person in self.family.others for a in person.addresses}
        if here and self._missed(
            self._delay, [(m.channel, m.to) in others for m in self._heard], since_first=True
        ):
            yield self._fault(f"nobody answered for {spell(self._delay)}, and the next caregiver was not told")

    def _missed(self, after: timedelta, right: Sequence[bool], *, since_first: bool = False) -> bool:
        """Whether a step that was due came to nobody; `right`: which of the messages would have been it.

        `since_first`: one of them at any time in the epoch is enough: who was brought in before hears all.
        """
        assert self.first is not None
        start, by = self._begins + after, self.first + after + self._rules.slack
        if by >= self.over or (self.answered is not None and self.answered <= by):
            return False
        since = self._begins if since_first else start
        since -= self._rules.skew
        return not any(fits and since <= m.story_time <= by for m, fits in zip(self._heard, right, strict=True))

    # --- what became of it ----------------------------------------------------------------------

    @property
    def judgeable(self) -> bool:
        """Whether it was settled well before the end of the epoch: only then alertd can know it for sure."""
        if self.first is None:
            return False
        settled = self.first + self._asking.ends if self.answered is None else self.answered
        return settled + self._rules.slack < self.over

    @property
    def outcome(self) -> str:
        """answered, unanswered, or unreachable: nothing loud was accepted."""
        if self.answered is not None:
            return "answered"
        loud = any(m.channel == "sms" or (m.channel == "push" and m.priority == "high") for m in self._heard)
        return "unanswered" if loud else "unreachable"

    def count(self, asked: Asked) -> None:
        """Add this family to the counts."""
        if self.first is None:
            return
        if self.answered is not None:
            asked.answered.append(self.answered - self.first)
        asked.unanswered += self.outcome == "unanswered"
        asked.unreachable += self.outcome == "unreachable"
        asked.not_enough += sum(answer.role not in self._asking.enough for answer in self._answers)
        others = {address for person in self.family.others for address in person.addresses}
        asked.others += any((m.channel, m.to) in others for m in self._heard)

    def _fault(self, what: str) -> Fault:
        return Fault("question", self.family.id, what)
