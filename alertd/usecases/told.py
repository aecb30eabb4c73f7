"""Which facts a delivery tells: found once per update and framing, not once per message."""

from dataclasses import dataclass, field

from alertd.domain.delivery import ALL_CLEARS, Framing
from alertd.domain.incident import Incident, Kind, Update

_END_KINDS = frozenset({Kind.RESOLUTION, Kind.CANCELLATION})


@dataclass(frozen=True, slots=True)
class Facts:
    """The update whose facts are told, and the numbers that readers see with it."""

    update: Update
    news_number: int | None
    references: int | None  # the update that it corrects


@dataclass(slots=True)
class Telling:
    """An incident as one version of it stands, with what was looked up in it."""

    incident: Incident
    _known: dict[tuple[int, Framing], Facts] = field(default_factory=dict)

    def facts(self, number: int, framing: Framing) -> Facts:
        """What a delivery of this update tells in this framing."""
        facts = self._known.get((number, framing))
        if facts is None:
            update, news = self._look_up(number, framing)
            references = next(
                (u.human_number for u in self.incident.updates if u.number == update.references), None
            )
            facts = self._known[number, framing] = Facts(update, news.human_number, references)
        return facts

    def _look_up(self, number: int, framing: Framing) -> tuple[Update, Update]:
        """The update told, and the news it stands on: whoever is told late gets news, not the holding after it."""
        updates = [u for u in self.incident.updates if u.number <= number]
        news = next((u for u in reversed(updates) if u.human and u.notify), updates[0])
        if framing is Framing.HOLDING:
            return updates[-1], news
        if framing in ALL_CLEARS:
            ended = next((u for u in reversed(self.incident.updates) if u.kind in _END_KINDS), news)
            return ended, ended
        return news, news
