"""What items and users share: attributes of rows, ids that stand twice, batches that are put."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import polars as pl

from engine.errors import InvalidInputError
from engine.graph.attributes import AttributeValue, check_attribute_name
from engine.graph.entities import Upserted
from engine.importing.checks import Checks
from engine.importing.reading import ROW, Source
from engine.importing.rejects import Rejection
from engine.importing.run import ImportRun
from engine.importing.values import as_booleans, as_numbers, as_texts

T = TypeVar("T")
Row = Mapping[str, Any]

BATCH_ROWS: Final = 1_000
ATTRIBUTE_KINDS: Final = ("text", "number", "integer", "boolean")


def attribute_columns(
    source: Source, taken: Sequence[str], given: Mapping[str, str] | None
) -> tuple[dict[str, str], list[str]]:
    """Say which columns become attributes.

    Args:
        source: Where rows come from.
        taken: Columns that are something else already.
        given: Column by attribute; none takes every column that is left and has a name that an attribute may have.

    Returns:
        Column by attribute, and columns that were left out.

    Raises:
        InvalidInputError: A given name or column is not possible.
    """
    found = source.columns()
    if given is not None:
        for name, column in given.items():
            check_attribute_name(name)
            if column.rpartition(":")[2] in ATTRIBUTE_KINDS and column not in found:
                column = column.rpartition(":")[0]
            if column not in found:
                raise InvalidInputError(
                    "There is no such column.",
                    field=f"attribute {name}",
                    value=column,
                    remedy=f"Columns found: {', '.join(found)}.",
                )
        return dict(given), []
    chosen, left_out = {}, []
    for column in found:
        if column in taken:
            continue
        try:
            chosen[check_attribute_name(column)] = column
        except InvalidInputError:
            left_out.append(column)
    return chosen, left_out


def read_attributes(table: pl.DataFrame, columns: Mapping[str, str], checks: Checks) -> dict[str, list[Any]]:
    """Give attributes of all rows, by name: of their own kind, or of the kind named after a colon."""
    read = {}
    for name, column in columns.items():
        kind = ""
        if column not in table.columns:
            column, _, kind = column.rpartition(":")
        read[name] = _attribute(table[column], kind, name, checks).to_list()
    return read


def plain(value: Any) -> AttributeValue | None:
    """Give an attribute's value; an empty text is none."""
    if isinstance(value, str) and not value.strip():
        return None
    return value  # type: ignore[no-any-return]


class KnownRows:
    """Ids of a file and what their rows said, so that a repeated one is told."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def judge(self, row: int, name: str, content: Row) -> bool | Rejection:
        """Tell whether a row is new; one with a known id and other content is rejected."""
        said = hash(repr(sorted(content.items())))
        known = self._known.setdefault(name, said)
        if known != said:
            return Rejection(row, "id", name, "This id stands in an earlier row with other content.")
        return True


def put(
    run: ImportRun,
    rows: Sequence[tuple[int, T]],
    write: Callable[[Sequence[T]], Upserted] | None,
    stage: str,
) -> None:
    """Put nodes in batches, skipping what an earlier try has written.

    Args:
        run: The import.
        rows: Row number and node, in the order of the file.
        write: Writes a batch; none where nothing is to be written.
        stage: Name for the progress.
    """
    for batch in _batched(rows, BATCH_ROWS):
        if write is None:
            run.wrote(len(batch), accepted=len(batch))
        elif not run.is_written(len(batch)):
            counts = write([node for _, node in batch])
            run.wrote(len(batch), accepted=counts.created + counts.changed)
        run.report_progress(stage)


def numbered(table: pl.DataFrame) -> list[int]:
    """Give the numbers of the rows."""
    return table[ROW].to_list()


def _attribute(column: pl.Series, kind: str, name: str, checks: Checks) -> pl.Series:
    dtype = column.dtype
    if kind in ("number", "integer"):
        numbers, wrong = as_numbers(column)
        checks.reject(wrong, name, column, "This is not a finite number.")
        if kind == "number":
            return numbers
        checks.reject(numbers != numbers.floor(), name, column, "This is not a whole number.")
        return numbers.set((numbers != numbers.floor()).fill_null(False), None).cast(pl.Int64, strict=False)
    if kind == "boolean":
        values, wrong = as_booleans(column)
        checks.reject(wrong, name, column, "This is neither true nor false.")
        return values
    if kind == "text":
        return as_texts(column)
    if dtype.is_float() or dtype.is_decimal():
        numbers, wrong = as_numbers(column)
        checks.reject(wrong, name, column, "This is not a finite number.")
        return numbers
    if (dtype.is_integer() and dtype != pl.UInt64) or dtype == pl.Boolean:
        return column
    if isinstance(dtype, pl.List) and (dtype.inner == pl.String or dtype.inner.is_integer()):
        return column.list.drop_nulls()
    return as_texts(column)


def _batched(rows: Sequence[T], size: int) -> Iterator[list[T]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch
