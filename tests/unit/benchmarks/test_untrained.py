"""Rankings without training, on counts that a reader can follow."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.tables import untrained_tables
from benchmarks.accuracy.untrained import cosine, ease

# Three users: {a, b}, {a, b}, {a, c}.
TAKEN = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=np.float32)
TOGETHER = TAKEN.T @ TAKEN


def test_cosine_divides_by_the_root_of_both() -> None:
    found = cosine(TOGETHER, 0.0)
    assert found[0, 1] == pytest.approx(2 / np.sqrt(3 * 2))
    assert found[0, 2] == pytest.approx(1 / np.sqrt(3 * 1))
    assert found[1, 2] == 0
    assert not np.diag(found).any()
    assert cosine(TOGETHER, 1.0)[0, 2] == pytest.approx(1 / (np.sqrt(3) + 1))


def test_ease_is_the_ridge_regression_of_each_item_on_the_others() -> None:
    found = ease(TOGETHER, 0.5)
    for item in range(3):
        others = [other for other in range(3) if other != item]
        x, y = TAKEN[:, others], TAKEN[:, item]
        expected = np.linalg.solve(x.T @ x + 0.5 * np.eye(2), x.T @ y)
        assert found[others, item] == pytest.approx(expected, abs=1e-5)
    assert not np.diag(found).any()


def test_the_table_names_what_was_chosen_and_gives_ours_beside() -> None:
    ranking = {
        "chosen": "λ 100",
        "valid_ndcg@10": {"λ 100": 0.3, "λ 300": 0.2},
        "test": {"recall@10": 0.5, "ndcg@10": 0.25},
        "test_interval": {"ndcg@10": [0.2, 0.3]},
    }
    scores = {"recall@10": 0.6, "ndcg@10": 0.35}
    ours = {"dataset": {"name": "d"}, "variant": {"name": "ids", "title": "ids"}, "test": scores, "valid": scores}
    rows = untrained_tables([{"dataset": {"name": "d"}, "untrained": {"EASE": ranking}}, ours]).splitlines()
    assert rows[2:] == [
        "| d | EASE λ 100 | .5000 | .2500 | .2000 to .3000 | .3000 |",
        "| d | trained: ids | .6000 | .3500 |  | .3500 |",
    ]
    assert untrained_tables([ours]) == ""
