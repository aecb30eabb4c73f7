"""Twilio's Messages REST API: create, fetch and list, behind basic authentication."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import web

from alertd.sandbox import reference, twilio_errors
from alertd.sandbox.dead import DeadAddresses
from alertd.sandbox.faults import Faults
from alertd.sandbox.http_answers import json_answer
from alertd.sandbox.log import Accepted
from alertd.sandbox.records import Records
from alertd.sandbox.segments import segments
from alertd.sandbox.twilio_callbacks import Callbacks
from alertd.sandbox.twilio_contract import CREATE, typed
from alertd.sandbox.twilio_creating import Creating, Form
from alertd.sandbox.twilio_errors import TwilioError
from alertd.sandbox.twilio_login import Login

ROOT = "/2010-04-01/Accounts"
_LIST_PARAMETERS = frozenset({"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"})


class TwilioApi:
    """The stand-in for one Twilio account."""

    def __init__(
        self,
        records: Records,
        faults: Faults,
        dead: DeadAddresses,
        callbacks: Callbacks,
        login: Login,
    ) -> None:
        self._records, self._dead, self._callbacks = records, dead, callbacks
        self._account_sid, self._login = login.account_sid, login
        wrong = {"opted_out": twilio_errors.OPTED_OUT}
        self._creating = Creating("sms", records, faults, self._login, wrong)

    def routes(self) -> list[web.RouteDef]:
        """What to serve, and where."""
        return [
            web.post(f"{ROOT}/{{account}}/Messages.json", self._create),
            web.get(f"{ROOT}/{{account}}/Messages.json", self._list),
            web.get(f"{ROOT}/{{account}}/Messages/{{sid}}.json", self._fetch),
            web.get(f"{ROOT}/{{account}}.json", self._fetch_account),
            web.route("*", "/2010-04-01/{rest:.*}", self._nothing_here),
        ]

    # --- create -------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.StreamResponse:
        return await self._creating.create(request, self._check_and_keep)

    async def _check_and_keep(self, form: Form, fault: str | None) -> web.Response:
        refuse = self._creating.refuse
        values = typed(form.values)
        for violation in CREATE.violations(values):
            return await refuse(
                twilio_errors.of_violation(violation), form, "contract", field=str(violation.field)
            )
        to = form.to
        assert to is not None
        broken = _broken_rule(values)
        if broken is not None:
            return await refuse(broken, form, "contract")
        if ("sms", to) in self._dead:
            return await refuse(twilio_errors.INVALID_TO, form, "dead")
        accepted = await self._records.accept(
            "sms",
            to,
            provider_id=f"SM{uuid4().hex}",
            text=values.get("Body", ""),
            sender=values.get("From") or values.get("MessagingServiceSid"),
            reference=reference.of_callback(values.get("StatusCallback")),
            request=form.fields,
            fault=fault,
        )
        self._callbacks.tell_of(accepted)
        return json_answer(self._resource(accepted, sent=False), 201)

    # --- read ---------------------------------------------------------------------------------------

    async def _fetch(self, request: web.Request) -> web.Response:
        error = self._login.stranger(request)
        if error is None:
            accepted = self._records.by_provider_id(request.match_info["sid"])
            if accepted is not None and accepted.channel == "sms":
                return json_answer(self._resource(accepted, sent=True))
        return (error or twilio_errors.NOT_FOUND).answer()

    async def _fetch_account(self, request: web.Request) -> web.StreamResponse:
        """https://www.twilio.com/docs/iam/api/account#fetch-an-account-resource; its token is not repeated."""
        error = self._login.stranger(request)
        if error is not None:
            return error.answer()
        uri = f"{ROOT}/{self._account_sid}"
        made = format_datetime(datetime(2019, 11, 29, tzinfo=UTC))
        return json_answer(
            {
                "sid": self._account_sid,
                "owner_account_sid": self._account_sid,
                "friendly_name": "alertd sandbox",
                "status": "active",
                "type": "Full",
                "date_created": made,
                "date_updated": made,
                "subresource_uris": {"messages": f"{uri}/Messages.json"},
                "uri": f"{uri}.json",
            }
        )

    async def _list(self, request: web.Request) -> web.Response:
        error = self._login.stranger(request)
        if error is not None:
            return error.answer()
        query = request.query
        try:
            size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
            dates = {key: _date(query[key]) for key in ("DateSent", "DateSent<", "DateSent>") if key in query}
        except ValueError:
            return twilio_errors.INVALID_PARAMETER.answer(field="PageSize, Page or DateSent")
        unknown = sorted(set(query) - _LIST_PARAMETERS)
        if unknown:
            return twilio_errors.UNKNOWN_PARAMETER.answer(field=", ".join(unknown))
        if not 1 <= size <= 1000 or page < 0:
            return twilio_errors.INVALID_PARAMETER.answer(field="PageSize or Page")
        found = [
            accepted
            for accepted in reversed(self._records.messages(channel="sms", to=query.get("To")))
            if query.get("From") in (None, accepted.sender) and _sent_within(accepted, dates)
        ]
        return json_answer(self._page(request, found, page, size))

    def _page(self, request: web.Request, found: Sequence[Accepted], page: int, size: int) -> dict[str, Any]:
        kept = {key: value for key, value in request.query.items() if key not in {"Page", "PageSize", "PageToken"}}

        def uri(number: int) -> str:
            return f"{request.path}?{urlencode({**kept, 'PageSize': size, 'Page': number})}"

        shown = found[page * size : (page + 1) * size]
        return {
            "messages": [self._resource(accepted, sent=True) for accepted in shown],
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(0, len(shown) - 1),
            "uri": uri(page),
            "first_page_uri": uri(0),
            "previous_page_uri": uri(page - 1) if page else None,
            "next_page_uri": uri(page + 1) if (page + 1) * size < len(found) else None,
        }

    async def _nothing_here(self, request: web.Request) -> web.Response:
        return (self._login.stranger(request) or twilio_errors.NOT_FOUND).answer()

    # --- both ---------------------------------------------------------------------------------------

    def _resource(self, accepted: Accepted, *, sent: bool) -> dict[str, Any]:
        """The Message resource; a message of which nobody wants to be told is delivered once it is accepted."""
        fields = accepted.request
        uri = f"{ROOT}/{self._account_sid}/Messages/{accepted.provider_id}"
        service = fields.get("MessagingServiceSid")
        created = format_datetime(accepted.time)
        first_status = "queued" if service is None else "accepted"
        status, error_code = self._records.status(accepted.provider_id) if sent else (first_status, None)
        return {
            "account_sid": self._account_sid,
            "api_version": "2010-04-01",
            "body": accepted.text,
            "date_created": created,
            "date_sent": created if sent else None,
            "date_updated": created,
            "direction": "outbound-api",
            "error_code": error_code,
            "error_message": None,
            "from": fields.get("From"),
            "messaging_service_sid": service,
            "num_media": str(_media(fields)),
            "num_segments": str(segments(accepted.text)) if sent or service is None else "0",
            "price": None,
            "price_unit": "USD",
            "sid": accepted.provider_id,
            "status": status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": accepted.to,
            "uri": f"{uri}.json",
        }


def _media(fields: Mapping[str, Any]) -> int:
    urls = fields.get("MediaUrl", [])
    return len(urls) if isinstance(urls, list) else 1


def _broken_rule(values: Mapping[str, Any]) -> TwilioError | None:
    """What Twilio refuses although its contract allows it."""
    if not values.keys() & {"From", "MessagingServiceSid"}:
        return twilio_errors.FROM_REQUIRED
    if not values.keys() & {"Body", "MediaUrl", "ContentSid"}:
        return twilio_errors.BODY_REQUIRED
    return twilio_errors.MAGIC_TO.get(values["To"]) or twilio_errors.MAGIC_FROM.get(values.get("From", ""))


def _date(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _sent_within(accepted: Accepted, dates: Mapping[str, datetime]) -> bool:
    return (
        ("DateSent" not in dates or accepted.time.date() == dates["DateSent"].date())
        and ("DateSent<" not in dates or accepted.time <= dates["DateSent<"])
        and ("DateSent>" not in dates or accepted.time >= dates["DateSent>"])
    )
