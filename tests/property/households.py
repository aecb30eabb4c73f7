"""Three families, and the documents that each may have: a new phone, one person less, other services."""

from datetime import datetime, timedelta

from alertd.domain.family import Caregiver, Family, FamilyId
from tests import make

_GRANDMA = make.caregiver("rose", "sms", role="guardian", order=2)  # one phone for two families
FAMILIES: dict[str, tuple[tuple[Caregiver, ...], ...]] = {
    "fam-1": (
        (make.caregiver("mia", "push", "sms"), _GRANDMA),
        (make.caregiver("mia", "push", "email"), _GRANDMA),
        (make.caregiver("mia", "sms"),),
    ),
    "fam-2": (
        (make.caregiver("leo", "sms", "email"), _GRANDMA),
        (make.caregiver("leo", "push"), _GRANDMA),
        (_GRANDMA,),
    ),
    "fam-3": ((make.caregiver("ana"),), (make.caregiver("ana", "email"), make.caregiver("tom", "push", order=2))),
}
SERVICES = (("follow", "share"), ("follow",), ("share",))


def household(name: str, who: int, services: int, now: datetime) -> Family:
    """A family with one of its sets of people, and one of the sets of services; newer than all before `now`."""
    return make.family(
        *FAMILIES[name][who % len(FAMILIES[name])],
        id=FamilyId(name),
        services=SERVICES[services],
        updated_at=now - timedelta(seconds=1),
    )
