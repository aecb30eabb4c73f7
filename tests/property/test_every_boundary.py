"""One story, told until somebody has died at each of its boundaries once; and nobody is forgotten."""

from typing import Any

from alertd.domain.errors import Conflict
from alertd.domain.incident import Reach, Severity, State
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, publish
from tests.property.dying import Death, mark
from tests.property.households import household
from tests.property.mortal import Ground, Town
from tests.property.repeated import SLOWLY


def outage(town: Town) -> None:
    """Every kind of transaction of an outage once, with nothing going wrong but what the providers say."""
    worker, other = town.workers
    _put(town, ("fam-1", 0, 0), ("fam-2", 0, 0))
    _command(town, lambda deps: open_incident(deps, OPENING, who="test"))
    town.step(worker, "fan out", "urgent")
    town.fates[:] = ["accepted", "refused", "lost"]
    town.hand_over(worker)
    _work(town)
    _put(town, ("fam-3", 1, 0))
    _put(town, ("fam-2", 1, 1))
    town.step(other, "plan", "urgent", send=False)
    _publish(town, News(message={"en": "Worse."}, severity=Severity.CRITICAL))  # what is pending is stale
    town.step(other, "claim", "urgent")
    _work(town)
    town.clock.advance(minutes=30)
    town.step(other, "plan", "urgent", send=False)
    town.step(other, "claim", "bulk")
    town.look.execute("UPDATE delivery SET crashes=4 WHERE state='leased' AND family_id='fam-1'")
    town.bury(other)  # the fifth crash: it is parked
    town.clock.advance(seconds=31)
    town.sweep()
    town.clock.advance(seconds=2)
    town.sweep()
    _work(town)


def ending(town: Town) -> None:
    """... and of the end."""
    _publish(town, News(message={"en": "It works again."}, state=State.RESOLVED))
    _work(town)


OPENING = Opening((Reach("follow"),), Severity.MAJOR, "It fails", {"en": "We look into it."})


DEATHS = {"sqlite": 8, "postgresql": 10}  # in one telling
EVERY = 1 if SLOWLY else 3
"""Every which boundary somebody dies at: `make check-slow` takes them all, `make test` a third."""


def _put(town: Town, *families: tuple[str, int, int]) -> None:
    town.put(*[household(*each, town.clock.now()) for each in families])
    while town.unanswered:
        town.put(*town.unanswered)


def _publish(town: Town, news: News) -> None:
    _command(town, lambda deps: publish(deps, 1, news, who="test"))


def _command(town: Town, act: Any) -> None:
    try:
        while town.command(act) is None:  # no answer: it is asked again
            pass
    except Conflict:
        assert town.fuse.hit, "refused, and nobody died"


def _work(town: Town) -> None:
    for _ in range(12):
        town.work(town.workers[0])


def test_at_every_boundary_somebody_dies_once(ground: Ground, capsys):
    """Each statement, commit and call that the story passes; the count is printed."""
    places = _tell(ground)[::EVERY]
    apart = len(places) // DEATHS[ground.store.dialect]
    for start in range(apart):  # deaths far apart in one telling
        _tell(ground, *places[start::apart])
    for place in places:  # what was not passed any more after an earlier death
        if place not in ground.fuse.hit:
            _tell(ground, place)
    with capsys.disabled():
        print(f"\n  {ground.store.dialect}: died at each of {len(places)} boundaries")
    assert not set(places) - set(ground.fuse.hit)


def _tell(ground: Ground, *places: str) -> list[str]:
    """The story, with a quiet time after each part; somebody dies at these places. Returns what it passed."""
    town = Town(ground)
    told: dict[str, None] = {}
    try:
        ground.fuse.light(*[Death(mark=mark(place)) for place in places])
        for part in (outage, ending):
            before = ground.fuse.passed.copy()
            part(town)
            told |= dict.fromkeys(place for place, n in ground.fuse.passed.items() if n > before[place])
            waiting = ground.fuse.waiting
            town.recover()
            ground.fuse.light(*waiting)
            town.aftermath.judge_taken(town.tick)
    except AssertionError as broken:
        broken.add_note(f"deaths at: {places}\n{town.aftermath.story()}")
        raise
    finally:
        town.close()
    return list(told)
