"""A key was pressed in a call: take it, and say what follows."""

from alertd.domain.errors import NotFound
from alertd.ports import Callback, Forged, Keyed, Page, Spoken
from alertd.ports.deps import Deps
from alertd.usecases.acknowledge import take_key
from alertd.usecases.follow_link import Expired

_WRONG_LINE = (
    ("en", "There is nothing to confirm any more, or this call was not for this number. Goodbye."),
    ("es", "Ya no hay nada que confirmar, o esta llamada no era para este número. Adiós."),
)
"""Nobody knows whose call it was, nor which language they speak."""


async def hear_key(deps: Deps, provider: str, callback: Callback) -> Spoken:
    """What the provider is to say in the call. A wrong key may be followed by the right one.

    Raises NotFound where no channel that calls people has this provider, Forged where it has not signed this.
    """
    channel = next(
        (c for c in deps.channels.values() if isinstance(c, Keyed) and c.provider == provider),
        None,
    )
    if channel is None:
        raise NotFound(f"no channel of this alertd has a provider {provider!r} that calls people")
    try:
        pressed = channel.hear(callback)
    except Forged as error:
        deps.log.warning("callback_forged", provider=provider, why=error.why)
        raise
    if pressed is None:
        return channel.reply(_WRONG_LINE)
    if pressed.machine:
        deps.log.info("machine_pressed_a_key", delivery=str(pressed.delivery))
    try:
        said = await take_key(deps, pressed.delivery, pressed.key, machine=pressed.machine)
    except Expired:
        return channel.reply(_WRONG_LINE)
    again = said.page in (Page.ASK, Page.ASK_NO_MORE)
    return channel.reply([(said.locale, said.content.text)], pressed if again else None)
