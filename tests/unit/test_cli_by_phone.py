"""`alertd incident reach --told-by-phone`: whoever called a family says so, and reads what to promise them."""

from alertd.ports import Refused
from tests import make
from tests.listening import Daemon, Shell, alertd, listening

__all__ = ["alertd", "listening"]

OPEN = ("incident", "open", "--service", "follow", "--severity", "critical", "--title", "Follow is down")
CALLED = ("incident", "reach", "1", "--family", "fam-1", "--told-by-phone")


def an_outage(alertd: Shell, listening: Daemon) -> None:
    """A family whose only number is dead."""
    listening.channel("sms").fail(make.own("mia", "sms").to, Refused("30005"))
    listening.run(listening.served.families(make.family(make.caregiver("mia", "sms"), id="fam-1")))
    assert alertd(*OPEN) == 0
    listening.run(listening.served.work())


def test_it_is_off_the_list_and_in_the_story(alertd: Shell, listening: Daemon) -> None:
    an_outage(alertd, listening)
    assert alertd("incident", "reach", "1") == 0
    assert alertd.out.splitlines()[-1].split() == ["fam-1", "untellable", "0", "never", "-"]
    assert alertd(*CALLED, "--dry-run") == 0
    assert alertd.out == "Nothing was done. Tell them: the family hears again by Wed 04 Nov 20:30 (UTC).\n"
    assert alertd(*CALLED) == 0
    assert alertd.out == "Noted. Tell them: the family hears again by Wed 04 Nov 20:30 (UTC).\n"
    assert alertd("incident", "reach", "1") == 0
    assert "untellable" not in alertd.out
    listening.served.clock.advance(minutes=31)
    assert alertd("incident", "reach", "1") == 0
    assert alertd.out.splitlines()[-1].endswith("Wed 04 Nov 20:30, by phone only")
    assert alertd("incident", "timeline", "1") == 0
    assert "Family fam-1 was told by phone, says test" in " ".join(alertd.out.split())
    assert alertd("family", "explain", "fam-1") == 0
    assert "by phone Wed 04 Nov 20:00 told mia update 1" in " ".join(alertd.out.split())


def test_said_twice_it_is_kept_once(alertd: Shell, listening: Daemon) -> None:
    """With one key; without one, it is another call."""
    an_outage(alertd, listening)
    first = alertd.json(*CALLED, "--idempotency-key", "one")
    assert first == {
        "incident": 1, "family": "fam-1", "update": 1, "next_by": "2026-11-04T20:30:00Z", "dry_run": False,
    }  # fmt: skip
    assert alertd.json(*CALLED, "--idempotency-key", "one") == first
    assert alertd.json(*CALLED)["update"] == 2


def test_what_cannot_be_is_refused_with_the_way_out(alertd: Shell, listening: Daemon) -> None:
    an_outage(alertd, listening)
    assert alertd("incident", "reach", "1", "--told-by-phone") == 2
    assert "--family" in alertd.err
    assert alertd("incident", "reach", "1", "--family", "fam-1") == 2
    assert "alertd family explain ID" in " ".join(alertd.err.split())
    assert alertd("incident", "reach", "1", "--dry-run") == 2
    assert alertd("incident", "reach", "1", "--family", "nobody", "--told-by-phone") == 1
    assert alertd.err == 'alertd: there is no family "nobody".\n'
    assert alertd("incident", "resolve", "1", "--yes") == 0
    assert alertd(*CALLED) == 1
    assert "is resolved" in alertd.err
