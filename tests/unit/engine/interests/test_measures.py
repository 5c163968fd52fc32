"""Patterns of behaviour, each by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from engine.domain import MS_PER_DAY
from engine.interests.measures import Breadth, Level, Loyalty, breadth, drift, level, loyalty, novelty, rhythm

HOUR = 3_600_000
SUNDAY_23H = 3 * MS_PER_DAY + 23 * HOUR  # 1970-01-04, a Sunday


def test_rhythm_in_utc_and_elsewhere() -> None:
    times = [SUNDAY_23H, SUNDAY_23H + 60_000, SUNDAY_23H + 12 * HOUR, SUNDAY_23H + 24 * HOUR]
    utc = rhythm(times)
    assert {hour: share for hour, share in enumerate(utc.hours) if share} == {23: 0.75, 11: 0.25}
    assert utc.weekdays == (0.5, 0, 0, 0, 0, 0, 0.5)
    berlin = rhythm(times[:2], offset_minutes=60)
    assert (berlin.hours[0], berlin.weekdays[0], berlin.offset_minutes) == (1.0, 1.0, 60)
    assert rhythm([]).hours == (0.0,) * 24


def test_breadth_is_entropy() -> None:
    half, quarter = 0.5 * math.log(2), 0.25 * math.log(4)
    found = breadth([0.5, 0.25, 0.25])
    assert found is not None
    assert found.entropy == pytest.approx(half + 2 * quarter)
    assert found.effective == pytest.approx(2 * math.sqrt(2))
    assert found.evenness == pytest.approx((half + 2 * quarter) / math.log(3))
    assert breadth([1.0]) == Breadth(0.0, 1.0, 0.0)
    assert breadth([]) is None


def test_novelty_counts_first_events() -> None:
    # tea was there before these; milk is new and came twice, bread is new.
    assert novelty(["tea", "milk", "milk", "bread"], {"tea": 3, "milk": 2, "bread": 1}) == 0.5
    assert novelty([], {}) is None
    assert novelty(["tea"], {"tea": 2}) == 0.0


def test_loyalty_is_the_herfindahl_index() -> None:
    assert loyalty({"a": 3.0, "b": 1.0}) == Loyalty(0.625, "a", 0.75)
    assert loyalty({"b": 1.0, "a": 1.0}) == Loyalty(0.5, "a", 0.5)
    assert loyalty({}) is None
    assert loyalty({"a": 0.0}) is None


def test_level() -> None:
    assert level([5.0, 1.0, 2.0, 4.0]) == Level(4, 3.0, 3.0)
    assert level([5.0, 1.0, 3.0]) == Level(3, 3.0, 3.0)
    assert level([]) is None


def test_drift_by_hand() -> None:
    assert drift({"a": 1.0}, {"a": 1.0}) == 0.0
    assert drift({"a": 1.0}, {"b": 1.0}) == 1.0
    # Half of the mass moves: m = (.75, .25), JSD = ½·log₂(1/.75) + ½·(½·log₂(.5/.75) + ½·log₂(.5/.25)).
    expected = 0.5 * math.log2(4 / 3) + 0.25 * math.log2(2 / 3) + 0.25
    assert drift({"a": 1.0}, {"a": 0.5, "b": 0.5}) == pytest.approx(math.sqrt(expected))
    assert drift({}, {"a": 1.0}) is None
    # A share that has decayed to the smallest number there is.
    assert drift({"a": 1.0, "b": 5e-324}, {"a": 1.0}) == 0.0


# Without subnormal numbers: scipy says that they lie infinitely far apart.
weights = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=4, max_size=4).filter(
    lambda values: sum(values) > 0.1
)


@given(before=weights, after=weights)
def test_drift_equals_scipy_and_is_symmetric(before: list[float], after: list[float]) -> None:
    p, q = (np.array(values) / sum(values) for values in (before, after))
    first, second = (dict(zip("abcd", values.tolist(), strict=True)) for values in (p, q))
    with np.errstate(invalid="ignore"):
        # Of what is all but equal scipy takes the root of a number a hair below zero.
        expected = float(np.nan_to_num(jensenshannon(p, q, base=2)))
    assert drift(first, second) == pytest.approx(expected, abs=1e-6)
    assert drift(first, second) == pytest.approx(drift(second, first), abs=1e-12)
