"""What phones, apps and mailboxes received, as JSON and as pages for the browser."""

from collections.abc import Mapping

from aiohttp import web

from alertd.sandbox.http_answers import REDIRECTED, json_answer
from alertd.sandbox.inbox_pages import InboxPages
from alertd.sandbox.log import CHANNELS, Channel
from alertd.sandbox.records import Records

LIMIT = 1000
LONGEST_WAIT_S = 30.0

_PAGE_HEADERS = {
    # Mail is a stranger's HTML: it may style itself, and nothing else.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class InboxApi:
    """Read-only: the log is not changed from here."""

    def __init__(self, records: Records, pages: InboxPages) -> None:
        self._records, self._pages = records, pages

    def routes(self) -> list[web.RouteDef]:
        """What to serve, and where."""
        return [
            web.get("/", self._index),
            web.get("/inbox/{channel}/{to:.+}", self._device),
            web.get("/messages", self._messages),
            web.get("/refused", self._refused),
            web.get("/callbacks", self._callbacks),
            web.get("/stats", self._stats),
            web.get("/livez", self._alive),
            web.route("*", REDIRECTED, self._redirected),
        ]

    async def _index(self, request: web.Request) -> web.Response:
        return _page(self._pages.index(request.query))

    async def _device(self, request: web.Request) -> web.Response:
        channel = _channel(request.match_info)
        if channel is None:
            raise web.HTTPNotFound(text="There is no such channel here.")
        return _page(self._pages.device(channel, request.match_info["to"], request.query))

    async def _messages(self, request: web.Request) -> web.Response:
        """`?channel=&to=&after_seq=&limit=`; `wait_s=` waits that long for the first one."""
        query = request.query
        channel = _channel(query)
        if channel is None and "channel" in query:
            return json_answer({"error": f"channel: one of {', '.join(CHANNELS)}"}, 400)
        try:
            after, limit = int(query.get("after_seq", "0")), int(query.get("limit", str(LIMIT)))
            wait_s = float(query.get("wait_s", "0"))
        except ValueError:
            return json_answer({"error": "after_seq, limit and wait_s are numbers"}, 400)
        if not 1 <= limit <= LIMIT or after < 0 or not 0 <= wait_s <= LONGEST_WAIT_S:
            return json_answer(
                {"error": f"after_seq from 0, limit 1 to {LIMIT}, wait_s 0 to {LONGEST_WAIT_S:g}"}, 400
            )
        to = query.get("to")

        def any_found() -> bool:
            return bool(self._records.messages(channel=channel, to=to, after_seq=after, limit=1))

        if wait_s:
            await self._records.wait_until(any_found, wait_s)
        found = self._records.messages(channel=channel, to=to, after_seq=after, limit=limit)
        return json_answer({"messages": found, "last_seq": found[-1].seq if found else after})

    async def _refused(self, _request: web.Request) -> web.Response:
        return json_answer({"refused": self._records.refusals()[-LIMIT:]})

    async def _callbacks(self, _request: web.Request) -> web.Response:
        return json_answer({"callbacks": self._records.callbacks()[-LIMIT:]})

    async def _stats(self, _request: web.Request) -> web.Response:
        return json_answer(self._records.stats())

    async def _alive(self, _request: web.Request) -> web.Response:
        return json_answer({"alive": True})

    async def _redirected(self, request: web.Request) -> web.Response:
        """Where the `redirect` fault points: a sender that comes here follows redirects, which it must not."""
        await self._records.refuse(_channel(request.query) or "sms", None, "followed_redirect")
        return json_answer({})


def _channel(given: Mapping[str, str]) -> Channel | None:
    return next((known for known in CHANNELS if known == given.get("channel")), None)


def _page(html: str) -> web.Response:
    return web.Response(text=html, content_type="text/html", headers=_PAGE_HEADERS)
