"""R14: whatever fails, the family is told, in plain words, and so are the responders."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alertd.domain.delivery import Change, Framing
from alertd.domain.incident import Kind, Severity, State
from alertd.texts import Composer, builtin, load
from alertd.texts.segments import measure
from tests.unit.texts_story import CASES, NAMES, SATURDAY, TEMPLATES, refuse, saying

CHANNELS = ("sms", "push", "email", "console")
SECRET = "words of the team"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def broken(folder: Path, names: Mapping[str, Mapping[str, str]] = NAMES) -> tuple[Composer, list[str]]:
    failures: list[str] = []
    return load(folder, names, failures.append), failures


def test_a_template_that_fails(folder: Path) -> None:
    change(folder / "sms.txt", "{{ prefix }}", "{{ nobody_knows_this }}")
    compose, failures = broken(folder)
    told = compose(saying(message={"en": SECRET}))
    assert told.text == (
        "Follow, Share: not working. You get no readings and no alarms. Check glucose directly. Do not reinstall "
        "the app. Next update by 14:35. Since 2019-11-29 23:40. words of the team. "
        "Still works: the sensor and its own alarms."
    )
    assert len(failures) == 1
    assert failures[0].startswith("en/sms/notice: UndefinedError: 'nobody_knows_this' is undefined")
    assert compose(saying(channel="push")).title == "Follow and Share are down"  # other channels are not touched


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('bad:\n  critical: "You get', 'bad:\n  critical: "{{ you.get }}', "UndefinedError: 'you' is undefined"),
        ('bad:\n  critical: "You get', 'bad:\n  critically: "You get', "Missing: bad.critical"),
        (
            'bad:\n  critical: "You get',
            'bad:\n  critical: "{% if %} You',
            "TemplateSyntaxError in a phrase, line 1",
        ),
        ('critical: "You get', 'critical: "{{ 1 / 0 }}', "ZeroDivisionError"),
        ('critical: "You get', "critical: \"{{ ''.__class__.mro() }}", "SecurityError"),
    ],
)
def test_a_sentence_that_fails(folder: Path, old: str, new: str, why: str) -> None:
    change(folder / "en" / "phrases.yaml", old, new)
    compose, failures = broken(folder)
    for channel in CHANNELS:
        told = compose(saying(channel=channel, message={"en": SECRET}))
        assert "Follow, Share: not working" in told.text
        assert "14:35" in told.text
    assert len(failures) == len(CHANNELS)
    assert all(why in failure for failure in failures)
    assert compose(saying(locale="es")).text.startswith("Seguimiento y Compartir no funcionan")


def test_the_check_finds_what_fails(folder: Path) -> None:
    change(folder / "en" / "phrases.yaml", 'bad:\n  critical: "You get', 'bad:\n  critical: "{{ you.get }}')
    change(folder / "email.html", "{{ headline }}", "{{ heading }}")
    change(folder / "es" / "phrases.yaml", "  soon:", "  sooner:")
    change(folder / "es" / "phrases.yaml", "  check_by_hand:", "  check_by_foot:")
    problems = broken(folder)[0].check()
    assert any("en/sms/notice: UndefinedError: 'you' is undefined" in problem for problem in problems)
    assert any("es/email/wake_up: UndefinedError: 'heading' is undefined" in problem for problem in problems)
    assert any("Missing: next.soon" in problem for problem in problems)
    assert {
        "es: next.soon is missing, though another locale has it",
        "es: next.sooner is never said; is its name right?",
        "es: phrases.check_by_hand is missing, though another locale has it",
        "en: phrases.check_by_foot is missing, though another locale has it",
    } <= set(problems)


def test_a_locale_that_cannot_be_read_leaves_its_readers_english(folder: Path) -> None:
    change(folder / "es" / "phrases.yaml", "headline:", "\theadline:")
    compose, failures = broken(folder)
    assert failures == [str(problem) for problem in compose.broken]
    assert len(failures) == 1
    assert failures[0].startswith("es/phrases.yaml:")  # the file and the line
    assert compose.locales == {"en"}
    told = compose(saying(locale="es"))
    assert told.text.startswith("Seguimiento and Compartir are down (since 1:40 AM).")
    assert failures[1:] == ["locale es has no templates; en was used"]


@pytest.mark.parametrize("locale", ["fr", "tlh-AQ"])
def test_a_locale_that_nobody_translated_is_read_in_english(locale: str, folder: Path) -> None:
    compose, failures = broken(folder)
    told = compose(saying(locale=locale, zone="Europe/Paris"))
    assert told.text.startswith("Follow and Share are down (since 8:40 AM).")
    assert failures == [f"locale {locale} has no templates; en was used"]


def test_a_country_reads_its_language(folder: Path) -> None:
    compose = load(folder, NAMES, refuse)
    told = compose(saying(locale="es-MX", zone="America/Mexico_City"))
    assert told.text.startswith("Seguimiento y Compartir no funcionan (desde la 01:40).")


def test_a_country_may_have_words_and_layouts_of_its_own(folder: Path) -> None:
    shutil.copytree(folder / "es", folder / "es-MX")
    change(folder / "es-MX" / "phrases.yaml", "no {{ n('funciona', 'funcionan') }}", "no sirve")
    (folder / "es-MX" / "sms.txt").write_text("¡Oiga! {{ headline }}. {{ do }} {{ next }}", encoding="utf-8")
    compose = load(folder, NAMES, refuse)
    assert compose(saying(locale="es-MX", zone="America/Chicago")).text.startswith(
        "¡Oiga! Seguimiento y Compartir no s"
    )
    assert compose(saying(locale="es")).text.startswith("Seguimiento y Compartir no funcionan")


def test_no_folder_at_all(tmp_path: Path) -> None:
    compose, failures = broken(tmp_path)
    assert failures == ["no locale has a phrases.yaml: only plain built-in words are left"]
    assert [str(problem) for problem in compose.broken] == failures
    assert compose.check() == []
    assert compose.phrases == {"sensor_works", "check_by_hand", "do_not_reinstall"}
    spanish = compose(saying(locale="es"))
    assert spanish.text.startswith(
        "Seguimiento, Compartir: no funciona. No le llegan ni lecturas ni alarmas. Mida"
    )


def test_a_phrase_that_a_locale_lacks(folder: Path) -> None:
    change(folder / "es" / "phrases.yaml", "  check_by_hand:", "  check_by_foot:")
    compose, failures = broken(folder)
    assert "Mida la glucosa directamente. No reinstale la app." in compose(saying(locale="es")).text
    assert failures == ["phrase check_by_hand is missing in es"]
    assert compose.phrases == {"sensor_works", "do_not_reinstall"}


def test_a_key_that_nobody_knows_is_read_as_words(folder: Path) -> None:
    compose, failures = broken(folder)
    assert "call the nurse." in compose(saying(do=("call_the_nurse",))).text
    assert failures == ["phrase call_the_nurse is missing in en"]


def test_english_names_stand_in_silently_and_nameless_services_are_told(folder: Path) -> None:
    names = {"follow": {"en": "Follow"}, "share": {"fr": "Partager"}, "login": {"en": " "}}
    compose, failures = broken(folder, names)
    text = compose(saying(locale="es", services=("follow", "share", "login", "gone"))).text
    assert text.startswith("Follow, Partager, login y gone no funcionan")
    assert failures == [f"service {name} has no name in es, nor in English" for name in ("share", "login", "gone")]


def test_a_reader_without_services_is_told_of_all_that_fails(folder: Path) -> None:
    told = saying(services=("follow", "login"))
    told = replace(told, reader=replace(told.reader, services=()))
    assert load(folder, NAMES, refuse)(told).text.startswith("Follow and Log-in are down")
    assert builtin.content(told, NAMES).text.startswith("Follow, Log-in: not working")


def test_a_zone_that_does_not_exist_is_told_in_utc(folder: Path) -> None:
    compose, failures = broken(folder)
    text = compose(saying(zone="Mars/Olympus_Mons")).text
    assert "Next update by 22:35 UTC. Since 07:40 UTC." in text
    assert failures == ["en/sms/notice: ZoneInfoNotFoundError; the plain built-in text was used"]


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/London", "Asia/Tokyo"])
@pytest.mark.parametrize("framing", list(Framing))
def test_a_moment_that_no_clock_there_can_show_keeps_nobody_from_being_told(
    framing: Framing, zone: str, folder: Path
) -> None:
    """Year 1 begins before the first hour that a zone west of Greenwich knows."""
    told = saying(framing, zone=zone, services=("follow",))
    began = replace(told.update.facts, since=datetime.min.replace(tzinfo=UTC))
    told = replace(told, update=replace(told.update, facts=began), reader=replace(told.reader, since=None))
    assert "Follow" in load(folder, NAMES, refuse)(told).text
    assert "Follow" in builtin.content(told, NAMES).text


def test_a_channel_without_a_layout(folder: Path) -> None:
    compose, failures = broken(folder)
    assert "Follow, Share: not working" in compose(saying(channel="fax")).text
    assert "TemplatesNotFound" in failures[0]


def test_a_failure_is_told_once_per_update_and_never_with_what_was_said(folder: Path) -> None:
    change(folder / "sms.txt", "{{ prefix }}", "{{ message.missing.attribute }}")
    compose, failures = broken(folder)
    for number in range(3):
        told = saying(message={"en": SECRET})
        told = replace(told, reader=replace(told.reader, missed=number))
        compose(told)
    assert len(failures) == 1
    compose(saying(message={"en": f"other {SECRET}"}))
    assert len(failures) == 2
    assert not any(SECRET in failure for failure in failures)


def test_words_go_out_even_when_nobody_can_be_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    change(folder / "sms.txt", "{{ prefix }}", "{{ nothing }}")

    def fails(failure: str) -> None:
        raise ConnectionError("the pager is down")

    compose = load(folder, NAMES, fails)
    assert "Follow, Share: not working" in compose(saying()).text
    assert "nobody could be told that a text failed: en/sms/notice: UndefinedError" in caplog.text


@pytest.mark.parametrize("locale", ["en", "es", "xx"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plain_words_say_what_matters(case, locale: str) -> None:
    for channel in CHANNELS:
        told = case.told(channel, "es" if locale == "es" else "en")
        told = replace(told, reader=replace(told.reader, locale=locale))
        content = builtin.content(told, NAMES)
        # Beside a test, what really fails is named.
        for service in told.elsewhere if told.exercise and told.elsewhere else told.reader.services:
            name = NAMES[service]["es" if locale == "es" else "en"]
            assert name in content.text or name.replace("ó", "o") in content.text
        if channel == "sms":
            assert measure(content.text).segments <= 2
        if channel == "push":
            assert len(content.title) <= 65
            assert len(content.text) <= 240
        facts = told.update.facts
        exercise = told.update.kind is Kind.EXERCISE
        if facts.do and not facts.state.ended and not exercise and told.framing is not Framing.NOT_AFFECTED:
            assert ("app" in content.text) is ("do_not_reinstall" in facts.do)
            if told.reader.hears_by is not None:
                assert ("06:30" in content.text or "08:30" in content.text) is told.reader.quiet
        if exercise:
            assert "glucos" not in content.text
            assert content.title.startswith("SOLO UNA PRUEBA" if locale == "es" else "TEST ONLY")


def test_plain_words_beside_another_outage_say_what_is_true() -> None:
    ended = saying(Framing.RESOLUTION, state=State.RESOLVED, services=("follow",), elsewhere=("follow",))
    false = replace(
        saying(Framing.CANCELLATION, state=State.CANCELLED, services=("follow",)), elsewhere=("follow",)
    )
    slept = replace(false, framing=Framing.WAS_DOWN)
    small = replace(ended, elsewhere_worst=Severity.MINOR)
    unreached = "Readings and alarms may still not reach you."
    over = "Follow: a problem goes on, another is over."
    wrong = "Follow: a problem goes on, another of our messages was wrong."
    assert builtin.content(ended, NAMES).text == f"{over} {unreached}"
    assert builtin.content(small, NAMES).text == over
    assert builtin.content(false, NAMES).text == f"{wrong} {unreached}"
    none = "Follow: a problem goes on, another that we suspected was none."  # they got no wrong message
    assert builtin.content(slept, NAMES).text == f"{none} {unreached}"


def test_plain_words_do_not_deny_an_outage_that_had_not_come_back() -> None:
    end = saying(Framing.CANCELLATION, state=State.CANCELLED, services=("follow",), change=Change.AGAIN)
    assert builtin.content(end, NAMES).text == "Follow: working. It had not failed again, we were wrong."


def test_plain_words_tell_the_framings_apart() -> None:
    def said(framing: Framing, state: State = State.INVESTIGATING, severity: Severity = Severity.CRITICAL) -> str:
        return builtin.content(
            saying(framing, state=state, severity=severity, services=("follow",), last_news_at=SATURDAY, do=()),
            NAMES,
        ).text

    assert said(Framing.NOTICE).startswith("Follow: not working. You get no readings and no alarms.")
    assert said(Framing.NOTICE, State.SUSPECTED).startswith("Follow: may not be working.")
    assert said(Framing.UPDATE, State.MONITORING).startswith("Follow: may work again. Do not rely on it yet.")
    assert said(Framing.UPDATE, severity=Severity.MINOR).startswith("Follow: a small problem.")
    assert "No news since 14:05." in said(Framing.HOLDING)
    assert said(Framing.RESOLUTION, State.RESOLVED) == "Follow: working again."
    assert said(Framing.CANCELLATION, State.CANCELLED) == "Follow: working. It was a false alarm."
    assert (
        said(Framing.WAS_DOWN, State.RESOLVED) == "Follow: working again. It was not working properly for a time."
    )
    assert said(Framing.NOT_AFFECTED) == "Follow: working for you, as far as we know."
    unlisted = saying(Framing.NOT_AFFECTED, services=("follow",), by_list=True, do=())
    assert builtin.content(unlisted, NAMES).text.startswith("Follow: a problem goes on, by our list not for you.")


def test_every_mistake_of_every_file_is_told_at_once_with_its_own_line(folder: Path) -> None:
    """Four in English, one in Spanish, and nothing else: the languages are there, though none can be read."""
    en, es = folder / "en" / "phrases.yaml", folder / "es" / "phrases.yaml"
    change(en, "day_first: false", "day_first: maybe")
    change(en, "sms_accents: fold", "sms_accents: drop")
    change(en, "    short:", "    brief:")
    change(en, 'none: "No news yet."', "none: 5")
    change(es, "day_first: true", "day_first: yes")

    def line(start: str, path: Path = en) -> int:
        lines = path.read_text(encoding="utf-8").splitlines()
        return 1 + next(at for at, each in enumerate(lines) if each.startswith(start))

    compose, failures = broken(folder)
    short = line("  sensor_works:")
    assert failures == [
        f'en/phrases.yaml:{line("day_first")}: day_first: must be true or false, not "maybe"',
        f'en/phrases.yaml:{line("sms_accents")}: sms_accents: must be fold or keep, not "drop"',
        f"en/phrases.yaml:{short}: phrases.sensor_works.short: is missing",
        f"en/phrases.yaml:{short + 1}: phrases.sensor_works.brief: is not known here; known: short, long",
        f"en/phrases.yaml:{line('  none: 5')}: news.none: must be a text, not a number; put it in quotes",
        f'es/phrases.yaml:{line("day_first", es)}: day_first: must be true or false, not "yes"',
    ]
    assert compose.locales == frozenset()
