"""YAML as alertd reads it: plain data with the line of every node, and none of YAML's surprises.

PyYAML's own loaders turn `1:30:00` into 5400, `no` into False and `+14155550123` into 14155550123, let the
last of two equal keys win, and follow aliases into millions of nodes. Here a plain scalar is null, true,
false or a number only where writing it back gives the same characters; anything else is text. Aliases,
tags, deep nesting and large files are refused.
"""

import re
from dataclasses import dataclass, field

import yaml

from alertd.domain.errors import quote
from alertd.ingest.reading import Mistakes, Place, Problem, spell

MOST_BYTES = 256 * 1024
DEEPEST = 20

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_NULL = frozenset({"", "~", "null"})
_BOOLEANS = {"true": True, "false": False}


@dataclass(slots=True)
class Tree:
    """A document: plain dicts, lists and scalars, the line of each path, and what was wrong but readable."""

    value: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled."""

    value: dict[str, object] | list[object]
    path: Place
    key: str | None = None  # of a mapping: the key whose value comes next
    twice: bool = False  # that key was given before: its value is read and dropped


def read_yaml(data: bytes, file: str) -> Tree:
    """Read one YAML document; `file` names it in problems.

    Raises Mistakes (with file and line) for what cannot be read at all: over 256 KB, not UTF-8, broken
    syntax, aliases, tags, nesting over 20, several documents. Keys given twice are noted in `Tree.problems`.
    """
    if len(data) > MOST_BYTES:
        raise _refuse(file, None, f"is {len(data):,} bytes; at most {MOST_BYTES:,} are read. Split the file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refuse(file, line, "is not UTF-8 text; save the file as UTF-8") from None
    try:
        return _build(text, file)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refuse(file, line, "holds a control character; remove it") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or "cannot be read").replace("'\\t' that cannot", "'\\t' (tab) that cannot")
        advice = "; indent with spaces, not tabs" if "\\t" in problem else ""
        context = f" {error.context}" if error.context else ""
        line = mark.line + 1 if mark else 1
        raise _refuse(file, line, f"is not YAML: {problem}{context}{advice}") from None


def _build(text: str, file: str) -> Tree:
    tree = Tree()
    stack: list[_Open] = []
    documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise _refuse(file, line, f"*{quote(event.anchor or '')} is an alias; write the part out instead")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refuse(file, line, "begins a second document (---); a file holds one")
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            if event.tag is not None:
                raise _refuse(file, line, f"tags such as {quote(event.tag)} are not read; write the value plain")
            _node(tree, stack, event, line, file)
        elif isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
    return tree


def _node(tree: Tree, stack: list[_Open], event: yaml.NodeEvent, line: int, file: str) -> None:
    parent = stack[-1] if stack else None
    if parent and isinstance(parent.value, dict) and parent.key is None:
        _key(tree, parent, event, line, file)
        return
    value: object
    if isinstance(event, yaml.ScalarEvent):
        value = _scalar(event)
    else:
        value = {} if isinstance(event, yaml.MappingStartEvent) else []
    path: Place = ()
    if parent is None:
        tree.value = value
    elif isinstance(parent.value, list):
        path = (*parent.path, len(parent.value))
        parent.value.append(value)
    else:
        assert parent.key is not None
        path = (*parent.path, parent.key)
        if not parent.twice:
            parent.value[parent.key] = value
        parent.key = None
    tree.lines.setdefault(path, line)
    if isinstance(value, (dict, list)):
        stack.append(_Open(value, path))
        if len(stack) > DEEPEST:
            raise _refuse(file, line, f"is nested more than {DEEPEST} deep")


def _key(tree: Tree, parent: _Open, event: yaml.NodeEvent, line: int, file: str) -> None:
    if not isinstance(event, yaml.ScalarEvent):
        raise _refuse(file, line, "a key must be a plain word")
    parent.key = event.value
    parent.twice = event.value in parent.value
    path = (*parent.path, event.value)
    if parent.twice:
        before = tree.lines[path]
        message = f"is given twice, first in line {before}; keep one"
        tree.problems.append(Problem(message, spell(path), line, file))
    tree.lines.setdefault(path, line)


def _scalar(event: yaml.ScalarEvent) -> object:
    text: str = event.value
    if not event.implicit[0]:  # quoted
        return text
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _WHOLE.fullmatch(text) and text != "-0":
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if str(number) == text and text not in ("inf", "-inf", "nan") else text


def _refuse(file: str, line: int | None, message: str) -> Mistakes:
    return Mistakes([Problem(message, "", line, file)])
