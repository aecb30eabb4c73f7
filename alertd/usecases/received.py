"""What became of an outage event: the answer to whoever sent it."""

from dataclasses import dataclass

from alertd.usecases.preview import Preview


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an event."""

    did: str  # opened, updated, resolved, noted, duplicate
    incident: int | None
    update: int | None = None  # the number that readers see, of an update by a person
    why: str | None = None  # where the event asked for something that was not done
    preview: Preview | None = None  # of a dry run: what telling it would take
    reason: str | None = None  # in one word, where a machine's event was ignored
