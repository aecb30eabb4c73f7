"""What the contract tests of the API share."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.served import Served, open_deps


@pytest.fixture
async def served(fresh_database: Callable[[str], str]) -> AsyncIterator[Served]:
    """The API over a fresh SQLite file, asked with a key that has every right."""
    made = Served(*open_deps(fresh_database("sqlite")))
    await made.sign_in()
    yield made
    await made.close()
