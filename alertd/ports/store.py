"""The store: every verb that a use case may say within one transaction."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from alertd.ports.rows.answers import AnswerRows
from alertd.ports.rows.cluster import ClusterRows
from alertd.ports.rows.deliveries import DeliveryRows
from alertd.ports.rows.families import FamilyRows
from alertd.ports.rows.incidents import IncidentRows
from alertd.ports.rows.opt_outs import OptOutRows
from alertd.ports.rows.planning import PlanningRows
from alertd.ports.rows.replies import ReplyRows
from alertd.ports.rows.responders import ResponderRows
from alertd.ports.rows.suspensions import SuspensionRows
from alertd.ports.rows.trials import TrialRows
from alertd.ports.rows.views import ViewRows


class Taken(Exception):
    """Another worker has it in hand, and did not let go in the time that was given."""


class Moved(Exception):
    """A row was written by somebody else between two looks at it; roll back, and do it again."""


class Rows(
    IncidentRows,
    ResponderRows,
    FamilyRows,
    PlanningRows,
    DeliveryRows,
    AnswerRows,
    OptOutRows,
    SuspensionRows,
    ReplyRows,
    ViewRows,
    ClusterRows,
    TrialRows,
    Protocol,
):
    """One open transaction."""


class Turn(Protocol):
    """The right to plan: reads first, then one write transaction."""

    @property
    def rows(self) -> Rows:
        """Reads, and on Postgres row locks."""

    def write(self) -> AbstractAsyncContextManager[Rows]:
        """The transaction in which the plan is written."""


class Store(Protocol):
    """Opens transactions."""

    dialect: str

    def transaction(self) -> AbstractAsyncContextManager[Rows]:
        """Everything within is committed together, or nothing is."""

    def reading(self) -> AbstractAsyncContextManager[Rows]:
        """One snapshot, read only."""

    def turn(self, name: str, wait: float = 0.0) -> AbstractAsyncContextManager[Turn | None]:
        """The right to plan under this name; None while another worker has it, and kept it for `wait` seconds."""

    async def now(self) -> datetime:
        """The database's own clock."""

    async def close(self) -> None:
        """Give every connection back."""
