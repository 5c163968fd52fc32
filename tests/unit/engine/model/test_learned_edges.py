"""The learnt weight of edges, against the formula written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.model.learned_edges import learned_edges, states_alone
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


def test_weights_are_shares_of_what_is_expected_after_an_item(model: Recommender) -> None:
    vectors = torch.randn(3, 8)
    found = learned_edges(model, vectors, SOURCE, TARGET, WEIGHT, scale=0.7, epsilon=0.1)
    mask, time = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.long)
    with torch.no_grad():
        state = sum(model.encoder(vectors[None, :1], time + kind, mask, time)[0, 0] for kind in (1, 2)) / 2
    score = [float(state @ vectors[item]) + 0.7 * np.log1p(weight / 0.1) for item, weight in ((1, 0.5), (2, 2.0))]
    wanted = np.exp(score) / np.exp(score).sum()
    np.testing.assert_allclose(found, [*wanted, 1.0], rtol=1e-5)


def test_where_the_model_knows_nothing_counts_decide(model: Recommender) -> None:
    found = learned_edges(model, torch.zeros(3, 8), SOURCE, TARGET, WEIGHT, scale=1.0, epsilon=0.5)
    np.testing.assert_allclose(found, [2 / 7, 5 / 7, 1.0], rtol=1e-5)  # 1 + w/ε is 2 and 5


def test_no_edge_and_one_type_are_fine(model: Recommender) -> None:
    none = np.zeros(0, dtype=np.int64)
    vectors = torch.randn(3, 8)
    assert learned_edges(model, vectors, none, none, np.zeros(0, np.float32), scale=1, epsilon=1).shape == (0,)
    assert states_alone(model, vectors).shape == (3, 8)
