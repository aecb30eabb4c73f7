"""Under which numbers an update was told: its own, and those of the holdings that repeat it. Pure."""

from alertd.domain.incident import Incident, Kind


def carried(incident: Incident, number: int) -> range:
    """The numbers of an update and of the holdings after it, until the next word to families."""
    later = (u.number for u in incident.updates if u.number > number and u.kind is not Kind.HOLDING and u.notify)
    return range(number, next(later, incident.newest.number + 1))
