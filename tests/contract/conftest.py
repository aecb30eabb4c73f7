"""One suite for every store: `books` is a SQLite file once and a Postgres database once."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.books import Books


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    """A fresh store with one open incident in it."""
    made = Books(database_url)
    await made.open()
    yield made
    await made.store.close()
