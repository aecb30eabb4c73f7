"""The HTTP face of alertd: incidents, families, events, and whether the work is getting done."""

from alertd.api.app import create_app

__all__ = ["create_app"]
