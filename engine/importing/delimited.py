"""CSV and its kin, row by row with line numbers; a broken line is a rejected row, not the end.

Polars reads such files faster, but it replaces or cuts what is broken without a word. Here every bad byte and every
row of another length is told, with the line it stands on.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final, Self

from engine.errors import InvalidInputError
from engine.importing.rejects import Rejection

DELIMITERS: Final = (",", "\t", ";", "|")
_LARGEST_FIELD_CHARS: Final = 100_000
_BOM: Final = b"\xef\xbb\xbf"
_OTHER_UNICODE: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(slots=True)
class _Line:
    number: int
    text: str
    is_utf8: bool


class _Lines:
    """An iterator that can go on after its end, when lines were put back; a generator cannot."""

    def __init__(self, give: Callable[[], str | None]) -> None:
        self._give = give

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._give()
        if line is None:
            raise StopIteration
        return line


class DelimitedReader:
    """Rows of a delimited file as texts.

    Args:
        file: Bytes from the start of the file.
        name: How errors name it.
        delimiter: What separates fields; guessed from the header where none is given.

    Raises:
        InvalidInputError: It has no header, or one that names a column twice.
    """

    def __init__(self, file: IO[bytes], *, name: str, delimiter: str | None = None) -> None:
        csv.field_size_limit(_LARGEST_FIELD_CHARS)
        self._name = name
        self._decoded = self._decode(file)
        self._again: deque[_Line] = deque()
        self._row: list[_Line] = []
        first = next((line for line in self._decoded if line.text.strip()), None)
        if first is None:
            raise InvalidInputError("The file is empty.", field="file", value=name, remedy="Give a file with rows.")
        self._again.append(first)
        self.delimiter = delimiter or max(DELIMITERS, key=first.text.count)
        self._reader = csv.reader(_Lines(self._next_line), delimiter=self.delimiter, strict=True)
        self.columns = self._header()

    def rows(self) -> Iterator[tuple[int, list[str] | Rejection]]:
        """Give line number and fields of each row, or the reason why it is none."""
        width = len(self.columns)
        while True:
            self._row.clear()
            try:
                fields = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._broken(f"This line cannot be read: {error}.")
                continue
            number = self._row[0].number
            if len(fields) != width:
                if fields:
                    yield self._broken(f"This row has {len(fields)} fields, the header {width}.")
            elif all(line.is_utf8 for line in self._row):
                yield number, fields
            else:
                text = "".join(line.text for line in self._row).strip()
                yield number, Rejection(number, "", text, "This row is not valid UTF-8.")

    def _broken(self, reason: str) -> tuple[int, Rejection]:
        """Reject the first line of a row that is none; a stray quote must not swallow the lines after it."""
        first, *others = self._row
        self._again.extendleft(reversed(others))
        return first.number, Rejection(first.number, "", first.text.strip(), reason)

    def _next_line(self) -> str | None:
        line = self._again.popleft() if self._again else next(self._decoded, None)
        if line is None:
            return None
        self._row.append(line)
        return line.text

    def _decode(self, file: IO[bytes]) -> Iterator[_Line]:
        for number, raw in enumerate(file, start=1):
            if number == 1:
                if raw.startswith(_OTHER_UNICODE):
                    raise InvalidInputError(
                        "The file is UTF-16.", field="file", value=self._name, remedy="Save it as UTF-8."
                    )
                raw = raw.removeprefix(_BOM)
            try:
                yield _Line(number, raw.decode(), True)
            except UnicodeDecodeError:
                yield _Line(number, raw.decode(errors="backslashreplace"), False)

    def _header(self) -> list[str]:
        try:
            columns = [column.strip() for column in next(self._reader)]
        except csv.Error as error:
            raise InvalidInputError(f"The header cannot be read: {error}.", field="file", value=self._name) from error
        if not all(line.is_utf8 for line in self._row):
            raise InvalidInputError("The header is not valid UTF-8.", field="file", value=self._name)
        if len(set(columns)) < len(columns) or "" in columns:
            raise InvalidInputError(
                "The header names a column twice, or one has no name.",
                field="file",
                value=", ".join(columns),
                remedy="Give each column a name of its own in the first line.",
            )
        return columns
