"""Checks of whole columns: every row that fails one is collected with field, value and reason."""

from __future__ import annotations

from typing import Final

import polars as pl

from engine.domain import MS_PER_SECOND, EpochMs
from engine.errors import shorten
from engine.graph.attributes import MAX_ID_CHARS, MAX_TEXT_CHARS
from engine.importing.reading import ROW
from engine.importing.rejects import Rejection
from engine.importing.values import TimeUnit, as_texts, as_times

_ID_FORBIDDEN: Final = "[\\x00-\\x1f\\x7f-\\x9f\\x{2028}\\x{2029}]"
_TEXT_FORBIDDEN: Final = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]"


class Checks:
    """Rows of one chunk and what is wrong with them.

    Args:
        table: The rows, with the column `ROW`.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self._rows = table[ROW]
        self._bad = pl.repeat(False, table.height, eager=True)
        self._found: list[Rejection] = []

    @property
    def good(self) -> pl.Series:
        """Whether nothing is wrong with a row."""
        return ~self._bad

    def rejections(self) -> list[Rejection]:
        """Give what is wrong, by row."""
        return sorted(self._found, key=lambda rejection: rejection.row)

    def reject(
        self, bad: pl.Series, field: str, values: pl.Series | None, reason: str, *, settled: bool = True
    ) -> None:
        """Mark rows as rejected.

        Args:
            bad: Whether a row is bad; null counts as no.
            field: The field that is wrong.
            values: What stands there, one a row.
            reason: What is wrong, one sentence.
            settled: False where another try may accept the row.
        """
        bad = bad.fill_null(False)
        if not bad.any():
            return
        places = bad.arg_true()
        rows = self._rows.gather(places).to_list()
        shown = [None] * len(rows) if values is None else [shorten(value) for value in values.gather(places).to_list()]
        self._found.extend(
            Rejection(row, field, value, reason, settled) for row, value in zip(rows, shown, strict=True)
        )
        self._bad = self._bad | bad

    def id(self, column: pl.Series, field: str, *, required: bool = True) -> pl.Series:
        """Check ids and give them as texts; where not required, an empty one is null."""
        texts = as_texts(column)
        empty = texts.is_null() | (texts.str.strip_chars() == "").fill_null(True)
        if required:
            self.reject(empty, field, texts, "This field is required.")
        else:
            texts = texts.set(empty, None)
        self.reject(texts.str.len_chars() > MAX_ID_CHARS, field, texts, f"An id has at most {MAX_ID_CHARS} characters.")
        self.reject(texts.str.contains(_ID_FORBIDDEN), field, texts, "An id holds no control characters.")
        return texts

    def text(self, column: pl.Series, field: str, *, limit_chars: int = MAX_TEXT_CHARS) -> pl.Series:
        """Check texts and give them; an empty one is null."""
        texts = as_texts(column)
        texts = texts.set((texts.str.strip_chars() == "").fill_null(False), None)
        self.reject(
            texts.str.len_chars() > limit_chars, field, texts, f"This text has more than {limit_chars} characters."
        )
        self.reject(texts.str.contains(_TEXT_FORBIDDEN), field, texts, "This text holds control characters.")
        return texts

    def time(
        self, column: pl.Series, field: str, unit: TimeUnit | None, *, now: EpochMs, max_future_s: float, required: bool
    ) -> pl.Series:
        """Check times and give them as epoch ms."""
        times, wrong = as_times(column, unit)
        self.reject(wrong, field, column, "This is not a time.")
        if required:
            self.reject(times.is_null() & ~wrong, field, column, "This field is required.")
        self.reject(times < 0, field, column, "The time lies before 1970.")
        self.reject(
            times > now + int(max_future_s * MS_PER_SECOND),
            field,
            column,
            f"The time lies more than {max_future_s:g} seconds in the future.",
            settled=False,
        )
        return times
