"""R0: what a machine suspects, how a person confirms it, and how it goes on and ends without one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alertd.domain import suspicion
from alertd.domain.event import EventStatus, OutageEvent
from alertd.domain.incident import Facts, Incident, Kind, Reach, Severity, State
from alertd.domain.machine import Judgement
from tests import make
from tests.make import after, minutes, scope

CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR
POLICY = make.policy()


def suspected(severity: Severity = MAJOR, **changes: Any) -> Incident:
    """A prober has suspected since noon that follow is down in the US; nobody was told yet."""
    event = OutageEvent(
        source="prober", id="1", alert="a", service="follow", severity=severity, status=EventStatus.FIRING,
        title="Probe fails", message={"en": "500 from node 7"}, regions=("us",),
    )  # fmt: skip
    policy = changes.pop("policy", POLICY)
    made = suspicion.suspected(
        make.incident().id, 7, event, "Follow may be down", ("check_by_hand",), policy, after(0)
    )
    return replace(made, **changes)


def told() -> Incident:
    """... and after a quarter of an hour families were told so by itself."""
    return suspicion.told_by_itself(suspected(), after(15))


def facts(incident: Incident, **changes: Any) -> Facts:
    return replace(incident.facts_so_far, **{"state": State.INVESTIGATING, **changes})


def changed(incident: Incident, at: float = 20, do: tuple[str, ...] = (), **judged: Any) -> Incident:
    return suspicion.changed(incident, "statusbot", Judgement(**judged), do, POLICY, after(at))


def test_what_a_machine_suspects_is_numbered_and_says_nothing_of_the_machines_own_words():
    incident = suspected()
    notice = incident.newest
    assert (incident.number, incident.epoch, incident.policy, incident.opened_at) == (7, 1, "follow", after(0))
    assert (notice.number, notice.kind, notice.source, notice.facts.title) == (
        1,
        Kind.NOTICE,
        "prober",
        "Follow may be down",
    )
    assert (notice.facts.message, notice.facts.do, notice.facts.since) == ({}, ("check_by_hand",), after(0))
    assert (incident.scope, incident.severity, incident.confirm_at) == (scope(regions=("us",)), MAJOR, after(15))


@pytest.mark.parametrize(
    ("confirm", "held", "at"),
    [(minutes(0), False, None), (timedelta(seconds=1), True, after(1 / 60)), (None, True, None)],
)
def test_a_policy_that_does_not_wait_tells_families_at_once(confirm, held, at):
    incident = suspected(policy=make.policy(confirm={MAJOR: confirm}))
    assert (incident.held, incident.newest.notify, incident.confirm_at) == (held, not held, at)


def test_told_by_itself_is_a_notice_in_the_machines_name():
    incident = told()
    newest = incident.newest
    assert (newest.number, newest.kind, newest.at, newest.source) == (2, Kind.NOTICE, after(15), "prober")
    assert (incident.held, incident.confirm_at, incident.state, newest.notify) == (
        False,
        None,
        State.SUSPECTED,
        True,
    )
    assert incident.version == suspected().version + 1
    assert [u.number for u in incident.updates] == [1, 2]


def test_told_by_itself_names_the_machine_that_spoke_last():
    assert (
        suspicion.told_by_itself(changed(suspected(), severity=CRITICAL), after(25)).newest.source == "statusbot"
    )
    assert suspicion.told_by_itself(make.incident(), after(5)).newest.source is None


@pytest.mark.parametrize(
    ("because", "before", "changes", "kind"),
    [
        ("families hear of it now for the first time", suspected(), {"severity": CRITICAL}, Kind.NOTICE),
        ("graver than they were told", told(), {"severity": CRITICAL}, Kind.SEVERITY),
        ("milder", told(), {"severity": MINOR, "scope": scope("share")}, Kind.SEVERITY),
        ("more fails", told(), {"scope": scope("share")}, Kind.SCOPE),
        ("a person says the same", told(), {}, Kind.PROGRESS),
    ],
)
def test_a_persons_opening_is_the_next_update_of_what_was_suspected(because, before, changes, kind):
    incident = suspicion.confirmed(before, facts(before, **changes), after(60), after(20))
    newest = incident.newest
    assert (newest.kind, newest.number, newest.at) == (kind, before.newest.number + 1, after(20)), because
    assert (newest.promise, newest.human_number, newest.source, newest.notify) == (after(60), 1, None, True)
    assert (incident.severity, incident.scope, incident.state) == (
        newest.facts.severity, newest.facts.scope, State.INVESTIGATING
    )  # fmt: skip
    assert (incident.held, incident.version) == (False, before.version + 1)


def test_once_confirmed_nothing_is_told_or_resolved_by_itself_any_more():
    before = suspected(resolve_at=after(30))
    incident = suspicion.confirmed(before, facts(before), None, after(5))
    assert (incident.confirm_at, incident.resolve_at) == (None, None)


def test_a_person_who_confirms_that_it_is_critical_asks_families_anew_whom_it_was_told_as_milder():
    before = told()
    raised = suspicion.confirmed(before, facts(before, severity=CRITICAL), None, after(20))
    assert (raised.epoch, raised.newest.epoch) == (2, 2)
    same = suspicion.confirmed(before, facts(before), None, after(20))
    assert (same.epoch, same.newest.epoch) == (1, 1)
    first = suspicion.confirmed(suspected(), facts(before, severity=CRITICAL), None, after(5))
    assert first.epoch == 1  # nobody had been told: there is nothing to ask anew


def test_an_epoch_that_has_begun_goes_on_through_all_that_machines_and_people_add():
    second = replace(told(), epoch=2)
    assert changed(second, add_scope=(Reach("share"),)).newest.epoch == 2
    assert suspicion.told_by_itself(second, after(20)).newest.epoch == 2
    assert suspicion.resolved(second, "prober", after(20)).newest.epoch == 2
    assert suspicion.confirmed(second, facts(second), None, after(20)).newest.epoch == 2


def test_a_machine_that_raises_what_families_know_asks_them_anew():
    incident = changed(told(), severity=CRITICAL, do=("check_by_hand",))
    newest = incident.newest
    assert (newest.kind, newest.source, newest.notify, newest.number) == (Kind.SEVERITY, "statusbot", True, 3)
    assert (incident.severity, incident.epoch, incident.confirm_at) == (CRITICAL, 2, None)


def test_a_machine_that_raises_what_is_held_brings_the_telling_nearer_and_tells_nobody():
    incident = changed(suspected(resolve_at=after(30)), at=2, severity=CRITICAL)
    assert (incident.newest.notify, incident.epoch, incident.held) == (False, 1, True)
    assert (incident.confirm_at, incident.resolve_at) == (after(7), None)


def test_a_machine_that_widens_adds_to_the_scope_and_leaves_the_rest():
    incident = changed(told(), add_scope=(Reach("share", ("eu",)),))
    assert (incident.newest.kind, incident.severity, incident.epoch) == (Kind.SCOPE, MAJOR, 1)
    assert incident.scope.reaches == (Reach("follow", ("us",)), Reach("share", ("eu",)))


@pytest.mark.parametrize(
    ("because", "said", "judged", "expected"),
    [
        ("what stood stands", ("wait",), {"severity": CRITICAL}, ("wait",)),
        ("critical needs something to do", (), {"severity": CRITICAL}, ("check_by_hand",)),
        ("a raise that is none to critical does not", (), {"severity": MAJOR}, ()),
        ("nor does more of the same", (), {"add_scope": (Reach("share"),)}, ()),
    ],
)
def test_what_to_do_when_a_machine_adds_to_it(because, said, judged, expected):
    last = told()
    incident = make.incident(
        replace(last.newest, facts=replace(last.newest.facts, do=said, message={"en": "Old."}))
    )
    found = changed(incident, do=("check_by_hand",), **judged).newest.facts
    assert (found.do, found.message) == (expected, {}), because


def test_what_is_critical_already_gets_nothing_new_to_do_from_a_machine():
    assert changed(make.incident(), severity=CRITICAL, do=("check_by_hand",)).newest.facts.do == ()


def test_a_machine_ends_what_families_know_aloud_and_what_they_never_knew_in_silence():
    for before, aloud in ((told(), True), (suspected(resolve_at=after(16)), False)):
        incident = suspicion.resolved(before, "prober", after(16))
        newest = incident.newest
        assert (newest.kind, newest.notify, newest.source) == (Kind.RESOLUTION, aloud, "prober")
        assert (incident.state, incident.ended_at) == (State.RESOLVED, after(16))
        assert (incident.confirm_at, incident.resolve_at, newest.facts.message) == (None, None, {})


def test_the_hold_of_a_source_that_may_resolve():
    waiting = suspicion.resolving(told(), after(30))
    assert (waiting.resolve_at, waiting.version) == (after(30), told().version + 1)
    assert suspicion.resolving(waiting, None).resolve_at is None
    assert suspicion.hold_until(POLICY, after(0)) == after(15)
    assert suspicion.hold_until(make.policy(resolve_hold=minutes(-1)), after(0)) == after(0)


def test_a_persons_opening_confirms_the_suspicion_that_covers_it_else_one_that_it_meets():
    us, all_of_us = suspected(), suspected(scope=scope(regions=("us", "ca")))
    known = make.incident()
    share = suspected(scope=scope("share"))
    west = scope(regions=("us-west",))
    assert suspicion.confirmed_by([known, share, us, all_of_us], west) is us
    assert suspicion.confirmed_by([us, all_of_us], scope(regions=("ca",))) is all_of_us
    assert (
        suspicion.confirmed_by([share, us, all_of_us], scope()) is us
    )  # none covers everywhere: the first it meets
    assert suspicion.confirmed_by([us, all_of_us], scope(regions=("us", "ca"))) is all_of_us
    assert suspicion.confirmed_by([known, share], west) is None


def test_of_the_services_that_a_person_names_they_know_better():
    held = suspected(scope=scope("follow").plus(scope("share", regions=("us",))))
    west = scope("follow", regions=("us-west",))
    assert suspicion.confirmed_scope(held, west).reaches == (*west.reaches, Reach("share", ("us",)))
    known = replace(held, held=False)  # families were told: it only grows
    assert suspicion.confirmed_scope(known, west) == known.scope
    assert suspicion.confirmed_scope(known, scope("login")).services == ("follow", "share", "login")
