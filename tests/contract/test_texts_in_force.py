"""Texts get mistakes: no start but while families wait; and operators keep their voice."""

import shutil
from pathlib import Path

import pytest

from alertd import wiring
from alertd.domain.errors import Invalid
from alertd.ingest.reading import Mistakes
from alertd.settings import load
from alertd.settings.model import Settings
from alertd.store.migrate import upgrade
from alertd.usecases import wording
from tests import make
from tests.fakes import FakeLog
from tests.served import CONFIG
from tests.unit.texts_story import saying


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "config"
    for part in ("policies", "templates"):
        shutil.copytree(CONFIG / part, config / part)
    shutil.copy(CONFIG / "services.yaml", config)
    made = load({"ALERTD_CONFIG": str(config), "ALERTD_DATA_DIR": str(tmp_path)})
    upgrade(made.database_url.get_secret_value())
    return made


def change(settings: Settings, name: str, old: str, new: str) -> int:
    """Put `new` for the first `old` of a file of the templates; the line of it."""
    path = settings.config_dir / "templates" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


async def open_incident(settings: Settings) -> None:
    deps = await wiring.open_deps(settings, log=FakeLog())
    async with deps.store.transaction() as rows:
        await rows.add_incident(make.incident(), deps.policy_for("follow"))
    await wiring.close_deps(deps)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "en/phrases.yaml",
            "day_first: false",
            "day_first: maybe",
            'day_first: must be true or false, not "maybe"',
        ),
        ("sms.txt", "{{ prefix }}", "{{ nobody_knows_this }}", "'nobody_knows_this' is undefined"),
        ("page.html", "{{ title }}", "{{ titel }}", "'titel' is undefined"),
        ("choosing.html", "{{ text.again }}", "{{ txt.again }}", "'txt' is undefined"),
        ("opt_out.html", "{{ title }}", "{{ titel }}", "'titel' is undefined"),
        ("en/phrases.yaml", "You get no readings and", "You get {{ no.readings }} and", "'no' is undefined"),
        ("en/phrases.yaml", "It has got worse", "It has got {% if %}", "change.worse: cannot be read: "),
        ("es/phrases.yaml", "  soon:", "  sooner:", "next.soon: is missing"),
        ("es/replies.yaml", "say:", "says:", "says: is not known here; did you mean"),
    ],
)
async def test_while_nothing_is_open_a_mistake_keeps_everybody_from_starting(
    settings: Settings, name: str, old: str, new: str, said: str
) -> None:
    change(settings, name, old, new)
    with pytest.raises(Mistakes) as refused:
        await wiring.open_deps(settings, log=FakeLog())
    templates = settings.config_dir / "templates"
    assert any(said in str(each) for each in refused.value.problems)
    assert all(str(each.file).startswith(str(templates)) for each in refused.value.problems)


async def test_a_file_that_nobody_reads_keeps_everybody_from_starting(settings: Settings) -> None:
    (settings.config_dir / "templates" / "sms.txt").rename(settings.config_dir / "templates" / "smss.txt")
    with pytest.raises(Mistakes, match=r'did you mean "sms\.txt"'):
        await wiring.open_deps(settings, log=FakeLog())


async def test_mistakes_of_policies_and_texts_are_told_together(settings: Settings) -> None:
    (settings.config_dir / "policies" / "follow.yaml").write_text("policy: follow\nservices: [folow]\n")
    change(settings, "en/phrases.yaml", "day_first: false", "day_first: maybe")
    with pytest.raises(Mistakes) as refused:
        await wiring.open_deps(settings, log=FakeLog())
    assert {Path(each.file or "").name for each in refused.value.problems} == {"follow.yaml", "phrases.yaml"}


async def test_while_an_incident_is_open_plain_words_stand_in_and_operators_keep_their_voice(
    settings: Settings,
) -> None:
    await open_incident(settings)
    line = change(settings, "en/phrases.yaml", "day_first: false", "day_first: maybe")
    change(settings, "es/phrases.yaml", "day_first: true", "day_first: maybe")
    deps = await wiring.open_deps(settings, log=(log := FakeLog()))
    [said] = log.named("texts_broken")
    assert any(f"en/phrases.yaml:{line}: day_first: must be true" in each for each in said["mistakes"])
    assert log.named("policies_broken") == []
    words = {"en": "We have found the cause.", "es": "Hemos encontrado la causa."}
    assert wording.message(deps, words) == words
    with pytest.raises(Invalid, match="speaks en, es"):
        wording.message(deps, {"tlh": "nuqneH"})
    for locale, sentence in words.items():
        told = deps.compose(saying(locale=locale, message=words)).text
        assert sentence in told
        assert ("not working" if locale == "en" else "no funciona") in told
    await wiring.close_deps(deps)


async def test_where_one_language_is_broken_its_readers_still_read_what_was_written_for_them(
    settings: Settings,
) -> None:
    await open_incident(settings)
    change(settings, "es/phrases.yaml", "day_first: true", "day_first: maybe")
    deps = await wiring.open_deps(settings, log=FakeLog())
    words = wording.message(deps, {"en": "We have found the cause.", "es": "Hemos encontrado la causa."})
    assert words["es"] in deps.compose(saying(channel="email", locale="es", message=words)).text
    await wiring.close_deps(deps)


async def test_without_any_language_the_plain_words_languages_are_spoken(settings: Settings) -> None:
    await open_incident(settings)
    templates = settings.config_dir / "templates"
    for language in ("en", "es"):
        shutil.rmtree(templates / language)
    deps = await wiring.open_deps(settings, log=(log := FakeLog()))
    assert len(log.named("texts_broken")) == 1
    assert deps.locales == {"en", "es"}
    await wiring.close_deps(deps)


async def test_whole_texts_are_not_complained_of(settings: Settings) -> None:
    deps = await wiring.open_deps(settings, log=(log := FakeLog()))
    assert log.named("texts_broken") == []
    assert log.named("text_failed") == []
    await wiring.close_deps(deps)
