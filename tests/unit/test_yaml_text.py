import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alertd.ingest.reading import Mistakes
from alertd.ingest.yaml_text import MOST_BYTES, read_yaml


def value(text: str) -> object:
    return read_yaml(f"it: {text}\n".encode(), "f.yaml").value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Numbers only where writing them back gives the same characters.
        ("8420", 8420),
        ("-3", -3),
        ("2.5", 2.5),
        ("1.50", "1.50"),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("+14155550123", "+14155550123"),
        (".inf", ".inf"),
        ("nan", "nan"),
        # YAML 1.1 would make 5400 seconds, booleans and dates of these.
        ("1:30:00", "1:30:00"),
        ("22:00-06:30", "22:00-06:30"),
        ("no", "no"),
        ("on", "on"),
        ("2026-11-01", "2026-11-01"),
        # The three words that are none.
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        # Quotes make text of anything.
        ('"8420"', "8420"),
        ("'true'", "true"),
        ('""', ""),
    ],
)
def test_a_plain_scalar_means_what_it_looks_like(text: str, expected: object) -> None:
    read = value(text)

    assert isinstance(read, dict)
    assert read["it"] == expected
    assert type(read["it"]) is type(expected)


def test_every_node_knows_its_line() -> None:
    tree = read_yaml(b"a:\n  b: 1\n  c:\n    - x\n    - {d: y}\n# comment\n'e': [1,\n  2]\n", "f.yaml")

    assert tree.value == {"a": {"b": 1, "c": ["x", {"d": "y"}]}, "e": [1, 2]}
    assert tree.lines == {
        (): 1,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
        ("a", "c", 1, "d"): 5,
        ("e",): 7,
        ("e", 0): 7,
        ("e", 1): 8,
    }


def test_of_two_equal_keys_the_first_is_kept_and_the_second_is_a_problem() -> None:
    tree = read_yaml(b"a: 1\nb: {c: 1, d: 2, c: {e: 3}}\na: [2]\n", "f.yaml")

    assert tree.value == {"a": 1, "b": {"c": 1, "d": 2}}
    assert [(p.line, p.field) for p in tree.problems] == [(2, "b.c"), (3, "a")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: " + b"x" * MOST_BYTES, "f.yaml: is 262,147 bytes; at most 262,144 are read. Split the file"),
        (b"a: 1\nb: \xff\n", "f.yaml:2: is not UTF-8 text; save the file as UTF-8"),
        (b"a: 1\nb: \x07\n", "f.yaml:2: holds a control character; remove it"),
        (b"a: {" * 5000, "f.yaml:1: is nested more than 20 deep"),
        (b"? [a]\n: 1\n", "f.yaml:1: a key must be a plain word"),
        (b"a: 'x\n", "f.yaml:2: is not YAML: found unexpected end of stream while scanning a quoted scalar"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(data: bytes, message: str) -> None:
    with pytest.raises(Mistakes) as refused:
        read_yaml(data, "f.yaml")

    assert str(refused.value) == message


@given(st.binary(max_size=200) | st.text("ab:-[]{}*&!'\"#\n ,?|>%@~", max_size=200).map(str.encode))
@example(b"\xef\xbb\xbfa: 1")
@example(b"%YAML 9.9\n--- a")
@example(b"a: !x b")
@example(b"<<: {a: 1}")
def test_no_bytes_whatever_raise_anything_but_mistakes(data: bytes) -> None:
    try:
        tree = read_yaml(data, "f.yaml")
    except Mistakes:
        return  # everything else is a bug

    assert all(problem.line for problem in tree.problems)
