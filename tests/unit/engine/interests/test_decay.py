from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interests.decay import merge, value_at

DAY = 86_400_000
times = st.integers(0, 4_000_000_000_000)
strengths = st.floats(-10, 10)
half_lives = st.floats(0.01, 5_000).map(lambda days: days * DAY)


def folded(signals: list[tuple[float, int]], half_life_ms: float) -> tuple[float, int]:
    (weight, updated_at), *rest = signals
    for strength, at in rest:
        weight, updated_at = merge(weight, updated_at, strength, at, half_life_ms)
    return weight, updated_at


def test_half_is_left_after_a_half_life_and_a_quarter_after_two() -> None:
    assert value_at(8.0, 0, 30 * DAY, 30 * DAY) == 4.0
    assert value_at(8.0, 0, 60 * DAY, 30 * DAY) == 2.0


def test_worked_example() -> None:
    # 1 purchase, and 60 days later a second one: half of the first is left.
    assert merge(1.0, 0, 1.0, 60 * DAY, 60 * DAY) == (1.5, 60 * DAY)
    # One that arrives late counts as it would have stood: the time does not go back.
    assert merge(1.5, 60 * DAY, 1.0, 0, 60 * DAY) == (2.0, 60 * DAY)


@given(strengths, times, half_lives, st.integers(0, 10**11), st.integers(0, 10**11))
def test_decay_composes(weight: float, at: int, half_life_ms: float, first: int, second: int) -> None:
    once = value_at(weight, at, at + first + second, half_life_ms)
    twice = value_at(value_at(weight, at, at + first, half_life_ms), at + first, at + first + second, half_life_ms)
    assert math.isclose(once, twice, rel_tol=1e-9, abs_tol=1e-300)


@given(st.lists(st.tuples(strengths, times), min_size=1, max_size=20), half_lives, st.randoms(use_true_random=False))
def test_order_does_not_matter(signals: list[tuple[float, int]], half_life_ms: float, random: object) -> None:
    shuffled = list(signals)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = folded(signals, half_life_ms), folded(shuffled, half_life_ms)
    assert one[1] == other[1] == max(at for _, at in signals)
    assert one[0] == pytest.approx(other[0], rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 10), times), min_size=1, max_size=20), half_lives)
def test_positive_signals_never_go_below_zero(signals: list[tuple[float, int]], half_life_ms: float) -> None:
    assert folded(signals, half_life_ms)[0] >= 0.0


@given(st.lists(st.tuples(strengths, times, strengths, times), min_size=1, max_size=10), half_lives)
def test_arrays_equal_numbers(rows: list[tuple[float, int, float, int]], half_life_ms: float) -> None:
    weight, updated_at, strength, at = (np.array(column) for column in zip(*rows, strict=True))
    merged, newest = merge(weight, updated_at, strength, at, half_life_ms)
    values = value_at(weight, updated_at, np.maximum(updated_at, at), half_life_ms)
    for index, row in enumerate(rows):
        expected = merge(*row, half_life_ms)
        assert (merged[index], newest[index]) == (pytest.approx(expected[0], rel=1e-12, abs=1e-300), expected[1])
        single = value_at(row[0], row[1], max(row[1], row[3]), half_life_ms)
        assert values[index] == pytest.approx(single, rel=1e-12, abs=1e-300)


def test_looking_far_back_does_not_overflow() -> None:
    assert math.isfinite(value_at(1e-300, 10**15, 0, 1.0))
