from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import ndcg_score
from torchmetrics.functional.retrieval import retrieval_hit_rate, retrieval_reciprocal_rank

from engine.evaluation import metrics

SCORES = np.array([[0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4]])


def test_ranks_by_hand() -> None:
    ranks = metrics.mean_ranks(SCORES, np.array([0, 0, 1]), np.array([0, 2, 0]))
    assert ranks.tolist() == [1, 3, 4]


def test_ties_count_as_the_mean_rank() -> None:
    ranks = metrics.mean_ranks(np.array([[1.0, 1.0, 1.0, 0.0]]), np.array([0, 0]), np.array([1, 3]))
    assert ranks.tolist() == [2, 4]


def test_one_positive_is_the_usual_leave_one_out() -> None:
    ranks, rows = np.array([1.0, 3.0, 11.0]), np.array([0, 1, 2])
    assert metrics.recall_at_k(ranks, rows, 3, 10).tolist() == [1, 1, 0]
    assert metrics.ndcg_at_k(ranks, rows, 3, 10) == pytest.approx([1, 0.5, 0])
    assert metrics.mrr(ranks, rows, 3) == pytest.approx([1, 1 / 3, 1 / 11])


def test_more_positives_than_places_can_still_be_perfect() -> None:
    ranks, rows = np.arange(1.0, 7.0), np.zeros(6, dtype=np.int64)
    assert metrics.recall_at_k(ranks, rows, 1, 5).tolist() == [1]
    assert metrics.ndcg_at_k(ranks, rows, 1, 5) == pytest.approx([1])


@given(st.integers(0, 2**32 - 1))
def test_equal_to_scikit_learn_and_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # torchmetrics takes scores of 0 and less as no answer at all.
    scores = 1 + rng.permutation(30).astype(float)[None]
    positives = np.zeros((1, 30), dtype=int)
    positives[0, rng.choice(30, size=rng.integers(1, 12), replace=False)] = 1
    rows, columns = np.nonzero(positives)
    ranks = metrics.mean_ranks(scores, rows, columns)
    assert metrics.ndcg_at_k(ranks, rows, 1, 10)[0] == pytest.approx(ndcg_score(positives, scores, k=10))
    expected = retrieval_reciprocal_rank(torch.from_numpy(scores[0]), torch.from_numpy(positives[0]).bool())
    assert metrics.mrr(ranks, rows, 1)[0] == pytest.approx(float(expected))


@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 10, 20]))
def test_one_positive_has_the_hit_rate_of_torchmetrics(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = 1 + rng.permutation(30).astype(float)[None]
    positive = rng.integers(30)
    ranks = metrics.mean_ranks(scores, np.array([0]), np.array([positive]))
    expected = retrieval_hit_rate(torch.from_numpy(scores[0]), torch.arange(30) == positive, top_k=k)
    assert metrics.recall_at_k(ranks, np.array([0]), 1, k)[0] == float(expected)


@given(st.integers(0, 2**32 - 1))
def test_counting_and_sorting_give_the_same_ranks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, (7, 25)).astype(np.float32)  # many ties
    columns = rng.integers(0, 25, 7)
    counted = metrics.mean_ranks(scores, np.arange(7), columns)
    # One row twice takes the way by sorting.
    sorted_ = metrics.mean_ranks(scores, np.append(np.arange(7), 0), np.append(columns, columns[0]))
    assert counted.tolist() == sorted_[:7].tolist()


def test_coverage_gini_and_novelty_by_hand() -> None:
    shown = np.array([[0, 1], [0, 1]])
    assert metrics.coverage_at_k(shown, 4) == 0.5
    assert metrics.gini_at_k(np.array([[0, 1], [2, 3]]), 4) == pytest.approx(0)
    assert metrics.gini_at_k(np.zeros((2, 2), dtype=int), 4) == pytest.approx(0.75)
    # One of four equal items: each share is 1/4, two bits.
    assert metrics.novelty_at_k(shown, np.array([1.0, 1.0, 1.0, 1.0])) == pytest.approx(2)


def test_positives_of_a_matrix() -> None:
    matrix = sparse.csr_array(np.array([[0, 1, 1], [1, 0, 0]]))
    rows, columns = metrics.positives_of(matrix)
    assert rows.tolist() == [0, 0, 1] and columns.tolist() == [1, 2, 0]
