"""What the crash tests share."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import DIALECTS
from tests.property.mortal import Ground


@pytest.fixture(params=DIALECTS)
def ground(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> Iterator[Ground]:
    """A database of each kind."""
    made = Ground(fresh_database(request.param))
    yield made
    made.close()
