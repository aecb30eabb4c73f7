"""A provider that takes what it is given, unless the next message is to have a fate of its own."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alertd.ports import Later, Message, Misconfigured, Receipt, Refused, Unknown
from tests.property.aftermath import Taken
from tests.property.dying import Process, running

if TYPE_CHECKING:
    from tests.property.mortal import Town

FATES = ("accepted", "slow", "frozen", "later", "refused", "had", "lost", "crashed", "misconfigured")
"""`slow`: taken, and the answer is late; `frozen`: taken late; `had` and `lost`: unknown, and taken or not."""


@dataclass(eq=False)
class Provider:
    """Takes what it is given, unless the next message is to have a fate of its own."""

    name: str
    town: "Town"
    at_once: int = 100
    deadline: float = 1.0
    has_callbacks: bool = False

    async def send(self, message: Message) -> Receipt:
        town, process = self.town, running()
        town.fuse.boundary("provider asked")
        fate = town.fates.pop(0) if town.fates else "accepted"
        if fate == "later":
            raise Later("429")
        if fate == "refused":
            raise Refused("21211")
        if fate == "lost":
            raise Unknown("timeout")
        if fate == "crashed":
            raise ValueError("a fault of our own")
        if fate == "misconfigured":
            raise Misconfigured("20003")
        if fate == "frozen":  # the worker stops for a while with the call before it
            await self._answered(process)
        town.tick += 1
        town.taken.append(Taken(town.tick, town.claimed_at.get(process, 0), self.name, message))
        if fate == "slow":
            await self._answered(process)
        if fate == "had":
            raise Unknown("timeout")
        town.fuse.boundary("provider answered")
        return Receipt(f"{self.name}-{town.tick}")

    async def _answered(self, process: Process) -> None:
        if process is self.town.sweeper.process:
            return  # it looks once and comes back; only workers overlap
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        process.gates.append(gate)
        await gate

    async def close(self) -> None:
        """Nothing is held."""
