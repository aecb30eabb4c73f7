"""Words: a saying put into the reader's language and onto the reader's clock."""

from alertd.texts.compose import Composer, load

__all__ = ["Composer", "load"]
