"""Columns of any kind made into ids, numbers, truth values and times, a whole column at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import polars as pl

from engine.errors import InvalidInputError

TimeUnit = Literal["s", "ms", "us", "ns"]

TIME_UNITS: Final[dict[str, TimeUnit]] = {
    "s": "s",
    "seconds": "s",
    "ms": "ms",
    "milliseconds": "ms",
    "us": "us",
    "microseconds": "us",
    "ns": "ns",
    "nanoseconds": "ns",
}
UNIT_NAMES: Final[dict[str, str]] = {
    "s": "epoch seconds",
    "ms": "epoch milliseconds",
    "us": "epoch microseconds",
    "ns": "epoch nanoseconds",
}
_MS_PER_UNIT: Final[dict[str, float]] = {"s": 1_000, "ms": 1, "us": 1e-3, "ns": 1e-6}
_SMALLEST: Final[tuple[tuple[float, TimeUnit], ...]] = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"))
"""1e11 seconds lie in the year 5138, 1e11 milliseconds in March 1973."""

_TRUE: Final = ("true", "t", "yes", "y", "1", "1.0")
_FALSE: Final = ("false", "f", "no", "n", "0", "0.0")
_ZONED: Final = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
_NAIVE: Final = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_MS: Final = 2**62


def as_texts(column: pl.Series) -> pl.Series:
    """Give a column as texts: numbers without a useless `.0`, lists and structures as JSON-like text."""
    kind = column.dtype
    if kind == pl.String:
        return column
    if kind.is_float():
        whole = (column == column.floor()) & (column.abs() < 2.0**53)
        texts = pl.select(
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
        ).to_series()
        return texts.alias(column.name).set(column.is_nan().fill_null(False), None)
    if kind == pl.Binary:
        return column.cast(pl.String, strict=False)
    if isinstance(kind, (pl.List, pl.Array)):
        return column.cast(pl.List(pl.String)).list.join(", ")
    if isinstance(kind, pl.Struct):
        return column.struct.json_encode()
    return column.cast(pl.String)


def as_numbers(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Give a column as 64-bit floats.

    Returns:
        Numbers, null where there is none, and whether something stands there that is no finite number.
    """
    if column.dtype.is_numeric():
        numbers = column.cast(pl.Float64)
        if column.dtype.is_float():
            # Tables made by pandas say NaN where they mean nothing.
            return numbers.fill_nan(None), numbers.is_infinite().fill_null(False)
        return numbers, pl.repeat(False, len(column), eager=True)
    texts = as_texts(column).str.strip_chars()
    numbers = texts.cast(pl.Float64, strict=False)
    finite = numbers.is_finite().fill_null(False)
    given = texts.is_not_null() & (texts != "").fill_null(False)
    return numbers.set(~finite, None), given & ~finite


def as_booleans(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Give a column as truth values.

    Returns:
        Truth values, null where there is none, and whether something else stands there.
    """
    if column.dtype == pl.Boolean:
        return column, pl.repeat(False, len(column), eager=True)
    texts = as_texts(column).str.strip_chars().str.to_lowercase()
    given = texts.is_not_null() & (texts != "").fill_null(False)
    yes, no = texts.is_in(_TRUE).fill_null(False), texts.is_in(_FALSE).fill_null(False)
    values = pl.select(pl.when(yes).then(True).when(no).then(False).otherwise(None)).to_series()
    return values, given & ~yes & ~no


def guess_time_unit(column: pl.Series) -> TimeUnit | None:
    """Guess the unit of numeric times by their magnitude, from the median; none where they are no numbers."""
    if column.dtype.is_temporal():
        return None
    numbers = column if column.dtype.is_numeric() else as_texts(column).str.strip_chars().cast(pl.Float64, strict=False)
    middle = numbers.cast(pl.Float64).drop_nans().drop_nulls().abs().median()
    if not isinstance(middle, (int, float)):
        return None
    return next((unit for least, unit in _SMALLEST if middle >= least), "s")


def as_times(column: pl.Series, unit: TimeUnit | None) -> tuple[pl.Series, pl.Series]:
    """Give a column as UTC epoch milliseconds.

    Dates, times with a zone and numbers are understood; a time without a zone is read as UTC.

    Args:
        column: Times.
        unit: Unit of those that are numbers.

    Returns:
        Times, null where there is none, and whether something stands there that is no time.
    """
    nothing = pl.repeat(False, len(column), eager=True)
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("ms")).dt.epoch("ms"), nothing
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.epoch("ms"), nothing
    if column.dtype.is_numeric():
        return _from_numbers(column, unit or "s")
    texts = as_texts(column).str.strip_chars()
    given = texts.is_not_null() & (texts != "").fill_null(False)
    if unit is not None:
        times, _ = _from_numbers(texts.cast(pl.Float64, strict=False), unit)
        exact = texts.cast(pl.Int64, strict=False)
        if unit in ("s", "ms"):
            whole = _within(exact, _LARGEST_MS // 1000)
            times = (exact.set(~whole, None) * int(_MS_PER_UNIT[unit])).fill_null(times)
    else:
        times = pl.repeat(None, len(texts), dtype=pl.Int64, eager=True)
    times = times.fill_null(_from_texts(texts.set(times.is_not_null(), None)))
    return times, given & times.is_null()


def _from_numbers(numbers: pl.Series, unit: TimeUnit) -> tuple[pl.Series, pl.Series]:
    if numbers.dtype.is_integer() and unit in ("s", "ms"):
        whole = numbers.cast(pl.Int64, strict=False)
        good = _within(whole, _LARGEST_MS // 1000)
        return whole.set(~good, None) * int(_MS_PER_UNIT[unit]), numbers.is_not_null() & ~good
    floats = numbers.cast(pl.Float64).fill_nan(None) * _MS_PER_UNIT[unit]
    good = (floats.abs() < _LARGEST_MS).fill_null(False)
    return floats.set(~good, None).floor().cast(pl.Int64), floats.is_not_null() & ~good


def _within(numbers: pl.Series, largest: int) -> pl.Series:
    return ((numbers <= largest) & (numbers >= -largest)).fill_null(False)


def _from_texts(texts: pl.Series) -> pl.Series:
    """Read ISO 8601 and its common relatives; nearly all at once, odd ones one by one."""
    plain = texts.str.replace(r"^(\d{4}-\d\d-\d\d)[Tt_ ]+", "$1 ").str.replace(r"[Zz]$| UTC$", "+00:00")
    found = pl.repeat(None, len(texts), dtype=pl.Int64, eager=True)
    if texts.null_count() == len(texts):
        return found
    for pattern in _ZONED:
        found = found.fill_null(
            plain.str.to_datetime(pattern, time_unit="ms", time_zone="UTC", strict=False).dt.epoch("ms")
        )
    for pattern in _NAIVE:
        found = found.fill_null(plain.str.to_datetime(pattern, time_unit="ms", strict=False).dt.epoch("ms"))
    found = found.fill_null(plain.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("ms")).dt.epoch("ms"))
    left = (texts.is_not_null() & found.is_null()).arg_true().to_list()
    if not left:
        return found
    values = found.to_list()
    for place in left:
        values[place] = _from_iso(texts[place])
    return pl.Series(values, dtype=pl.Int64)


def _from_iso(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)


def check_time_unit(unit: str) -> TimeUnit:
    """Give the short name of a unit.

    Raises:
        InvalidInputError: It is none.
    """
    try:
        return TIME_UNITS[unit]
    except KeyError:
        raise InvalidInputError(
            "This is no unit of time.", field="time_unit", value=unit, remedy="Use s, ms, us or ns."
        ) from None
