"""Which facts a delivery tells: found once per update and framing, not once per message."""

from dataclasses import dataclass, field, replace

from alertd.domain.delivery import ALL_CLEARS, Framing
from alertd.domain.incident import Incident, Kind, Severity, Update

_END_KINDS = frozenset({Kind.RESOLUTION, Kind.CANCELLATION})


@dataclass(frozen=True, slots=True)
class Facts:
    """The update whose facts are told, and the number that readers see with it."""

    update: Update
    news_number: int | None


@dataclass(slots=True)
class Telling:
    """An incident as one version of it stands, with what was looked up in it."""

    incident: Incident
    _known: dict[tuple[int, Framing, Severity | None, bool], Facts] = field(default_factory=dict)

    def facts(
        self, number: int, framing: Framing, worst: Severity | None = None, *, before: bool = False
    ) -> Facts:
        """What a delivery of this update tells in this framing.

        `worst`: where it says that it was down; `before`: ... and only that it came back is wrong.
        """
        key = number, framing, worst, before
        facts = self._known.get(key)
        if facts is None:
            update, news = self._look_up(number, framing, worst, before=before)
            facts = self._known[key] = Facts(update, news.human_number)
        return facts

    def _look_up(
        self, number: int, framing: Framing, worst: Severity | None, *, before: bool
    ) -> tuple[Update, Update]:
        """The update told, and the news it stands on: whoever is told late gets news, not the holding after it."""
        incident = self.incident
        updates, gone = [u for u in incident.updates if u.number <= number], incident.recalled
        stands = (u for u in reversed(updates) if u.human and u.notify and u.number not in gone)
        news = next(stands, incident.news if gone else updates[0])
        if framing is Framing.HOLDING:
            put_back = (u for u in incident.updates if u.kind is Kind.RECALL and u.number > number)
            carries = (u for u in put_back if u.references is not None and u.references <= number)
            return next(carries, updates[-1]), news
        if framing in ALL_CLEARS:
            kinds = frozenset({Kind.RESOLUTION}) if before else _END_KINDS
            ended = next((u for u in reversed(incident.updates) if u.kind in kinds), news)
            if framing is Framing.WAS_DOWN:  # how bad it was, not how mild it had become at last
                return replace(ended, facts=replace(ended.facts, severity=worst or incident.worst)), ended
            return ended, ended
        return news, news
