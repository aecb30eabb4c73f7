"""`alertd delivery retry`: what had parked messages is mended."""

from alertd.ports import Misconfigured
from tests.listening import Daemon, Shell, alertd, listening
from tests.unit.test_cli_incidents import OPEN, families

__all__ = ["alertd", "families", "listening"]


def test_what_was_parked_is_tried_again(alertd: Shell, families: Daemon) -> None:
    for name in ("push", "sms"):
        families.served.channel(name).fail_always("*", lambda: Misconfigured("30034"))
    alertd(*OPEN)
    families.run(families.served.work())
    assert alertd("delivery", "retry", "1", "--dry-run") == 0
    assert alertd.out == "Nothing was done. For 2 families what was parked of incident 1 would be looked at.\n"
    for name in ("push", "sms"):
        families.served.channel(name).mend()
    families.served.clock.advance(seconds=1)
    assert alertd("delivery", "retry", "1") == 0
    assert alertd.out.startswith(
        "For 2 families what was parked of incident 1 is looked at at once: who lacks it is told."
    )
    assert "alertd delivery list --state parked" in alertd.out
    families.run(families.served.work())
    assert families.served.channel("push").accepted or families.served.channel("sms").accepted
    assert alertd("delivery", "retry", "9") == 1
    assert 'there is no incident "9"' in alertd.err


def test_where_nothing_was_parked_it_says_so(alertd: Shell, families: Daemon) -> None:
    alertd(*OPEN)
    families.run(families.served.work())
    assert alertd("delivery", "retry", "1") == 0
    assert alertd.out == "Nobody lacks what was parked of incident 1: there is nothing to try again.\n"
