"""What logs show, and what they must never show."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from alertd import logs
from alertd.masking import mask_address, mask_text

PHONE = "+14155550123"
MAILBOX = "mia.canary@example.org"
TOKEN = "cAnArY0123456789:APA91b" + "x9Y-_z" * 22
KEY = "ald_canary0123456789"
CANARIES = {
    "phone": (PHONE, "4155550"),
    "phone as people write it": ("+1 (415) 555-0123", "555-01"),
    "phone in a URL": ("To=%2B14155550123&From=x", "4155550"),
    "phone of another country": ("+44 7700 900123", "7700"),
    "mailbox": (MAILBOX, "canary"),
    "mailbox in a URL": ("?mail=mia.canary%40example.org", "canary"),
    "quoted mailbox": ('RCPT TO:<"mia canary"@example.org>', "canary"),
    "push token": (TOKEN, "cAnArY"),
    "push token in a path": (f"/v1/projects/p/registrations/{TOKEN}", "APA91b"),
    "bearer": ("Authorization: Bearer canary.c2VjcmV0.x", "canary"),
    "basic": ("authorization: basic Y2FuYXJ5OmNhbmFyeQ==", "Y2Fu"),
    "key": (KEY, "canary"),
    "password in a URL": ("postgresql://alertd:canary@db.example.org/alertd", "canary"),
    "password with a slash": ("redis://:qqq/ary@127.0.0.1:6379/0", "qqq"),
    "caregiver's link": ("GET /a/canary_0123456789 200", "canary"),
    "link that opts out": ("GET /u/canary_0123456789 200", "canary"),
    "responder's link": ("https://alerts.example.org/r/canary_0123456789", "canary"),
}


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as it was, afterwards."""
    root = logging.getLogger()
    level, handlers, hooks = root.level, root.handlers[:], (sys.excepthook, threading.excepthook)
    yield
    logging.captureWarnings(False)
    root.setLevel(level)
    root.handlers[:] = handlers
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()


Log = Callable[..., io.StringIO]


@pytest.fixture
def log_to(restored: None) -> Log:
    """Configure logs to a stream and return it."""

    def configured(**how: Any) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(stream=stream, **how)
        return stream

    return configured


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# --- masking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "to", "shown"),
    [
        ("sms", "+14155550123", "+1***0123"),
        ("voice", "+14155550123", "+1***0123"),
        ("sms", "+442079460123", "+44***0123"),
        ("sms", "+35312345678", "+353***5678"),
        ("sms", "+29051234", "+290***4"),  # so short that four last digits would be nearly all of it
        ("sms", "+2904", "+290***"),
        ("sms", "mia", "***"),
        ("email", "mia@example.org", "m***@example.org"),
        ("email", "m@example.org", "***@example.org"),
        ("email", "mia", "***"),
        ("push", "x" * 120 + "ab12", "tok***ab12"),
        ("push", "short-ab12", "***"),
        ("console", "mia at home", "***"),
    ],
)
def test_an_address_is_shown_only_in_part(channel: str, to: str, shown: str) -> None:
    assert mask_address(channel, to) == shown


@pytest.mark.parametrize("name", CANARIES)
def test_masking_a_text_hides_the_canary_and_masks_nothing_twice(name: str) -> None:
    text, canary = CANARIES[name]

    masked = mask_text(f"before {text} after")

    assert canary not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert mask_text(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "delivery accepted",
        "0190f3c2-7d2b-7c3e-9f00-aabbccddeeff.2",
        "2026-11-22T10:00:00.123456+00:00",
        "redis+socket:///run/alertd/redis.sock?virtual_host=0",
        "http://127.0.0.1:8420/v1/incidents",
        "celery@host ready.",
        "-" * 100,
        "the bearer of news",
        "50 % of 1000000 in +12 s",
        "",
    ],
)
def test_masking_leaves_other_text_alone(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "unit", ["a.", "a@", "%40", '"', "+1 (", "a", "-", "://:", "@a", "a@-", "a%40", "+1.", "/a/", "/r/", "ald"]
)
def test_masking_a_huge_line_takes_time_in_proportion(unit: str) -> None:
    mask_text(unit * 100_000)  # quadratic, this would take minutes


# --- the log --------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("name", CANARIES)
def test_nothing_personal_passes_in_text_names_values_or_exceptions(log_to: Log, as_json: bool, name: str) -> None:
    text, canary = CANARIES[name]
    stream = log_to(json=as_json)
    log = logs.get_logger("alertd.test").bind(bound=text)
    foreign = logging.getLogger("uvicorn.error")

    log.info(f"told {text}")
    log.info("value", value=text, nested={"list": [text, (text,)], text: {"deep": text}})
    log.info("object", thing=Thing(text), error=ValueError(text))
    foreign.info("from the library: %s %s", text, {"to": text})
    foreign.info("extra", extra={"to": text})
    with structlog.contextvars.bound_contextvars(context=text):
        log.info("context")
    try:
        try:
            raise KeyError(text)
        except KeyError as error:
            raise RuntimeError(f"while sending to {text}") from error
    except RuntimeError:
        log.exception("send failed")
        foreign.exception("send failed")
    warnings.showwarning(UserWarning(f"odd address {text}"), UserWarning, "a_module.py", 1)

    said = stream.getvalue()
    assert canary not in said
    assert canary not in said.replace("\\", "")
    assert said.count("RuntimeError: while sending to") == 2
    assert "UserWarning: odd address" in said


class Thing:
    """Something whose text form tells too much."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"Thing({self._text})"


def test_secrets_are_hidden_by_their_name(log_to: Log) -> None:
    stream = log_to(json=True)

    logs.get_logger("alertd").info(
        "settings", twilio={"auth_token": "canary", "from": "alertd"}, password="canary"
    )

    [event] = events(stream)
    assert event["twilio"] == {"auth_token": "***", "from": "alertd"}
    assert event["password"] == "***"


def test_json_is_one_line_per_event_whatever_is_in_it(log_to: Log) -> None:
    stream = log_to(json=True)
    log = logs.get_logger("alertd.test")

    log.info("two\nlines\r\n", value='a "quote"\n{"event": "forged"}\u2028', delivery=UUID(int=7), ms=12, ok=True)
    logging.getLogger("celery").info("and\nthese")

    first, second = events(stream)
    assert first["event"] == "two\nlines\r\n"
    assert first["value"] == 'a "quote"\n{"event": "forged"}\u2028'
    assert first["delivery"] == str(UUID(int=7))
    assert (first["ms"], first["ok"], first["level"], first["logger"]) == (12, True, "info", "alertd.test")
    assert first["timestamp"].endswith("Z")
    assert second["event"] == "and\nthese"
    assert (second["level"], second["logger"]) == ("info", "celery")


def test_an_exception_is_told_with_its_trace(log_to: Log) -> None:
    stream = log_to(json=True)

    try:
        raise LookupError("no such family")
    except LookupError:
        logs.get_logger("alertd").exception("planning failed", incident="i-1")

    [event] = events(stream)
    assert event["level"] == "error"
    assert event["incident"] == "i-1"
    assert "LookupError: no such family" in event["exception"]
    assert "test_logs.py" in event["exception"]


def test_a_terminal_gets_no_lines_and_no_colours_from_outside(log_to: Log) -> None:
    stream = log_to(json=False)

    logs.get_logger("alertd").info("event\nsecond line \x1b[31m", value="\x1b]0;title\x07\n")
    logging.getLogger("uvicorn").info("path\n\x1b[2J")

    assert len(stream.getvalue().splitlines()) == 2
    assert "\x1b" not in stream.getvalue()
    assert "second line" in stream.getvalue()


def test_json_unless_on_a_terminal(log_to: Log, restored: None) -> None:
    assert events_of(log_to())
    terminal = Terminal()
    logs.configure(stream=terminal)

    logs.get_logger("alertd").info("hello", to=PHONE)

    assert "\x1b[" in terminal.getvalue()
    assert "hello" in terminal.getvalue()
    assert "4155550" not in terminal.getvalue()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def events_of(stream: io.StringIO) -> list[dict[str, Any]]:
    logs.get_logger("alertd").info("hello")
    return events(stream)


def test_levels(log_to: Log) -> None:
    log = logs.get_logger("alertd")  # made before `configure`, as modules do
    stream = log_to(level="warning", json=True)
    log.info("quiet")
    log.warning("loud")
    logging.getLogger("uvicorn").info("quiet")
    assert [event["event"] for event in events(stream)] == ["loud"]

    stream = log_to(level="debug", json=True)
    log.debug("heard")
    assert [event["event"] for event in events(stream)] == ["heard"]

    with pytest.raises(ValueError, match="LOUDER"):
        log_to(level="louder")


@pytest.mark.parametrize(
    "name", ["apprise", "twilio", "twilio.http_client", "urllib3.connectionpool", "sqlalchemy"]
)
def test_noisy_libraries_are_heard_from_warning_on(
    log_to: Log, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Once it has paged, the pager passes on nothing that Apprise says: it may hold recipients.
    monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    stream = log_to(level="debug", json=True)

    logging.getLogger(name).info("POST Request")
    logging.getLogger(name).warning("retrying")

    assert [event["event"] for event in events(stream)] == ["retrying"]


def test_handlers_that_libraries_brought_along_are_taken_over(log_to: Log) -> None:
    uvicorn, elsewhere = logging.getLogger("uvicorn"), io.StringIO()
    uvicorn.addHandler(logging.StreamHandler(elsewhere))
    uvicorn.propagate = False

    stream = log_to(json=True)
    uvicorn.info("started")

    assert [event["event"] for event in events(stream)] == ["started"]
    assert elsewhere.getvalue() == ""


def test_what_nobody_caught_is_masked_too(log_to: Log) -> None:
    stream = log_to(json=True)

    def fail() -> None:
        raise RuntimeError(f"cannot tell {PHONE}")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)

    first, second = events(stream)
    for event in (first, second):
        assert (event["event"], event["level"]) == ("uncaught exception", "critical")
        assert "cannot tell +1***0123" in event["exception"]


def test_a_full_disk_stops_nobody_and_is_told_later(restored: None) -> None:
    disk = Disk()
    logs.configure(json=True, stream=disk)
    log = logs.get_logger("alertd")

    disk.full = True
    log.info("lost")
    logging.getLogger("uvicorn").info("lost")
    disk.full = False
    log.info("back")

    lost, back = events(disk)
    assert (lost["event"], lost["lines"]) == ("log lines lost", 2)
    assert back["event"] == "back"


class Disk(io.StringIO):
    """A stream onto a disk that can be full."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)
