"""All rows of the matrix, in the order of the table."""

from tests.chaos import (
    rows_answers,
    rows_broker,
    rows_clock,
    rows_cluster,
    rows_database,
    rows_memory,
    rows_policies,
    rows_providers,
    rows_rate,
    rows_secrets,
    rows_silence,
    rows_soak,
    rows_upgrade,
    rows_workers,
)
from tests.chaos.row import Row

ROWS: tuple[Row, ...] = (
    *rows_workers.ROWS,
    *rows_memory.ROWS,
    *rows_broker.ROWS,
    *rows_database.ROWS,
    *rows_providers.ROWS,
    *rows_silence.ROWS,
    *rows_cluster.ROWS,
    *rows_answers.ROWS,
    *rows_secrets.ROWS,
    *rows_policies.ROWS,
    *rows_upgrade.ROWS,
    *rows_clock.ROWS,
    *rows_rate.ROWS,
    *rows_soak.ROWS,
)
QUICK = tuple(row for row in ROWS if row.quick)
"""Those that run with every test."""
