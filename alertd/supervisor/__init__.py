"""Runs the parts of alertd as child processes on one machine, keeps them alive, and stops them in order."""

from alertd.supervisor.lock import AlreadyRunning, UpLock
from alertd.supervisor.part import Log, Part, PartEvent, PartStatus, Restarts, State, What
from alertd.supervisor.supervisor import Supervisor

__all__ = [
    "AlreadyRunning",
    "Log",
    "Part",
    "PartEvent",
    "PartStatus",
    "Restarts",
    "State",
    "Supervisor",
    "UpLock",
    "What",
]
