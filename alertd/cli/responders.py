"""What `alertd doctor` and `alertd policy check` say of the people who are paged."""

import asyncio

from alertd import wiring
from alertd.cli.finding import Finding, Seen
from alertd.cli.look_at_database import there
from alertd.settings import Settings, load


def responders(seen: Seen) -> list[Finding]:
    """Whether everybody whom policies would page can be paged; sends nothing."""
    settings = seen.settings
    named = wiring.named_responders(settings.config_dir)  # files with mistakes are told of as policies
    if seen.stand_ins is not None:
        settings = load({**seen.env, **seen.stand_ins.env(named)})
    found = [
        Finding("wrong", "responders", f"{name}: {why}", (f"mend {wiring.responder_variable(name)}",))
        for name, why in sorted(wiring.responder_problems(settings).items())
    ]
    found += _of_open_incidents(settings)
    missing = unset(settings)
    if missing:
        text = "some of those who owe families an update cannot be nudged or paged"
        found.append(Finding("note", "responders", text, tuple(missing)))
    elif named and not found:
        found.append(Finding("ok", "responders", f"{len(named)} can be nudged and paged"))
    return found


def _of_open_incidents(settings: Settings) -> list[Finding]:
    """Open incidents by whose policy nobody can be paged; nothing where no database answers, which is told."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    if not there(make_url(settings.database_url.get_secret_value())):
        return []
    try:
        policies = asyncio.run(wiring.policies_of_open(settings))
    except (SQLAlchemyError, OSError):
        return []
    return [
        Finding(
            "wrong",
            "responders",
            f"incident {number}: nobody can be nudged or paged by its policy {policy.name}",
            tuple(
                f"set {wiring.responder_variable(name)} to a phone number or an Apprise URL"
                for name in policy.pages
            ),
        )
        for number, policy in sorted(policies.items())
        if policy.pages and not any(name in settings.responders for name in policy.pages)
    ]


def unset(settings: Settings) -> list[str]:
    """For each responder that a policy names and the settings lack: what to set. Raises Mistakes."""
    return [
        f"set {wiring.responder_variable(name)} to a phone number or an Apprise URL: "
        f"{'policy' if len(policies) == 1 else 'policies'} {', '.join(policies)} would page {name}"
        for name, policies in wiring.missing_responders(settings).items()
    ]
