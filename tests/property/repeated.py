"""How often the random histories are told: the same on every run, or many times as many with new seeds."""

import os
from typing import Any

from hypothesis import settings

_TIMES = os.environ.get("ALERTD_PROPERTY_TIMES")
SLOWLY = _TIMES is not None
"""Whether somebody has asked for many: `ALERTD_PROPERTY_TIMES=20 pytest tests/property`, as `make check-slow` does."""


def repeated(examples: int, **more: Any) -> settings:
    """Settings for so many examples, or so many times as many, each time with a new seed (or `--hypothesis-seed`)."""
    return settings(
        max_examples=examples * int(_TIMES or 1),
        derandomize=not SLOWLY,
        deadline=None,
        database=None,
        print_blob=True,
        **more,
    )
