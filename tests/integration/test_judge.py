"""The judge knows nothing of the rules' code, and sees what is wrong."""

import ast
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alertd.sandbox.log import Accepted, Refusal
from tests.integration import judge, town

HERE = Path(__file__).parent


@pytest.mark.parametrize("file", ["judge.py", "town.py"])
def test_it_shares_no_code_with_what_it_judges(file: str) -> None:
    names: set[str] = set()
    for node in ast.walk(ast.parse((HERE / file).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    ours = {name for name in names if name.split(".")[0] in {"alertd", "channels", "workers", "tests"}}
    assert ours <= {"alertd.sandbox.log", "tests.integration.town"}


def home() -> town.Town:
    """One family of each kind that matters here."""
    made = town.Town()
    town.push_and_sms(made, "fam-1")
    town.in_spanish(made, "fam-2")
    town.dead_token(made, "fam-3")
    town.asleep(made, "fam-4")
    return made


def message(address: town.Address, phase: str, at: float, locale: str = "en", **changes: object) -> Accepted:
    text = town.NO_NEWS[locale][0] if phase == town.HOLDING else town.SAID[phase][locale]
    made = Accepted(
        seq=1, at=at, time=datetime.fromtimestamp(at, UTC), story_time=datetime.fromtimestamp(at, UTC),
        channel=address[0], to=address[1], sender=None, title="Follow", text=text, html=None,  # type: ignore[arg-type]
        priority="high" if address[0] == "push" else None, reference=None, provider_id="x", fault=None, request={},
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def refusal(address: town.Address, outcome: str = "dead") -> Refusal:
    at = datetime.fromtimestamp(0, UTC)
    return Refusal(
        seq=1, at=0, time=at, story_time=at, channel=address[0], to=address[1],  # type: ignore[arg-type]
        outcome=outcome, code="", detail="", request={},
    )  # fmt: skip


TIMES = {town.NOTICE: 0.0, town.SECOND: 5.0, town.THIRD: 10.0, town.HOLDING: 22.0, town.OVER: 25.0}


def good(homes: town.Town) -> list[Accepted]:
    """All as it should be."""
    told = []
    for address, what in homes.expected.items():
        for phase, at in TIMES.items():
            if phase in what.phases or (phase == town.HOLDING and what.holdings and not what.asleep):
                soft = address[0] == "push" and phase in what.soft
                changes: dict[str, object] = {"priority": "normal"} if soft else {}
                told.append(message(address, phase, at, what.locale, **changes))
    return told


def verdict(homes: town.Town, told: list[Accepted], extra: judge.Extra | None = None) -> list[str]:
    dead = [refusal((channel, to)) for channel, gone in homes.dead.items() for to in gone]
    words = [TIMES[phase] for phase in town.PHASES]
    return judge.problems(homes, told, dead, window=15, silence=True, slack=1.0, extra=extra, words=words)


def test_it_finds_nothing_where_nothing_is_wrong() -> None:
    assert verdict(home(), good(home())) == []


def test_it_sees_what_is_missing_repeated_out_of_order_or_for_nobody() -> None:
    homes, told = home(), good(home())
    push = ("push", "token-fam-1")
    second = next(m for m in told if (m.channel, m.to) == push and judge.phase_of(m)[0] == town.SECOND)
    index = told.index(second)
    cases = {
        "lost": told[:index] + told[index + 1 :],
        "twice": [*told[: index + 1], second, *told[index + 1 :]],
        "down": [*told, second],
        "strange": [*told, message(("sms", "+14155550199"), town.NOTICE, 1.0)],
    }
    found = {name: verdict(homes, case) for name, case in cases.items()}
    assert all("instead of" in each for each in found["lost"])
    assert any("2 times" in each for each in found["twice"])
    assert any("went down" in each for each in found["down"])
    assert any("nobody expected" in each for each in found["strange"])
    assert verdict(homes, cases["twice"], {(push, town.SECOND): 1}) == []
    assert all(found.values())


def test_it_sees_a_wrong_tone_or_language() -> None:
    homes = home()
    for address, change in (
        (("push", "token-fam-1"), {"priority": "normal"}),
        (("push", "token-fam-4"), {"priority": "high"}),
        (("push", "token-fam-2"), {"text": town.SAID[town.THIRD]["en"]}),
    ):
        told = [
            replace(m, **change) if (m.channel, m.to) == address and judge.phase_of(m)[0] == town.THIRD else m  # type: ignore[arg-type]
            for m in good(homes)
        ]
        assert len(verdict(homes, told)) == 1


def test_it_sees_silence_and_holdings_that_come_too_soon() -> None:
    homes = home()
    silent = [m for m in good(homes) if judge.phase_of(m)[0] != town.HOLDING]
    assert any("left in silence" in each for each in verdict(homes, silent))
    soon = [replace(m, at=12.0) if judge.phase_of(m)[0] == town.HOLDING else m for m in good(homes)]
    assert any("too soon" in each for each in verdict(homes, soon))
    late = [replace(m, at=m.at + 20) if judge.phase_of(m)[0] == town.OVER else m for m in good(homes)]
    assert any("heard nothing for" in each for each in verdict(homes, late))


def test_a_phone_that_hears_no_holdings_hears_one_only_where_the_mail_is_late() -> None:
    """R2: what no mail server takes in time goes over the next address; a slow machine is late, and not wrong."""
    homes = town.Town()
    town.mail_with_number(homes, "fam-1")
    number = next(to for channel, to in homes.expected if channel == "sms")
    for mail_at, sms_at, wrong in (
        (23.5, 23.3, False),  # the mail was not there
        (23.2, 23.3, False),  # ... or it had been taken, and nobody here could know yet
        (21.4, 21.5, True),  # beside a mail in time
        (23.5, 22.9, True),  # before a mail was late
        (19.0, 23.3, True),  # after one that was known
    ):
        told = [replace(m, at=mail_at) if judge.phase_of(m)[0] == town.HOLDING else m for m in good(homes)]
        assert verdict(homes, told) == []
        found = verdict(homes, [*told, message(("sms", number), town.HOLDING, sms_at)])
        assert any("no news" in each for each in found) is wrong
    homes = town.Town()
    town.asleep(homes, "fam-1")  # at night the phone is silent, whatever is late
    number = next(to for channel, to in homes.expected if channel == "sms")
    told = sorted([*good(homes), message(("sms", number), town.HOLDING, 23.0)], key=lambda each: each.at)
    assert any("no news" in each for each in verdict(homes, told))


def test_it_sees_a_dead_address_that_is_asked_again_and_a_broken_contract() -> None:
    homes, told = home(), good(home())
    dead = refusal(("push", "gone-fam-3"))
    both = judge.problems(homes, told, [dead, replace(dead, at=1.0)], window=15, silence=True, slack=1.0)
    assert both == []  # they were on their way at once
    again = judge.problems(homes, told, [dead, replace(dead, at=9.0)], window=15, silence=True, slack=1.0)
    assert len(again) == 1
    assert "2 times" in again[0]
    broken = [dead, refusal(("sms", "+14155550100"), "contract")]
    assert judge.problems(homes, told, broken, window=15, silence=True, slack=1.0) != []


def test_it_does_not_take_any_text_for_a_message() -> None:
    with pytest.raises(AssertionError):
        judge.phase_of(message(("sms", "+14155550100"), town.NOTICE, 0.0, text="Hello."))


def page(title: str, at: float, to: str = "owner") -> Accepted:
    return message(("page", to), town.NOTICE, at, title=title, text="Acknowledge: ...", priority=None)


IGNORED = "Nudge: 1 alert ignored"
OPENED = "PAGE: incident 1 was opened by a machine"
NUDGE = "Nudge: incident 1 needs an update by 20:44 UTC"


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ([page(IGNORED, 0.6), page(OPENED, 0.5), page(NUDGE, 36.0)], ""),
        ([page(IGNORED, 0.6), page(NUDGE, 36.0)], "of the opening were told: []"),
        ([page(IGNORED, 0.6), page(OPENED, 0.5), page(OPENED, 0.5, "lead"), page(NUDGE, 36.0)], "of the opening were told"),
        ([page(IGNORED, 0.6), page(OPENED, 0.5), page(NUDGE, 36.0), page(NUDGE, 37.0)], "owner read 2 times"),
        ([page(IGNORED, 0.6), page(OPENED, 0.5), page(NUDGE, 27.0), page(NUDGE.replace("44", "45"), 36.0)], "owner read too soon"),
        ([page(IGNORED, 0.6), page(OPENED, 0.5), page(NUDGE, 36.0), page(NUDGE, 48.0, "lead")], "lead read too soon"),
        ([page(IGNORED, 0.6), page(OPENED, 0.5), page("PAGE: sms fails in incident 1", 5.0), page(NUDGE, 36.0)], "owner read: PAGE: sms"),
        ([page(IGNORED, 0.6), page(OPENED, 0.5)], "nobody asked the owner"),
        ([page(IGNORED, 0.6), page(OPENED, 0.5), page(NUDGE, 12.0)], "nobody asked the owner"),
        ([page(OPENED, 0.5), page(NUDGE, 36.0)], "of the alert that maps to nothing"),
    ],
)  # fmt: skip
def test_it_sees_a_page_that_is_missing_repeated_or_too_soon(told: list[Accepted], wrong: str) -> None:
    """A machine opens at 0; people speak at 20 and 24; they are silent for a window of 24 then."""
    found = judge.pages(told, opened=0.0, words=[20.0, 24.0], window=24.0, minute=1.0)
    assert bool(found) is bool(wrong)
    assert wrong in "; ".join(found)


def test_it_sees_whose_words_the_opening_has() -> None:
    homes, told = home(), good(home())
    dead = [refusal((channel, to)) for channel, gone in homes.dead.items() for to in gone]
    assert all(
        "in words of somebody else" in each
        for each in judge.problems(homes, told, dead, window=15, silence=True, slack=1.0, by_machine=True)
    )
    by_machine = [
        replace(m, text=f"Follow {words}")
        if judge.phase_of(m)[0] == town.NOTICE
        and (words := town.MAY["es" if (m.channel, m.to) in spanish(homes) else "en"])
        else m
        for m in told
    ]
    assert judge.problems(homes, by_machine, dead, window=15, silence=True, slack=1.0, by_machine=True) == []
    assert verdict(homes, by_machine) != []


def spanish(homes: town.Town) -> set[town.Address]:
    return {address for address, what in homes.expected.items() if what.locale == "es"}


def test_it_sees_a_grandmother_who_is_told_although_somebody_answered() -> None:
    homes = town.Town()
    town.answers_by_sms(homes, "fam-1")
    town.does_not_answer(homes, "fam-2")
    [answered] = homes.answers
    gran = next(a for a, what in homes.expected.items() if what.called)
    untold = homes.families[0]["caregivers"][1]["addresses"][0]["to"]
    told = good(homes)
    assert verdict(homes, told) == []
    assert "nobody expected" in verdict(homes, [*told, message(("sms", untold), town.NOTICE, 10.0)])[0]
    assert verdict(homes, [m for m in told if m.to != gran[1]]) != []
    assert answered in homes.expected
