from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInputError
from engine.importing.delimited import DelimitedReader
from engine.importing.rejects import Rejection


def read(data: bytes, delimiter: str | None = None) -> tuple[list[str], list[tuple[int, list[str] | Rejection]]]:
    reader = DelimitedReader(io.BytesIO(data), name="file", delimiter=delimiter)
    return reader.columns, list(reader.rows())


def test_broken_lines_are_named_and_the_others_read() -> None:
    columns, rows = read(
        b"\xef\xbb\xbf\na,b\n"
        b'1,"x\ny"\n'  # lines 3 and 4
        b"2,\xff\n"
        b"3\n"
        b"\n"
        b'4,"open\n'  # line 8: its quote must not swallow what follows
        b"5,ok\n"
        b'6,"q"z\n'
        b'7,"a ""q"" b"\n'
        b'8,"never closed\n'
        b"9,k"
    )
    assert columns == ["a", "b"]
    good = {line: row for line, row in rows if not isinstance(row, Rejection)}
    bad = {line: row.reason for line, row in rows if isinstance(row, Rejection)}
    assert good == {3: ["1", "x\ny"], 9: ["5", "ok"], 11: ["7", 'a "q" b'], 13: ["9", "k"]}
    assert list(bad) == [5, 6, 8, 10, 12]
    assert "UTF-8" in bad[5] and "1 fields, the header 2" in bad[6]


@pytest.mark.parametrize(
    ("header", "delimiter"), [(b"a;b\n", ";"), (b"a\tb\n", "\t"), (b"a|b\n", "|"), (b"a,b\n", ",")]
)
def test_the_delimiter_is_guessed(header: bytes, delimiter: str) -> None:
    columns, rows = read(header + b"1" + delimiter.encode() + b"2\n")
    assert columns == ["a", "b"]
    assert rows == [(2, ["1", "2"])]


def test_a_given_delimiter_wins() -> None:
    assert read(b"a,b;c\n1,2;3\n", ";") == (["a,b", "c"], [(2, ["1,2", "3"])])


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a,a\n1,2\n", b"a,\n1,2\n", b"\xff\xfea\x00", b"a\xff,b\n1,2\n"])
def test_a_file_without_a_header_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read(data)


plain = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=12)


@given(st.lists(st.tuples(plain, plain), max_size=20))
def test_what_csv_writes_is_read_back(table: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("a", "b"), *table])
    _, rows = read(text.getvalue().encode())
    assert [tuple(row) for _, row in rows if not isinstance(row, Rejection)] == table
    lines = [line for line, _ in rows]
    assert lines == sorted(lines) and (not lines or lines[0] == 2)
