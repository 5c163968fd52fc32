"""The learnt weight of edges, against the formula written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.model.learned_edges import EdgeRule, learned_edges, shares, states_alone
from engine.model.recommender import Recommender, RecommenderConfig

SOURCE, TARGET = np.array([0, 0, 2]), np.array([1, 2, 0])
WEIGHT = np.array([0.5, 2.0, 1.0], dtype=np.float32)


@pytest.fixture
def model() -> Recommender:
    torch.manual_seed(0)
    config = RecommenderConfig(items=3, interests=0, content={}, event_types=3, dim=8, layers=1, time_gaps=True)
    model = Recommender(config).eval()
    torch.nn.init.normal_(model.encoder.type_embedding.weight)
    return model


def test_weights_are_shares_of_what_is_expected_after_an_item_and_of_counts(model: Recommender) -> None:
    vectors = torch.randn(3, 8) / 100
    found = learned_edges(model, vectors, SOURCE, TARGET, WEIGHT, EdgeRule(0.3, 0.7))
    mask, time = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.long)
    with torch.no_grad():
        state = sum(model.encoder(vectors[None, :1], time + kind, mask, time)[0, 0] for kind in (1, 2)) / 2
    score = [0.3 * float(state @ vectors[item]) + 0.7 * np.log(weight) for item, weight in ((1, 0.5), (2, 2.0))]
    wanted = np.exp(score) / np.exp(score).sum()
    assert 0.01 < wanted[0] < 0.99
    np.testing.assert_allclose(found, [*wanted, 1.0], rtol=1e-4)


def test_where_the_model_is_not_believed_counts_decide_at_any_scale(model: Recommender) -> None:
    vectors = torch.randn(3, 8)
    for scale in (1.0, 1e-6, 1e6):
        found = learned_edges(model, vectors, SOURCE, TARGET, WEIGHT * np.float32(scale), EdgeRule(0.0, 1.0))
        np.testing.assert_allclose(found, [0.2, 0.8, 1.0], rtol=1e-5)


def test_a_count_that_has_decayed_to_nothing_is_no_edge_beside_others(model: Recommender) -> None:
    weight = np.array([0.0, 1.0, 0.0], dtype=np.float32)
    found = learned_edges(model, torch.zeros(3, 8), SOURCE, TARGET, weight, EdgeRule())
    np.testing.assert_allclose(found, [0.0, 1.0, 1.0], atol=1e-6)


def test_edges_looked_at_in_parts_have_the_same_weights(model: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = torch.randn(3, 8) / 100
    whole = learned_edges(model, vectors, SOURCE, TARGET, WEIGHT, EdgeRule())
    monkeypatch.setattr("engine.model.learned_edges._EDGES", 2)
    np.testing.assert_array_equal(learned_edges(model, vectors, SOURCE, TARGET, WEIGHT, EdgeRule()), whole)


def test_no_edge_and_one_type_are_fine(model: Recommender) -> None:
    none = np.zeros(0, dtype=np.int64)
    vectors = torch.randn(3, 8)
    assert learned_edges(model, vectors, none, none, np.zeros(0, np.float32), EdgeRule()).shape == (0,)
    assert states_alone(model, vectors).shape == (3, 8)


def test_shares_of_a_group_sum_to_one_however_large_scores_are() -> None:
    found = shares(np.array([1000.0, 1000.0, -1000.0]), np.array([0, 0, 2]), 3)
    np.testing.assert_allclose(found, [0.5, 0.5, 1.0])


def test_a_rule_is_read_as_it_is_written() -> None:
    assert EdgeRule.from_dict(EdgeRule(0.25, 1.75).to_dict()) == EdgeRule(0.25, 1.75)
