from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events.undo import Sum, without
from engine.interests.decay import merge

DAY = 86_400_000
HALF_LIFE = 10.0 * DAY
terms = st.tuples(st.floats(-1, 1), st.integers(0, 3000).map(lambda day: day * DAY))


def total(signals: list[tuple[float, int]]) -> Sum:
    weight, updated_at = 0.0, signals[0][1]
    for signal, at in signals:
        weight, updated_at = merge(weight, updated_at, signal, at, HALF_LIFE)
    return Sum(weight, len(signals), updated_at)


def test_the_only_term_leaves_nothing() -> None:
    assert without(Sum(1.0, 1, 5), 1.0, 5, [], HALF_LIFE) is None


def test_an_old_term_is_subtracted_as_it_stands() -> None:
    assert without(Sum(1.5, 2, 10 * DAY), 1.0, 0, [], HALF_LIFE) == Sum(1.0, 1, 10 * DAY)


def test_the_newest_term_leaves_the_others_at_their_own_time() -> None:
    assert without(Sum(1.5, 2, 10 * DAY), 1.0, 10 * DAY, [(1.0, 0)], HALF_LIFE) == Sum(1.0, 1, 0)


def test_a_log_that_says_something_else_is_not_believed() -> None:
    # Written with other half-lives: 0.8 of the old one was left, and 0.8 is moved back by today's.
    assert without(Sum(1.8, 2, 10 * DAY), 1.0, 10 * DAY, [(1.0, 0)], HALF_LIFE) == Sum(pytest.approx(1.6), 1, 0)  # type: ignore[arg-type]
    # Pruned: nobody knows when the others came.
    assert without(Sum(1.5, 2, 10 * DAY), 1.0, 10 * DAY, [], HALF_LIFE) == Sum(0.5, 1, 10 * DAY)


@given(st.lists(terms, min_size=2, max_size=8), st.data())
def test_without_a_term_is_the_sum_of_the_others(signals: list[tuple[float, int]], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(signals) - 1))
    others = signals[:place] + signals[place + 1 :]
    left = without(total(signals), *signals[place], others, HALF_LIFE)
    expected = total(others)
    assert left is not None
    assert (left.count, left.updated_at) == (expected.count, expected.updated_at)
    assert left.weight == pytest.approx(expected.weight, rel=1e-9, abs=1e-9)
