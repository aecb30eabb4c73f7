"""The composition root: the only place that knows which channels exist and puts the parts together."""

import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from alertd import failpoints, logs
from alertd.celery_app import celery_app
from alertd.clock import ClusterClock, Stepped, cluster_time
from alertd.config_folder import check_texts, locales, templates_folder
from alertd.domain.audit import Kept
from alertd.domain.breaker import BreakerState
from alertd.domain.errors import Invalid, quote
from alertd.domain.links import Links
from alertd.domain.policy import Policy
from alertd.domain.service import Services
from alertd.doorbell import CeleryDoorbell, NoDoorbell
from alertd.ingest import shapes
from alertd.ingest.alertmanager import Labels
from alertd.ingest.reading import Mistakes, Problem, hint
from alertd.pace import OwnPace
from alertd.policy_file import load_services, read_one, sound_policies
from alertd.policy_file.built_in import BUILT_IN
from alertd.ports import Channel, DeadMan, OnCall, Responder
from alertd.ports.deps import Deps, Log, Timing
from alertd.ports.pace import Pace, Units
from alertd.ports.store import Rows
from alertd.reachable import answers_reach_us, inbound_url, keypad, status_callback
from alertd.records import Key, Lag, Provider
from alertd.redis_pace import RedisPace
from alertd.redis_server import redis_urls
from alertd.settings import Settings, shipped_config
from alertd.store.ids import uuid7
from alertd.store.revisions import KNOWN
from alertd.store.store import SqlStore
from alertd.texts import load as load_texts
from alertd.texts.fit import SMS_SEGMENTS
from alertd.texts.replies import Replies, load_replies
from alertd.texts.responders import compose_ignored, compose_page
from alertd.texts.segments import measure
from alertd.usecases.providers import together
from alertd.usecases.watch_receipts import silent
from channels import Now, apprise_page, registry
from channels.apprise_page import AppriseConfig
from channels.console import ConsoleConfig
from channels.dead_man import HttpDeadMan
from channels.fcm_message import AndroidChannels
from channels.fcm_push import FcmConfig
from channels.smtp_email import SmtpConfig
from channels.twilio_sms import TwilioConfig
from channels.twilio_voice import TwilioVoiceConfig

T = TypeVar("T")


async def open_deps(
    settings: Settings, *, log: Log | None = None, patient: bool = False, worker: bool = False
) -> Deps:
    """Open everything a process needs; close it with `close_deps`. `patient`: see `alertd.store.database`.

    `worker`: it is one of several that hand over, and takes its hints from Redis.
    Raises Mistakes for a config folder with mistakes; in policies and texts they keep nobody from starting while
    an incident is open: `_in_force`.
    """
    services = load_services(settings.config_dir / "services.yaml")
    log = log or logs.get_logger("alertd")
    failures = TextFailures(log)
    texts = load_texts(templates_folder(settings.config_dir), services.names, failures)
    policies = await _in_force(settings, check_texts(settings.config_dir, services, texts, thorough=False), log)
    if failpoints.SET:
        log.warning("failpoints_set", points=sorted(failpoints.SET))
    store = SqlStore(settings.database_url.get_secret_value(), patient=patient)
    clock = ClusterClock()
    await _start_story(settings, store)
    _say(await clock.sample(store), log)
    links = None
    if answers_reach_us(settings):
        async with store.transaction() as rows:
            secret = await rows.signing_key(clock.machine())
            links = Links(settings.public_url, secret, replies=settings.twilio.replies)
    channels = build_channels(settings, clock.machine)
    return Deps(
        store=store,
        clock=clock,
        channels=channels,
        compose=texts,
        compose_opt_out=texts.opt_out,
        compose_choosing=texts.choosing,
        doorbell=_doorbell(settings, log),
        new_id=uuid7,
        spread=random.random,
        policies={service: policy for policy in policies.values() for service in policy.services},
        default_policy=policies["default"],
        services=services,
        log=log,
        timing=_timing(settings),
        rates=rates(settings),
        units=UNITS,
        pace=pace(settings, log, worker=worker),
        locales=locales(settings.config_dir),
        phrases=frozenset(texts.phrases),
        links=links,
        replies=replies(settings.config_dir, services, failures),
        take_failures=failures.take,
        on_call=_on_call(settings, channels, clock.machine),
    )


async def _in_force(settings: Settings, in_texts: Sequence[Problem], log: Log) -> Mapping[str, Policy]:
    """The policies of the config folder by name; `default` is always there.

    Where files have mistakes and an incident is open, whoever was killed must come back: families wait. The
    policies that open incidents keep stand in for the broken ones then, the built-in one for the default, and
    plain built-in words for texts that fail. Raises Mistakes where nothing is open: nobody waits, and whoever has
    made the mistakes is there to read of them.
    """
    policies, in_policies = sound_policies(settings.config_dir)
    if not in_policies and not in_texts:
        return policies
    try:
        kept = {policy.name: policy for policy in (await policies_of_open(settings)).values()}
    except SQLAlchemyError:  # no tables yet, or no database: what can be said now is what is wrong with the files
        kept = {}
    if not kept:
        raise Mistakes([*in_policies, *in_texts])
    way_out = "mend the files (alertd policy check), and restart all parts"
    if in_texts:
        log.error("texts_broken", mistakes=[str(problem) for problem in in_texts], way_out=way_out)
    if not in_policies:
        return policies
    log.error(
        "policies_broken",
        mistakes=[str(problem) for problem in in_policies],
        kept=sorted(set(kept) - set(policies)),
        way_out=way_out,
    )
    # Files without mistakes come last: a service that one of them has taken over is its own.
    stand_ins = {name: policy for name, policy in kept.items() if name not in policies}
    return {"default": BUILT_IN} | stand_ins | policies


def _timing(settings: Settings) -> Timing:
    own = settings.timing
    return Timing(
        lease=own.lease_seconds,
        sweep=own.sweep_seconds,
        unknown_critical=own.unknown_seconds,
        unknown=3 * own.unknown_seconds,
        takes_hints=own.hints_seconds,
        audit=own.audit_seconds,
    )


def replies(config: Path, services: Services, on_failure: Callable[[str], None]) -> Replies:
    """Which replies are understood, and what is said to them; a folder without these has the shipped ones."""
    folders = dict.fromkeys((templates_folder(config), shipped_config() / "templates"))
    return load_replies(tuple(folders), services.names, on_failure)


async def close_deps(deps: Deps) -> None:
    """Give every connection back; call after the last batch has returned."""
    for channel in deps.channels.values():
        await channel.close()
    if deps.on_call is not None:
        for name in set(deps.on_call.pagers) - set(deps.channels):
            await deps.on_call.pagers[name].close()
    if isinstance(deps.doorbell, CeleryDoorbell | NoDoorbell):
        deps.doorbell.close()
    if deps.pace is not None:
        deps.pace.close()
    await deps.store.close()


def open_dead_man(settings: Settings) -> DeadMan | None:
    """The switch outside, if one is set; whoever opens it closes it."""
    url = _secret(settings.dead_man.url)
    return HttpDeadMan(url) if url is not None else None


async def last_audit(settings: Settings) -> tuple[Kept | None, datetime]:
    """The newest audit, if there was any, and machine time as all of the cluster has it."""
    return await _looked_up(settings, lambda rows: rows.last_audit())


async def troubled_providers(settings: Settings) -> tuple[Sequence[Provider], datetime]:
    """The providers that are left alone now, as the worst process finds them; and what time it is for alertd."""
    found, now = await _looked_up(settings, lambda rows: rows.providers())
    return [each for each in together(found, now).values() if each.state is not BreakerState.CLOSED], now


async def silent_providers(settings: Settings) -> tuple[Sequence[Lag], datetime]:
    """The providers that report nothing of nearly all that they take; and what time it is for alertd."""
    found, now = await _looked_up(settings, lambda rows: rows.lags())
    return [each for each in found if silent(each, now)], now


async def _looked_up(settings: Settings, what: Callable[[Rows], Awaitable[T]]) -> tuple[T, datetime]:
    """What a database says that nothing has open here, and what time it is for alertd."""
    store = SqlStore(settings.database_url.get_secret_value())
    try:
        async with store.reading() as rows:
            found = await what(rows)
        return found, await cluster_time(store)
    finally:
        await store.close()


async def keys(settings: Settings) -> Sequence[Key]:
    """All API keys, oldest first."""
    store = SqlStore(settings.database_url.get_secret_value())
    try:
        async with store.reading() as rows:
            return await rows.keys()
    finally:
        await store.close()


async def policies_of_open(settings: Settings) -> Mapping[int, Policy]:
    """The policies that open incidents go by, by the incident's number: no file says what they are."""
    store = SqlStore(settings.database_url.get_secret_value())
    try:
        async with store.reading() as rows:
            found = await rows.incidents(open_only=True, limit=1000)
            return {each.number: await rows.policy_of(each.id) for each in found if not each.exercise}
    finally:
        await store.close()


async def sample_clock(deps: Deps) -> None:
    """Read the database's clock again; a minute's drift of the monotonic clock is nothing, a day's is."""
    if isinstance(deps.clock, ClusterClock) and deps.clock.sampled_ago() > 60:
        _say(await deps.clock.sample(deps.store), deps.log)


def _say(stepped: Stepped | None, log: Log) -> None:
    if stepped is not None:
        log.warning(
            "clock_stepped", seconds=round(stepped.by.total_seconds()), ahead=round(stepped.ahead.total_seconds())
        )


def declared_services(settings: Settings) -> Services:
    """The services that the config folder declares."""
    return load_services(settings.config_dir / "services.yaml")


def alertmanager_labels(settings: Settings, services: Services) -> Labels:
    """What the labels of Alertmanager's alerts mean. Raises Mistakes for one that means nothing here."""
    own = settings.alertmanager
    wrong = [
        Problem(
            f'"{quote(meaning)}" is no service{hint(meaning, services)}', f"alertmanager.service.{quote(word)}"
        )
        for word, meaning in own.service.items()
        if meaning not in services
    ]
    for word, meaning in own.region.items():
        try:
            shapes.region(meaning)
        except Invalid as error:
            wrong.append(Problem(error.message, f"alertmanager.region.{quote(word)}"))
    if wrong:
        raise Mistakes(wrong)
    return Labels(
        source=own.source,
        service_label=own.service_label,
        region_label=own.region_label,
        severity_label=own.severity_label,
        service=own.service,
        region=own.region,
        severity=own.severity,
    )


def upgrade_database(settings: Settings) -> str:
    """Run the missing migrations; returns the revision reached."""
    from alertd.store import migrate  # Alembic costs 0.2 s that no worker needs

    return migrate.upgrade(settings.database_url.get_secret_value())


def database_revision(settings: Settings) -> tuple[str | None, str]:
    """(the revision the database is at, the one this version needs)."""
    from alertd.store import migrate

    return migrate.current(settings.database_url.get_secret_value()), migrate.head()


def knows_revision(revision: str) -> bool:
    """Whether this version has that revision; what it has not comes from a newer one."""
    return revision in KNOWN


def build_channels(settings: Settings, now: Now) -> Mapping[str, Channel]:
    """Every channel that has an adapter; one that is not configured says so when it is used."""
    return {
        name: registry.CHANNELS[name].build(config, now)
        for name, config in _configs(settings).items()
        if name != "console" or settings.console.enabled
    }


def _on_call(settings: Settings, channels: Mapping[str, Channel], now: Now) -> OnCall:
    """Who is paged, and how: by SMS over the families' channel, else through Apprise."""
    config = AppriseConfig()
    if settings.timing.call_seconds is not None:
        config = replace(config, deadline=settings.timing.call_seconds)
    return OnCall(
        responders={
            name: Responder(each.channel, each.to.get_secret_value(), each.zone)
            for name, each in settings.responders.items()
        },
        pagers={"apprise": registry.PAGERS["apprise"].build(config, now), "sms": channels["sms"]},
        compose=compose_page,
        compose_ignored=compose_ignored,
        public_url=settings.public_url,
    )


def responder_problems(settings: Settings) -> dict[str, str]:
    """What is wrong with responders' URLs beyond what reading the settings tells: name -> what."""
    found = {
        name: apprise_page.problem(each.to.get_secret_value())
        for name, each in settings.responders.items()
        if each.channel == "apprise"
    }
    return {name: why for name, why in found.items() if why is not None}


def named_responders(folder: Path) -> dict[str, list[str]]:
    """Whom the policies of a config folder would nudge and page: name in the settings -> policies, in order.

    What a file with mistakes would name is not known: `alertd policy check` tells of these.
    """
    named: dict[str, list[str]] = {}
    for policy in sound_policies(folder)[0].values():
        for name in policy.pages:
            named.setdefault(name, []).append(policy.name)
    return named


def missing_responders(settings: Settings) -> dict[str, list[str]]:
    """Of those the ones whom the settings do not know: the next in line would be told in their place."""
    named = named_responders(settings.config_dir)
    return {name: policies for name, policies in named.items() if name not in settings.responders}


def responder_variable(name: str) -> str:
    """The variable that says how to reach a responder."""
    return f"ALERTD_RESPONDERS__{name.upper().replace('-', '_')}"


def channel_problems(settings: Settings) -> dict[str, list[str]]:
    """What keeps each channel from working, with the setting that mends it; empty lists: ready."""
    return {name: config.problems() for name, config in _configs(settings).items()}


def not_configured(settings: Settings) -> tuple[str, ...]:
    """The channels over which nobody can be told yet; the console is for trying out, and missed by nobody."""
    return tuple(name for name, why in channel_problems(settings).items() if why and name != "console")


def _configs(settings: Settings) -> dict[str, registry.Config]:
    twilio, fcm, smtp = settings.twilio, settings.fcm, settings.smtp
    sms = TwilioConfig(
        account_sid=twilio.account_sid,
        auth_token=_secret(twilio.auth_token),
        auth_token_previous=_secret(twilio.auth_token_previous),
        from_=twilio.from_,
        messaging_service_sid=twilio.messaging_service_sid,
        base_url=twilio.base_url,
        status_callback=status_callback(settings),
        inbound=inbound_url(settings),
        replies=twilio.replies,
    )
    push = FcmConfig(
        credentials_file=fcm.credentials_file,
        base_url=fcm.base_url,
        critical_sound=fcm.critical_sound,
        android_channels=AndroidChannels(fcm.android_channel_loud, fcm.android_channel_soft),
    )
    voice = TwilioVoiceConfig(
        account_sid=twilio.account_sid,
        auth_token=_secret(twilio.auth_token),
        auth_token_previous=_secret(twilio.auth_token_previous),
        from_=twilio.voice_from or twilio.from_,
        base_url=twilio.base_url,
        status_callback=status_callback(settings),
        keypad=keypad(settings),
        ring=twilio.ring_seconds,
    )
    email = SmtpConfig(url=_secret(smtp.url), from_=smtp.from_)
    call = settings.timing.call_seconds
    if call is not None:
        sms, push = replace(sms, deadline=call), replace(push, deadline=call)
        voice = replace(voice, deadline=call)
        email = replace(email, deadline=call, patience=min(call, email.patience))
    return {
        "sms": sms,
        "push": push,
        "email": email,
        "voice": voice,
        "console": ConsoleConfig(enabled=settings.console.enabled),
    }


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


def _doorbell(settings: Settings, log: Log) -> CeleryDoorbell | NoDoorbell:
    if settings.broker_url is None:
        return NoDoorbell()
    workers = {"urgent": settings.workers.urgent, "bulk": settings.workers.bulk}
    return CeleryDoorbell(
        celery_app(redis_urls(settings.broker_url.get_secret_value()).celery, publisher=True), workers, log
    )


def policy_reader(services: Services) -> Callable[[bytes], Policy]:
    """Reads the text of a policy file, of which services there are. Raises Mistakes."""
    return partial(read_one, services=services)


def family_channels() -> frozenset[str]:
    """The channels that families are told over, ready or not; the console is for trying out."""
    return frozenset(registry.CHANNELS) - {"console"}


UNITS = {"sms": Units(lambda text: measure(text).segments, SMS_SEGMENTS)}
"""Of channels whose providers count something else than messages."""

_SWEEPERS_SHARE = 0.5


def pace(settings: Settings, log: Log, *, worker: bool) -> Pace:
    """How rates are kept: in the cluster's Redis; without one sweepers do all work, and share the rate.

    While Redis does not answer, whoever hands over has an equal part of the rates (`alertd.usecases.senders`). One
    that has not counted the others lately keeps to what the settings make of it: the sweeper to half of the rates,
    a worker to its part of the other half.
    """
    own = rates(settings)
    if settings.broker_url is None:
        return OwnPace(own)
    workers = settings.workers.urgent + settings.workers.bulk
    share = (1 - _SWEEPERS_SHARE) / workers if worker else _SWEEPERS_SHARE
    return RedisPace(redis_urls(settings.broker_url.get_secret_value()).redis, own, OwnPace(own, share=share), log)


def rates(settings: Settings) -> dict[str, float]:
    """What each channel may hand over a second: messages, of SMS segments, and calls."""
    return {
        "sms": settings.twilio.rate_per_second,
        "push": settings.fcm.rate_per_second,
        "email": settings.smtp.rate_per_second,
        "voice": settings.twilio.calls_per_second,
    }


class TextFailures:
    """Tells the log of every text that fails, and keeps some for whoever tells responders."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept: deque[str] = deque(maxlen=10)

    def __call__(self, what: str) -> None:
        """A text failed, in a sentence."""
        self._log.warning("text_failed", what=what)
        self._kept.append(what)

    def take(self) -> list[str]:
        """Those that nobody has taken yet."""
        taken = list(self._kept)
        self._kept.clear()
        return taken


async def _start_story(settings: Settings, store: SqlStore) -> None:
    """A demo starts the cluster's story once; in production there is none."""
    if settings.clock.story_start is None:
        return
    now = await cluster_time(store)
    async with store.transaction() as rows:
        await rows.set_story_clock(settings.clock.story_start.astimezone(UTC), now, settings.clock.rate)
