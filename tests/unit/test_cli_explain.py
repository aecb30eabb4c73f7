"""`alertd family explain`: whoever supports a caregiver sees on one screen who is told over what, and why."""

from collections.abc import Sequence

from alertd.ports import Refused
from tests import make
from tests.listening import Daemon, Shell, alertd, listening

__all__ = ["alertd", "listening"]

OPEN = ("incident", "open", "--service", "follow", "--severity", "critical", "--title", "Follow is down")
MIA = make.caregiver(
    "mia", preferences=make.preferences(critical=("push",), services={"share": {"minor": ()}}, quiet_hours="none")
)
NAN = make.caregiver("nan", "email", role="grandparent", order=2)


def flat(text: str) -> str:
    """Without the breaks of lines."""
    return " ".join(text.split())


def person(out: str, begins: str) -> list[str]:
    """The lines of one caregiver."""
    lines: Sequence[str] = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(begins))
    end = next((i for i, line in enumerate(lines[at + 1 :], at + 1) if not line.startswith(" ")), len(lines))
    return list(lines[at:end])


def test_everybody_with_the_rule_that_decided(alertd: Shell, listening: Daemon) -> None:
    """The channels that apply, what follows a failure, the floor, hours and whose word they are; addresses masked."""
    listening.run(listening.served.families(make.family(MIA, NAN, id="fam-9")))
    assert alertd("family", "explain", "fam-9") == 0
    assert len(alertd.out.splitlines()) < 40, "one screen"
    mia, nan = (flat("\n".join(person(alertd.out, name))) for name in ("1. Mia", "2. Nan"))
    assert "hears every update" in mia
    assert "quiet never, by the caregiver" in mia
    critical = mia.partition(" critical ")[2]
    assert critical.startswith("push ")
    assert "and sms +1***0111 (floor), then email m***@example.org (the next that works)." in critical
    assert "caregiver x severity says push (before policy: push, sms)" in critical
    assert "share: not told: caregiver x service x severity says do not tell me (before policy: email)" in mia
    assert "hears once a ladder has told them" in nan
    assert "quiet 22:00-06:30 America/Los_Angeles, of the policy" in nan
    assert "in quiet hours too, though an e-mail wakes nobody" in nan
    assert "No open incident concerns them." in alertd.out
    for address in (*MIA.addresses, *NAN.addresses):
        assert address.to not in alertd.out


def test_json_has_the_whole_chain(alertd: Shell, listening: Daemon) -> None:
    listening.run(listening.served.families(make.family(MIA, NAN, id="fam-9")))
    found = alertd.json("family", "explain", "fam-9")
    mia = found["caregivers"][0]["under"][0]
    muted = next(each for each in mia["told"] if (each["service"], each["severity"]) == ("share", "minor"))
    assert [each["rule"] for each in muted["chain"]] == [
        "caregiver x service x severity", "caregiver x severity", "caregiver default",
        "family x service", "family", "role", "policy", "all channels",
    ]  # fmt: skip
    assert (muted["channels"], muted["rule"], muted["over"]) == ([], "caregiver x service x severity", [])
    assert found["no_loud_channel"] is False


def test_a_family_that_has_nothing_loud_is_told_so(alertd: Shell, listening: Daemon) -> None:
    """Push never counts; and why an address is not used stands beside it."""
    mia = make.caregiver("mia", addresses=(make.own("mia", "push"), make.address("sms", verified=False)))
    listening.run(listening.served.families(make.family(mia, id="fam-9")))
    assert alertd("family", "explain", "fam-9") == 0
    assert "no loud channel nobody has sms or voice that works, the floor of policy" in flat(alertd.out)
    assert "+1***0100, not used: not verified" in alertd.out
    assert alertd.json("family", "explain", "fam-9")["no_loud_channel"] is True


def test_what_they_were_told_and_hear_next(alertd: Shell, listening: Daemon) -> None:
    """In every incident that concerns them: told, by when again and why, and what comes if nobody does anything."""
    listening.channel("push").fail(make.own("mia", "push").to, Refused("UNREGISTERED"))
    listening.run(listening.served.families(make.family(MIA, NAN, id="fam-9")))
    assert alertd(*OPEN, "--next-in", "20m") == 0
    listening.run(listening.served.work())
    assert alertd("family", "explain", "fam-9") == 0
    told = flat(alertd.out.partition("Incident 1: Follow is down (investigating, critical)")[2])
    assert "fails for them follow" in told
    assert "told mia update 1" in told
    assert "a person promised the next update by then" in told
    assert "comes next" in told
    assert "if nobody does anything: mia over" in told
    assert "mia over sms +1***0111 (floor) accepted" in told
    assert "suspended: its provider refuses it (UNREGISTERED)" in flat(alertd.out)
    found = alertd.json("family", "explain", "fam-9")["incidents"][0]
    assert found["due"] == "promise"
    assert found["owed"] == []
    assert {each["reason"] for each in found["next"]} <= {"silence", "ladder"}


def test_an_unknown_family(alertd: Shell, listening: Daemon) -> None:
    assert alertd("family", "explain", "nobody") == 1
    assert alertd.err == 'alertd: there is no family "nobody".\n'


def test_families_are_listed_page_by_page(alertd: Shell, listening: Daemon) -> None:
    """Who has nothing loud, and the command for the next page; no contacts."""
    assert alertd("family", "list") == 0
    assert alertd.out == "There is no family.\n"
    quiet = [make.family(make.caregiver(f"c{n}", "push"), id=f"fam-{n}") for n in range(3)]
    listening.run(listening.served.families(make.family(id="fam-9"), *quiet))
    assert alertd("family", "list") == 0
    assert alertd.out.splitlines()[0::4] == ["FAMILY  CAN BE TOLD OVER", "fam-9   email, push, sms"]
    assert alertd("family", "list", "--no-loud-channel", "--limit", "2") == 0
    assert alertd.out.splitlines() == [
        "FAMILY  CAN BE TOLD OVER",
        "fam-0   push",
        "fam-1   push",
        "There may be more: alertd family list --no-loud-channel --after fam-1",
    ]
    answer = alertd.json("family", "list", "--no-loud-channel", "--after", "fam-1")
    assert answer == {"families": [{"family": "fam-2", "over": ["push"]}], "next": None}
    assert alertd("family", "list", "--no-loud-channel", "--after", "fam-2") == 0
    assert alertd.out == "There is no more.\n"
