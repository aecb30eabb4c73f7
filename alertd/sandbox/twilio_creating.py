"""How Twilio takes what is to be created, a message or a call: the form, who asks, and how it says no."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from alertd.sandbox import twilio_errors
from alertd.sandbox.faults import Armed, Faults
from alertd.sandbox.http_answers import Provider, retry_after
from alertd.sandbox.log import Channel
from alertd.sandbox.records import Records
from alertd.sandbox.twilio_contract import parse_form
from alertd.sandbox.twilio_errors import TwilioError
from alertd.sandbox.twilio_login import Login

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent: every value of every field; nothing where the body is no form."""

    values: Mapping[str, Sequence[str]]

    @property
    def fields(self) -> dict[str, Any]:
        """For the record: a value, or a list where a field was sent several times."""
        return {name: values[0] if len(values) == 1 else values for name, values in self.values.items()}

    @property
    def to(self) -> str | None:
        """To whom; the first, where several are named."""
        return self.values["To"][0] if "To" in self.values else None


class Creating:
    """Takes the requests that create something on one channel.

    `wrong`: the faults that are told in a way of the channel's own, by kind.
    """

    def __init__(
        self, channel: Channel, records: Records, faults: Faults, login: Login, wrong: Mapping[str, TwilioError]
    ) -> None:
        self._channel, self._records, self._faults, self._login = channel, records, faults, login
        self._wrong = {**_WRONG, **wrong}
        self._provider = Provider(channel, records, self._of_fault)

    async def create(
        self, request: web.Request, keep: Callable[[Form, str | None], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        """Answer one request: well, or as a fault has it. `keep` checks and keeps what is no stranger's form.

        It is given the fault's kind, too.
        """
        body = await request.read()
        try:
            form = Form(parse_form(body))
        except ValueError:
            form = Form({})

        async def accept(fault: str | None) -> web.Response:
            stranger = self._login.stranger(request)
            if stranger is not None:
                return await self.refuse(stranger, form, "auth")
            if request.content_type != _FORM:
                error = twilio_errors.INVALID_PARAMETER
                return await self.refuse(error, form, "contract", field="Content-Type")
            return await keep(form, fault)

        armed = self._faults.pick(self._channel, form.to)
        return await self._provider.answer(request, armed, form.to, form.fields, accept)

    async def refuse(self, error: TwilioError, form: Form, outcome: str, *, field: str = "") -> web.Response:
        """Note and answer that it is not taken."""
        detail = error.message.format(to="it", field=field)
        code = str(error.code)
        await self._records.refuse(self._channel, form.to, outcome, code=code, detail=detail, request=form.fields)
        return error.answer(to=form.to or "", field=field)

    def _of_fault(self, armed: Armed) -> tuple[str, web.Response]:
        fault = armed.fault
        error = self._wrong.get(fault.kind)
        if error is None:
            known = twilio_errors.INTERNAL if fault.status == 500 else twilio_errors.UNAVAILABLE
            error = TwilioError(known.code, fault.status, known.message)
        return str(error.code), error.answer(to="given", headers=retry_after(armed))


_WRONG: Mapping[str, TwilioError] = {
    "429": twilio_errors.TOO_MANY_REQUESTS,
    "auth": twilio_errors.AUTHENTICATE,
    "invalid_number": twilio_errors.INVALID_TO,
}
