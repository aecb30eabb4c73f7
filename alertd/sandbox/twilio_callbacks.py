"""What the Twilio stand-in says later of each message: status callbacks, honest or as a fault has it.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

import asyncio

from alertd.sandbox.faults import Fault, Faults
from alertd.sandbox.log import Accepted
from alertd.sandbox.records import Records
from alertd.sandbox.twilio_requests import Requests, may_be_called

STEP_S = 0.1  # between two statuses of a message
DEAD_NUMBER = 30005  # what a forged callback claims: it would cost a family the number

Status = tuple[str, int | None]
"""A message's status, and the error code that comes with it."""


class Callbacks:
    """Tells of messages for as long as the sandbox runs; what it has not told by then stays untold."""

    def __init__(self, records: Records, faults: Faults, requests: Requests, *, account_sid: str) -> None:
        self._records, self._faults, self._requests = records, faults, requests
        self._account_sid = account_sid
        self._tasks: set[asyncio.Task[None]] = set()

    def tell_of(self, message: Accepted) -> None:
        """Tell whoever asked for it what becomes of a message; returns at once."""
        url = message.request.get("StatusCallback")
        if not isinstance(url, str) or not may_be_called(url):
            return
        self._records.set_status(message.provider_id, "queued")
        task = asyncio.create_task(self._tell(message, url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop telling."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, message: Accepted, url: str) -> None:
        armed = self._faults.pick_callback(message.to)
        fault = armed.fault if armed is not None else None
        kind = fault.kind if fault is not None else None
        await asyncio.sleep(fault.delay if fault is not None else 0)
        if kind == "callback_forged":
            await self._post(message, url, ("undelivered", DEAD_NUMBER), forged=True)
        statuses = _statuses(message, fault)
        self._records.set_status(message.provider_id, *statuses[-1])
        for status in reversed(statuses) if kind == "callback_reversed" else statuses:
            await asyncio.sleep(STEP_S)
            for _ in range({"callback_never": 0, "callback_twice": 2}.get(kind or "", 1)):
                await self._post(message, url, status)

    async def _post(self, message: Accepted, url: str, status: Status, *, forged: bool = False) -> None:
        answer, _ = await self._requests.post(url, self._form(message, status), forged=forged)
        await self._records.told(message, *status, answer=answer, forged=forged)

    def _form(self, message: Accepted, status: Status) -> dict[str, str]:
        word, code = status
        form = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "MessageSid": message.provider_id,
            "MessageStatus": word,
            "SmsSid": message.provider_id,
            "SmsStatus": word,
            "To": message.to,
        }
        for name in ("From", "MessagingServiceSid"):
            if isinstance(given := message.request.get(name), str):
                form[name] = given
        return form if code is None else form | {"ErrorCode": str(code)}


def _statuses(message: Accepted, fault: Fault | None) -> list[Status]:
    """All that is told, in order; of the first status, which the sender was answered with, nothing is."""
    last: Status = ("delivered", None)
    if fault is not None and fault.kind == "undelivered":
        last = ("undelivered", fault.code)
    queued: list[Status] = [("queued", None)] if "MessagingServiceSid" in message.request else []
    return [*queued, ("sent", None), last]
