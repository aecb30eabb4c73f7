"""Lengths of time as people write them."""

from datetime import timedelta


def spell_duration(length: timedelta) -> str:
    """The shortest writing that `ingest.durations` reads back: 1h30m. Whole seconds; never negative."""
    seconds = round(length.total_seconds())
    text = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
