"""Statements that tests compile are compiled once for all of a test process, and not once for each test's database.

A daemon opens its database once; a test process opens thousands, and SQLAlchemy keeps what it has compiled for each
engine alone.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event


class Compiled(dict[Any, Any]):
    """What was compiled, by statement and kind of dialect: all our engines of a kind speak to the same server."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


def compile_once() -> None:
    """From now on every connection of this process shares what was compiled."""
    shared = Compiled()

    @event.listens_for(Engine, "engine_connect")
    def _(connection: Connection) -> None:
        connection.execution_options(compiled_cache=shared)
