"""What `alertd doctor` looks at, in the order in which it tells it."""

import stat
from collections.abc import Mapping

from alertd.cli import accounts
from alertd.cli.auditing import auditor
from alertd.cli.client import KEY_FILE
from alertd.cli.finding import Finding, Look, Seen
from alertd.cli.look_at_addresses import api, public_url
from alertd.cli.look_at_broker import broker
from alertd.cli.look_at_database import database
from alertd.cli.look_at_keys import machine_keys
from alertd.cli.look_at_machine import data_folder, disk, zones
from alertd.cli.look_at_policies import labels, policies
from alertd.cli.look_at_providers import providers
from alertd.cli.look_at_rates import rates
from alertd.cli.look_at_replies import replies
from alertd.cli.responders import responders
from alertd.ingest.reading import Mistakes
from alertd.settings import load
from alertd.stand_ins import StandIns


def examine(env: Mapping[str, str]) -> list[Finding]:
    """Look at everything; every provider is asked, nothing is changed, no message is sent."""
    try:
        settings = load(env)
    except Mistakes as error:
        said = tuple(str(problem) for problem in error.problems)
        return [Finding("wrong", "settings", "cannot be read", said)]
    seen = Seen(settings, env, StandIns.running(settings.data_dir))
    found = [Finding("ok", "settings", f"from {settings.config_dir}; data in {settings.data_dir}")]
    for look in LOOKS:
        found += look(seen)
    return found


def channels(seen: Seen) -> list[Finding]:
    """Every account, or the stand-ins that are used in place of all of them."""
    if seen.stand_ins is None:
        return accounts.look(seen.settings)
    found = accounts.look(load({**seen.env, **seen.stand_ins.env()}), sandbox=True)
    text = "stand-ins are used in place of all accounts, and no real phone can ring"
    mend = "alertd up without --sandbox uses the accounts in the settings; doctor then asks those"
    return [*found, Finding("note", "sandbox", text, (mend,))]


def worth_knowing(seen: Seen) -> list[Finding]:
    """Settings that are for trying out, and a key that others can read."""
    found, settings = [], seen.settings
    if settings.clock.story_start is not None or settings.clock.rate != 1:
        text = f"story time runs {settings.clock.rate:g} times as fast as real time: fit for a demo only"
        found.append(Finding("note", "clock", text, ("remove ALERTD_CLOCK__STORY_START and ALERTD_CLOCK__RATE",)))
    if settings.console.enabled:
        found.append(Finding("note", "console", "messages are written to the terminal: fit for trying out only"))
    key = settings.data_dir / KEY_FILE
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        found.append(Finding("note", "api key", f"{key} can be read by others", (f"chmod 600 {key}",)))
    return found


LOOKS: tuple[Look, ...] = (
    data_folder,
    disk,
    zones,
    policies,
    labels,
    database,
    auditor,
    machine_keys,
    broker,
    rates,
    providers,
    api,
    public_url,
    channels,
    replies,
    responders,
    worth_knowing,
)
"""Every question; a further one is a function of its own, and stands here."""
