"""The daemon's HTTP API as a person's tool would use it: the standard library, one request at a time."""

import http.client
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

_TIMEOUT_S = 20.0


class ApiRefused(Exception):
    """The daemon refused; the text says why, in its own words."""


class ApiSilent(Exception):
    """The daemon did not answer."""


class Client:
    """One base URL, one API key (none for the sandbox's controls)."""

    def __init__(self, url: str, key: str | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, **query: str | int) -> Any:
        """The answer to a GET as JSON. Raises ApiRefused, ApiSilent."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None, {})

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to a command. Raises ApiRefused, ApiSilent."""
        once = {"Idempotency-Key": str(uuid.uuid4())}
        return self._ask("POST", path, json.dumps(body).encode(), _COMMAND | once)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to a PUT. Raises ApiRefused, ApiSilent."""
        return self._ask("PUT", path, json.dumps(body).encode(), _COMMAND)

    def post_lines(self, path: str, documents: list[dict[str, Any]]) -> Any:
        """The answer to documents sent as JSON lines. Raises ApiRefused, ApiSilent."""
        lines = "".join(json.dumps(document) + "\n" for document in documents).encode()
        return self._ask("POST", path, lines, {"Content-Type": "application/x-ndjson"})

    def page(self, path: str, *, press: bool = False) -> str:
        """A page as a browser gets it; `press`: by its one button. Raises ApiRefused, ApiSilent."""
        return self._send("POST" if press else "GET", path, b"" if press else None, {}).decode()

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        raw = self._send(method, path, body, headers)
        return json.loads(raw) if raw else None

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, self._headers | headers)
            answer = connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ApiSilent(f"{method} {path.partition('?')[0]}: no answer ({type(error).__name__})") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise ApiRefused(f"{method} {path.partition('?')[0]}: {answer.status} {_reason(raw)}")
        return raw


_COMMAND = {"Content-Type": "application/json"}


def _reason(raw: bytes) -> str:
    try:
        told = json.loads(raw)["error"]
    except (ValueError, KeyError, TypeError):
        return ""
    if not isinstance(told, dict):
        return str(told)
    place = f"{told['field']}: " if told.get("field") else ""
    return f"{place}{told.get('message', '')}"
