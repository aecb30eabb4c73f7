"""Where alertd runs and with what: read once, passed down, never a module-level instance."""

from alertd.settings.model import Settings
from alertd.settings.reading import load, shipped_config

__all__ = ["Settings", "load", "shipped_config"]
