"""A mail server on loopback that says what it is told at each stage, and keeps what it was sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto


class Trouble(Enum):
    HANG = auto()
    DRIP = auto()  # a reply of many lines that never ends (RFC 5321 section 4.2.1)
    DROP = auto()
    TRICKLE = auto()  # a byte of the answer now and then
    WAIT = auto()  # until `speak` is set, then as `after_waiting` says


@dataclass
class Mail:
    sender: str
    recipient: str
    content: bytes


@dataclass
class MailServer:
    """`says` holds the reply at a stage: GREETING, EHLO, MAIL, RCPT, DATA, CONTENT, AUTH, RSET.

    A list is used up reply by reply, its last one stays.
    """

    says: dict[str, str | Trouble | list[str | Trouble]] = field(default_factory=dict)
    extensions: tuple[str, ...] = ("PIPELINING", "ENHANCEDSTATUSCODES")
    commands: list[str] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)  # that were taken
    contents: list[bytes] = field(default_factory=list)  # all that came behind DATA
    connections: int = 0
    open: int = 0
    most_open: int = 0
    port: int = 0
    speak: asyncio.Event = field(default_factory=asyncio.Event)
    after_waiting: str | Trouble = "250 2.0.0 Ok: queued as 12345"

    def _word(self, stage: str, usual: str) -> str | Trouble:
        word = self.says.get(stage, usual)
        if isinstance(word, list):
            return word.pop(0) if len(word) > 1 else word[0]
        return word

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, _HungUp):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(stage: str, usual: str) -> str:
            word = self._word(stage, usual)
            if word is Trouble.WAIT:
                await self.speak.wait()
                word = self.after_waiting
            if word is Trouble.TRICKLE:
                for byte in f"250-{'x' * 500}".encode():
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.05)
            if word is Trouble.HANG:
                await reader.read()
            while word is Trouble.DRIP:
                writer.write(b"250-one moment\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
            if isinstance(word, Trouble):
                raise _HungUp
            writer.write(word.encode() + b"\r\n")
            await writer.drain()
            if word.startswith("421"):
                raise _HungUp
            return word

        await say("GREETING", "220 mail.example.org ESMTP")
        mail = Mail("", "", b"")
        while True:
            line = (await reader.readuntil(b"\r\n"))[:-2].decode()
            self.commands.append(line)
            verb = line.upper()
            if verb.startswith("EHLO"):
                lines = ["mail.example.org", *self.extensions]
                await say("EHLO", "\r\n".join(f"250{'-' if e is not lines[-1] else ' '}{e}" for e in lines))
            elif verb.startswith("AUTH"):
                await say("AUTH", "235 2.7.0 welcome")
            elif verb.startswith("MAIL FROM:"):
                mail = Mail(line[11:-1], "", b"")
                if not (await say("MAIL", "250 2.1.0 Ok")).startswith("2"):
                    mail = Mail("", "", b"")
            elif verb.startswith("RCPT TO:"):
                if (await say("RCPT", "250 2.1.5 Ok")).startswith("2"):
                    mail.recipient = line[9:-1]
            elif verb == "DATA":
                if not mail.recipient and "DATA" not in self.says:
                    await say("NOBODY", "503 5.5.1 no valid recipients")
                elif (await say("DATA", "354 go ahead")).startswith("354"):
                    mail.content = await _content(reader)
                    self.contents.append(mail.content)
                    if (await say("CONTENT", "250 2.0.0 Ok: queued as 12345")).startswith("2"):
                        self.mails.append(mail)
                    mail = Mail("", "", b"")
            elif verb == "RSET":
                mail = Mail("", "", b"")
                await say("RSET", "250 2.0.0 Ok")
            elif verb == "QUIT":
                await say("QUIT", "221 2.0.0 Bye")
                return
            else:
                await say("UNKNOWN", "500 5.5.2 what?")


class _HungUp(Exception):
    pass


async def _content(reader: asyncio.StreamReader) -> bytes:
    """What stands before the lone dot, with the dots that were added taken away (RFC 5321 4.5.2)."""
    lines = []
    while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """The server, listening while the block runs."""
    mail = MailServer()
    running: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(mail.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    mail.port = server.sockets[0].getsockname()[1]
    try:
        yield mail
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
