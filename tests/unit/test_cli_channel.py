"""`alertd channel test`: it waits, says what happens as it happens, and what to do where it does not arrive."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from alertd.domain.receipt import Word
from alertd.ports import Later, Misconfigured, Refused, Report
from alertd.usecases.take_receipt import Receipts
from tests.fakes import FakeChannel
from tests.listening import Daemon, Shell, alertd, listening
from tests.servers import wait_until

__all__ = ["alertd", "listening"]

TO = "+14155550177"


@contextmanager
def workers(listening: Daemon, seconds: float = 0.2) -> Iterator[None]:
    """What workers do while a command waits; by the daemon's clock a message takes so long."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            if listening.served.deps.doorbell.rung:  # type: ignore[attr-defined]
                listening.served.clock.advance(seconds=seconds)
                listening.run(listening.served.work())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_it_says_when_it_was_accepted(alertd: Shell, listening: Daemon) -> None:
    with workers(listening):
        assert alertd("channel", "test", "sms", TO) == 0
    assert alertd.out == (
        "A test over sms to +1***0177. It says that it is one.\n"
        "  accepted after 0.2 s\n"
        "The provider has it; over this channel it does not say whether it arrived. Look there.\n"
    )
    assert TO not in alertd.out + alertd.err


def test_and_when_it_arrived_where_the_provider_says_so(alertd: Shell, listening: Daemon) -> None:
    listening.served.deps.channels["sms"] = FakeChannel("sms", has_callbacks=True)  # type: ignore[index]
    sms = listening.channel("sms")

    def report() -> None:
        wait_until("it is with the provider", lambda: bool(sms.accepted))
        receipts = Receipts(listening.served.deps)
        told = Report(sms.accepted[0].delivery, 1, Word.DELIVERED, "sms-1")
        wait_until("its acceptance is written", lambda: listening.run(_told(receipts, told)))

    async def _told(receipts: Receipts, told: Report) -> bool:
        async with listening.served.deps.store.reading() as rows:
            standing = await rows.standing(told.delivery, "sms")
        if standing is None or standing.state.value != "accepted":
            return False
        await receipts.take("sms", told)
        return True

    reporter = threading.Thread(target=report)
    reporter.start()
    with workers(listening):
        assert alertd("channel", "test", "sms", TO) == 0
    reporter.join()
    lines = alertd.out.splitlines()
    assert lines[1] == "  accepted after 0.2 s"
    assert lines[2].startswith("  delivered after ")
    assert lines[-1] == "It has arrived."


@pytest.mark.parametrize(
    ("error", "said", "way_out"),
    [
        (Refused("21211"), "refused after 0.2 s: 21211", "correct it"),
        (Misconfigured("20003", account=True), "parked after 0.2 s: misconfigured: 20003", "alertd doctor"),
    ],
)
def test_what_went_wrong_comes_with_the_way_out_and_a_failure(
    alertd: Shell, listening: Daemon, error: Exception, said: str, way_out: str
) -> None:
    listening.channel("sms").fail(TO, error)
    with workers(listening):
        assert alertd("channel", "test", "sms", TO) == 1
    assert f"  {said}\n" in alertd.out
    assert way_out in alertd.out
    assert alertd.out.endswith("It has not arrived.\n")


def test_nobody_waits_for_ever(alertd: Shell, listening: Daemon) -> None:
    assert alertd("channel", "test", "sms", TO, "--wait", "0") == 1
    assert "Nothing is known after 0 s" in alertd.out
    assert "alertd delivery list" in alertd.out


def test_a_try_that_failed_is_told_and_the_next_waited_for(alertd: Shell, listening: Daemon) -> None:
    listening.channel("sms").fail(TO, Later("20503"))
    with workers(listening, seconds=3):
        assert alertd("channel", "test", "sms", TO) == 0
    lines = alertd.out.splitlines()
    assert lines[1] == "  waits for its next try after 3.0 s: 20503"
    assert lines[2].startswith("  accepted after ")


def test_for_programs_it_is_one_document(alertd: Shell, listening: Daemon) -> None:
    with workers(listening):
        found = alertd.json("channel", "test", "email", "mia@example.org", "--locale", "es")
    assert (found["state"], found["to"], found["accepted_after"]) == ("accepted", "m***@example.org", 0.2)


def test_what_cannot_be_names_the_argument_or_option(alertd: Shell, listening: Daemon) -> None:
    assert alertd("channel", "test", "sms", "12") == 1
    assert alertd.err.startswith("alertd: TO: ")
    assert "+14155550123" in alertd.err
    assert alertd("channel", "test", "sms", TO, "--locale", "tlh") == 1
    assert "--locale: " in alertd.err
    assert alertd("channel", "test", "fax", "1") == 1
    assert alertd.err.startswith("alertd: CHANNEL: ")
