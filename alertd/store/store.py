"""The store: one transaction object with every verb, over either database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy import func, select

from alertd.store.access import AccessRows
from alertd.store.accounts import AccountRows
from alertd.store.answers import AnswerRows
from alertd.store.calm import CalmRows
from alertd.store.choices import ChoiceRows
from alertd.store.clocks import ClockRows
from alertd.store.cursors import CursorRows
from alertd.store.database import Database, database
from alertd.store.deliveries import DeliveryRows
from alertd.store.events import EventRows
from alertd.store.failed import FailedRows
from alertd.store.families import FamilyRows
from alertd.store.fanouts import FanoutRows
from alertd.store.glance import GlanceRows
from alertd.store.inbox import InboxRows
from alertd.store.kept import KeptRows
from alertd.store.lapses import LapseRows
from alertd.store.left import LeftRows
from alertd.store.listed import ListedRows
from alertd.store.opt_outs import OptOutRows
from alertd.store.plans import PlanRows
from alertd.store.promised import PromiseRows
from alertd.store.providers import ProviderRows
from alertd.store.receipts import ReceiptRows
from alertd.store.replies import ReplyRows
from alertd.store.reports import ReportRows
from alertd.store.sql import Sql
from alertd.store.suspensions import SuspensionRows
from alertd.store.trials import TrialRows
from alertd.store.types import from_us
from alertd.store.views import ViewRows


class Rows(
    TrialRows,
    EventRows,
    FamilyRows,
    ChoiceRows,
    ListedRows,
    CursorRows,
    FanoutRows,
    PlanRows,
    GlanceRows,
    DeliveryRows,
    LapseRows,
    LeftRows,
    AnswerRows,
    OptOutRows,
    SuspensionRows,
    ReceiptRows,
    ReplyRows,
    InboxRows,
    AccessRows,
    ClockRows,
    ViewRows,
    CalmRows,
    FailedRows,
    AccountRows,
    KeptRows,
    PromiseRows,
    ProviderRows,
    ReportRows,
):
    """Every verb of the store, on one open transaction."""

    def __init__(self, sql: Sql) -> None:
        self.sql = sql


class Turn:
    """The right to plan: reads first, then one write transaction."""

    def __init__(self, rows: Rows, turn: object) -> None:
        self.rows, self._turn = rows, turn

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Rows]:
        """The transaction in which the plan is written."""
        async with self._turn.write() as sql:  # type: ignore[attr-defined]
            yield Rows(sql)


class SqlStore:
    """Opens transactions; holds nothing else."""

    def __init__(self, url: str, *, patient: bool = False) -> None:
        self._database: Database = database(url, patient=patient)
        self.dialect = self._database.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Rows]:
        """Everything within is committed together, or nothing is."""
        async with self._database.transaction() as sql:
            yield Rows(sql)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Rows]:
        """One snapshot, read only."""
        async with self._database.reading() as sql:
            yield Rows(sql)

    @asynccontextmanager
    async def turn(self, name: str, wait: float = 0.0) -> AsyncIterator[Turn | None]:
        """The right to plan under this name; None while another worker has it, and kept it for `wait` seconds."""
        async with self._database.turn(name, wait) as turn:
            yield Turn(Rows(turn.sql), turn) if turn is not None else None

    async def now(self) -> datetime:
        """The database's own clock; on SQLite that is this machine's."""
        if self.dialect == "sqlite":
            return datetime.now(UTC)  # noqa: TID251  the one place where machine time is read
        async with self._database.reading() as sql:
            rows = await sql.rows(select(func.extract("epoch", func.clock_timestamp()) * 1_000_000))
            return from_us(int(rows[0][0]))

    async def close(self) -> None:
        """Give every connection back."""
        await self._database.close()
