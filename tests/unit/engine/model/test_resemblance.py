"""Edges between items that resemble each other, by hand, and beside counted ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings, OwnPairs
from engine.model.inferred_edges import ItemViews
from engine.model.resemblance import ResemblanceRule, resembling
from engine.training.data import InteractionTable, ItemTable


def catalogue(*titles: str) -> ItemViews:
    nothing = sparse.csr_array((len(titles), 0))
    return ItemViews(ItemTable([str(place) for place in range(len(titles))], list(titles), None, nothing, []))


def test_items_resemble_others_by_the_cosine_and_never_themselves() -> None:
    # "lamp" is in 3 of 4 titles, "red" in 2, "old" and "pot" in 1: rarities are log(5 / (1 + n)) + 1.
    found = resembling(catalogue("red lamp", "Lamp, red", "old lamp", "pot"), "words").toarray()
    lamp, red, old = np.log(5 / 4) + 1, np.log(5 / 3) + 1, np.log(5 / 2) + 1
    near = lamp**2 / (np.hypot(lamp, red) * np.hypot(lamp, old))
    expected = [[0, 1, near, 0], [1, 0, near, 0], [near, near, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_only_the_nearest_are_kept() -> None:
    found = resembling(catalogue("red lamp", "red lamp", "red pot", "blue"), "words", neighbours=1)
    assert found[[0]].indices.tolist() == [1]
    assert found[[1]].indices.tolist() == [0]
    assert found[[2]].nnz == 1
    assert found[[3]].nnz == 0


def test_a_rule_scales_them_and_is_plain_data() -> None:
    views = catalogue("red lamp", "red lamp", "pot")
    rule = ResemblanceRule("words", 0.7, 5)
    assert rule.edges(views).toarray() == pytest.approx(0.7 * resembling(views, "words", 5).toarray())
    assert rule.edges(views).dtype == np.float32
    assert ResemblanceRule.from_dict(rule.to_dict()) == rule


def test_they_count_beside_counted_edges_by_hand() -> None:
    counted = sparse.csr_array(np.array([[0, 2.0, 0], [0, 0, 4.0], [0, 0, 0]], dtype=np.float32))
    added = sparse.csr_array(np.array([[0, 0.5, 0.25], [0, 0, 0], [0, 0, 0]], dtype=np.float32))
    term = CoOccurrenceTerm(counted, gamma=0.5, latest=2).with_added(added)
    # Newest item 1, before it item 0: γ⁰ · (0, 0, 4) + γ¹ · (0, 2 + .5, .25).
    assert term.counts(np.array([[1, 0]])).toarray().tolist() == [[0, 1.25, 4.125]]
    assert term.counted.toarray().tolist() == counted.toarray().tolist()
    assert (term.gamma, term.latest) == (0.5, 2)


def test_a_users_own_pairs_are_taken_out_and_what_resembles_stays() -> None:
    added = sparse.csr_array(np.array([[0, 0.5, 0], [0, 0, 0], [0, 0, 0]], dtype=np.float32))
    settings = CountSettings(window=3, added=added)
    table = InteractionTable(
        ["ann"],
        np.array([0, 3]),
        np.array([0, 1, 2], dtype=np.int32),
        np.ones(3, dtype=np.int32),
        np.arange(3, dtype=np.int64),
    )
    term = CoOccurrenceTerm.count(table, 3, settings)
    own = OwnPairs(term, table, 3, settings)
    left = own.counts(np.array([[0]]), np.array([[own.local[0]]])).toarray()
    np.testing.assert_allclose(left, [[0, 0.5, 0]], atol=1e-6)


def test_an_own_pair_that_no_edge_counts_takes_nothing_from_what_resembles() -> None:
    # Four users go from 0 to 1, one from 0 to 2; one edge of each item is kept.
    added = sparse.csr_array(np.array([[0, 0, 0.35], [0, 0, 0], [0, 0, 0]], dtype=np.float32))
    settings = CountSettings(window=3, keep=1, added=added)
    items = np.array([0, 1] * 4 + [0, 2], dtype=np.int32)
    names = [f"user {number}" for number in range(5)]
    table = InteractionTable(
        names, np.arange(0, 11, 2), items, np.ones(10, dtype=np.int32), np.tile(np.arange(2, dtype=np.int64), 5)
    )
    own = OwnPairs(CoOccurrenceTerm.count(table, 3, settings), table, 3, settings)
    left = own.counts(np.array([[0]]), np.array([[own.local[8]]])).toarray()
    assert left[0, 2] == pytest.approx(0.35)
    assert left[0, 1] > 0
