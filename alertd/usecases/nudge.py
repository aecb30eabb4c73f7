"""Say something to somebody on our side that belongs to no incident: a nudge that wakes nobody."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from alertd.domain.policy import Policy
from alertd.ports import ChannelError, Content, Message, OnCall
from alertd.ports.deps import Deps


async def nudge(
    deps: Deps, on_call: OnCall, content: Callable[[str | None], Content], about: UUID, useful_for: timedelta
) -> str | None:
    """Hand it over to the first who can be reached, in the default policy's order; returns their role.

    `content` puts it into words for a clock in that zone; None: UTC.
    """
    for who in _order(deps.default_policy):
        responder = on_call.responders.get(deps.default_policy.responders.get(who, who))
        pager = on_call.pagers.get(responder.channel) if responder is not None else None
        if responder is None or pager is None:
            continue
        said = content(responder.zone)
        message = Message(
            to=responder.to,
            title=said.title,
            text=said.text,
            html=None,
            locale="en",
            loud=False,
            delivery=about,
            attempt=1,
            incident=about,
            update=0,
            useful_for=useful_for,
        )
        try:
            await pager.send(message)
        except ChannelError as error:
            deps.log.warning("nudge_not_accepted", who=who, code=error.code)
        except Exception as error:
            deps.log.warning(
                "channel_crashed", channel=responder.channel, error=type(error).__name__, exc_info=True
            )
        else:
            return who
    return None


def _order(policy: Policy) -> Iterator[str]:
    """The roles that the policy nudges and pages, in its order."""
    yield from dict.fromkeys(step.who for step in (*policy.escalation.post, *policy.escalation.news))
