"""What `alertd doctor` asks the providers: about our accounts, all at once, sending nothing."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from alertd import wiring
from alertd.cli.finding import Finding
from alertd.domain.errors import Invalid
from alertd.domain.policy import Policy
from alertd.policy_file import load_policies
from alertd.ports import Answers, Channel, ChannelError, Misconfigured
from alertd.reachable import no_reports
from alertd.settings import Settings

_PATIENCE = 6.0  # seconds that a provider may take
_ACCOUNTS = {"sms": "Twilio", "push": "FCM", "email": "the mail server", "voice": "Twilio for calls"}
_MEND = {
    "sms": "check ALERTD_TWILIO__ACCOUNT_SID and ALERTD_TWILIO__AUTH_TOKEN; https://www.twilio.com/docs/api/errors",
    "voice": "check ALERTD_TWILIO__ACCOUNT_SID and ALERTD_TWILIO__AUTH_TOKEN; https://www.twilio.com/docs/api/errors",
    "push": "check ALERTD_FCM__CREDENTIALS_FILE, and that this machine reaches Google",
    "email": "check ALERTD_SMTP__URL, and that this machine reaches it",
}
Said = str | ChannelError | None


def look(settings: Settings, *, sandbox: bool = False) -> list[Finding]:
    """Whether every channel is configured and its account answers; `sandbox`: stand-ins do."""
    missing = wiring.channel_problems(settings)
    try:
        policies = load_policies(settings.config_dir).values()
    except Invalid:
        return []  # told of as policies
    used = used_channels(policies)
    ready = frozenset(channel for channel in _ACCOUNTS if not missing.get(channel))
    said = _ask_all(settings, ready)
    found = []
    for channel, account in _ACCOUNTS.items():
        mend = tuple(missing.get(channel, ()))
        if not mend:
            found.append(_answered(channel, account, said.get(channel), channel in used, sandbox))
        elif channel in used:
            text = f"{account} is not configured, and policies tell families by {channel}"
            found.append(Finding("wrong", channel, text, mend))
        else:
            found.append(Finding("note", channel, f"{account} is not configured; no policy uses {channel}", mend))
    if "sms" in ready and (why := no_reports(settings)) is not None:
        found.append(Finding("note", "sms", why[0], (why[1],)))
    for policy in policies:
        if policy.floor and not any(missing.get(channel) == [] for channel in policy.floor):
            floor = " or ".join(policy.floor)
            text = f"a critical message needs {floor}, and none of them works"
            mend = ("configure one of them, or change its floor",)
            found.append(Finding("wrong", f"policy {policy.name}", text, mend))
    return found


def used_channels(policies: Iterable[Policy]) -> set[str]:
    """The channels by which some policy tells caregivers who chose nothing, and those of its ladders."""
    used: set[str] = set()
    for policy in policies:
        for ladder in policy.escalation.families.values():
            used.update(channel for step in ladder.steps for channel in step.via)
        for role in policy.caregivers.values():
            for channels in (role.critical, role.major, role.minor, role.default):
                used.update(channels or ())
    return used


def _answered(channel: str, account: str, said: Said, used: bool, sandbox: bool) -> Finding:
    who = f"the sandbox, in place of {account}," if sandbox else account
    if said is None:
        return Finding("ok", channel, f"{account} is configured; it cannot be asked without sending")
    if isinstance(said, str):
        return Finding("ok", channel, f"{who} answers: {said}")
    does = "refuses us" if isinstance(said, Misconfigured) else "does not answer"
    detail = f": {said.detail}" if said.detail else ""
    text = f"{who} {does} ({said.code}{detail})"
    return Finding("wrong" if used else "note", channel, text, (_MEND[channel],))


def _ask_all(settings: Settings, which: frozenset[str]) -> Mapping[str, Said]:
    """By channel what the provider says of the account, or why it does not; None: it cannot be asked."""
    channels = wiring.build_channels(settings, lambda: datetime.now(UTC))  # noqa: TID251  dates of answers only

    async def ask() -> Mapping[str, Said]:
        names = sorted(which & channels.keys())
        try:
            answers = await asyncio.gather(*(_ask(channels[name]) for name in names))
        finally:
            for channel in channels.values():
                await channel.close()
        return dict(zip(names, answers, strict=True))

    return asyncio.run(ask())


async def _ask(channel: Channel) -> Said:
    if not isinstance(channel, Answers):
        return None
    try:
        async with asyncio.timeout(_PATIENCE):
            return await channel.ask()
    except ChannelError as error:
        return error
    except TimeoutError:
        return ChannelError("timeout", f"no answer within {_PATIENCE:.0f} s")
