"""The database is the schedule and the truth: one set of statements for SQLite and Postgres."""
