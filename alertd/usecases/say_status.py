"""How things stand for somebody's services right now, as the answer to who asks (R4: it moves no clock)."""

from dataclasses import dataclass
from functools import partial

from alertd.domain.delivery import Framing, Reader
from alertd.domain.failing import failed_services, failing_since
from alertd.domain.family import Caregiver, Family
from alertd.domain.inbox import Correspondent
from alertd.domain.incident import Incident, State
from alertd.ports import Saying
from alertd.ports.deps import Deps
from alertd.ports.inbound import ReplyTexts
from alertd.ports.store import Rows
from alertd.usecases.hears_by import hears_by


@dataclass(frozen=True, slots=True)
class _Touches:
    """An open outage, and those with this address whom it touches."""

    incident: Incident
    holders: tuple[tuple[Family, Caregiver], ...]

    @property
    def services(self) -> tuple[str, ...]:
        """What fails for any of them."""
        failing = [service for family, _ in self.holders for service in failed_services(self.incident, family)]
        return tuple(dict.fromkeys(failing))


async def say_status(deps: Deps, rows: Rows, texts: ReplyTexts, who: Correspondent, channel: str) -> str:
    """The gravest of what goes on in the words of a first notice, and what else there is; or that all works.

    Of a machine's suspicion nobody is told before its time; who asks is not told meanwhile that all were well.
    """
    found = await _open(rows, who)
    told = sorted(
        (each for each in found if not each.incident.held),
        key=lambda each: (each.incident.severity.rank, each.incident.opened_at),
        reverse=True,
    )
    if told:
        said = await _say(deps, rows, told[0], channel)
        rest = dict.fromkeys(service for each in told[1:] for service in each.services)
        more = tuple(service for service in rest if service not in told[0].services)
        return f"{said} {_named(texts, who, 'more_open', more)}" if more else said
    suspected = dict.fromkeys(service for each in found for service in each.services)
    return _named(texts, who, "checking" if suspected else "works", tuple(suspected) or who.services)


async def goes_on(rows: Rows, who: Correspondent) -> bool:
    """Whether we say of anything of theirs that it fails: not that it may, nor that it may work again."""
    open_ = [each.incident for each in await _open(rows, who)]
    return any(not each.held and each.state not in (State.SUSPECTED, State.MONITORING) for each in open_)


async def _open(rows: Rows, who: Correspondent) -> list[_Touches]:
    found = [_of(each, who) for each in await rows.incidents(open_only=True, limit=1000)]
    return [each for each in found if each.holders and not each.incident.exercise]


def _of(incident: Incident, who: Correspondent) -> _Touches:
    touched = [
        (family, caregiver)
        for family, caregiver in who.holders
        if incident.scope.touching(family.services, family.region)
    ]
    return _Touches(incident, tuple(touched))


def _named(texts: ReplyTexts, who: Correspondent, key: str, services: tuple[str, ...]) -> str:
    number = partial(_number, len(services))
    return texts.say(who.locale, key, {"services": texts.names(who.locale, services), "n": number})


def _number(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


async def _say(deps: Deps, rows: Rows, touches: _Touches, channel: str) -> str:
    """As whoever is told late hears it; by when they hear again, as we have promised it already."""
    incident, (family, caregiver) = touches.incident, touches.holders[0]
    since, policy = failing_since(incident, family), await rows.policy_of(incident.id)
    by, owed = await hears_by(deps, rows, incident, policy, touches.holders)
    content = deps.compose(
        Saying(
            channel=channel,
            framing=Framing.NOTICE,
            update=incident.news,
            news_number=incident.news.human_number,
            references=None,
            reader=Reader(
                to="",
                locale=caregiver.locale or family.locale,
                zone=caregiver.time_zone or family.time_zone,
                services=touches.services,
                hears_by=by,
                since=since.grown,
                all_since=since.all,
            ),
            now=deps.clock.now().replace(second=0, microsecond=0),
            incident=incident.id,
            unasked=owed,
        )
    )
    return content.text
