"""`alertd inbox`: what families wrote, read by a person, and done."""

from alertd.domain.reply import Meaning
from alertd.store.ids import uuid7
from tests import make
from tests.listening import Daemon, Shell, alertd, listening

__all__ = ["alertd", "listening"]


async def write(listening: Daemon, text: str) -> str:
    """Mia writes from her phone."""
    made, at = uuid7(), listening.served.clock.now()
    async with listening.served.deps.store.transaction() as rows:
        known = await rows.correspondent("sms", make.own("mia", "sms").to)
        assert known is not None
        assert await rows.take_reply(made, str(made), known.address, at, at, Meaning.OTHER, text)
    return str(made)


def test_it_is_listed_shown_and_done(alertd: Shell, listening: Daemon) -> None:
    assert alertd("inbox", "list") == 0
    assert alertd.out == "Nothing waits to be read.\n"
    listening.run(listening.served.families(make.family(make.caregiver("mia", "sms"), id="fam-1")))
    letter = listening.run(write(listening, "What\x1b[31m now?"))
    picture = listening.run(write(listening, ""))

    assert alertd("inbox", "list") == 0
    assert letter in alertd.out
    assert "Mia (fam-1)" in alertd.out
    assert "(no text; perhaps a picture)" in alertd.out
    assert "\x1b" not in alertd.out
    assert "+1415" not in alertd.out
    assert alertd("inbox", "show", letter) == 0
    assert make.own("mia", "sms").to in alertd.out
    assert alertd("inbox", "done", letter) == 0
    assert alertd.out.startswith("Done, by test (")
    assert alertd("inbox", "show", letter) == 0
    assert "by test (" in alertd.out
    assert [each["id"] for each in alertd.json("inbox", "list")["letters"]] == [picture]
    assert {each["id"] for each in alertd.json("inbox", "list", "--all")["letters"]} == {letter, picture}


def test_what_is_not_there(alertd: Shell, listening: Daemon) -> None:
    nobody = str(uuid7())
    assert alertd("inbox", "show", nobody) == 1
    assert "alertd inbox list shows them" in alertd.err
    assert alertd("inbox", "done", nobody) == 1
    assert alertd("inbox", "show", "7") == 2
