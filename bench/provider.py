"""The loopback provider that is not the bottleneck: Twilio, FCM and OAuth answers, counted by recipient.

Run `python -m bench.provider`; the first line it prints is its port. It answers

- `POST /2010-04-01/Accounts/*/Messages.json` with 201 and a new sid,
- `POST /v1/projects/*/messages:send` with 200 and a new name,
- `POST /token` with an access token,
- `GET /count` with what was accepted per kind, `GET /recipients/sms` and `/push` with who it was for,
  `GET /heard/push/TOKEN` as soon as that one is among them, alone on its connection,
- `POST /reset` after forgetting all that.

It is fast because it is no web server: one request line, one header, a body of known length. It checks
nothing but the recipient; checking is the sandbox's work.
"""

import asyncio
import itertools
import json
import re
import signal
from typing import cast
from urllib.parse import unquote_to_bytes

import msgspec
import uvloop

MAX_REQUEST = 64 * 1024
BACKLOG = 1024

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_JSON = b"Content-Type: application/json; charset=UTF-8\r\n"
_TOKEN = b'{"access_token": "loopback", "expires_in": 3600, "token_type": "Bearer"}'
_SMS = (
    '{"sid": "SM%032x", "account_sid": "AC%032x", "status": "queued", "to": %s, "direction": "outbound-api", '
    '"num_segments": "1", "num_media": "0", "api_version": "2010-04-01", "error_code": null, '
    '"error_message": null, "price": null, "price_unit": "USD"}'
)


class _Target(msgspec.Struct):
    token: str


class _Push(msgspec.Struct):
    message: _Target


_read_push = msgspec.json.Decoder(_Push)


class Book:
    """Accepted messages of one kind: how many, and for whom."""

    __slots__ = ("accepted", "recipients")

    def __init__(self) -> None:
        self.accepted = 0
        self.recipients: set[str] = set()

    def accept(self, recipient: str) -> None:
        """Count one message."""
        self.accepted += 1
        self.recipients.add(recipient)


class Provider:
    """Turns one request into the bytes of one response."""

    def __init__(self) -> None:
        self.sms, self.push = Book(), Book()
        self.tokens = 0
        self._awaited: dict[str, list[asyncio.Transport]] = {}
        self._ids = itertools.count(1)

    def answer(self, method: bytes, path: bytes, body: bytes) -> bytes:
        """Route and answer; a request without a recipient is 400, any other path 404."""
        if method == b"POST":
            if path.startswith(b"/v1/projects/") and path.endswith(b"/messages:send"):
                return self._push(body)
            if path.startswith(b"/2010-04-01/Accounts/") and path.endswith(b"/Messages.json"):
                return self._sms(body)
            if path == b"/token":
                self.tokens += 1
                return response(b"200 OK", _TOKEN)
            if path == b"/reset":
                self.sms, self.push, self.tokens = Book(), Book(), 0
                return response(b"200 OK", b"{}")
        elif method == b"GET":
            if path == b"/count":
                return response(b"200 OK", json.dumps(self.count()).encode())
            if path == b"/recipients/push":
                return response(b"200 OK", json.dumps(sorted(self.push.recipients)).encode())
            if path == b"/recipients/sms":
                return response(b"200 OK", json.dumps(sorted(self.sms.recipients)).encode())
        return response(b"404 Not Found", b'{"error": {"code": 404, "status": "NOT_FOUND"}}')

    def tell_when_heard(self, recipient: str, asker: asyncio.Transport) -> None:
        """Answer `true` at once or with the first push for this token: whoever asked again and again would take
        a share of the machine that is measured."""
        if recipient in self.push.recipients:
            asker.write(_HEARD)
        else:
            self._awaited.setdefault(recipient, []).append(asker)

    def count(self) -> dict[str, dict[str, int]]:
        """Accepted messages and distinct recipients per kind, and tokens handed out."""
        books = {"sms": self.sms, "push": self.push}
        counts = {kind: {"accepted": b.accepted, "distinct": len(b.recipients)} for kind, b in books.items()}
        return counts | {"token": {"accepted": self.tokens, "distinct": self.tokens}}

    def _push(self, body: bytes) -> bytes:
        try:
            recipient = _read_push.decode(body).message.token
        except msgspec.MsgspecError:
            return response(b"400 Bad Request", b'{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}')
        self.push.accept(recipient)
        if self._awaited:
            for asker in self._awaited.pop(recipient, ()):
                asker.write(_HEARD)
        return response(b"200 OK", b'{"name": "projects/loopback/messages/%016x"}' % next(self._ids))

    def _sms(self, body: bytes) -> bytes:
        for pair in body.split(b"&"):
            if pair.startswith(b"To=") and len(pair) > 3:
                recipient = unquote_to_bytes(pair[3:].replace(b"+", b" ")).decode(errors="replace")
                self.sms.accept(recipient)
                text = _SMS % (next(self._ids), 0, json.dumps(recipient))
                return response(b"201 Created", text.encode())
        return response(b"400 Bad Request", b'{"code": 21604, "message": "To is required", "status": 400}')


def response(status: bytes, body: bytes) -> bytes:
    """One HTTP/1.1 response whose connection stays open."""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, _JSON, len(body), body)


_HEARD = response(b"200 OK", b"true")
_ASKED = b"/heard/push/"


class Conversation(asyncio.Protocol):
    """One client's connection; requests may come in pieces or several at once, and are answered in order."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in what has come so far; keep the rest."""
        if self._rest:
            data = self._rest + data
        answers: list[bytes] = []
        start, size = 0, len(data)
        while (end := data.find(b"\r\n\r\n", start)) >= 0:
            line = data[start : data.find(b"\r\n", start)].split(b" ")
            if len(line) != 3:
                return self._refuse(answers, b"400 Bad Request")
            method, path, _ = line
            found = _LENGTH.search(data, start, end)
            if found is None and method == b"POST":
                return self._refuse(answers, b"411 Length Required")
            body = end + 4
            start_of_next = body + (int(found[1]) if found else 0)
            if start_of_next - start > MAX_REQUEST:
                return self._refuse(answers, b"413 Content Too Large")
            if start_of_next > size:
                break
            if method == b"GET" and path.startswith(_ASKED):
                self._provider.tell_when_heard(path[len(_ASKED) :].decode(errors="replace"), self._transport)
            else:
                answers.append(self._provider.answer(method, path, data[body:start_of_next]))
            start = start_of_next
        self._rest = data[start:]
        if len(self._rest) > MAX_REQUEST:
            return self._refuse(answers, b"431 Request Header Fields Too Large")
        if answers:
            self._transport.write(b"".join(answers))
        return None

    def pause_writing(self) -> None:
        """Take no more requests from a client that does not read our answers."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._transport.resume_reading()

    def _refuse(self, answers: list[bytes], status: bytes) -> None:
        self._rest = b""
        self._transport.write(b"".join([*answers, response(status, b"{}")]))
        self._transport.close()


async def serve() -> None:
    """Serve on a free loopback port, print it, and go on until SIGTERM."""
    loop = asyncio.get_running_loop()
    provider = Provider()
    server = await loop.create_server(lambda: Conversation(provider), "127.0.0.1", 0, backlog=BACKLOG)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
