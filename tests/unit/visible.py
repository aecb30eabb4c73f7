"""A page as its reader sees it, in plain text: what a golden of a page compares."""

from html.parser import HTMLParser

_BLOCKS = frozenset({"h1", "h2", "p", "legend", "label", "button", "fieldset", "form", "div", "br", "option"})
_UNSEEN = frozenset({"style", "title", "head"})


class _Page(HTMLParser):
    """Lines; boxes as [x], choices as (o), the chosen line of a list, buttons in brackets."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self._unseen = 0
        self._skips = False  # an entry of a list that is not chosen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _UNSEEN:
            self._unseen += 1
        if tag in _BLOCKS:
            self.lines.append("")
        if tag == "option":
            self._skips = "selected" not in given
        elif tag == "input" and given.get("type") != "hidden":
            mark = "x" if "checked" in given else " "
            self.lines[-1] += f"[{mark}] " if given.get("type") == "checkbox" else f"({mark}) "
        elif tag in ("h1", "h2", "legend"):
            self.lines[-1] += "# " if tag == "h1" else "## "
        elif tag == "button":
            self.lines[-1] += "[ "
        elif tag == "p" and given.get("class") == "wrong":
            self.lines[-1] += "! "

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen -= 1
        if tag == "button":
            self.lines[-1] += " ]"
        if tag == "option":
            self._skips = False
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self._unseen and not self._skips:
            words = " ".join(data.split())
            self.lines[-1] += words if not self.lines[-1] or self.lines[-1].endswith(" ") else f" {words}".rstrip()


def visible(html: str) -> str:
    """One line to each thing on the page, in order."""
    page = _Page()
    page.feed(html)
    return "\n".join(line.rstrip() for line in page.lines if line.strip()) + "\n"
