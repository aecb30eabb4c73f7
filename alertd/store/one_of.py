"""`column IN (these values)` as one parameter, whatever their number.

An expanding IN of 500 parameters costs 20 us a family over the four statements of a slice, most of it spent on
parameters, and every length is a statement of its own to prepare. Here it is one array on Postgres, one JSON
text on SQLite.
"""

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Boolean, Column, Dialect, Uuid
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType

from alertd.store.array import array

_json = msgspec.json.Encoder()


class _Texts(UserDefinedType[Collection[str]]):
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return array if dialect.name == "postgresql" else lambda texts: _json.encode(list(texts)).decode()


class _Uuids(UserDefinedType[Collection[Any]]):
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        if dialect.name == "postgresql":
            return array
        return lambda ids: _json.encode([each.hex for each in ids]).decode()


class OneOf(FunctionElement[bool]):
    """The condition; `one_of` makes it."""

    name = "one_of"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> "OneOf":
        """As it is: SQLAlchemy would write `(..) = 1` for SQLite, and no index serves that."""
        return self


def one_of(column: Column[Any], values: Collection[Any]) -> OneOf:
    """Whether a column of texts or UUIDs has one of these values."""
    return OneOf(column, BindParameter(None, values, type_=_kind(column), unique=True))


def one_of_those(column: Column[Any], name: str) -> OneOf:
    """The same in a statement made once: the values come with each execution, under this name."""
    return OneOf(column, BindParameter(name, type_=_kind(column)))


def _kind(column: Column[Any]) -> _Uuids | _Texts:
    return _Uuids() if isinstance(column.type, Uuid) else _Texts()


@compiles(OneOf, "postgresql")
def _array(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    array = (
        f"CAST({compiler.process(values, **options)} AS {'uuid' if isinstance(values.type, _Uuids) else 'text'}[])"
    )
    return f"{compiler.process(column, **options)} = ANY ({array})"


@compiles(OneOf, "sqlite")
def _each(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    each = f"SELECT value FROM json_each({compiler.process(values, **options)})"  # noqa: S608
    return f"{compiler.process(column, **options)} IN ({each})"
