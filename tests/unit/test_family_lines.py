import io
import json
from pathlib import Path

from alertd.domain.errors import Invalid
from alertd.domain.family import Family
from alertd.domain.service import Services
from alertd.ingest.family_lines import MOST_BYTES, parse_lines

SERVICES = Services({"follow": {"en": "Follow"}, "share": {"en": "Share"}})
LINE = json.dumps(
    json.loads((Path(__file__).parent / "golden" / "family" / "sketch.in.json").read_bytes())
).encode()


def read(data: bytes) -> list[tuple[int, str]]:
    return [
        (number, result.id if isinstance(result, Family) else str(result))
        for number, result in parse_lines(io.BytesIO(data), SERVICES)
    ]


def line(number: int) -> bytes:
    return LINE.replace(b"fam-1001", f"fam-{number}".encode())


def test_a_bad_line_is_told_with_its_number_and_the_rest_is_read() -> None:
    data = b"\n".join([line(1), b"", line(2).replace(b'"en"', b'"English"'), b"{", line(5)])

    assert read(data) == [
        (1, "fam-1"),
        (3, 'line 3: locale: "English" is no locale; write for example "en" or "es-MX"'),
        (4, "line 4: is not JSON: expecting property name enclosed in double quotes (column 2)"),
        (5, "fam-5"),
    ]


def test_all_mistakes_of_a_line_stand_in_one_line() -> None:
    [(_, result)] = parse_lines(io.BytesIO(LINE.replace(b'"en"', b'"E"').replace(b'"us-west"', b'"-"')), SERVICES)

    assert isinstance(result, Invalid)
    assert result.line == 1
    assert result.field == "region"
    assert "\n" not in str(result)
    assert str(result).startswith("line 1: region: ")
    assert "; locale: " in str(result)


def test_windows_files_blank_lines_and_byte_order_marks_are_read() -> None:
    assert read(b"\xef\xbb\xbf" + line(1) + b"\r\n \r\n" + line(3) + b"\r\n") == [(1, "fam-1"), (3, "fam-3")]


def test_a_line_that_never_ends_is_skipped_in_pieces() -> None:
    class Counting(io.BytesIO):
        most = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            piece = super().readline(size)
            self.most = max(self.most, len(piece))
            return piece

    stream = Counting(line(1) + b"\n" + b"x" * (5 * MOST_BYTES) + b"\n" + line(3))
    results = list(parse_lines(stream, SERVICES))

    assert [number for number, _ in results] == [1, 2, 3]
    assert str(results[1][1]) == "line 2: is longer than 256 KB; each family is one line"
    assert isinstance(results[2][1], Family)
    assert stream.most <= MOST_BYTES + 2


def test_a_line_of_just_the_longest_length_is_read() -> None:
    pad = b" " * (MOST_BYTES - len(line(1)) - 1)
    longest = line(1)[:-1] + pad + b"}"
    assert len(longest) == MOST_BYTES - 1

    assert read(longest + b" \n" + longest + b"  \n" + line(3)) == [
        (1, "fam-1"),
        (2, "line 2: is longer than 256 KB; each family is one line"),
        (3, "fam-3"),
    ]
