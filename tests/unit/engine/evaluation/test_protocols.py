from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from engine.evaluation.protocols import evaluate
from engine.training.data import InteractionTable, Targets


def _targets() -> Targets:
    """One user who took item 0 before, and takes 0 and 3 in the window."""
    history = InteractionTable.from_columns(np.array([0]), np.array([0]), np.array([1]), np.array([1]), user_ids=["u"])
    positives = sparse.csr_array(np.array([[True, False, False, True]]))
    return Targets(history, np.array([0], dtype=np.int32), positives, start=2)


def _scorer(users: np.ndarray) -> np.ndarray:
    return np.tile([4.0, 3.0, 2.0, 1.0], (len(users), 1))


def test_discovery_takes_known_items_out_of_ranking_and_positives() -> None:
    found = evaluate(_scorer, _targets(), protocol="discovery")
    # Items 1, 2, 3 are left; the only positive is the last of them.
    assert found["mrr"] == pytest.approx(1 / 3)
    assert found["users"] == 1


def test_next_keeps_repeats() -> None:
    found = evaluate(_scorer, _targets(), protocol="next")
    assert found["mrr"] == pytest.approx(1)
    assert found["recall@5"] == pytest.approx(1)


def test_no_positive_left_is_no_user() -> None:
    targets = _targets()
    only_known = Targets(targets.history, targets.users, sparse.csr_array(np.array([[True, False, False, False]])), 2)
    assert evaluate(_scorer, only_known, protocol="discovery") == {"users": 0.0}
