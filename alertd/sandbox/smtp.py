"""The SMTP server: takes mail, one line of the log per mailbox, and misbehaves at RCPT or after DATA."""

import asyncio
import contextlib
import hmac
import logging
import secrets
import warnings
import weakref
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from alertd.sandbox import reference
from alertd.sandbox.dead import DeadAddresses
from alertd.sandbox.faults import Armed, Faults
from alertd.sandbox.mail_reading import Mail, clean, read_mail
from alertd.sandbox.records import Records

SIZE_LIMIT = 10 * 1024 * 1024
HOSTNAME = "sandbox.example.org"

_REQUIRED = ("From", "Date")
"""https://www.rfc-editor.org/rfc/rfc5322#section-3.6: the only header fields that every mail must have."""


class MailServer:
    """Makes the protocol of each connection; answers RCPT and DATA."""

    def __init__(
        self, records: Records, faults: Faults, dead: DeadAddresses, *, login: tuple[str, str] | None
    ) -> None:
        self._records, self._faults, self._dead, self._login = records, faults, dead, login
        self._connections: weakref.WeakSet[SMTP] = weakref.WeakSet()
        # aiosmtpd logs each command with its addresses at INFO; nobody's address belongs into a log.
        logging.getLogger("mail.log").setLevel(logging.ERROR)

    def connection(self) -> SMTP:
        """A protocol for one more connection."""
        with warnings.catch_warnings():
            # AUTH without TLS is what we want: it never leaves this machine.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS", UserWarning)
            made = SMTP(
                self,
                hostname=HOSTNAME,
                ident="ESMTP alertd sandbox",
                enable_SMTPUTF8=True,
                data_size_limit=SIZE_LIMIT,
                auth_required=self._login is not None,
                auth_require_tls=self._login is None,
                authenticator=self._authenticate,
                loop=asyncio.get_running_loop(),
            )
        self._connections.add(made)
        return made

    def close(self) -> None:
        """Cut every connection that is still open."""
        for connection in list(self._connections):
            _cut_off(connection)

    # --- aiosmtpd's hooks ---------------------------------------------------------------------------

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer PIPELINING too: commands are read one after the other, so it holds."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, unless it is dead or a fault has it."""
        armed = self._faults.pick("email", address, stage="rcpt")
        if armed is not None:
            return await self._misbehave(armed, server, address, {"mail_from": clean(str(envelope.mail_from))})
        if ("email", address) in self._dead:
            return await self._refuse("dead", address, _unknown(address), {})
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail for each recipient, then answer."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = read_mail(content)
        request = {
            "mail_from": clean(str(envelope.mail_from)),
            "headers": mail.headers,
            "bytes": len(content),
        }
        picked = [self._faults.pick("email", to, stage="data") for to in envelope.rcpt_tos]
        armed = next((found for found in picked if found is not None), None)
        after = armed is not None and armed.fault.kind in {"drop_after_accept", "smtp_drop_after_data"}
        if armed is not None and not after:
            return await self._misbehave(armed, server, envelope.rcpt_tos[0], request)
        missing = [name for name in _REQUIRED if name.lower() not in mail.first]
        if missing:
            return await self._refuse(
                "contract", envelope.rcpt_tos[0], f"554 5.6.0 Header field missing: {', '.join(missing)}", request
            )
        queue_id = secrets.token_hex(6).upper()
        await self._keep(mail, envelope, request, queue_id, armed.fault.kind if armed and after else None)
        if after:
            _cut_off(server)
        return f"250 2.0.0 Ok: queued as {queue_id}"

    # --- inside -------------------------------------------------------------------------------------

    async def _keep(
        self, mail: Mail, envelope: Envelope, request: dict[str, Any], queue_id: str, fault: str | None
    ) -> None:
        await asyncio.gather(
            *(
                self._records.accept(
                    "email",
                    clean(to),
                    provider_id=queue_id,
                    title=mail.first.get("subject", ""),
                    text=mail.text or "",
                    html=mail.html,
                    sender=request["mail_from"],
                    priority=mail.priority,
                    reference=reference.of_message_id(mail.first.get("message-id")),
                    request=request,
                    fault=fault,
                )
                for to in envelope.rcpt_tos
            )
        )

    async def _misbehave(self, armed: Armed, server: SMTP, to: str, request: dict[str, Any]) -> str:
        kind = armed.fault.kind
        match kind:
            case "smtp_550":
                reply = _unknown(to) if armed.fault.stage == "rcpt" else "550 5.7.1 Message rejected as spam"
                return await self._refuse(kind, to, reply, request)
            case "smtp_451":
                return await self._refuse(kind, to, "451 4.3.0 Temporary failure, try again later", request)
            case "auth":
                return await self._refuse(kind, to, "530 5.7.0 Authentication required", request)
            case _:
                await self._refuse(kind, to, "", request)
        if kind in {"hang", "smtp_hang"}:
            with contextlib.suppress(TimeoutError):  # held long enough
                async with asyncio.timeout(armed.fault.hold_s):
                    await armed.lifted.wait()
        _cut_off(server)
        return "421 4.3.2 Closing"

    async def _refuse(self, outcome: str, to: str, reply: str, request: dict[str, Any]) -> str:
        code = " ".join(reply.split(" ")[:2])
        detail = reply[len(code) + 1 :]
        await self._records.refuse("email", clean(to), outcome, code=code, detail=detail, request=request)
        return reply

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        if self._login is None or not isinstance(given, LoginPassword):
            return AuthResult(success=False, handled=False)
        user, password = self._login
        same = hmac.compare_digest(given.login + b"\0" + given.password, f"{user}\0{password}".encode())
        return AuthResult(success=same, handled=False)


def _unknown(address: str) -> str:
    """As Postfix says it: with the address, which whoever logs the reply logs too."""
    return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"


def _cut_off(server: SMTP) -> None:
    transport = server.transport
    if transport is not None:
        cast(asyncio.Transport, transport).abort()
