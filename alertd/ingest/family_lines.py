"""Families as JSON lines: an endless file is read line by line, and a bad line stops nothing."""

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from alertd.domain.errors import Invalid
from alertd.domain.family import Family
from alertd.domain.service import Services
from alertd.ingest.family import parse
from alertd.ingest.reading import Mistakes, Problem

MOST_BYTES = 256 * 1024
"""The longest line that is read; a family with fifty caregivers has about a tenth of it."""

_BOM = b"\xef\xbb\xbf"


def parse_lines(
    stream: BinaryIO, services: Services, *, now: datetime | None = None
) -> Iterator[tuple[int, Family | Invalid]]:
    """Each line's number (from 1) with its family, or with what is wrong with it (`Invalid.line` is set).

    `now` judges `updated_at`, as in `parse`.
    Blank lines and a byte order mark are passed over. A line over 256 KB is reported and skipped in pieces,
    so memory stays small whatever the file holds.
    """
    number = 0
    while line := stream.readline(MOST_BYTES + 2):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        whole = line.endswith(b"\n")
        if len(line.rstrip(b"\r\n")) > MOST_BYTES:
            if not whole:
                _skip_line(stream)
            too_long = Problem(f"is longer than {MOST_BYTES // 1024} KB; each family is one line")
            yield number, Mistakes([too_long], line=number)
            continue
        line = line.strip()
        if not line:
            continue
        try:
            yield number, parse(line, services, now=now)
        except Mistakes as error:
            yield number, Mistakes(error.problems, line=number)


def _skip_line(stream: BinaryIO) -> None:
    while (piece := stream.readline(MOST_BYTES)) and not piece.endswith(b"\n"):
        pass
