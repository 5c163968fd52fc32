from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInputError
from engine.importing.values import as_booleans, as_numbers, as_texts, as_times, check_time_unit, guess_time_unit

AT = 1_700_000_000_000  # 2023-11-14T22:13:20Z


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2023-11-14T22:13:20Z", AT),
        ("2023-11-14 22:13:20", AT),
        ("2023-11-14 22:13:20 UTC", AT),
        ("2023-11-14T22:13:20.125", AT + 125),
        ("2023-11-14T22:13", AT - 20_000),
        ("2023-11-14", AT - (22 * 3600 + 13 * 60 + 20) * 1000),
        ("2023-11-14T23:13:20+01:00", AT),
        ("2023-11-14T23:13:20+0100", AT),
        ("20231114T221320Z", AT),
        (" 2023-11-14T22:13:20Z ", AT),
        ("1969-12-31T23:59:59Z", -1000),
    ],
)
def test_times_in_words(text: str, at: int) -> None:
    times, wrong = as_times(pl.Series([text]), None)
    assert (times.to_list(), wrong.to_list()) == ([at], [False])


@pytest.mark.parametrize("text", ["yesterday", "2023-13-14", "2023-02-30 10:00:00", "nan", "inf", "9" * 30, "12:00"])
def test_what_is_no_time_is_told(text: str) -> None:
    times, wrong = as_times(pl.Series([text]), "s")
    assert (times.to_list(), wrong.to_list()) == ([None], [True])


def test_nothing_is_no_time_and_not_wrong() -> None:
    times, wrong = as_times(pl.Series(["", None, "  "]), None)
    assert (times.to_list(), wrong.to_list()) == ([None] * 3, [False] * 3)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1e-3), ("ms", 1), ("us", 1e3), ("ns", 1e6)])
def test_the_unit_is_guessed_by_magnitude(unit: str, factor: float) -> None:
    number = int(AT * factor)
    for column in (pl.Series([number, None]), pl.Series([str(number), "x"]), pl.Series([float(number)])):
        assert guess_time_unit(column) == unit
        assert as_times(column, check_time_unit(unit))[0][0] == AT


def test_tables_carry_times_of_their_own() -> None:
    moment = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    for column in (
        pl.Series([moment]),
        pl.Series([moment.replace(tzinfo=None)]),
        pl.Series([moment.astimezone(timezone(timedelta(hours=-5)))]).dt.convert_time_zone("America/New_York"),
    ):
        assert guess_time_unit(column) is None
        assert as_times(column, None)[0].to_list() == [AT]
    assert as_times(pl.Series([moment.date()]), None)[0].to_list() == [AT // 86_400_000 * 86_400_000]


def test_fractions_of_seconds_are_kept_and_huge_numbers_refused() -> None:
    assert as_times(pl.Series(["1700000000.5", "1700000000"]), "s")[0].to_list() == [AT + 500, AT]
    times, wrong = as_times(pl.Series([2**62, -(2**62), 5]), "s")
    assert (times.to_list(), wrong.to_list()) == ([None, None, 5000], [True, True, False])
    assert as_times(pl.Series([float("nan"), float("inf")]), "s")[1].to_list() == [False, True]


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)))
def test_iso_texts_are_read_as_python_reads_them(moment: datetime) -> None:
    expected = (moment - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    texts = pl.Series([moment.isoformat(), moment.isoformat(" "), moment.isoformat() + "Z"])
    assert as_times(texts, None)[0].to_list() == [expected] * 3


def test_numbers() -> None:
    numbers, wrong = as_numbers(pl.Series(["1", " 2.5 ", "1e3", "", None, "x", "nan", "inf", "1e999"]))
    assert numbers.to_list() == [1.0, 2.5, 1000.0, None, None, None, None, None, None]
    assert wrong.to_list() == [False] * 5 + [True] * 4
    numbers, wrong = as_numbers(pl.Series([1.0, float("nan"), float("-inf")]))
    assert (numbers.to_list()[:2], wrong.to_list()) == ([1.0, None], [False, False, True])


def test_truth_values() -> None:
    values, wrong = as_booleans(pl.Series(["true", "No", "1", "", None, "maybe"]))
    assert values.to_list() == [True, False, True, None, None, None]
    assert wrong.to_list() == [False] * 5 + [True]
    assert as_booleans(pl.Series([0, 1, 2]))[1].to_list() == [False, False, True]


def test_texts() -> None:
    assert as_texts(pl.Series([1.0, 2.5, float("nan"), None])).to_list() == ["1", "2.5", None, None]
    assert as_texts(pl.Series([10, None])).to_list() == ["10", None]
    assert as_texts(pl.Series([True])).to_list() == ["true"]
    assert as_texts(pl.Series([["a", "b"]])).to_list() == ["a, b"]


def test_units_have_names() -> None:
    assert check_time_unit("milliseconds") == "ms"
    with pytest.raises(InvalidInputError):
        check_time_unit("days")
