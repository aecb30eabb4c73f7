"""`alertd family unsuspend`: an address that a provider had refused is used again."""

from alertd.ports import Refused
from tests import make
from tests.listening import Daemon, Shell, alertd, listening
from tests.unit.test_cli_incidents import OPEN, families

__all__ = ["alertd", "families", "listening"]

MIA = make.own("mia", "sms").to
SINCE = ("--since", "2026-11-04T00:00:00Z")


def refuse(families: Daemon, alertd: Shell) -> None:
    """The provider has a bad afternoon, and is well again."""
    for name in ("push", "sms", "email"):
        families.channel(name).fail_always("*", lambda: Refused("21211"))
    alertd(*OPEN)
    families.run(families.served.work())
    for name in ("push", "sms", "email"):
        families.channel(name).mend()
    families.served.clock.advance(seconds=1)


def test_one_address_and_then_it_is_not_suspended(alertd: Shell, families: Daemon) -> None:
    refuse(families, alertd)
    alertd("family", "show", "fam-1")
    assert "(suspended 4 Nov 2026, 21211)" in alertd.out
    assert alertd("family", "unsuspend", "sms", MIA, "--dry-run") == 0
    assert alertd.out == (
        "Nothing was done. 1 address would be used again.\n"
        "1 family that is told of an outage would be told at once what it lacks.\n"
    )
    assert alertd("family", "unsuspend", "sms", MIA) == 0
    assert alertd.out == (
        "1 address is used again.\n1 family that is told of an outage is told at once what it lacks.\n"
    )
    families.run(families.served.work())
    assert [message.to for message in families.channel("sms").accepted] == [MIA]
    assert alertd("family", "unsuspend", "sms", MIA) == 1
    assert "this address is not suspended" in alertd.err


def test_all_that_one_code_suspended(alertd: Shell, families: Daemon) -> None:
    refuse(families, alertd)
    which = ("family", "unsuspend", "--code", "21211", *SINCE)
    assert alertd.json(*which, "--dry-run") == {
        "addresses": 6, "opted_out": 0, "families": 2, "dry_run": True,
    }  # fmt: skip
    assert alertd(*which[:2], "sms", *which[2:]) == 0
    assert alertd.out.startswith(
        "2 addresses are used again.\n2 families that are told of an outage are told at once"
    )
    assert alertd.json(*which)["addresses"] == 4
    assert alertd(*which) == 0
    assert alertd.out == "No address is suspended with that code since then: there is nothing to lift.\n"


def test_who_opted_out_is_named(alertd: Shell, families: Daemon) -> None:
    refuse(families, alertd)

    async def stop() -> None:
        async with families.served.deps.store.transaction() as rows:
            known = await rows.known_address("sms", MIA)
            assert known is not None
            await rows.opt_out(known.id, families.served.clock.now(), here=False)

    families.run(stop())
    alertd("family", "unsuspend", "sms", MIA)
    assert "Of these 1 opted out, and stays so until they opt in." in alertd.out


def test_what_is_missing_is_told_in_the_words_of_the_command_line(alertd: Shell, families: Daemon) -> None:
    assert alertd("family", "unsuspend", "--code", "21211") == 1
    assert "--since: is missing" in alertd.err
    assert alertd("family", "unsuspend", "sms", "+14155550199") == 1
    assert "alertd knows no such sms address" in alertd.err
    assert "alertd family show" in alertd.err
    assert alertd("family", "unsuspend", "sms", "12") == 1
    assert alertd.err.startswith("alertd: TO: "), "it stands there without an option"
