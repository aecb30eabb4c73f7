"""What `alertd doctor` says of replies: whether Twilio's console sends them where alertd listens."""

import asyncio
from datetime import UTC, datetime
from urllib.parse import urlsplit

from alertd import wiring
from alertd.cli.finding import PATIENCE, Finding, Seen
from alertd.ports import ChannelError
from alertd.ports.inbound import Tells, Told
from alertd.reachable import inbound_url
from alertd.settings import Settings

_NO_CONSOLE = frozenset({"20404", "http_404"})
"""Twilio always has this list; what stands in for it (the sandbox) has no console, and nothing set wrong there."""

_WHERE = "in Twilio's console, of your number or messaging service"


def replies(seen: Seen) -> list[Finding]:
    """Nothing where texts do not ask for replies, where none could arrive, or where the sandbox sends them."""
    settings = seen.settings
    ours = inbound_url(settings)
    if not settings.twilio.replies or seen.stand_ins is not None or ours is None:
        return []
    if wiring.channel_problems(settings).get("sms"):
        return []  # told as sms
    try:
        told = asyncio.run(_ask(settings))
    except (ChannelError, TimeoutError) as error:
        why = error.code if isinstance(error, ChannelError) else "timeout"
        if why in _NO_CONSOLE and not settings.twilio.messaging_service_sid:
            return []
        text = f"Twilio does not say where replies go ({why})"
        return [Finding("note", "replies", text, (f"see that they go to {ours}, {_WHERE}",))]
    return [_finding(told, ours)]


def _finding(told: Told | None, ours: str) -> Finding:
    mend = (f'{_WHERE}: "A message comes in", Webhook, {ours}, HTTP POST',)
    if told is None:
        text = "texts ask for replies, and Twilio does not tell where those to this sender go"
        return Finding("note", "replies", text, mend)
    if told.elsewhere:
        text = f"replies go where {told.elsewhere} leads, and alertd did not look there"
        return Finding("note", "replies", text, (f"see that it is {ours}",))
    if told.url == ours and told.method == "POST":
        return Finding("ok", "replies", f"Twilio sends them to {ours}")
    if told.url == ours:
        return Finding("note", "replies", f"Twilio sends them by {told.method}: every one is lost", mend)
    to = f"to {_shown(told.url)}" if told.url else "nowhere"
    return Finding(
        "note", "replies", f"texts ask for replies, and Twilio sends those {to}: every one is lost", mend
    )


def _shown(url: str) -> str:
    """Without what may be a secret of whoever listens there."""
    try:
        parts = urlsplit(url)
        host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return "what is no URL"
    return f"{parts.scheme}://{host}" + ("/..." if parts.path.strip("/") else "")


async def _ask(settings: Settings) -> Told | None:
    channels = wiring.build_channels(settings, lambda: datetime.now(UTC))  # noqa: TID251  dates of answers only
    try:
        sms = channels["sms"]
        async with asyncio.timeout(PATIENCE):
            return await sms.tells() if isinstance(sms, Tells) else None
    finally:
        for channel in channels.values():
            await channel.close()
