"""A real Prometheus Alertmanager and its amtool, configured as the guide says, tell a real alertd.

Alertmanager is no Python package: where it is not installed, this test is skipped, and says how to have it.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from alertd.free_port import free_port
from tests.integration.rig import Rig
from tests.integration.town import Town, person
from tests.markdown import Page
from tests.servers import NotReady, start, stop, wait_until

PROGRAMS = ("prometheus-alertmanager", "amtool")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        bool(MISSING),
        reason=f"NOT TRIED against a real Alertmanager: no {' and no '.join(MISSING)} on PATH; "
        "Debian has both: apt-get install prometheus-alertmanager",
    ),
]
# One second here is a minute of the story: families are told after five, and it ends after ten without alerts.
_POLICY = """
sources: {alertmanager: [open, raise, resolve]}
resolve_hold: 10m
"""
_SETTINGS = """
alertmanager: {service: {follow-backend: follow}}
"""
GUIDE = Page.read("docs/guide.md")


class Watched(Rig):
    """An alertd whose policy lets Alertmanager open, raise and resolve."""

    def _config(self) -> Path:
        config = super()._config()
        with (config / "policies" / "default.yaml").open("a") as policy:
            policy.write(_POLICY)
        (config / "alertd.yaml").write_text(_SETTINGS)
        return config

    def machine_key(self) -> str:
        """The key of a machine, made as the guide says."""
        argv = [
            sys.executable,
            "-m",
            "alertd",
            "key",
            "create",
            "--right",
            "event:write",
            "--source",
            "alertmanager",
        ]
        argv += ["-o", "json"]
        made = subprocess.run(argv, env=self._env, cwd=self.folder, check=True, capture_output=True, timeout=60)
        secret: str = json.loads(made.stdout)["secret"]
        return secret

    @property
    def url(self) -> str:
        return self._url


class Alertmanager:
    """A running Alertmanager; `fires` and `amtool` are what people type."""

    def __init__(self, folder: Path, alertd: str, key: str) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "alertd-key").write_text(key)
        config = guide_config()
        text = yaml.safe_dump(config).replace("http://127.0.0.1:8420", alertd)
        text = text.replace("/etc/alertmanager/alertd-key", str(folder / "alertd-key")).replace("30s", "1s")
        (folder / "alertmanager.yml").write_text(text)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        argv = [
            "prometheus-alertmanager", f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=", "--web.external-url=http://am.example.org", "--web.route-prefix=/",
        ]  # fmt: skip
        with (folder / "log").open("wb") as log:
            self.process = start(argv, stdout=log, stderr=log, cwd=folder)
        wait_until("Alertmanager is ready", self._ready)

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise NotReady(f"Alertmanager ended: {(self.folder / 'log').read_text()[-2000:]}")
        with suppress(OSError):
            return bool(urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).status == 200)
        return False

    def amtool(self, *arguments: str) -> None:
        """One command."""
        subprocess.run(["amtool", f"--alertmanager.url={self.url}", *arguments], check=True, timeout=30)

    def failures(self) -> dict[str, float]:
        """Webhooks that were answered with an error, and those that were sent."""
        text = urllib.request.urlopen(f"{self.url}/metrics", timeout=10).read().decode()
        found = re.findall(
            r'^alertmanager_(notifications\w*_total)\{integration="webhook"\} (\S+)$', text, re.MULTILINE
        )
        return {name: float(value) for name, value in found}


def guide_config() -> dict[str, Any]:
    """The alertmanager.yml of the guide."""
    block = next(block for block in GUIDE.blocks("yaml") if "webhook_configs" in block)
    config: dict[str, Any] = yaml.safe_load(block)
    return config


@pytest.fixture
def rig(fresh_database: Callable[[str], str], tmp_path: Path) -> Iterator[Watched]:
    """A running alertd with one family in it."""
    with Watched(tmp_path / "rig", fresh_database("sqlite")) as made:
        made.sign_in()
        town = Town()
        town.add("fam-1", [person("mia", {"channel": "sms", "to": town.number()})])
        made.move_in(town)
        yield made


@pytest.fixture
def alertmanager(rig: Watched, tmp_path: Path) -> Iterator[Alertmanager]:
    """A running Alertmanager that tells it."""
    made = Alertmanager(tmp_path / "alertmanager", rig.url, rig.machine_key())
    yield made
    stop(made.process)


def shown(rig: Watched) -> dict[str, Any]:
    """The first incident, or nothing."""
    found = rig.ask("GET", "/v1/incidents?state=all")["incidents"]
    return dict(found[-1]) if found else {}


def texts(rig: Watched) -> list[str]:
    """What the family's phone has received."""
    return [each.text for each in rig.accepted() if each.channel == "sms"]


def pages(rig: Watched) -> list[str]:
    """What the owner has received on call."""
    return [f"{each.title} {each.text}" for each in rig.accepted() if (each.channel, each.to) == ("page", "owner")]


def test_the_guides_file_is_without_mistakes(tmp_path: Path) -> None:
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(guide_config()))
    subprocess.run(["amtool", "check-config", str(tmp_path / "alertmanager.yml")], check=True, timeout=30)


def test_an_outage_from_its_first_alert_to_its_end(rig: Watched, alertmanager: Alertmanager) -> None:
    """Nobody is awake: suspected, told by itself, resolved; one alert among the others maps to nothing."""
    typed = next(line for block in GUIDE.blocks("sh") for line in block.splitlines() if line.startswith("amtool"))
    fires = shlex.split(typed)[2:]  # as the guide has it: alert add FollowDown ...
    alertmanager.amtool(*fires)
    alertmanager.amtool(
        "alert", "add", "DiskFull", "families=true", "instance=db1", "--annotation=summary=Disk 95%"
    )
    alertmanager.amtool("alert", "add", "Slow", "families=true", "service=follow-backend", "severity=warning")
    wait_until("an incident is suspected", lambda: shown(rig).get("state") == "suspected")
    assert (shown(rig)["severity"], shown(rig)["title"]) == ("critical", "FollowDown")

    wait_until("the family is told", lambda: bool(texts(rig)))
    assert "may be down" in texts(rig)[0]
    assert not shown(rig)["held"]

    past = "--end=2020-01-01T00:00:00Z"
    alertmanager.amtool(*fires, "--start=2019-12-31T00:00:00Z", past)
    alertmanager.amtool(
        "alert", "add", "Slow", "families=true", "service=follow-backend", "severity=warning",
        "--start=2019-12-31T00:00:00Z", past,
    )  # fmt: skip
    wait_until("it is resolved by itself", lambda: shown(rig)["state"] == "resolved")
    wait_until("the family is told so", lambda: "works again" in texts(rig)[-1])
    assert len(rig.ask("GET", "/v1/incidents?state=all")["incidents"]) == 1

    wait_until("the owner has heard of it", lambda: any("opened by a machine" in page for page in pages(rig)))
    wait_until("... and of what was ignored", lambda: any("Disk 95%" in page for page in pages(rig)))
    sent = alertmanager.failures()
    assert sent["notifications_total"] >= 3
    assert sent["notifications_failed_total"] == 0
    log = rig.log("api")
    assert '"reason": "unmapped"' in log
    assert "Disk 95%" not in log
