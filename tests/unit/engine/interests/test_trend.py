"""Buckets of a trend, and how much of it is read."""

from __future__ import annotations

from engine.domain import MS_PER_DAY
from engine.interests.trend import bucket_ends, within

THURSDAY = 0  # 1970-01-01


def test_days_begin_at_midnight() -> None:
    at = 10 * MS_PER_DAY + 5
    assert bucket_ends(at, "day", 3) == [8 * MS_PER_DAY, 9 * MS_PER_DAY, 10 * MS_PER_DAY, at]


def test_weeks_begin_on_mondays() -> None:
    at = THURSDAY + 14 * MS_PER_DAY  # a Thursday
    assert bucket_ends(at, "week", 2) == [4 * MS_PER_DAY, 11 * MS_PER_DAY, at]


def test_the_items_most_about_it_are_read_first() -> None:
    items = [["a", 1.0, 60], ["b", 0.5, 30], ["c", 0.2, 40]]
    assert within(items, 130, 100) == ([["a", 1.0], ["b", 0.5]], 90 / 130)
    assert within(items, 130, 10) == ([["a", 1.0]], 60 / 130)
    assert within([], 0, 10) == ([], 1.0)
