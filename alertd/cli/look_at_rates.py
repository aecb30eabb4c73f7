"""What `alertd doctor` says of rates: how fast each channel may hand over, and who keeps to that together."""

from alertd import wiring
from alertd.cli.finding import PATIENCE, Finding, Seen
from alertd.redis_server import Origin, find_redis, redis_urls

_SPELLED = {"sms": "SMS segments", "voice": "calls", "push": "pushes", "email": "e-mails"}


def rates(seen: Seen) -> list[Finding]:
    """The rates in force; and where the sender's own was never said, or Redis cannot share them."""
    settings = seen.settings
    own = wiring.rates(settings)
    text = "a second: " + ", ".join(f"{own[channel]:g} {what}" for channel, what in _SPELLED.items())
    url = settings.broker_url.get_secret_value() if settings.broker_url else None
    server = find_redis(url)
    if server.origin is Origin.NONE:
        text += "; each sweeper keeps to that by itself, as there is no Redis"
    found = [Finding("ok", "rates", f"{text}. What comes faster waits, and a fifth is kept for what is urgent.")]
    if settings.twilio.account_sid and "rate_per_second" not in settings.twilio.model_fields_set:
        found.append(
            Finding(
                "note",
                "rates",
                f"nobody said how fast your SMS sender is; {own['sms']:g} segments a second are taken for granted",
                ("set ALERTD_TWILIO__RATE_PER_SECOND to what your sender may send: 1 for a US number",),
            )
        )
    if url is not None and (why := _no_scripts(redis_urls(url).redis)):
        text = f"Redis runs no script of ours ({why}): each process keeps to a part of the rates by itself, slower"
        found.append(Finding("note", "rates", text, ("let its user run EVALSHA and SCRIPT LOAD",)))
    return found


def _no_scripts(url: str) -> str:
    """What it answers to a script; empty where it runs it, or does not answer at all, which is told already."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE) as client:
            client.evalsha(client.script_load("return 1"), 0)
    except redis.ResponseError as error:
        return type(error).__name__
    except (redis.RedisError, OSError, ValueError):
        return ""
    return ""
