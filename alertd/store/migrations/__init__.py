"""Migrations, oldest first; each is safe while the version before it still runs."""
