"""Logs: one line per event, for people on a terminal, as JSON elsewhere, without addresses and secrets."""

import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from alertd.masking import HIDDEN, mask_text

# Below warning these tell numbers, requests, and statements with their parameters.
_QUIET = ("apprise", "twilio", "urllib3", "sqlalchemy", "aiohttp", "httpx", "httpcore", "google", "kombu")
_WITH_HANDLERS_OF_THEIR_OWN = ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task")
_SECRET_FIELDS = frozenset({"password", "secret", "auth_token", "api_key", "authorization", "token"})


def configure(level: str = "info", json: bool | None = None, *, stream: TextIO | None = None) -> None:
    """Set up logging for this process; may be called again.

    `json=None` means JSON unless the stream (default: standard error) is a terminal. Loggers of the standard
    library (uvicorn, celery, sqlalchemy, ...) end in the same place and are masked the same way. Run uvicorn
    with `log_config=None` and connect Celery's `setup_logging` signal to this, else they replace it.

    Raises ValueError for an unknown level.
    """
    root = logging.getLogger()
    root.setLevel(level.upper())
    stream = stream or sys.stderr
    on_terminal = stream.isatty()
    as_json = not on_terminal if json is None else json
    lines = _Lines(stream)
    stamp: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact,
    ]
    plain = structlog.dev.plain_traceback
    console = structlog.dev.ConsoleRenderer(colors=on_terminal, exception_formatter=plain)
    render: list[Processor] = [structlog.processors.JSONRenderer()] if as_json else [_escape, console]
    structlog.configure(
        # Straight to the stream: going through `logging` costs twice the time per line.
        processors=[*stamp, *render],
        logger_factory=lambda name="alertd": _Named(lines, name),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,  # loggers made by modules at import follow a later `configure`
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=stamp,
            processors=[ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root.handlers[:] = [handler]
    for name in _WITH_HANDLERS_OF_THEIR_OWN:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(False)  # or, where somebody put showwarning back meanwhile, the next line does nothing
    logging.captureWarnings(True)
    sys.excepthook, threading.excepthook = _tell_uncaught, _tell_uncaught_in_thread


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of a module: `log.info("delivery accepted", delivery=..., ms=...)`."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask addresses and secrets wherever they stand in a log event: text, names, values, tracebacks."""
    return {mask_text(name): _masked(name, value) for name, value in event.items()}


def _masked(name: object, value: object) -> Any:
    if isinstance(value, bool | int | float | None | logging.LogRecord):  # the record is not rendered
        return value
    if name in _SECRET_FIELDS:
        return HIDDEN
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {mask_text(str(key)): _masked(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(None, item) for item in value]
    return mask_text(repr(value) if isinstance(value, BaseException) else str(value))


_OF_MANY_LINES = frozenset({"exception", "stack"})
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n"}
_CONTROLS_BUT_LINES = {code: text for code, text in _CONTROLS.items() if code not in {9, 10}}


def _escape(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Nobody outside may write lines or colours of their own onto an operator's terminal."""
    return {
        name: value.translate(_CONTROLS_BUT_LINES if name in _OF_MANY_LINES else _CONTROLS)
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


class _Named(structlog.WriteLogger):
    """Writes lines of one module."""

    def __init__(self, lines: "_Lines", name: str) -> None:
        super().__init__(cast(TextIO, lines))
        self.name = name


class _Lines:
    """The stream, except that a full disk or a closed pipe stops no delivery: it says later what was lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = 0

    def write(self, line: str) -> int:
        try:
            if self._lost:
                self._stream.write(f'{{"level": "error", "event": "log lines lost", "lines": {self._lost}}}\n')
                self._lost = 0
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed, or cannot encode the line
            self._lost += 1
        return len(line)

    def flush(self) -> None:
        """Nothing to do: each line is flushed as it is written."""


def _tell_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    get_logger("alertd").critical("uncaught exception", exc_info=(kind, error, trace))


def _tell_uncaught_in_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None and not issubclass(what.exc_type, SystemExit):
        _tell_uncaught(what.exc_type, what.exc_value, what.exc_traceback)
