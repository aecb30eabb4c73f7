"""One Twilio account: what its credentials must look like, and what its API answers.

- Responses: https://www.twilio.com/docs/usage/twilios-response
- Errors: https://www.twilio.com/docs/api/errors (each code: `channels.twilio_codes`)
- Rate and concurrency: https://www.twilio.com/docs/api/errors/20429
"""

import re
from base64 import b64encode
from collections.abc import Collection
from typing import Any, Protocol
from urllib.parse import quote, quote_plus

import msgspec

from alertd.ports import ChannelError, Later, Misconfigured, Receipt, Unknown
from channels import Now
from channels.http import HttpClient
from channels.http_answer import UNREADABLE, Answer, retry_after
from channels.twilio_codes import CODES, error_for

_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
# The patterns of SIDs stand in Twilio's OpenAPI document: https://github.com/twilio/twilio-oai


class Account(Protocol):
    """What the configuration of every channel over Twilio holds."""

    @property
    def account_sid(self) -> str | None: ...

    @property
    def auth_token(self) -> str | None: ...

    @property
    def base_url(self) -> str: ...

    @property
    def connections(self) -> int: ...

    @property
    def deadline(self) -> float: ...


def account_problems(config: Account) -> list[str]:
    """What is missing or wrong about the account, each with the setting that mends it."""
    found = []
    if not config.account_sid:
        found.append("no Twilio account: set ALERTD_TWILIO__ACCOUNT_SID")
    elif not _ACCOUNT_SID.fullmatch(config.account_sid):
        found.append("ALERTD_TWILIO__ACCOUNT_SID is no account SID: AC and 32 hexadecimal digits")
    if not config.auth_token:
        found.append("no Twilio auth token: set ALERTD_TWILIO__AUTH_TOKEN or ALERTD_TWILIO__AUTH_TOKEN_FILE")
    return found


class _Told(msgspec.Struct):
    """The parts of Twilio's answers that matter; no other may turn a message that was taken into a doubt."""

    sid: Any = None
    status: Any = None  # of a message, a call, an account: a word; of an error: the HTTP status
    error_code: Any = None  # of a message
    code: Any = None  # of an error


_read = msgspec.json.Decoder(_Told).decode


class TwilioAccount:
    """Asks Twilio's API in the name of an account. It has no idempotency key, so a lost answer is Unknown."""

    def __init__(self, config: Account, now: Now) -> None:
        self._now = now
        account = config.account_sid or ""
        secret = f"{account}:{config.auth_token or ''}".encode()
        self._http = HttpClient(
            config.base_url,
            {
                "Authorization": "Basic " + b64encode(secret).decode("ascii"),
                "Content-Type": "application/x-www-form-urlencoded",
            },
            connections=config.connections,
            deadline=config.deadline,
        )
        self._path = f"/2010-04-01/Accounts/{quote(account, safe='')}"

    async def create(
        self, resource: str, form: bytes, sid: re.Pattern[str], given_up: Collection[str], what: str
    ) -> Receipt:
        """Create a message or a call: `resource` is the last part of its path, `sid` what its id looks like.

        `given_up` are the statuses with which one is made in vain, `what` the name for it in errors. Raises
        ChannelError.
        """
        answer = await self._http.post(f"{self._path}/{resource}", form)
        told = _told(answer)
        if not answer.ok:
            raise error_for(answer.status, told.code, retry_after(answer, self._now))
        if not isinstance(told.sid, str) or not sid.fullmatch(told.sid):
            raise Unknown("no_sid", f"accepted, it says, but names no {what}")
        if told.status in given_up:
            raise _given_up(answer.status, told)
        return Receipt(told.sid)

    async def ask(self) -> str:
        """Fetch the account: https://www.twilio.com/docs/iam/api/account#fetch-an-account-resource.

        Raises Later, Misconfigured.
        """
        status = _told(await self.fetch(f"{self._path}.json")).status
        if status != "active":
            known = status if status in ("suspended", "closed") else "no account that alertd knows"
            raise Misconfigured("account", f"the account of ALERTD_TWILIO__ACCOUNT_SID is {known}")
        return "the account is active"

    async def fetch_of(self, resource: str) -> Answer:
        """What the API holds of the account: `resource` is the last part of its path. Raises as `fetch`."""
        return await self.fetch(f"{self._path}{resource}")

    async def fetch(self, path: str) -> Answer:
        """Ask for something, changing nothing. Raises Later, Misconfigured and what else errors mean."""
        try:
            answer = await self._http.get(path)
        except Unknown as error:  # nothing was to be sent
            raise Later(error.code, "no whole answer in time") from None
        if not answer.ok:
            raise error_for(answer.status, _told(answer).code, retry_after(answer, self._now))
        return answer

    async def close(self) -> None:
        """Give connections back."""
        await self._http.close()


def named_by_attempt(url: str) -> bytes:
    """A URL of ours as a form's value, up to where the attempt is filled in; an attempt needs no quoting."""
    return quote_plus(f"{url}{'&' if '?' in url else '?'}attempt=").encode()


def _given_up(status: int, told: _Told) -> ChannelError:
    """Twilio made the message and gave it up at once."""
    if isinstance(told.error_code, int) and told.error_code in CODES:
        return error_for(status, told.error_code, None)
    return Later(f"{told.status}", "created, and given up at once")


def _told(answer: Answer) -> _Told:
    """What the body says; nothing if it is not a JSON object."""
    try:
        return _read(answer.body)
    except UNREADABLE:
        return _Told()
