"""The HTTP API as the command line uses it: the standard library, one request at a time."""

import http.client
import json
import os
import ssl
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from alertd.cli.failed import REFUSED, UNREACHABLE, Failed
from alertd.domain.this_machine import is_this_machine

KEY_FILE = "api-key"
PATIENCE = 60.0  # seconds; an import of 8 MB takes a few
_DROPPED = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected, http.client.IncompleteRead)
Query = Mapping[str, str | int | bool | Sequence[str] | None]


class Refused(Failed):
    """The API refused, for one reason or several; `spell` puts a field into the words of a command."""

    def __init__(self, error: Mapping[str, Any], status: int, spell: Callable[[str], str] = str) -> None:
        problems = error.get("problems") or []
        said = [_placed(problem.get("field"), problem["message"], spell) for problem in problems]
        first = _placed(error.get("field"), str(error.get("message", f"HTTP {status}")), spell)
        super().__init__(
            first if len(said) < 2 else f"{len(said)} mistakes:", more=tuple(said), code=REFUSED, told=error
        )
        self.error, self.status = error, status


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API is, and the key to it; `key` is never shown."""

    url: str
    key: str | None

    @classmethod
    def here(cls, env: Mapping[str, str] = os.environ) -> "Api":
        """As ALERTD_URL and ALERTD_API_KEY say, else as the settings of this machine say.

        The key that `alertd up` left in the data folder is for this machine: it is sent to no other.
        """
        url, key = env.get("ALERTD_URL", "").rstrip("/"), env.get("ALERTD_API_KEY")
        if url and key:
            return cls(_checked(url), key)
        from alertd.settings import load
        from alertd.settings.address import address

        settings = load(env)
        url = _checked(url or address(settings.api.host, settings.api.port))
        host = urlsplit(url).hostname or ""
        if not key and (is_this_machine(host) or host == settings.api.host):
            key = _kept(settings.data_dir / KEY_FILE)
        return cls(url, key)

    def get(self, path: str, **query: str | int | bool | Sequence[str] | None) -> Any:
        """Look. Raises Failed."""
        return self.ask("GET", path, query=query)

    def command(self, path: str, body: Mapping[str, Any], *, once: str, dry_run: bool = False) -> Any:
        """Do; `once` names the command, so that it is done once however often it is sent. Raises Failed."""
        query: Query = {"dry_run": True} if dry_run else {}
        return self.ask("POST", path, json.dumps(body).encode(), query=query, once=once)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        query: Query | None = None,
        once: str | None = None,
        kind: str = "application/json",
    ) -> Any:
        """One request, sent once more if the connection drops: nothing here is done twice by that.

        Raises Failed: unreachable (69), or refused, with what the API said.
        """
        headers = {"Accept": "application/json"}
        headers |= {"Content-Type": kind} if body is not None else {}
        headers |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers |= {"Idempotency-Key": once} if once else {}
        target = path + _spelled(query or {})
        way_out, told = _perhaps_done(None if query and query.get("dry_run") else once)
        try:
            try:
                status, raw = self._send(method, target, body, headers)
            except _DROPPED:
                status, raw = self._send(method, target, body, headers)
        except _DROPPED:
            message = f"alertd at {self.url} dropped the connection twice"
            safe = "Asking for the same again does it at most once."
            raise Failed(message, way_out or safe, code=UNREACHABLE, told=told) from None
        except TimeoutError:
            message = f"alertd at {self.url} did not answer within {PATIENCE:.0f} s"
            raise Failed(message, way_out, code=UNREACHABLE, told=told) from None
        return _answer(status, raw)

    def _send(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=PATIENCE, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=PATIENCE)
        )
        connected = False
        try:
            connection.connect()
            connected = True
            connection.request(method, parts.path + target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except _DROPPED:
            raise
        except (OSError, http.client.HTTPException) as error:
            if connected and isinstance(error, TimeoutError):
                raise  # it may have been heard
            why = getattr(error, "strerror", None) or type(error).__name__
            way_out = (
                "start it with: alertd up" if is_this_machine(host) else "check ALERTD_URL, and that it runs there"
            )
            raise Failed(f"alertd does not answer at {self.url} ({why})", way_out, code=UNREACHABLE) from None
        finally:
            connection.close()


def new_command() -> str:
    """An Idempotency-Key: one per command line."""
    return str(uuid.uuid4())


def _perhaps_done(once: str | None) -> tuple[str, dict[str, Any]]:
    """For a command whose answer did not come: what may have happened, and how to ask again without harm."""
    if once is None:
        return "", {}
    way_out = (
        "It may have been carried out all the same: look first, for example with alertd incident list. "
        f"To ask again without telling anybody twice, add: --idempotency-key {once}"
    )
    return way_out, {"carried_out": "unknown", "idempotency_key": once}


def _answer(status: int, raw: bytes) -> Any:
    try:
        told = json.loads(raw) if raw else None
    except ValueError:
        told = None
    if status < 300:
        return told
    error = told.get("error") if isinstance(told, dict) else None
    if not isinstance(error, dict):
        raise Failed(f"this is no alertd: it answered {status}", "check ALERTD_URL")
    if status == 401:
        error = error | {"message": f"{error['message']}. ALERTD_API_KEY takes one"}
    raise Refused(error, status)


def _placed(field: str | None, message: str, spell: Callable[[str], str]) -> str:
    return f"{spell(field)}: {message}" if field else message


def _spelled(query: Query) -> str:
    given = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }
    return f"?{urlencode(given, doseq=True)}" if given else ""


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise Failed("ALERTD_URL must be a URL such as http://127.0.0.1:8420")
    return url


def _kept(file: Path) -> str | None:
    try:
        return file.read_text("ascii").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Failed(f"the API key in {file} cannot be read ({why})", "set ALERTD_API_KEY instead") from None
