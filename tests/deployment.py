"""What the files for deployment say: the Dockerfile, compose.yaml, and the systemd units, as their tools read them."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.markdown import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNITS = ROOT / "deploy" / "systemd"
INSTALLED = "/opt/alertd/bin/alertd"
"""Where the units expect the program."""


def switched_on(text: str) -> str:
    """A file with what is optional in it: a # right before a line's first word keeps that line out of force."""
    return re.sub(r"^( *)#(?=[\w-])", r"\1", text, flags=re.MULTILINE)


# --- Dockerfile -----------------------------------------------------------------------------------

INSTRUCTIONS = [
    (found[1], found[2])
    for found in re.finditer(r"^([A-Z]+) +(.*)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)
]


def last(instruction: str) -> str:
    """What the image takes of an instruction that may stand more than once."""
    return [rest for name, rest in INSTRUCTIONS if name == instruction][-1]


def exec_form(rest: str) -> list[str]:
    """The words of a command that no shell stands before."""
    words: list[str] = json.loads(rest[rest.index("[") :])
    return words


def image_environment() -> dict[str, str]:
    """The image's own variables."""
    return dict(word.split("=", 1) for word in shlex.split(last("ENV")))


# --- compose.yaml ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Container:
    """One service of compose.yaml, with what its image adds."""

    name: str
    said: Mapping[str, Any]

    @property
    def ours(self) -> bool:
        """Whether it runs alertd's image."""
        return bool(self.said["image"] == "alertd")

    @property
    def argv(self) -> list[str]:
        """What runs in it."""
        return [*(exec_form(last("ENTRYPOINT")) if self.ours else []), *self.said["command"]]

    @property
    def environment(self) -> dict[str, str]:
        """Its variables but for those of `env_file`."""
        return {**(image_environment() if self.ours else {}), **self.said.get("environment", {})}

    @property
    def health(self) -> list[str]:
        """The words of its health check; nothing where it has none."""
        test = self.said["healthcheck"].get("test", ["CMD"])
        assert test[0] == "CMD", "without a shell"
        return list(test[1:])

    @property
    def grace(self) -> float:
        """Seconds from SIGTERM to SIGKILL."""
        found = re.fullmatch(r"(\d+)s", self.said.get("stop_grace_period", "10s"))
        assert found
        return float(found[1])


def compose(*, optional: bool = False) -> dict[str, Any]:
    """compose.yaml with its anchors and merges resolved; `optional`: with all that can be switched on."""
    text = (ROOT / "compose.yaml").read_text()
    document: dict[str, Any] = yaml.safe_load(switched_on(text) if optional else text)
    return document


def containers(*, optional: bool = False) -> dict[str, Container]:
    """Its services by name."""
    return {name: Container(name, said) for name, said in compose(optional=optional)["services"].items()}


def assignments(text: str) -> dict[str, str]:
    """A file of variables in what Compose, systemd and shells understand alike: one word a line, quoted or not."""
    words = [shlex.split(line, comments=True) for line in text.splitlines()]
    assert all(len(each) < 2 for each in words)
    return dict(word.split("=", 1) for each in words for word in each)


# --- systemd --------------------------------------------------------------------------------------


@dataclass
class Unit:
    """A unit and its drop-ins, by section: every directive in order."""

    name: str
    optional: bool = False
    sections: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, *, optional: bool = False) -> "Unit":
        """As systemd puts it together: the unit or its template, then drop-ins from the widest name to the narrowest."""
        unit = cls(name, optional)
        stem, _, kind = name.rpartition(".")
        template = stem.partition("@")[0] + "@" if "@" in stem else ""
        prefixes = [stem[: at + 1] for at, letter in enumerate(stem) if letter == "-"]
        unit._add(UNITS / (f"{template}.{kind}" if template else name))
        for each in [*prefixes, *([template] if template else []), stem]:
            for file in sorted((UNITS / f"{each}.{kind}.d").glob("*.conf")):
                unit._add(file)
        return unit

    def _add(self, file: Path) -> None:
        section: list[tuple[str, str]] = []
        text = file.read_text()
        for line in (switched_on(text) if self.optional else text).splitlines():
            if line.startswith("["):
                section = self.sections.setdefault(line.strip("[]"), [])
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                section.append((key, value))

    def all(self, key: str, section: str = "Service") -> list[str]:
        """Every value of a directive."""
        return [value for name, value in self.sections.get(section, []) if name == key]

    def get(self, key: str, section: str = "Service") -> str:
        """The one that holds."""
        return self.all(key, section)[-1]

    @property
    def environment(self) -> dict[str, str]:
        """Its variables but for those of `EnvironmentFile`."""
        words = [word for value in self.all("Environment") for word in shlex.split(value)]
        return dict(word.split("=", 1) for word in words)

    @property
    def argv(self) -> list[str]:
        """The words that it runs."""
        instance = self.name.partition("@")[2].rpartition(".")[0]
        return [
            re.sub(r"^\$\{(\w+)\}$", lambda found: self.environment[found[1]], word.replace("%i", instance))
            for word in shlex.split(self.get("ExecStart"))
        ]


def services_of_target() -> Iterator[str]:
    """The units that alertd.target starts."""
    for value in Unit.read("alertd.target").all("Wants", "Unit"):
        yield from value.split()
