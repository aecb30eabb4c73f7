"""The command line against the real API: an outage from opening to end, as an on-call engineer types it."""

import io
import json
import sys
from dataclasses import replace

import pytest

from alertd.ports import Refused
from tests import make
from tests.listening import Daemon, Shell, alertd, listening

__all__ = ["alertd", "listening"]


class Terminal(io.StringIO):
    """A person at a terminal who types this."""

    def isatty(self) -> bool:
        return True


OPEN = ("incident", "open", "--service", "follow", "--severity", "critical", "--title", "Follow is down")


@pytest.fixture
def families(listening: Daemon) -> Daemon:
    """A daemon with two families."""
    listening.run(listening.served.families(make.family(), make.family(make.caregiver("ana"), id="fam-2")))
    return listening


def test_open_shows_what_it_does_and_what_comes_next(alertd: Shell, families: Daemon) -> None:
    """First whom it touches, over what and how long that takes; then the number and the next commands."""
    assert alertd(*OPEN, "--message", "No readings.", "--message", "es=Sin lecturas.", "--next-in", "30m") == 0
    assert alertd.err == "It touches 2 families that use follow: 2 push, 2 sms, handed over in under a second.\n"
    assert alertd.out.splitlines() == [
        "Incident 1 is open: Follow is down. Its families are being told.",
        "  who has been told:  alertd incident timeline 1",
        '  tell them more:     alertd incident update 1 --message "..." --next-in 30m',
        "  when it is over:    alertd incident resolve 1",
    ]
    families.run(families.served.work())
    assert "No readings." in families.channel("push").accepted[0].text


def test_an_opening_tells_all_its_mistakes_at_once(alertd: Shell, families: Daemon) -> None:
    """What its shape shows, and what only this alertd knows: nobody has five rounds of time in an outage."""
    assert alertd(
        "incident", "open", "--service", "folow", "--severity", "critical", "--title", "", "--message", "fr=x",
        "--works", "sensor_wrks", "--do", "chek_by_hand", "--next-in", "5", "--since", "tomorrow", "--dry-run",
    ) == 1  # fmt: skip
    assert [line.strip().partition(": ")[0] for line in alertd.err.splitlines()] == [
        "alertd", "--service", "--title", "--message", "--works", "--do", "--next-in", "--since",
    ]  # fmt: skip
    for hint in ("follow", "sensor_works", "check_by_hand"):
        assert f'did you mean "{hint}"?' in alertd.err


def test_a_region_that_no_family_has_is_told(alertd: Shell, listening: Daemon) -> None:
    """Such an incident touches only families that never said where they are: seen before they are told."""
    west = make.family(id="fam-1", region="us-west", services=("follow", "share"))
    anywhere = make.family(make.caregiver("ana"), id="fam-2", region=None, services=("follow",))
    listening.run(listening.served.families(west, anywhere))
    alone = "Of these families only those without a region are touched."
    for regions, told in (
        ("us-wset", f'No family that uses follow has the region us-wset; did you mean "us-west"? {alone}'),
        ("us-wset,us-wst", f'region us-wst; did you mean "us-west"? {alone}'),
        ("mars", f"No family that uses follow has the region mars. {alone}"),
        ("us,mars", "No family that uses follow has the region mars."),
    ):
        assert alertd(*OPEN, "--region", regions, "--dry-run") == 0
        assert " ".join(alertd.out.split()).endswith(told)
    assert alertd(*OPEN, "--region", "us,us-west", "--dry-run") == 0
    assert "No family" not in alertd.out
    both = ("incident", "open", "--service", "follow:mars", "--severity", "critical", "--title", "x", "--dry-run")
    for share, told in (
        ("share:us-west", "By follow only those without a region are touched."),
        ("share", "By follow only those without a region are touched."),
        ("share:mars", alone),
    ):
        assert alertd(*both, "--service", share) == 0
        assert told in " ".join(alertd.out.split())
        assert (alone in " ".join(alertd.out.split())) == (told == alone)

    done = alertd.json(*OPEN, "--region", "us-wset", "--yes")
    assert done["preview"]["unpeopled"] == [{"service": "follow", "region": "us-wset", "near": "us-west"}]
    assert alertd("incident", "update", "1", "--add-scope", "follow:us-west", "--remove-scope", "follow:us-wset",
                  "--message", "Only there.", "--dry-run") == 0  # fmt: skip
    assert "No family" not in alertd.out


def test_nobody_there_comes_with_the_region_that_was_meant(alertd: Shell, listening: Daemon) -> None:
    listening.run(listening.served.families(make.family(region="us-west", services=("follow",))))
    assert alertd(*OPEN, "--region", "us-wset", "--yes") == 1
    assert 'did you mean "us-west"?' in " ".join(alertd.err.split())


@pytest.mark.parametrize(
    ("since", "read"),
    [
        ("2026-11-04T19:00:00Z", "Families read that it began Wed 04 Nov 19:00 (UTC), 1 h 0 min ago."),
        ("2026-10-05T20:00:00Z", "Families read that it began Mon 05 Oct 20:00 (UTC), 30 d ago."),
    ],
)
def test_when_it_began_is_seen_before_families_read_it(
    since: str, read: str, alertd: Shell, families: Daemon
) -> None:
    """With its age: a day that is mistyped looks like any other."""
    assert alertd(*OPEN, "--since", since, "--dry-run") == 0
    assert alertd.out.splitlines()[-1] == read
    done = alertd.json(*OPEN, "--since", since, "--yes")
    assert done["preview"]["since"] == since
    assert alertd("incident", "update", "1", "--message", "News.", "--dry-run") == 0
    assert "began" not in alertd.out, "it was said when it was opened"
    assert alertd("incident", "resolve", "1", "--yes") == 0
    assert alertd("incident", "reopen", "1", "--since", "2026-11-04T19:59:00Z", "--dry-run") == 0
    assert "began Wed 04 Nov 19:59 (UTC), 60 s ago." in alertd.out


def test_every_option_of_an_opening_arrives(alertd: Shell, families: Daemon) -> None:
    """Services with regions, phrases, promise, beginning."""
    alertd(
        "incident", "open", "--service", "follow:us", "--service", "share", "--region", "us-west,eu",
        "--severity", "major", "--title", "Slow", "--works", "sensor_works", "--works", "The app opens.",
        "--do", "check_by_hand", "--next-in", "1h30m", "--since", "2026-11-04T19:00:00Z", "--yes",
    )  # fmt: skip
    shown = alertd.json("incident", "show", "1")
    assert shown["scope"] == [
        {"service": "follow", "regions": ["us"]},
        {"service": "share", "regions": ["us-west", "eu"]},
    ]
    assert shown["since"] == "2026-11-04T19:00:00Z"
    assert shown["promise"] == "2026-11-04T21:30:00Z"
    assert shown["updates"][0]["works"] == ["sensor_works", "The app opens."]
    assert shown["updates"][0]["do"] == ["check_by_hand"]


def test_where_it_fails_is_named_before_anybody_is_told(alertd: Shell, families: Daemon) -> None:
    """A region that is written wrongly is seen there, or refused with the option that was given."""
    assert alertd(*OPEN, "--service", "share:us,eu", "--dry-run") == 0
    assert "that use follow, or share in us or eu: 2 push" in alertd.out
    state = families.served.app.state
    declared = replace(state.served.services, regions={"follow": ("us", "eu-west")})
    state.served = replace(state.served, deps=replace(state.served.deps, services=declared))
    for service, more, option in (
        ("follow:us", ("--service", "follow", "--region", "atlantis"), "--region"),
        ("follow:atlantis", ("--region", "us"), "--service"),
    ):
        assert alertd(*OPEN[:3], service, *OPEN[4:], *more, "--yes") == 1
        assert f'{option}: "atlantis" is no region of follow; declared are us, eu-west' in " ".join(
            alertd.err.split()
        )
    assert alertd(*OPEN, "--yes") == 0
    assert alertd("incident", "update", "1", "--add-scope", "follow:atlantis", "--yes") == 1
    assert '--add-scope: "atlantis" is no region of follow' in " ".join(alertd.err.split())
    assert alertd("incident", "update", "1", "--add-scope", "share:us--west", "--yes") == 1
    assert '--add-scope: "us--west" is no region' in " ".join(alertd.err.split())


def test_a_time_that_cannot_be_promised_is_told_of_the_option_that_was_given(
    alertd: Shell, families: Daemon
) -> None:
    for given in ("0m", "9h"):
        assert alertd(*OPEN, "--next-in", given, "--yes") == 1
        assert "--next-in: is" in alertd.err


def test_for_the_record_only_nobody_reads_a_promise(alertd: Shell, families: Daemon) -> None:
    alertd(*OPEN, "--yes")
    note = ("incident", "update", "1", "--message", "Noted.", "--no-notify")
    assert alertd(*note, "--next-in", "1h") == 1
    assert "--no-notify: for the record only, an update promises nobody anything" in alertd.err
    assert alertd(*note) == 0
    assert "Families read" not in alertd.err + alertd.out
    families.run(families.served.work())
    assert alertd("incident", "show", "1") == 0
    assert "2 of 2 heard, 2 the newest update" in alertd.out
    assert 'critical): "Noted.", for the record only' in " ".join(alertd.out.split())


def test_nobody_is_asked_any_more_once_it_has_ended(alertd: Shell, families: Daemon) -> None:
    alertd(*OPEN, "--yes")
    families.run(families.served.work())
    alertd("incident", "resolve", "1", "--yes")
    families.run(families.served.work())
    for command in ("show", "report", "reach"):
        assert alertd("incident", command, "1") == 0
        assert "when it ended" in alertd.out, command
        assert "being asked" not in alertd.out


def test_what_families_read_instead_is_said_before_and_after(alertd: Shell, listening: Daemon) -> None:
    """A promise beyond the window binds nobody, and a sentence reaches its language only: both are said in time."""
    spanish = make.family(make.caregiver("ana", locale="es-MX"), id="fam-2")
    listening.run(listening.served.families(make.family(), spanish))
    assert alertd(*OPEN, "--message", "No readings.", "--next-in", "1h") == 0
    reads = "Families read: next update within 30m (the policy's window; you promise later).\n"
    assert alertd.err.endswith(f"{reads}1 family reads Spanish; your sentence has no es=.\n")
    assert reads in alertd.out
    both = ("--message", "Still none.", "--message", "es=Todavía no.")
    assert alertd("incident", "update", "1", *both, "--next-in", "30m") == 0
    assert len(alertd.err.splitlines()) == 1
    assert "Families read" not in alertd.out
    assert alertd("incident", "update", "1", "--next-in", "1h", "--dry-run") == 0
    assert alertd.out.endswith(reads)
    assert "Spanish" not in alertd.out, "no sentence, nothing to translate"


def test_words_that_do_not_fit_are_told_before_anybody_reads_them(alertd: Shell, listening: Daemon) -> None:
    """An SMS and a push have room for so much; what happened is mostly longer, and told once."""
    by_mail = make.family(make.caregiver("ana", "email"), id="fam-2")
    listening.run(listening.served.families(make.family(), by_mail))
    told = "A queue filled up, as a server that empties it had lost its disk. " * 9
    cut = "Not all of your words fit: 1 push, 1 sms leave some out; e-mails hold all.\n"
    assert alertd(*OPEN, "--message", told, "--dry-run") == 0
    assert cut in alertd.out
    assert alertd(*OPEN, "--message", "No readings.", "--yes") == 0
    assert "fit" not in alertd.out + alertd.err
    listening.run(listening.served.work())
    assert alertd("incident", "resolve", "1", "--yes") == 0
    listening.run(listening.served.work())
    assert alertd("incident", "postmortem", "1", "--message", told, "--dry-run") == 0
    assert alertd.out.endswith(
        "who rests, later.\nNot all of your words fit: 1 push leaves some out; e-mails hold all.\n"
    )
    assert alertd("incident", "postmortem", "1", "--message", "A queue filled up.", "--dry-run") == 0
    assert "fit" not in alertd.out


def test_a_dry_run_only_shows(alertd: Shell, families: Daemon) -> None:
    """Nothing is opened, and it says so."""
    assert alertd(*OPEN, "--dry-run") == 0
    assert alertd.out == (
        "Nothing was done. It touches 2 families that use follow: 2 push, 2 sms, handed over in under a second.\n"
    )
    assert alertd("incident", "list", "--state", "all") == 0
    assert alertd.out == "There was no incident yet.\n"


@pytest.mark.parametrize(("typed", "code", "count"), [("n\n", 1, 0), ("\n", 1, 0), ("y\n", 0, 1)])
def test_at_a_terminal_it_asks_once(
    alertd: Shell, families: Daemon, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, count: int
) -> None:
    """Return alone means no: a slip tells nobody."""
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert alertd(*OPEN) == code
    assert alertd.err.count("Tell them now?") == 1
    assert ("nothing was done" in alertd.err) is (code == 1)
    assert len(alertd.json("incident", "list")["incidents"]) == count


def test_an_exercise_is_named_as_one_wherever_people_look(alertd: Shell, families: Daemon) -> None:
    assert alertd(*OPEN, "--exercise", "--yes") == 0
    assert alertd.out.startswith("Exercise 1 is open")
    assert "incident update" not in alertd.out
    families.run(families.served.work())
    assert alertd("incident", "list") == 0
    assert "exercise, investigating" in alertd.out
    assert alertd("incident", "show", "1") == 0
    assert "a test; nothing is down" in alertd.out
    assert "responders" not in alertd.out
    assert alertd("incident", "timeline", "1") == 0
    assert "Exercise opened by test" in alertd.out
    assert alertd("incident", "ack", "1") == 1
    assert alertd("incident", "update", "1", "--message", "More.", "--yes") == 1
    assert "alertd incident resolve 1" in " ".join(alertd.err.split())


def test_a_recall_says_how_far_it_has_come_and_what_to_do_now(
    alertd: Shell, families: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks once, with the numbers; and the way on is a command to paste."""
    alertd(*OPEN, "--yes")
    families.run(families.served.work())
    alertd("incident", "update", "1", "--message", "All is well.")
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert alertd("incident", "recall", "1") == 1
    assert "Update 2 of incident 1: 0 families have it, or may have (no message has left)" in alertd.err
    assert alertd.err.count("Recall the newest update of incident 1?") == 1
    assert alertd("incident", "recall", "1", "--update", "1") == 1
    assert "the newest update is 2, not 1" in alertd.err
    families.run(families.served.work())
    assert alertd("incident", "recall", "1", "--dry-run") == 0
    assert alertd.out.startswith("Nothing was done. Update 2 of incident 1: 2 families have it")
    assert alertd.out.rstrip().endswith("; nothing can be stopped any more.")
    assert alertd("incident", "recall", "1", "--yes") == 0
    assert alertd.out.startswith("Update 2 of incident 1 is recalled.")
    assert 'alertd incident update 1 --corrects 2 --message "..."' in alertd.out
    assert alertd("incident", "timeline", "1") == 0
    assert "Update 2 recalled by test" in " ".join(alertd.out.split())
    assert alertd("incident", "recall", "1", "--yes") == 1
    assert "update 2 is recalled already" in " ".join(alertd.err.split())


def test_what_happened_is_promised_with_the_end_and_told_once(
    alertd: Shell, families: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment is read on this machine's clock; who is asked sees whom it concerns."""
    alertd(*OPEN, "--yes")
    families.run(families.served.work())
    assert alertd("incident", "postmortem", "1", "--message", "A queue.", "--yes") == 1
    assert "alertd incident update 1" in " ".join(alertd.err.split())
    assert alertd("incident", "resolve", "1", "--postmortem-by", "friday night", "--yes") == 2
    assert "Sun 02:00" in alertd.err
    assert alertd("incident", "resolve", "1", "--postmortem-by", "2026-11-03T17:00:00Z", "--yes") == 1
    assert "--postmortem-by: lies in the past" in " ".join(alertd.err.split())
    assert alertd("incident", "resolve", "1", "--postmortem-by", "2026-11-07T01:00:00Z", "--yes") == 0
    assert "They are promised to hear what happened by Sat 07 Nov 01:00 UTC." in alertd.out
    families.run(families.served.work())
    assert alertd("incident", "show", "1") == 0
    assert "what happened by Sat 07 Nov 01:00" in " ".join(alertd.out.split())
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert alertd("incident", "postmortem", "1", "--message", "A queue.") == 1
    assert "2 families were told that it is over. Now: 2 push; who rests, later." in alertd.err
    assert alertd("incident", "postmortem", "1", "--message", "A queue.", "--yes") == 0
    assert alertd.out.startswith("What happened in incident 1 is being told: update 3.")
    families.run(families.served.work())
    assert alertd("incident", "report", "1") == 0
    assert "Sat 07 Nov 01:00 (what happened)" in alertd.out
    assert "kept by update 3" in alertd.out


def test_yes_does_not_ask(alertd: Shell, families: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """For scripts, and for people who know."""
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert alertd(*OPEN, "--yes") == 0
    assert "Tell them now?" not in alertd.err


def test_a_whole_outage(alertd: Shell, families: Daemon) -> None:
    """Update, correct, widen, resolve; list, show and timeline say how it stands."""
    families.channel("push").fail("push-mia", Refused("UNREGISTERED"))
    alertd(*OPEN, "--yes")
    families.run(families.served.work())
    assert alertd("incident", "update", "1", "--message", "Overloaded.", "--state", "identified") == 0
    assert alertd.out.startswith("Update 2 of incident 1.")
    assert alertd("incident", "update", "1", "--message", "A cable.", "--corrects", "2") == 0
    assert alertd("incident", "update", "1", "--add-scope", "share:us", "--severity", "major") == 0
    assert alertd("incident", "update", "1", "--message", "For us.", "--no-notify", "--severity", "minor") == 1
    assert "--no-notify: for the record only, an update cannot change the severity" in alertd.err
    assert alertd("incident", "update", "1", "--message", "For us.", "--no-notify") == 0
    families.run(families.served.work())
    assert alertd("incident", "list") == 0
    assert alertd.out.splitlines()[0].split() == ["ID", "STATE", "SEVERITY", "OPENED", "SERVICES", "TITLE"]
    assert "identified" in alertd.out
    assert alertd("incident", "show", "1") == 0
    assert "follow, share:us" in alertd.out
    assert "2 of 2 heard" in alertd.out
    assert '3 correction (identified, critical): "A cable."' in alertd.out
    assert alertd("incident", "resolve", "1", "--message", "It works.") == 0
    assert alertd.out.startswith("Incident 1 is resolved: update 6.")
    assert alertd("incident", "timeline", "1") == 0
    told = " ".join(alertd.out.split())
    for sentence in (
        "Times are UTC.",
        "Opened by test",
        "push address of family fam-1 refused by the provider (UNREGISTERED); address suspended, "
        "told over sms instead",
        "corrects update 2",
        "For the record only: nobody is told.",
        'resolved. "It works."',
    ):
        assert sentence in told
    assert max(map(len, alertd.out.splitlines())) <= 80
    assert alertd("incident", "update", "1", "--message", "?") == 1
    assert (
        alertd.err
        == "alertd: incident 1 is resolved; if it came back: alertd incident reopen 1, else open a new one.\n"
    )


def test_reach_and_reopen(alertd: Shell, families: Daemon) -> None:
    """Who has not answered, to call them; and it came back."""
    alertd(*OPEN)
    families.run(families.served.work())
    for _ in range(4):
        families.served.clock.advance(minutes=10)
        families.run(families.served.work())
    assert alertd("incident", "reach", "1") == 0
    assert alertd.out.splitlines()[:4] == [
        "  families     2 of 2 heard",
        "  answered     0; 0 are being asked",
        "  unanswered   2: told, and nobody has answered",
        "  unreachable  0: nothing loud was accepted",
    ]
    assert "fam-2   unanswered  3" in alertd.out
    assert alertd("incident", "reach", "1", "--unreachable") == 0
    assert "fam-2" not in alertd.out
    assert alertd("incident", "reopen", "1") == 1
    assert "not ended; update it" in alertd.err
    alertd("incident", "resolve", "1")
    assert alertd("incident", "reopen", "1", "--message", "It is back.", "--next-in", "20m") == 0
    assert alertd.out.startswith("Incident 1 is open again: update 3")
    shown = alertd.json("incident", "show", "1")
    assert (shown["state"], shown["ended_at"]) == ("investigating", None)
    assert shown["updates"][-1]["kind"] == "reopening"


def test_the_report_says_what_became_of_every_promise(alertd: Shell, families: Daemon) -> None:
    """Kept, or not, by whom, and for how many; and how long anybody waited."""
    alertd(*OPEN, "--next-in", "25m")
    families.run(families.served.work())
    families.served.clock.advance(minutes=10)
    alertd("incident", "update", "1", "--message", "We know the cause.", "--next-in", "20m")
    families.run(families.served.work())
    families.served.clock.advance(minutes=50)
    families.run(families.served.work())
    assert alertd("incident", "report", "1") == 0
    told = alertd.out
    assert told.startswith("Incident 1: ")
    assert "first notices  2 of 2 families told: 2 within the time promised" in told
    assert "50 min at most" in told
    assert "kept by update 2 at" in told
    assert "MISSED" in told
    first, second = alertd.json("incident", "report", "1")["promises"]
    assert (first["fate"], first["kept_by_number"], first["share"]) == ("kept_by_human", 2, 1.0)
    assert (second["fate"], second["share"], second["late"]) == ("missed", 0.0, 2)


def test_a_report_before_anybody_promised_anything(alertd: Shell, families: Daemon) -> None:
    alertd(*OPEN)
    assert alertd("incident", "report", "1") == 0
    assert "Nobody promised an update by a time." in alertd.out


def test_cancel(alertd: Shell, families: Daemon) -> None:
    """A false alarm."""
    alertd(*OPEN, "--yes")
    assert alertd("incident", "cancel", "1") == 0
    assert alertd.out.startswith("Incident 1 is cancelled: update 2.")


def test_refusals_name_the_option_and_the_way_out(alertd: Shell, families: Daemon) -> None:
    """1, on standard error, and nothing on standard output."""
    assert alertd("incident", "open", "--service", "folow", "--severity", "major", "--title", "x") == 1
    assert alertd.err == ('alertd: --service: "folow" is no declared service; did you mean "follow"?\n')
    assert alertd(*OPEN, "--next-in", "30") == 1
    assert alertd.err == "alertd: --next-in: 30 has no unit; write 30s, 30m or 30h.\n"
    assert alertd.out == ""
    assert alertd(*OPEN, "--yes") == 0
    assert alertd(*OPEN, "--yes") == 1
    assert "alertd incident update 1" in alertd.err
    assert alertd("incident", "show", "7") == 1
    assert "alertd incident list" in alertd.err


def test_json_before_and_behind_the_command(alertd: Shell, families: Daemon) -> None:
    """The same document, wherever `-o` stands."""
    alertd(*OPEN, "--yes")
    outputs = []
    for arguments in (
        ("-o", "json", "incident", "list"),
        ("incident", "-o", "json", "list"),
        ("incident", "list", "-o", "json"),
        ("--output", "table", "incident", "list", "--output", "json"),
    ):
        assert alertd(*arguments) == 0
        outputs.append(json.loads(alertd.out))
    assert all(output == outputs[0] for output in outputs)
    alertd("incident", "list")
    assert alertd.out.startswith("ID"), "what one command line says holds for that one only"


def test_a_title_cannot_command_the_terminal(alertd: Shell, families: Daemon) -> None:
    """What other people wrote is printed without what a terminal would obey."""
    families.run(families.served.open(message="Red \u202ereversed\u202c alert"))
    assert alertd("incident", "timeline", "1") == 0
    assert "\u202e" not in alertd.out
    assert alertd(*OPEN[:-1], "\x1b[31mred") == 1
    assert "\x1b" not in alertd.err


def test_deliveries(alertd: Shell, families: Daemon) -> None:
    """Single messages, masked, by incident, family and state."""
    families.channel("sms").fail(make.own("mia", "sms").to, Refused("21211"))
    alertd(*OPEN, "--yes")
    families.run(families.served.work())
    assert alertd("delivery", "list", "--incident", "1", "--state", "refused") == 0
    assert "+1***0111" in alertd.out
    assert "21211" in alertd.out
    assert make.own("mia", "sms").to not in alertd.out
    assert len(alertd.json("delivery", "list", "--family", "fam-2", "--state", "accepted")["deliveries"]) == 2
    assert alertd("delivery", "list", "--state", "lost") == 1
    assert "--state: must be one of" in alertd.err
    [refused] = alertd.json("delivery", "list", "--state", "refused")["deliveries"]
    assert alertd("delivery", "show", refused["id"]) == 0
    lines = [line.split() for line in alertd.out.splitlines()]
    assert lines[0] == ["Message", refused["id"]]
    assert ["incident", "1,", "update", "1"] in lines
    assert ["over", "sms", "to", "+1***0111"] in lines
    assert ["state", "refused", "(21211)"] in lines
    assert lines[-1][-3:] == ["1", "refused", "(21211)"]
    assert alertd("delivery", "show", "019acc2a-8000-7b1c-8d7e-4f6a5b3c2d1e") == 1
    assert "there is no delivery" in alertd.err


def test_ack_says_what_still_stands_and_show_who_is_next(alertd: Shell, families: Daemon) -> None:
    """No deadline moves: families are owed the update as before."""
    alertd(*OPEN, "--yes")
    shown = alertd.json("incident", "show", "1")["responders"]
    assert (shown["next"]["who"], shown["next"]["how"], shown["acknowledged_at"]) == ("owner", "nudge", None)
    assert alertd("incident", "show", "1") == 0
    assert "owe families an update by" in alertd.out
    assert "owner is nudged at" in alertd.out

    assert alertd("incident", "ack", "1", "--dry-run") == 0
    assert "Incident 1 would be acknowledged." in alertd.out
    assert alertd("incident", "ack", "1") == 0
    assert alertd.out.startswith("Incident 1 is acknowledged. Families are still owed an update by ")
    assert "owner is nudged at" in alertd.out
    assert alertd.json("incident", "show", "1")["responders"]["acknowledged_at"] == "2026-11-04T20:00:00Z"
    assert alertd("incident", "timeline", "1") == 0
    assert "no deadline moves" in " ".join(alertd.out.split())
    assert alertd("incident", "ack", "7") == 1
    assert "there is no incident" in alertd.err


def test_show_says_how_many_have_answered(alertd: Shell, families: Daemon) -> None:
    """In one line, once anybody was asked."""
    assert alertd(*OPEN) == 0
    assert alertd("incident", "show", "1") == 0
    assert "answers" not in alertd.out
    families.run(families.served.work())
    assert alertd("incident", "show", "1") == 0
    [line] = [line for line in alertd.out.splitlines() if "answers" in line]
    assert line.split() == ["answers", "2", "being", "asked"]
