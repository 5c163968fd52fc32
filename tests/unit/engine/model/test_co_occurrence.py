from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings, OwnPairs, graph_start, set_start
from engine.training.data import InteractionTable

SETTINGS = CountSettings(window=3, backward=0.3, half_life_ms=None, keep=50)


def _table(sequences: list[list[int]]) -> InteractionTable:
    users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
    items = np.array([item for sequence in sequences for item in sequence], dtype=int)
    times = np.array([time for sequence in sequences for time in range(len(sequence))], dtype=int)
    return InteractionTable.from_columns(
        users, items, np.ones_like(items), times, list(map(str, range(len(sequences))))
    )


def test_counts_of_a_history_by_hand() -> None:
    weights = sparse.csr_array(np.array([[0, 2.0, 0], [0, 0, 4.0], [1.0, 0, 0]], dtype=np.float32))
    term = CoOccurrenceTerm(weights, gamma=0.5, latest=2)
    # Newest item 1, before it item 0: γ⁰ · w(1 → 2) + γ¹ · w(0 → 1).
    assert term.counts(np.array([[1, 0]])).toarray().tolist() == [[0, 1, 4]]
    assert term.counts(np.array([[-1, -1]])).toarray().tolist() == [[0, 0, 0]]


def test_rows_are_divided_by_the_square_root_of_their_sum() -> None:
    term = CoOccurrenceTerm.count(_table([[0, 1, 2]]), 3, SETTINGS)
    # From item 0: 1 to item 1, 1/2 to item 2; the sum is 3/2.
    assert term.weights[0].toarray().ravel() == pytest.approx([0, 1 / 1.5**0.5, 0.5 / 1.5**0.5], abs=1e-6)


def test_a_user_alone_has_nothing_left_without_the_own_pairs() -> None:
    table = _table([[0, 1, 2, 0]])
    term = CoOccurrenceTerm.count(table, 3, SETTINGS)
    own = OwnPairs(term, table, 3, SETTINGS)
    left = own.counts(np.array([[1, 0]]), np.array([[own.local[1], own.local[0]]]))
    assert term.counts(np.array([[1, 0]])).sum() > 0
    assert left.toarray() == pytest.approx(np.zeros((1, 3)), abs=1e-6)


@given(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=6), min_size=2, max_size=4))
def test_without_own_pairs_equals_counting_the_others(sequences: list[list[int]]) -> None:
    table = _table(sequences)
    term = CoOccurrenceTerm.count(table, 5, SETTINGS)
    own = OwnPairs(term, table, 5, SETTINGS)
    others = _table([[], *sequences[1:]]) if len(sequences) > 1 else None
    assert others is not None
    rest = CoOccurrenceTerm.count(others, 5, SETTINGS).weights.toarray()
    total = term.weights.toarray()
    # Rows keep the scale of the whole, so compare after taking both scales off.
    raw_total = total * total.sum(1, keepdims=True)
    raw_rest = rest * rest.sum(1, keepdims=True)
    scale = np.divide(total, raw_total, out=np.zeros_like(total), where=raw_total > 0).max(1, keepdims=True)
    latest = np.array([[sequences[0][0]]])
    found = own.counts(latest, np.array([[own.local[0]]])).toarray()
    assert found == pytest.approx(raw_rest[[sequences[0][0]]] * scale[[sequences[0][0]]], abs=1e-4)


def test_blocks_of_users_do_not_change_the_own_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    table = _table([rng.integers(0, 9, size).tolist() for size in (5, 0, 1, 12, 3, 3, 0)])
    term = CoOccurrenceTerm.count(table, 9, SETTINGS)
    whole = OwnPairs(term, table, 9, SETTINGS).weights
    monkeypatch.setattr("engine.model.co_occurrence._OWN_BLOCK_EVENTS", 4)
    blocks = OwnPairs(term, table, 9, SETTINGS).weights
    assert whole.nnz > 20
    assert blocks.toarray() == pytest.approx(whole.toarray(), abs=0)


def test_start_vectors_put_neighbours_together() -> None:
    rng = np.random.default_rng(0)
    blocks = np.kron(np.eye(3), np.ones((20, 20))) * rng.random((60, 60))
    vectors = graph_start(sparse.csr_array(blocks.astype(np.float32)), 4, seed=1)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = unit @ unit.T
    assert similarity[:20, :20].mean() > 0.8 > 0.4 > similarity[:20, 20:].mean()
    assert vectors.std() == pytest.approx(0.07, rel=0.2)


def test_start_vectors_from_sets_do_not_care_for_order() -> None:
    rng = np.random.default_rng(0)
    sequences = [(20 * (user % 3) + rng.permutation(20)[:8]).tolist() for user in range(90)]
    vectors = set_start(_table(sequences), 60, 4, seed=1)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = unit @ unit.T
    assert similarity[:20, :20].mean() > 0.8 > 0.4 > similarity[:20, 20:].mean()
    turned = set_start(_table([sequence[::-1] for sequence in sequences]), 60, 4, seed=1)
    assert turned == pytest.approx(vectors, abs=1e-6)
