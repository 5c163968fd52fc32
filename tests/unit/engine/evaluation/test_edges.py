"""Ranking the neighbours of the last item, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from engine.evaluation.edges import Choices, rank_edges
from engine.training.data import InteractionTable, Targets

# Item 0 leads to 1, 2 and 3; item 4 to 1 alone.
SOURCE, TARGET = np.array([0, 0, 0, 4]), np.array([1, 2, 3, 1])
WEIGHTS = {"count": np.array([3.0, 2.0, 1.0, 1.0]), "learned": np.array([0.1, 0.2, 0.7, 1.0]), "flat": np.ones(4)}


def _targets(histories: list[list[int]], wanted: list[int]) -> Targets:
    lengths = [len(history) for history in histories]
    items = np.concatenate([np.array(history, dtype=np.int32) for history in histories])
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    users = [str(user) for user in range(len(histories))]
    table = InteractionTable(users, offsets, items, np.ones_like(items), np.arange(len(items)))
    places = (np.ones(len(wanted), dtype=bool), (np.arange(len(wanted)), wanted))
    positives = sparse.csr_array(places, shape=(len(wanted), 5))
    return Targets(table, np.arange(len(wanted), dtype=np.int32), positives, 0)


def test_ranks_are_those_counted_by_hand() -> None:
    # The first user wants the third by count and the first by what was learnt; the second knows item 1, which leaves.
    found = rank_edges(_targets([[0], [1, 0]], [3, 2]), SOURCE, TARGET, WEIGHTS, baseline="count")
    assert found["count"]["users"] == 2
    assert found["count"]["mrr"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["learned"]["mrr"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["learned"]["hits@1"] == 0.5
    assert found["flat"]["mrr"] == pytest.approx((1 / 2 + 1 / 1.5) / 2)  # ties at the mean rank
    assert found["learned"]["gain"] == pytest.approx(0.75 - 2 / 3)
    assert "gain" not in found["count"]


def test_nobody_is_measured_whose_target_is_no_neighbour_or_the_only_one() -> None:
    found = rank_edges(_targets([[0], [4], [0, 2]], [4, 1, 2]), SOURCE, TARGET, WEIGHTS, baseline="count")
    assert found["learned"] == {"users": 0.0}


def test_a_user_without_a_history_has_no_last_item() -> None:
    found = rank_edges(_targets([[4], []], [0, 3]), SOURCE, TARGET, WEIGHTS, baseline="count")
    assert found["count"] == {"users": 0.0}


def test_choices_are_the_neighbours_that_are_new_to_the_user() -> None:
    found = Choices.of(_targets([[0], [4], [1, 0]], [3, 1, 2]), SOURCE, TARGET)
    # The second user has one neighbour alone: no choice.
    assert found.users == 2
    assert found.edges.tolist() == [0, 1, 2, 1, 2]
    assert found.user.tolist() == [0, 0, 0, 1, 1]
    assert found.followed.tolist() == [False, False, True, True, False]
