"""TwiML as a phone hears it: what is said, and where a key goes. No document with a DTD is read."""

from dataclasses import dataclass, field
from xml.parsers import expat


class BadTwiml(ValueError):
    """No TwiML: not well-formed, or with a verb that this stand-in does not know."""


@dataclass(slots=True)
class Heard:
    """What a call says."""

    lines: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)  # one for each line
    action: str | None = None  # where the key of a Gather goes


_VERBS = frozenset({"Response", "Gather", "Say", "Pause", "Hangup"})


def read_twiml(document: str) -> Heard:
    """What a TwiML document says, in order. Raises BadTwiml."""
    heard, open_verbs = Heard(), list[str]()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name not in _VERBS or (not open_verbs) != (name == "Response"):
            raise BadTwiml(f"{name} may not stand there")
        if name == "Gather":
            heard.action = attributes.get("action")
        if name == "Say":
            heard.lines.append("")
            heard.languages.append(attributes.get("language", "en-US"))
        open_verbs.append(name)

    def text(said: str) -> None:
        if open_verbs and open_verbs[-1] == "Say":
            heard.lines[-1] += said
        elif said.strip():
            raise BadTwiml("text outside of Say")

    def refuse(*_: object) -> None:
        raise BadTwiml("a DTD")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: open_verbs.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise BadTwiml(str(error)) from error
    return heard
