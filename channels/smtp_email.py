"""E-mail over SMTP, on connections that stay open.

Protocol: https://www.rfc-editor.org/rfc/rfc5321; the pieces: `channels.smtp_connection`, `channels.smtp_letter`,
`channels.smtp_errors`, `channels.smtp_unanswered`. Bounces come later and elsewhere; a receipt means that the
server took the message.
"""

import asyncio
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from alertd.ports import Cause, ChannelError, Later, Message, Receipt, Unknown
from channels import Now
from channels.smtp_connection import ConnectionEnded, Server, SmtpConnection
from channels.smtp_errors import Reply, Stage, error_for
from channels.smtp_letter import Letters, mailbox_of
from channels.smtp_unanswered import Handed, Unanswered, wait_until
from channels.standstill import Patience

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpConfig:
    """The mail server and the sender.

    `smtp://` is plain, `smtp+starttls://` is encrypted by STARTTLS, `smtps://` from the first byte; certificates
    are verified. With a password in it, `smtp://` too is encrypted by STARTTLS, except on this machine.
    """

    url: str | None = field(default=None, repr=False)
    from_: str | None = None  # "alerts@example.org" or "Alerts <alerts@example.org>"
    connections: int = 20
    patience: float = 10.0  # seconds for all that comes before the message itself
    # Seconds for all of one try; the lease (30 s) allows no more. The next try waits on for the same answer, up to
    # the ten minutes of RFC 5321: `channels.smtp_unanswered`.
    deadline: float = 25.0
    longest_idle: float = 30.0  # seconds after which an unused connection is not trusted any more

    def problems(self) -> list[str]:
        """What keeps e-mail from working, each with the setting that mends it; empty if nothing does."""
        found = []
        if not self.url:
            found.append("no mail server: set ALERTD_SMTP__URL")
        else:
            try:
                self.server()
            except ValueError as error:
                found.append(f"ALERTD_SMTP__URL {error}")
        if not self.from_:
            found.append("no e-mail sender: set ALERTD_SMTP__FROM")
        elif not mailbox_of(self.from_):
            found.append(
                "ALERTD_SMTP__FROM is not one e-mail address; write it like Alerts <alerts@example.org>, and a "
                "name with an @ or brackets in quotes"
            )
        return found

    def server(self) -> Server:
        """Where and how to connect. Raises ValueError, which does not quote the URL."""
        try:
            url = urlsplit(self.url or "")
            port = url.port
        except ValueError:
            raise ValueError("is no URL") from None
        if url.scheme not in _PORTS or not url.hostname:
            raise ValueError("must be like smtp://host:25, smtp+starttls://user:password@host or smtps://…")
        user, password = unquote(url.username or ""), unquote(url.password or "")
        if not user.isprintable() or not password.isprintable():
            raise ValueError("holds control characters")
        scheme = url.scheme
        if scheme == "smtp" and user and not _is_here(url.hostname):
            scheme = "smtp+starttls"
        tls = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "implicit"}[scheme]
        return Server(url.hostname, port or _PORTS[scheme], tls, user, password)


class SmtpEmail:
    """The channel `email`."""

    name = "email"
    has_callbacks = False

    def __init__(self, config: SmtpConfig, now: Now) -> None:
        self.at_once, self.deadline = config.connections, config.deadline
        self._config = config
        self._server = config.server()
        sender = config.from_ or ""
        self._letters = Letters(sender, now)
        self._mail_from = f"MAIL FROM:<{mailbox_of(sender)}>\r\n".encode()
        self._free = asyncio.Semaphore(config.connections)
        self._idle: list[SmtpConnection] = []
        self._unanswered = Unanswered(config.connections)

    async def send(self, message: Message) -> Receipt:
        letter = self._letters.letter(message)
        loop = asyncio.get_running_loop()
        started = loop.time()
        had_its_turn = False
        handed = self._unanswered.take(message.delivery)  # the server may have it from an earlier try
        try:
            async with Patience(started + self._config.patience) as limit, self._free:
                had_its_turn = True
                if handed is not None:
                    limit.until(min(started + self._config.deadline, max(handed.until, loop.time())))
                    reply = await _late_word(handed.connection)
                    if reply is not None:
                        return self._done(message, handed.connection, reply)
                    handed = None
                    limit.until(started + self._config.patience)
                connection = await self._announce(message.to)
                if loop.time() > started + (self._config.patience + self._config.deadline) / 2:
                    connection.abort()  # we stood still, and its lease may be over before the answer is here
                    raise Later("too_late", "announced too late; nothing was handed over", cause=Cause.STANDSTILL)
                connection.write(letter)
                handed = Handed(connection, wait_until(loop.time(), message.useful_for))
                limit.until(started + self._config.deadline)
                return self._done(message, connection, await connection.reply())
        except TimeoutError:
            if handed is not None:
                self._unanswered.keep(message.delivery, handed)
            raise _too_late(had_its_turn, handed is not None) from None
        except ConnectionEnded:
            if handed is not None:
                handed.connection.abort()
            raise _hung_up(handed is not None) from None
        except asyncio.CancelledError:
            if handed is not None:
                handed.connection.abort()
            raise

    def _done(self, message: Message, connection: SmtpConnection, reply: Reply) -> Receipt:
        """The server's last word on a letter. Raises what a word that takes it not means."""
        self._give_back(connection, reply)
        if not 200 <= reply.code < 300:
            raise error_for(Stage.CONTENT, reply)
        return Receipt(self._letters.message_id(message))

    async def ask(self) -> str:
        """Connect, encrypt and log in, as for a message, and hang up."""
        try:
            async with Patience(asyncio.get_running_loop().time() + self._config.patience):
                (await SmtpConnection.open(self._server)).quit()
        except TimeoutError:
            raise Later("timeout", "the mail server did not answer in time") from None
        encrypted = "" if self._server.tls == "none" else ", encrypted"
        return f"it takes our log-in{encrypted}" if self._server.user else f"it greets us{encrypted}"

    async def close(self) -> None:
        self._unanswered.close()
        while self._idle:
            self._idle.pop().quit()

    async def _announce(self, to: str) -> SmtpConnection:
        """A connection on which the server waits for the message.

        One that stayed open may have been closed meanwhile; nothing was handed over then, so a fresh one
        is tried at once.
        """
        connection = self._kept()
        if connection is not None:
            try:
                return await self._announced(connection, to)
            except ConnectionEnded:
                pass
        return await self._announced(await SmtpConnection.open(self._server), to)

    async def _announced(self, connection: SmtpConnection, to: str) -> SmtpConnection:
        try:
            await self._envelope(connection, to)
        except ChannelError:
            connection.dirty = True
            self._give_back(connection)
            raise
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _envelope(self, connection: SmtpConnection, to: str) -> None:
        """MAIL, RCPT and DATA: in one write where the server allows it.

        Raises what the first refusal means; the connection stays usable unless it is closed.
        """
        if connection.dirty and (await connection.ask(b"RSET\r\n")).code != 250:
            raise ConnectionEnded
        connection.dirty = False
        commands = (self._mail_from, f"RCPT TO:<{to}>\r\n".encode(), b"DATA\r\n")
        pipelining = "PIPELINING" in connection.extensions
        if pipelining:
            connection.write(b"".join(commands))
        refusal: ChannelError | None = None
        for stage, expected, command in zip(_ENVELOPE, (250, 250, 354), commands, strict=True):
            if not pipelining:
                connection.write(command)
            try:
                reply = await connection.reply()
            except ConnectionEnded:
                raise refusal or ConnectionEnded from None
            if refusal is not None:
                if stage is Stage.DATA and reply.code == expected:
                    connection.abort()  # it waits for a message that has no reader
            elif reply.code != expected and reply.code // 10 != expected // 10:
                refusal = error_for(stage, reply)
                if reply.code == 421:
                    connection.abort()
            if refusal is not None and not pipelining:
                break
        if refusal is not None:
            raise refusal

    def _kept(self) -> SmtpConnection | None:
        """An open connection from before, the last used first."""
        oldest = asyncio.get_running_loop().time() - self._config.longest_idle
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.idle_since > oldest:
                return connection
            connection.quit()
        return None

    def _give_back(self, connection: SmtpConnection, reply: Reply | None = None) -> None:
        if not connection.usable or (reply is not None and reply.code == 421):
            connection.abort()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)


async def _late_word(connection: SmtpConnection) -> Reply | None:
    """The answer that an earlier try has waited for; None: it hung up, and the letter is to be sent again."""
    try:
        return await connection.reply()
    except ConnectionEnded:
        return None


_ENVELOPE = (Stage.SENDER, Stage.RECIPIENT, Stage.DATA)


def _too_late(had_its_turn: bool, handed_over: bool) -> ChannelError:
    if handed_over:
        return Unknown("timeout", "handed over, and no answer in time")
    if had_its_turn:
        return Later("timeout", "the mail server did not answer in time; nothing was handed over")
    return Later("busy", "all connections to the mail server were in use", cause=Cause.PACE)


def _hung_up(handed_over: bool) -> ChannelError:
    if handed_over:
        return Unknown("connection_lost", "the server hung up after the message, before its answer")
    return Later("connection_lost", "the server hung up; nothing was handed over")


def _is_here(host: str) -> bool:
    """Whether a host is this machine, so that nobody on the way can read the password."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
