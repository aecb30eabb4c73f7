"""Policy files get mistakes while families wait: whoever was killed comes back, and the policies in force stay."""

import shutil
from pathlib import Path

import pytest

from alertd import wiring
from alertd.domain.incident import Severity
from alertd.ingest.reading import Mistakes
from alertd.policy_file.built_in import BUILT_IN
from alertd.ports.deps import Deps
from alertd.settings import load
from alertd.settings.model import Settings
from alertd.store.migrate import upgrade
from tests import make
from tests.fakes import FakeLog
from tests.served import CONFIG

OWN = "policy: follow\nservices: [follow]\nsilence:\n  window: {critical: 11m}\n"
BROKEN = "policy: follow\nservices: [follow]\nsilence:\n  windows: {critical: 11m}\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "config"
    (config / "policies").mkdir(parents=True)
    shutil.copy(CONFIG / "services.yaml", config)
    (config / "policies" / "default.yaml").write_text("policy: default\n")
    (config / "policies" / "follow.yaml").write_text(OWN)
    made = load({"ALERTD_CONFIG": str(config), "ALERTD_DATA_DIR": str(tmp_path)})
    upgrade(made.database_url.get_secret_value())
    return made


def write(settings: Settings, name: str, text: str) -> None:
    (settings.config_dir / "policies" / f"{name}.yaml").write_text(text)


async def open_incident(deps: Deps) -> None:
    async with deps.store.transaction() as rows:
        await rows.add_incident(make.incident(), deps.policy_for("follow"))


async def test_while_nothing_is_open_a_mistake_keeps_everybody_from_starting(settings: Settings) -> None:
    write(settings, "follow", BROKEN)
    with pytest.raises(Mistakes, match="windows"):
        await wiring.open_deps(settings, log=FakeLog())


async def test_while_an_incident_is_open_its_policy_stands_in_and_the_mistakes_are_said(
    settings: Settings,
) -> None:
    deps = await wiring.open_deps(settings, log=FakeLog())
    await open_incident(deps)
    await wiring.close_deps(deps)
    write(settings, "follow", BROKEN)
    write(settings, "default", "policy: defaults\n")
    log = FakeLog()
    deps = await wiring.open_deps(settings, log=log)
    assert deps.policy_for("follow").silence.window[Severity.CRITICAL].total_seconds() == 11 * 60
    assert deps.default_policy == BUILT_IN
    [said] = log.named("policies_broken")
    assert said["kept"] == ["follow"]
    assert any("follow.yaml:4" in each for each in said["mistakes"])
    await wiring.close_deps(deps)
    write(settings, "follow", OWN)
    write(settings, "default", "policy: default\n")
    deps = await wiring.open_deps(settings, log=(log := FakeLog()))
    assert log.named("policies_broken") == []
    await wiring.close_deps(deps)


async def test_a_file_without_mistakes_counts_beside_one_with(settings: Settings) -> None:
    deps = await wiring.open_deps(settings, log=FakeLog())
    await open_incident(deps)
    await wiring.close_deps(deps)
    write(settings, "follow", OWN.replace("11m", "12m"))
    write(settings, "other", "policy: other\nservices: [login, nowhere]\n")
    deps = await wiring.open_deps(settings, log=FakeLog())
    assert deps.policy_for("follow").silence.window[Severity.CRITICAL].total_seconds() == 12 * 60
    assert deps.policy_for("login") == deps.default_policy
    await wiring.close_deps(deps)


async def test_a_policy_that_was_deleted_is_no_mistake_and_stays_with_its_incident(settings: Settings) -> None:
    deps = await wiring.open_deps(settings, log=FakeLog())
    await open_incident(deps)
    await wiring.close_deps(deps)
    (settings.config_dir / "policies" / "follow.yaml").unlink()
    deps = await wiring.open_deps(settings, log=(log := FakeLog()))
    assert log.named("policies_broken") == []
    assert deps.policy_for("follow") == deps.default_policy
    assert {policy.name for policy in (await wiring.policies_of_open(settings)).values()} == {"follow"}
    await wiring.close_deps(deps)
