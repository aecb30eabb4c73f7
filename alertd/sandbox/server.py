"""The whole sandbox: `async with Sandbox(settings)` in a test, `serve(settings)` as a process."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from alertd.sandbox.control_api import ControlApi
from alertd.sandbox.dead import DeadAddresses
from alertd.sandbox.faults import Fault, Faults
from alertd.sandbox.fcm_api import FcmApi
from alertd.sandbox.group_commit import Sync, sync_to_disk
from alertd.sandbox.inbox_api import InboxApi
from alertd.sandbox.inbox_pages import InboxPages
from alertd.sandbox.log import Accepted, Channel, Refusal, Told
from alertd.sandbox.oauth import PATH as TOKEN_PATH
from alertd.sandbox.oauth import TokenEndpoint
from alertd.sandbox.page_api import PageApi
from alertd.sandbox.records import Records
from alertd.sandbox.service_account import ServiceAccount
from alertd.sandbox.settings import SandboxSettings
from alertd.sandbox.smtp import MailServer
from alertd.sandbox.story_clock import StoryClock
from alertd.sandbox.twilio_api import TwilioApi
from alertd.sandbox.twilio_callbacks import Callbacks
from alertd.sandbox.twilio_calls_api import CallsApi
from alertd.sandbox.twilio_login import Login
from alertd.sandbox.twilio_phones import Phones
from alertd.sandbox.twilio_replies import Replies
from alertd.sandbox.twilio_requests import Requests

CREDENTIALS = "service-account.json"
BACKLOG = 2048
SHUTDOWN_S = 1.0  # how long answers under way may take once the sandbox stops
HTTP_LIMIT = 1024 * 1024  # bytes of a request's body


class Sandbox:
    """Twilio, FCM and SMTP stand-ins on loopback; up once entered, gone once left.

    `sync` makes the log durable; a test may put something slower or worse in its place.
    """

    def __init__(self, settings: SandboxSettings, *, sync: Sync = sync_to_disk) -> None:
        self._settings, self._sync = settings, sync

    async def __aenter__(self) -> Self:
        """Start. Raises OSError where a port is taken or the data folder cannot be written."""
        settings = self._settings
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._faults, self._dead = Faults(settings.faults), DeadAddresses()
        self._dead.add(settings.dead)
        self._records = Records(settings.data_dir, settings.story, sync=self._sync)
        self._runner: web.AppRunner | None = None
        self._smtp: asyncio.Server | None = None
        self._callbacks: Callbacks | None = None
        self._phones: Phones | None = None
        self._login = Login(settings.account_sid, settings.auth_token)
        self._requests = Requests(self._login)
        try:
            await self._listen()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let go of whatever hangs, stop answering, and close the log."""
        await self._stop()

    # --- where things are ---------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The root of all HTTP: the inbox, and the base URL of both providers."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"http://{host}:{self._port}"

    @property
    def twilio_url(self) -> str:
        """In place of https://api.twilio.com."""
        return self.url

    @property
    def fcm_url(self) -> str:
        """In place of https://fcm.googleapis.com."""
        return self.url

    @property
    def smtp_url(self) -> str:
        """smtp://[user:password@]host:port."""
        login = self._settings.smtp_login
        who = f"{quote(login[0], safe='')}:{quote(login[1], safe='')}@" if login else ""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"smtp://{who}{host}:{self._smtp_port}"

    @property
    def where(self) -> dict[str, str]:
        """All that a client needs to know, as it is printed at the start of the process."""
        return {
            "inbox_url": f"{self.url}/",
            "twilio_url": self.twilio_url,
            "account_sid": self.account_sid,
            "auth_token": self.auth_token,
            "fcm_url": self.fcm_url,
            "project_id": self._settings.project_id,
            "credentials_file": str(self.credentials_file),
            "smtp_url": self.smtp_url,
            "control_url": f"{self.url}/control",
            "log_path": str(self.log_path),
        }

    @property
    def account_sid(self) -> str:
        """The Twilio account to use."""
        return self._settings.account_sid

    @property
    def auth_token(self) -> str:
        """Its token."""
        return self._settings.auth_token

    @property
    def credentials_file(self) -> Path:
        """Google's service account file, mode 0600."""
        return self._settings.data_dir / CREDENTIALS

    @property
    def log_path(self) -> Path:
        """The log of accepted messages; read it with `alertd.sandbox.log`."""
        return self._records.path

    # --- for tests in the same process --------------------------------------------------------------

    def messages(
        self, *, channel: Channel | None = None, to: str | None = None, after_seq: int = 0
    ) -> list[Accepted]:
        """What was accepted, in order."""
        return self._records.messages(channel=channel, to=to, after_seq=after_seq)

    def refusals(self) -> list[Refusal]:
        """What was not, in order."""
        return self._records.refusals()

    def callbacks(self) -> list[Told]:
        """What senders were told of their messages, in order."""
        return self._records.callbacks()

    async def wait_for(self, true: Callable[[], bool], *, timeout_s: float = 10.0) -> bool:
        """Wait until `true()` holds, asking after each line of a log; False if it does not in time."""
        return await self._records.wait_until(true, timeout_s)

    def set_faults(self, *faults: Fault) -> None:
        """Put these faults in force instead of those that are; none: treat everybody well."""
        self._faults.remove()
        self._faults.add(faults)

    def bury(
        self,
        *,
        sms: Iterable[str] = (),
        push: Iterable[str] = (),
        email: Iterable[str] = (),
        voice: Iterable[str] = (),
    ) -> None:
        """Make addresses dead."""
        self._dead.add(DeadAddresses(set(sms), set(push), set(email), set(voice)))

    def tell_story(self, clock: StoryClock) -> None:
        """Give lines from now on another story time."""
        self._records.clock = clock

    @property
    def commits(self) -> int:
        """How often the log of accepted messages was synced."""
        return self._records.commits

    # --- inside -------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        settings = self._settings
        # The port is taken before the credentials are written: they name it.
        http = _bound(settings.host, settings.port)
        self._port: int = http.getsockname()[1]
        account = ServiceAccount(
            self.credentials_file, project_id=settings.project_id, token_uri=f"{self.url}{TOKEN_PATH}"
        )
        tokens = TokenEndpoint(account, ttl_s=settings.token_ttl_s)
        records, faults, dead = self._records, self._faults, self._dead
        self._callbacks = Callbacks(records, faults, self._requests, account_sid=self.account_sid)
        self._phones = Phones(records, faults, self._requests, account_sid=self.account_sid)
        replies = Replies(records, self._login)
        app = web.Application(middlewares=[_loopback_only], client_max_size=HTTP_LIMIT)
        for api in (
            CallsApi(records, faults, dead, self._phones, self._login),  # before what answers all else
            TwilioApi(records, faults, dead, self._callbacks, self._login),
            FcmApi(records, faults, dead, tokens, project_id=settings.project_id),
            tokens,
            PageApi(records),
            ControlApi(records, faults, dead, tokens, self._login),
            replies,
            InboxApi(records, InboxPages(records, faults, settings.zone, replies)),
        ):
            app.add_routes(api.routes())
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S, handle_signals=False
        )
        await self._runner.setup()
        await web.SockSite(self._runner, http, backlog=BACKLOG).start()
        self._mail = MailServer(records, faults, dead, login=settings.smtp_login)
        smtp = _bound(settings.host, settings.smtp_port)
        self._smtp_port: int = smtp.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._smtp = await loop.create_server(self._mail.connection, sock=smtp, backlog=BACKLOG)

    async def _stop(self) -> None:
        self._faults.remove()
        if self._smtp is not None:
            self._smtp.close()
            self._mail.close()
            await self._smtp.wait_closed()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._callbacks is not None:
            await self._callbacks.close()
        if self._phones is not None:
            await self._phones.close()
        await self._requests.close()
        await self._records.close()


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
    )
    bound.setblocking(False)
    return bound


@web.middleware
async def _loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests that came here under another name: a web page that rebinds its own name to this machine."""
    if request.url.host not in {"127.0.0.1", "localhost", "::1"}:
        return web.Response(status=421, text="The sandbox answers to 127.0.0.1, ::1 and localhost only.\n")
    return await handler(request)


def announce(sandbox: Sandbox) -> None:
    """One line of JSON on standard output: where everything is."""
    sys.stdout.write(msgspec.json.encode(sandbox.where).decode() + "\n")
    sys.stdout.flush()


async def serve(settings: SandboxSettings, *, ready: Callable[[Sandbox], None] = announce) -> None:
    """Run a sandbox until SIGTERM or SIGINT. `ready` is called once it answers."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with Sandbox(settings) as sandbox:
            ready(sandbox)
            await stopped.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
