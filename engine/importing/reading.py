"""Where rows come from: files of three formats and tables in memory, in chunks of bounded size."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Protocol

import polars as pl

from engine.errors import InvalidInputError
from engine.importing.delimited import DelimitedReader
from engine.importing.json_lines import read_objects
from engine.importing.rejects import Rejection

ROW: Final = "_row"
"""Column that every chunk carries: the number by which a row is named."""

CHUNK_ROWS: Final = 300_000
FORMATS: Final = ("csv", "jsonl", "parquet")

_GUESS_ROWS: Final = 1_000
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PARQUET_MAGIC: Final = b"PAR1"
_SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows in the order of their source.

    Attributes:
        table: Their columns as the source has them, and `ROW`.
        broken: Rows that could not be read at all.
        share_read: Part of the source read so far, 0 to 1.
    """

    table: pl.DataFrame
    broken: list[Rejection] = field(default_factory=list)
    share_read: float = 1.0

    @property
    def rows(self) -> int:
        """How many rows were read, with the broken ones."""
        return self.table.height + len(self.broken)


class Source(Protocol):
    """Rows with named columns."""

    @property
    def name(self) -> str:
        """What people call it."""

    def columns(self) -> list[str]:
        """Give the names of its columns."""

    def digest(self) -> str:
        """Give the SHA-256 of its content in hexadecimal digits."""

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Give its rows, at most so many at once."""


class TableSource:
    """A table in memory, made by a data set's adapter.

    Args:
        name: What people call it.
        table: Its rows.
        content: What its content is derived from; equal for equal tables.
    """

    def __init__(self, name: str, table: pl.DataFrame, content: str) -> None:
        self._name = name
        self._table = table
        self._content = content

    @property
    def name(self) -> str:
        """What people call it."""
        return self._name

    def columns(self) -> list[str]:
        """Give the names of its columns."""
        return self._table.columns

    def digest(self) -> str:
        """Give the SHA-256 of what its content is derived from."""
        return hashlib.sha256(f"{self._name}\n{self._content}".encode()).hexdigest()

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Give its rows, at most so many at once."""
        numbered = self._table.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
        for part in numbered.iter_slices(rows):
            yield Chunk(part, share_read=part[ROW][-1] / numbered.height)


class FileSource:
    """A CSV, JSON lines or Parquet file; the first two also packed by gzip.

    Args:
        path: The file.
        file_format: One of `FORMATS`; guessed from the name where none is given.
        delimiter: What separates the fields of a CSV file; guessed from its header where none is given.

    Raises:
        InvalidInputError: The file cannot be read, or its format is not known.
    """

    def __init__(self, path: Path, *, file_format: str | None = None, delimiter: str | None = None) -> None:
        self._path = path
        self._delimiter = delimiter
        try:
            with path.open("rb") as file:
                start = file.read(4)
        except OSError as error:
            raise InvalidInputError(
                f"The file cannot be read: {error.strerror}.", field="file", value=str(path), remedy="Correct the path."
            ) from error
        if not start:
            raise InvalidInputError(
                "The file is empty.", field="file", value=str(path), remedy="Give a file with rows."
            )
        self._is_gzip = start.startswith(_GZIP_MAGIC)
        self.format = file_format or _guess_format(path, start)
        if self.format not in FORMATS:
            raise InvalidInputError(
                "This format is not known.", field="format", value=self.format, remedy=f"Use {', '.join(FORMATS)}."
            )

    @property
    def name(self) -> str:
        """What people call it: the file's name."""
        return self._path.name

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def columns(self) -> list[str]:
        """Give the names of its columns; of JSON lines, those of the first thousand objects."""
        with self._reading():
            if self.format == "parquet":
                return pl.scan_parquet(self._path).collect_schema().names()
            with self._open() as file:
                if self.format == "csv":
                    return DelimitedReader(file, name=self.name, delimiter=self._delimiter).columns
                found = islice((row for _, row in read_objects(file) if isinstance(row, dict)), _GUESS_ROWS)
                return list({name: None for row in found for name in row})

    def digest(self) -> str:
        """Give the SHA-256 of the file's bytes."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Give its rows, at most so many at once."""
        with self._reading():
            yield from {"csv": self._csv, "jsonl": self._json_lines, "parquet": self._parquet}[self.format](rows)

    def _csv(self, rows: int) -> Iterator[Chunk]:
        with self._path.open("rb") as raw:
            reader = DelimitedReader(self._unpacked(raw), name=self.name, delimiter=self._delimiter)
            found = reader.rows()
            while part := list(islice(found, rows)):
                good = [(line, row) for line, row in part if not isinstance(row, Rejection)]
                columns = zip(*(row for _, row in good), strict=True) if good else ([] for _ in reader.columns)
                table = pl.DataFrame(
                    {
                        ROW: pl.Series([line for line, _ in good], dtype=pl.Int64),
                        **{
                            name: pl.Series(values, dtype=pl.String)
                            for name, values in zip(reader.columns, columns, strict=True)
                        },
                    }
                )
                yield Chunk(table, [row for _, row in part if isinstance(row, Rejection)], self._share(raw))

    def _json_lines(self, rows: int) -> Iterator[Chunk]:
        names = self.columns()
        with self._path.open("rb") as raw:
            found = read_objects(self._unpacked(raw))
            while part := list(islice(found, rows)):
                good = [(line, row) for line, row in part if not isinstance(row, Rejection)]
                table = pl.DataFrame(
                    {
                        ROW: pl.Series([line for line, _ in good], dtype=pl.Int64),
                        **{name: column_of([row.get(name) for _, row in good], name) for name in names},
                    }
                )
                yield Chunk(table, [row for _, row in part if isinstance(row, Rejection)], self._share(raw))

    def _parquet(self, rows: int) -> Iterator[Chunk]:
        scan = pl.scan_parquet(self._path)
        total = int(scan.select(pl.len()).collect().item())
        for start in range(0, total, rows):
            part = scan.slice(start, rows).collect()
            numbers = pl.int_range(start + 1, start + 1 + part.height, dtype=pl.Int64, eager=True)
            yield Chunk(part.with_columns(numbers.alias(ROW)), share_read=(start + part.height) / total)

    def _open(self) -> IO[bytes]:
        return gzip.open(self._path, "rb") if self._is_gzip else self._path.open("rb")  # type: ignore[return-value]

    def _unpacked(self, raw: IO[bytes]) -> IO[bytes]:
        return gzip.GzipFile(fileobj=raw, mode="rb") if self._is_gzip else raw  # type: ignore[return-value]

    def _share(self, raw: IO[bytes]) -> float:
        return min(1.0, raw.tell() / max(1, self._path.stat().st_size))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError) as error:
            raise InvalidInputError(
                f"The file is damaged or cut off: {str(error).splitlines()[0] if str(error) else 'it ends early'}.",
                field="file",
                value=str(self._path),
                remedy="Make or fetch the file again.",
            ) from error


def column_of(values: Sequence[Any], name: str = "") -> pl.Series:
    """Make a column of plain values: of their own kind when they share one, else of their texts.

    Args:
        values: Texts, numbers, truth values, lists of texts, nulls, anything JSON can say.
        name: Name of the column.
    """
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds or kinds == {str}:
        return pl.Series(name, _texts(values), dtype=pl.String)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds == {float}:
        return pl.Series(name, values, dtype=pl.Float64)
    if kinds == {list} and all(isinstance(entry, str) for value in values if value for entry in value):
        return pl.Series(name, [value and _texts(value) for value in values], dtype=pl.List(pl.String))
    return pl.Series(name, _texts(values), dtype=pl.String)


def _texts(values: Sequence[Any]) -> list[str | None]:
    """Give values as texts; lone halves of characters, which polars cannot hold, become their escapes."""
    return [None if value is None else _text(value).encode("utf-8", "backslashreplace").decode() for value in values]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    # A whole number reads the same whatever stands in the other rows of its chunk.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else json.dumps(value, ensure_ascii=False)


def _guess_format(path: Path, start: bytes) -> str:
    if start == _PARQUET_MAGIC:
        return "parquet"
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".gzip")]
    found = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if found is None or found == "parquet":
        raise InvalidInputError(
            "The format of the file is not clear from its name."
            if found is None
            else "The name says Parquet, the content does not.",
            field="file",
            value=path.name,
            remedy=f"Say it with --format: {', '.join(FORMATS)}.",
        )
    return found
