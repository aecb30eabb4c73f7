"""The access token that FCM asks for: fetched off the loop, shared by the process, renewed before it ends.

OAuth 2.0 for service accounts: https://developers.google.com/identity/protocols/oauth2/service-account
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import tenacity

from alertd.ports import Later, Misconfigured
from channels.http import header_lines
from channels.standstill import Patience

T = TypeVar("T")

_TRIES = 3
_TRY_SECONDS = 3.0
"""Deadline of one request to the token endpoint; `google-auth` would wait 120 s."""

_FETCH_SECONDS = 15.0
"""Deadline of a fetch with all its tries; nobody waits that long, but a next fetch begins only then."""

_RENEW_EARLY = 300.0
"""Seconds before its end at which a token is renewed, while it goes on being used."""

_USUAL_LIFE = 3600.0
"""Seconds that Google's tokens live."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token as a header line, and when it ends (`loop.time()`)."""

    header: bytes
    project: str
    ends_at: float


class AccessToken:
    """The token of one service account, whose key is read again whenever a token is fetched."""

    def __init__(self, credentials_file: str) -> None:
        self._file = credentials_file
        self._certificate: Any = None
        self._token: Token | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def current(self, within: float) -> Token:
        """A token that is good now; `within` seconds, else Later.

        Raises Later if the token endpoint does not answer, Misconfigured if it refuses the service account or
        its file cannot be read.
        """
        now = asyncio.get_running_loop().time()
        token = self._token
        if token is None or token.ends_at <= now:
            return await self._wait(within)
        if token.ends_at - _RENEW_EARLY <= now:
            self._fetch()
        return token

    async def other_than(self, refused: Token, within: float) -> Token:
        """A token other than the one that was refused; raises as `current`."""
        if self._token is not None and self._token is not refused:
            return self._token
        return await self._wait(within)

    async def close(self) -> None:
        """Stop waiting for a token; a thread that is fetching one ends by its own deadline."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _fetch(self) -> "asyncio.Task[None]":
        """The one fetch under way."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_in_thread())
            # Whoever waits sees the error; when a token is renewed early nobody does, and the next try tells.
            self._fetching.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._fetching

    async def _wait(self, within: float) -> Token:
        try:
            async with Patience(asyncio.get_running_loop().time() + within):
                await asyncio.shield(self._fetch())
        except TimeoutError:
            raise Later("token_timeout", "Google's token endpoint does not answer; nothing was sent") from None
        assert self._token is not None
        return self._token

    async def _fetch_in_thread(self) -> None:
        async with Patience(asyncio.get_running_loop().time() + _FETCH_SECONDS):
            header, project, lifetime = await _in_thread(self._load_and_refresh)
        self._token = Token(header, project, asyncio.get_running_loop().time() + lifetime)

    def _load_and_refresh(self) -> tuple[bytes, str, float]:
        """Header, project and seconds of life; in a thread, since it reads files, signs, and waits."""
        # Each time: a key that is replaced, as by whoever mends a revoked one, must not wait for a restart.
        wrong = None
        try:
            self._certificate = _certificate(self._file)
        except Misconfigured as error:
            if self._certificate is None:
                raise
            wrong = error  # the file is being replaced, perhaps, and the key that was in it may go on
        credential = self._certificate.get_credential()
        try:
            _refresh(credential)
        except Misconfigured:
            if wrong is not None:
                raise wrong from None
            raise
        header = header_lines({"Authorization": f"Bearer {credential.token}"})
        return header, str(self._certificate.project_id), _seconds_left(credential.expiry)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread that nobody waits for when the process ends, unlike one of `asyncio.to_thread`."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(how: Callable[[Any], None], what: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.done() else how(what))

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
            tell(done.set_exception, error)
        else:
            tell(done.set_result, result)

    threading.Thread(target=run, name="fcm-token", daemon=True).start()
    return await done


def _seconds_left(expiry: datetime | None) -> float:
    """How long a token lives. `google-auth` sets its end, naive UTC, by this host's clock; None: it didn't say."""
    if expiry is None:
        return _USUAL_LIFE
    return (expiry - datetime.now(UTC).replace(tzinfo=None)).total_seconds()  # noqa: TID251


def _certificate(file: str) -> Any:
    # The messages' module too: importing it takes half a second, which the loop must not spend.
    from firebase_admin import credentials, messaging  # noqa: F401

    try:
        return credentials.Certificate(file)
    except OSError as error:
        raise Misconfigured(
            "credentials_file",
            f"the file of ALERTD_FCM__CREDENTIALS_FILE cannot be read: {error.strerror}",
            account=True,
        ) from None
    except ValueError:  # its text may quote the file
        raise Misconfigured(
            "credentials_file",
            "the file of ALERTD_FCM__CREDENTIALS_FILE is no service account key (JSON)",
            account=True,
        ) from None


def _refresh(credential: Any) -> None:
    """Fetch a token. Google's library tries again on 5xx by itself, tenacity when the network fails."""
    import requests
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
    from google.auth.transport.requests import Request

    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy, like everything else here
            request = partial(Request(session), timeout=_TRY_SECONDS, allow_redirects=False)
            tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(TransportError),
                wait=tenacity.wait_random_exponential(multiplier=0.2, max=1.0),
                stop=tenacity.stop_after_attempt(_TRIES),
                reraise=True,
            )(credential.refresh, request)
    except TransportError:
        raise Later("token_unreachable", "Google's token endpoint cannot be reached; nothing was sent") from None
    except RefreshError as error:
        if error.retryable:
            raise Later("token_unavailable", "Google's token endpoint has trouble; nothing was sent") from None
        raise Misconfigured(
            _oauth_code(error), "Google refuses the service account of ALERTD_FCM__CREDENTIALS_FILE", account=True
        ) from None
    except GoogleAuthError:
        raise Misconfigured("credentials", "the service account cannot be used", account=True) from None
    except (TypeError, ValueError, AttributeError):  # what google-auth makes of an answer that is no object
        raise Later("token_nonsense", "Google's token endpoint answers nonsense; nothing was sent") from None


def _oauth_code(error: Any) -> str:
    """`invalid_grant` and the like (RFC 6749 section 5.2); the rest of the answer is not repeated."""
    answer = error.args[1] if len(error.args) > 1 else None
    code = answer.get("error") if isinstance(answer, dict) else None
    return code if isinstance(code, str) and code.replace("_", "").isalnum() else "token_refused"
