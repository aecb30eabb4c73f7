"""The API over a real SQLite store with fake phones and a fake clock, asked in process."""

import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.dialects import postgresql, sqlite

from alertd.api import create_app
from alertd.api.served import Served as ApiServed
from alertd.domain.family import Family
from alertd.domain.links import Links
from alertd.domain.policy import Policy
from alertd.domain.service import Services
from alertd.ingest.family_document import to_document
from alertd.policy_file import load_policies, load_services
from alertd.ports.deps import Deps
from alertd.store.ids import uuid7
from alertd.store.store import SqlStore
from alertd.store.tables import signing_key
from alertd.texts import Composer
from alertd.texts import load as load_texts
from alertd.usecases.beat import beat
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.keys import Made, make_key
from alertd.wiring import UNITS, policy_reader
from tests import make
from tests.fakes import FakeChannel, FakeClock, FakeDoorbell, FakeLog

LINKS = Links("https://alerts.example.org", bytes(range(32)))
_LINK_KEY = {
    name: of.insert(signing_key).values(id=1, secret=LINKS.secret, created_at=make.NOON).on_conflict_do_nothing()
    for name, of in (("sqlite", sqlite), ("postgresql", postgresql))
}
CONFIG = Path(__file__).parents[1] / "config"
EVERY_RIGHT = ("incident:read", "incident:write", "family:read", "family:write", "event:write")


def open_deps(url: str) -> tuple[Deps, Services]:
    """Deps as `wiring` opens them on a migrated database, but for the phones, the clock and the log."""
    services, policies, texts = _config()
    deps = Deps(
        store=SqlStore(url),
        clock=FakeClock(make.NOON),
        channels={name: FakeChannel(name) for name in ("push", "sms", "email")},
        compose=texts,
        compose_opt_out=texts.opt_out,
        compose_choosing=texts.choosing,
        doorbell=FakeDoorbell(),
        new_id=uuid7,
        spread=random.Random(7).random,
        policies={service: policy for policy in policies.values() for service in policy.services},
        default_policy=policies["default"],
        services=services,
        log=FakeLog(),
        rates={"sms": 10.0, "push": 500.0, "email": 20.0},
        units=UNITS,
        phrases=texts.phrases,
        locales=texts.locales,
        links=replace(LINKS),
    )
    return deps, services


@cache
def _config() -> tuple[Services, Mapping[str, Policy], Composer]:
    """Read once: nothing in it ever changes."""
    services = load_services(CONFIG / "services.yaml")
    return services, load_policies(CONFIG), load_texts(CONFIG / "templates", services.names, _text_failed)


@cache
def _app() -> FastAPI:
    """Routes are the same for every test; each puts its own deps behind them."""
    return create_app(cast(Deps, None), _config()[0], policy_reader(_config()[0]))


class Served:
    """An app and a client that has every right unless a test takes another key."""

    def __init__(self, deps: Deps, services: Services) -> None:
        self.deps = deps
        self.app = _app()
        self.app.state.served = ApiServed(deps, services, policy_reader(services))
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://alertd.test")
        self.made: Made | None = None

    @property
    def log(self) -> FakeLog:
        assert isinstance(self.deps.log, FakeLog)
        return self.deps.log

    @property
    def clock(self) -> FakeClock:
        assert isinstance(self.deps.clock, FakeClock)
        return self.deps.clock

    def channel(self, name: str) -> FakeChannel:
        found = self.deps.channels[name]
        assert isinstance(found, FakeChannel)
        return found

    async def key(self, *rights: str, note: str = "", sources: tuple[str, ...] = ()) -> Made:
        """A key with these rights, whose events may name these sources only (none: any)."""
        return await make_key(self.deps, rights or EVERY_RIGHT, note, sources=sources)

    async def sign_in(self, *rights: str) -> None:
        """Every request from now on carries a key with these rights. Links are signed with that of `LINKS`."""
        async with self.deps.store.transaction() as rows:
            sql = rows.sql  # type: ignore[attr-defined]
            await sql.run(_LINK_KEY[sql.dialect])
        self.made = await self.key(*rights, note="test")
        self.http.headers["Authorization"] = f"Bearer {self.made.secret}"

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> httpx.Response:
        """One request; `body` goes as JSON, `raw` as it is."""
        content = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        sent = {"Content-Type": "application/json"} if content is not None else {}
        return await self.http.request(
            method, path, content=content, params=query, headers=sent | dict(headers or {})
        )

    async def families(self, *families: Family) -> None:
        """Import families over HTTP."""
        lines = "\n".join(json.dumps(to_document(each)) for each in families or (make.family(),))
        answer = await self.ask("POST", "/v1/families:import", raw=lines.encode())
        assert answer.json()["failed"] == 0, answer.text

    async def open(self, **changes: Any) -> httpx.Response:
        """Open an incident: follow is down, critical."""
        body = {"services": ["follow"], "severity": "critical", "title": "Follow is down", **changes}
        return await self.ask("POST", "/v1/incidents", body)

    async def work(self) -> None:
        """What workers do, until there is nothing left."""
        for lane in ("urgent", "bulk"):
            await drain(self.deps, Sender(self.deps), lane, seconds=5)
        await self.beat()

    async def beat(self) -> None:
        """The sweeper looked just now."""
        await beat(self.deps, "sweeper", None)

    async def close(self) -> None:
        await self.http.aclose()
        await self.deps.store.close()


def _text_failed(what: str) -> None:
    raise AssertionError(f"a text failed: {what}")


@pytest.fixture
async def fresh_served(fresh_database: Callable[[str], str]) -> AsyncIterator[Served]:
    """The API over a fresh SQLite file, asked with a key that has every right."""
    made = Served(*open_deps(fresh_database("sqlite")))
    await made.sign_in()
    yield made
    await made.close()
