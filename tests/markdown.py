"""The little of Markdown that tests of the documentation read: tables, code blocks, headings, links."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Page:
    """One page, as text; `prose` is without its code blocks."""

    path: Path
    text: str

    @classmethod
    def read(cls, name: str) -> "Page":
        """A page by its path from the root."""
        return cls(ROOT / name, (ROOT / name).read_text("utf-8"))

    @property
    def prose(self) -> str:
        """Everything but the code blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The code blocks of a language."""
        return [body for kind, body in _FENCE.findall(self.text) if kind == language]

    def shell(self) -> list[list[str]]:
        """The lines of its shell blocks as words, comments left out."""
        lines = [line for block in self.blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
        return [words for line in lines if (words := shlex.split(line, comments=True))]

    def links(self) -> list[str]:
        """Where its links lead."""
        return _LINK.findall(self.prose)

    def anchors(self) -> set[str]:
        """What `page.md#...` may name, as GitHub makes it from headings."""
        return {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(self.prose)
        }

    def rows(self, *heads: str) -> list[list[str]]:
        """The rows of all tables whose columns begin with these heads."""
        found: list[list[str]] = []
        inside = False
        for line in self.prose.splitlines():
            if not line.startswith("|"):
                inside = False
                continue
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[: len(heads)] == list(heads):
                inside = True
            elif inside and not set(line) <= set("|-: "):
                found.append(cells)
        assert found, f"{self.path.name} has no table {' | '.join(heads)}"
        return found

    def section(self, heading: str) -> str:
        """What stands under a heading, up to the next one of its level or above; the beginning of it is enough."""
        found = re.search(rf"^(#+) {re.escape(heading)}.*?(?=^#{{1,2}} |\Z)", self.prose, re.MULTILINE | re.DOTALL)
        assert found, f"{self.path.name} has no section {heading}"
        return found.group()


def spans(text: str) -> list[str]:
    """What stands between backticks."""
    return _SPAN.findall(text)
