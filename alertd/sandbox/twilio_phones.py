"""The phones behind the Twilio stand-in: who takes a call, what they press, and what Twilio says of it.

- Status callbacks: https://www.twilio.com/docs/voice/api/call-resource#statuscallback
- Who answered: https://www.twilio.com/docs/voice/answering-machine-detection
- Keys: https://www.twilio.com/docs/voice/twiml/gather#action

Somebody takes every call, hears all of it and presses nothing, unless a fault has it otherwise.
"""

import asyncio
from dataclasses import dataclass

from alertd.sandbox.faults import Fault, Faults
from alertd.sandbox.log import Accepted
from alertd.sandbox.records import Records
from alertd.sandbox.twilio_requests import Requests, may_be_called
from alertd.sandbox.twiml_reading import BadTwiml, read_twiml

STEP_S = 0.1  # between two statuses of a call
MACHINE = "machine_end_beep"
NOT_A_NUMBER = "404"  # the SIP code of a call that no network could connect

_ENDS = {"no_answer": "no-answer", "busy": "busy", "failed": "failed"}
_EVENTS = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}


@dataclass(frozen=True, slots=True)
class Pressing:
    """A key pressed, and what came of it."""

    answer: int | None  # the HTTP status; None: nobody was there, or answered
    said: str


class NoKey(ValueError):
    """A call that waits for no key, or sends it where nobody on this machine is."""


class Phones:
    """Takes calls for as long as the sandbox runs; what has not happened by then never does."""

    def __init__(self, records: Records, faults: Faults, requests: Requests, *, account_sid: str) -> None:
        self._records, self._faults, self._requests = records, faults, requests
        self._account_sid = account_sid
        self._tasks: set[asyncio.Task[None]] = set()
        self._machines: set[str] = set()  # calls that a machine took

    def ring(self, call: Accepted) -> None:
        """Let a phone ring; returns at once."""
        self._records.set_status(call.provider_id, "queued")
        task = asyncio.create_task(self._take(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def press(self, call: Accepted, digits: str) -> Pressing:
        """Whoever took the call presses keys. Raises NoKey."""
        action = read_twiml(str(call.request.get("Twiml", ""))).action
        if action is None or not may_be_called(action):
            raise NoKey("this call waits for no key that could be heard on this machine")
        form = self._form(call, "in-progress") | {"Digits": digits, "FinishedOnKey": "", "msg": "Gather End"}
        answer, body = await self._requests.post(action, form | self._answered_by(call))
        try:
            said = "\n".join(read_twiml(body).lines) if answer == 200 else ""
        except BadTwiml:
            said = "an application error has occurred"  # as Twilio's own voice says
        await self._records.told(call, f"pressed {digits}", None, answer=answer, forged=False, said=said)
        return Pressing(answer, said)

    async def close(self) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, call: Accepted) -> None:
        armed = self._faults.pick_callback(call.to, "voice")
        fault = armed.fault if armed is not None else None
        kind = fault.kind if fault is not None else None
        if kind == "machine":
            self._machines.add(call.provider_id)
        await asyncio.sleep(fault.delay if fault is not None else 0)
        if kind == "callback_forged":
            await self._tell(call, "failed", fault, forged=True)
        end = _ENDS.get(kind or "", "completed")
        self._records.set_status(call.provider_id, end)
        middle = "ringing" if end in ("no-answer", "busy") else "in-progress"
        statuses = ["initiated", *([middle] if end != "failed" else []), end]
        for status in reversed(statuses) if kind == "callback_reversed" else statuses:
            await asyncio.sleep(STEP_S)
            await self._tell(call, status, fault)
            if status == "in-progress" and fault is not None and kind == "press":
                await self.press(call, fault.digits)

    async def _tell(self, call: Accepted, status: str, fault: Fault | None, *, forged: bool = False) -> None:
        url = call.request.get("StatusCallback")
        asked = call.request.get("StatusCallbackEvent", "completed")
        if not isinstance(url, str) or not may_be_called(url) or _EVENTS.get(status, "completed") not in asked:
            return
        form = self._form(call, status) | {"CallbackSource": "call-progress-events"}
        if status == "completed":
            form |= {"CallDuration": "40", "Duration": "1"} | self._answered_by(call)
        if status == "failed":
            form |= {"SipResponseCode": NOT_A_NUMBER}
        times = {"callback_never": 0, "callback_twice": 2}.get(fault.kind if fault is not None else "", 1)
        for _ in range(times):
            answer, _ = await self._requests.post(url, form, forged=forged)
            await self._records.told(call, status, None, answer=answer, forged=forged)

    def _answered_by(self, call: Accepted) -> dict[str, str]:
        if "MachineDetection" not in call.request:
            return {}
        return {"AnsweredBy": MACHINE if call.provider_id in self._machines else "human"}

    def _form(self, call: Accepted, status: str) -> dict[str, str]:
        return {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": call.provider_id,
            "CallStatus": status,
            "Called": call.to,
            "Caller": call.sender or "",
            "Direction": "outbound-api",
            "From": call.sender or "",
            "To": call.to,
        }
