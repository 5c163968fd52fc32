from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.diversity import interest_features, rerank
from tests.support.snapshots import item, snapshot_of


def test_a_known_answer() -> None:
    # Items 0 and 1 are the same, item 2 is another. Relevance 1, .9, 0 (of 3, 2.9, 2).
    scores = np.array([3.0, 2.9, 2.0])
    features = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    # Second choice: item 1 is worth (1-d)*.9 - d, item 2 worth 0: they are equal at d = .9 / 1.9 = .4737.
    assert rerank(scores, features, 3, 0.47) == [0, 1, 2]
    assert rerank(scores, features, 3, 0.48) == [0, 2, 1]
    assert rerank(scores, features, 2, 0.48) == [0, 2]


def test_opposites_are_no_more_than_different() -> None:
    scores = np.array([3.0, 2.9, 2.8, 2.0])
    features = np.array([[1, 0], [-1, 0], [0, 1], [1, 0]], np.float32)
    assert rerank(scores, features, 3, 0.5) == [0, 1, 2]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.integers(1, 10), st.floats(0, 1))
def test_every_order_is_a_choice_without_repeats(values: list[float], number: int, diversity: float) -> None:
    scores = np.array(sorted(values, reverse=True))
    features = np.eye(len(values), dtype=np.float32)
    order = rerank(scores, features, number, diversity)
    assert len(order) == len(set(order)) == min(number, len(values))
    if diversity == 0:
        assert order == list(range(len(order)))


def test_likeness_by_interests() -> None:
    snapshot = snapshot_of(
        [item("a", about=[("x", 1.0)]), item("b", about=[("x", 0.6), ("z", 0.8)]), item("c")], interests=["x", "y", "z"]
    )
    features = interest_features(snapshot, np.array([0, 1, 2]))
    assert np.allclose(features @ features.T, [[1, 0.6, 0], [0.6, 1, 0], [0, 0, 0]])
